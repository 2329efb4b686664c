/* The route table. The rows are the truth for routing, Allow, metric labels and
 * documents. Add a route by adding a row: fixed segments before `{name}` before `{name*}` where
 * several would match. */
#include "api/api.h"
#include "api/command/handlers.h"
#include "api/docs/handlers.h"
#include "api/gate/members.h"
#include "api/gate/query.h"
#include "api/gate/reply_map.h"
#include "api/ops/handlers.h"
#include "api/relay/handlers.h"
#include "api/simple/simple.h"
#include "api/tests/handlers.h"
#include "api_internal.h"
#include "base/check.h"
#include "base/mem.h"

#define EACH_COMMAND                                                                               \
    "the permission of each command (GET /api/v1/commands tells it: read, write:tests, "           \
    "write:library or execute)"
#define RUN_NEEDS                                                                                  \
    "the permission write:tests; with execute=true also execute, and that of each step's command"

#define DIRECT_NEEDS "the permission admin; with a platform token of your own the platform decides"

enum { DOCUMENT_KEEP_S = 3600 };

/* clang-format off */
static const struct route routes[] = {
    {"GET", "/", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_root, &query_ignored, "documents", "getStart", "Name, version and links", NULL, NULL},
    {"GET", "/health", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_health, &query_ignored, "operations", "getHealth", "Health, check by check", NULL, NULL, PLACE_BOTH},
    {"GET", "/health/live", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_live, &query_ignored, "operations", "getHealthLive", "Liveness probe", NULL, NULL, PLACE_BOTH},
    {"GET", "/livez", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_live, &query_ignored, "operations", "getLivez", "Liveness probe", NULL, NULL, PLACE_BOTH},
    {"GET", "/health/ready", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_ready, &query_ready, "operations", "getHealthReady", "Readiness probe", NULL, NULL, PLACE_BOTH},
    {"GET", "/readyz", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_ready, &query_ready, "operations", "getReadyz", "Readiness probe", NULL, NULL, PLACE_BOTH},
    {"GET", "/metrics", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_metrics, &query_ignored, "operations", "getMetrics", "Prometheus metrics", NULL, NULL, PLACE_METRICS},
    {"GET", "/health/metrics", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_metrics, &query_ignored, "operations", "getHealthMetrics", "Prometheus metrics", NULL, "/metrics", PLACE_METRICS},
    {"GET", "/health/stats", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_stats, &query_ignored, "operations", "getStatistics", "The metrics as JSON", NULL, NULL, PLACE_METRICS},

    {"POST", "/admin/reload", PERMISSION_ADMIN, BODY_NONE, WAIT_SHORT, handle_reload, &query_change, "operations", "reloadConfiguration", "Read the configuration again", NULL, NULL, PLACE_ADMIN},
    {"GET", "/admin/log-level", PERMISSION_ADMIN, BODY_NONE, WAIT_SHORT, handle_log_level, &query_none, "operations", "getLogLevel", "The level of the log", NULL, NULL, PLACE_ADMIN},
    {"PUT", "/admin/log-level", PERMISSION_ADMIN, BODY_JSON, WAIT_SHORT, handle_log_level_set, &query_change, "operations", "setLogLevel", "Set the level of the log until the next start", NULL, NULL, PLACE_ADMIN, .members = log_level_members},
    {"GET", "/admin/config", PERMISSION_ADMIN, BODY_NONE, WAIT_SHORT, handle_config, &query_none, "operations", "getConfiguration", "The configuration in force, secrets as ***", NULL, NULL, PLACE_ADMIN},
    {"GET", "/admin/runs", PERMISSION_ADMIN, BODY_NONE, WAIT_SHORT, handle_run_list_all, &query_run_list, "operations", "listAllTestRuns", "The test runs of everybody", NULL, NULL, PLACE_ADMIN},
    {"POST", "/admin/cache/purge", PERMISSION_ADMIN, BODY_NONE, WAIT_SHORT, handle_cache_purge, &query_change, "operations", "purgeCache", "Forget all kept answers of the platform", NULL, NULL, PLACE_ADMIN},

    {"GET", "/api/v1/routes", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_routes, &query_none, "documents", "listRoutes", "All routes with their permissions", NULL, NULL},
    {"GET", "/api/v1/commands", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_commands, &query_none, "commands", "listCommands", "All commands with their arguments and options", NULL, NULL, .keep_s = DOCUMENT_KEEP_S},
    {"GET", "/api/v1/commands/list", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_command_groups, &query_none, "commands", "listCommandGroups", "The command groups", NULL, "/api/v1/commands", .keep_s = DOCUMENT_KEEP_S},
    {"GET", "/api/v1/commands/{command*}/help", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_command_help, &query_none, "commands", "getCommandHelp", "Help for a command or a group, with examples ready to send", NULL, NULL},
    {"POST", "/api/v1/commands/execute", PERMISSION_READ, BODY_COMMAND, WAIT_LONG, handle_execute, &query_command, "commands", "executeCommand", "Run one command", EACH_COMMAND, NULL, .class = ROUTE_CLASS_COMMAND, .session = SESSION_CHANGE, .members = execute_members},
    {"POST", "/api/v1/commands/batch", PERMISSION_READ, BODY_COMMAND, WAIT_LONG, handle_batch, &query_command, "commands", "executeBatch", "Run several commands in order", EACH_COMMAND, NULL, .class = ROUTE_CLASS_COMMAND, .session = SESSION_CHANGE, .members = batch_members},
    {"POST", "/api/v1/commands/validate", PERMISSION_READ, BODY_COMMAND, WAIT_SHORT, handle_validate, &query_command, "commands", "validateCommand", "Check a command without sending it", NULL, NULL, .session = SESSION_READ, .members = execute_members},
    {"POST", "/api/v1/commands/step/{command*}", PERMISSION_WRITE_TESTS, BODY_OPTIONAL, WAIT_LONG, handle_step_path, &query_command, "commands", "executeStepCommand", "Run one step command, named by the path", EACH_COMMAND, NULL, .class = ROUTE_CLASS_COMMAND, .session = SESSION_CHANGE, .members = path_members},

    {"POST", "/api/v1/tests/validate", PERMISSION_READ, BODY_TEST, WAIT_SHORT, handle_test_validate, &query_validate, "tests", "validateTestFile", "Check a test file", NULL, NULL},
    {"POST", "/api/v1/tests/compile", PERMISSION_READ, BODY_TEST, WAIT_SHORT, handle_test_compile, &query_compile, "tests", "compileTestFile", "Show what a test file would do, or convert it", NULL, NULL},
    {"POST", "/api/v1/tests/run", PERMISSION_WRITE_TESTS, BODY_TEST, WAIT_LONG, handle_test_run, &query_run, "tests", "runTestFile", "Create the tests of a file on the platform, and run them if asked", RUN_NEEDS, NULL, .class = ROUTE_CLASS_RUN, .session = SESSION_CHANGE},
    {"GET", "/api/v1/tests/runs", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_run_list, &query_run_list, "tests", "listTestRuns", "Your test runs", NULL, NULL},
    {"GET", "/api/v1/tests/runs/{id}", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_run_get, &query_none, "tests", "getTestRun", "Progress and result of a test run", NULL, NULL},
    {"GET", "/api/v1/tests/runs/{id}/events", PERMISSION_READ, BODY_NONE, WAIT_NONE, handle_run_events, &query_run_events, "tests", "watchTestRun", "Watch a test run live (server-sent events)", NULL, NULL},
    {"POST", "/api/v1/tests/runs/{id}/continue", PERMISSION_WRITE_TESTS | PERMISSION_CONTINUE, BODY_NONE, WAIT_LONG, handle_run_continue, &query_run_continue, "tests", "continueTestRun", "Wait for a test run, and let it advance meanwhile where it does so only in requests (runs.driver)", "write:tests for a run of your own; continue:runs for that of anybody, by its whole name, as the service asks itself (runs.recall)", NULL, .class = ROUTE_CLASS_WRITE},
    {"DELETE", "/api/v1/tests/runs/{id}", PERMISSION_WRITE_TESTS, BODY_NONE, WAIT_SHORT, handle_run_stop, &query_change, "tests", "stopTestRun", "Stop a test run after the step in flight", NULL, NULL},

    {"POST", "/api/v1/sessions", PERMISSION_WRITE_TESTS, BODY_OPTIONAL, WAIT_SHORT, handle_session_create, &query_change, "sessions", "createSession", "Create a session", NULL, NULL, .members = session_create_members, .status = 201},
    {"GET", "/api/v1/sessions", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_session_list, &query_session_list, "sessions", "listSessions", "Your sessions", NULL, NULL},
    {"GET", "/api/v1/sessions/current", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_session_current, &query_none, "sessions", "getCurrentSession", "Your current session", NULL, NULL},
    {"GET", "/api/v1/sessions/{id}", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_session_get, &query_none, "sessions", "getSession", "A session", NULL, NULL, .session = SESSION_READ, .session_param = "id"},
    {"PATCH", "/api/v1/sessions/{id}", PERMISSION_WRITE_TESTS, BODY_JSON, WAIT_SHORT, handle_session_patch, &query_change, "sessions", "updateSession", "Change a session", NULL, NULL, .session = SESSION_CHANGE, .session_param = "id", .members = session_patch_members},
    {"DELETE", "/api/v1/sessions/{id}", PERMISSION_WRITE_TESTS, BODY_NONE, WAIT_SHORT, handle_session_delete, &query_change, "sessions", "deleteSession", "End a session", NULL, NULL, .session = SESSION_CHANGE, .session_param = "id", .status = 204},
    {"POST", "/api/v1/sessions/{id}/activate", PERMISSION_WRITE_TESTS, BODY_OPTIONAL, WAIT_SHORT, handle_session_activate, &query_change, "sessions", "activateSession", "Make a session the current one", NULL, NULL, .session = SESSION_CHANGE, .session_param = "id"},

    {"GET", "/api/v1/events", PERMISSION_READ, BODY_NONE, WAIT_NONE, handle_events, &query_events, "operations", "watchEvents", "What happens to your commands, sessions and runs, live (server-sent events); with the permission admin: to everybody's", NULL, NULL},
    {"GET", "/api/v1/cache/events", PERMISSION_READ, BODY_NONE, WAIT_NONE, handle_cache_events, &query_cache_events, "operations", "watchCache", "Each time that kept answers of the platform are forgotten, for a proxy before this one (server-sent events: open, purged)", NULL, NULL},
    {"GET", "/api/v1/audit", PERMISSION_ADMIN, BODY_NONE, WAIT_SHORT, handle_audit, &query_audit, "operations", "listAuditEvents", "Who did what, the newest first, as far as it is in memory", NULL, NULL},
    {"GET", "/api/v1/analytics/dashboard", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_analytics_dashboard, &query_analytics, "operations", "getAnalyticsDashboard", "Commands, requests and test runs of yours in numbers, and over time; with the permission admin: everybody's", NULL, NULL},
    {"GET", "/api/v1/analytics/commands", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_analytics_commands, &query_analytics, "operations", "getCommandAnalytics", "Counts and times by command, route and key; yours, or with the permission admin everybody's", NULL, NULL},
    {"GET", "/api/v1/analytics/tests", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_analytics_tests, &query_analytics, "operations", "getTestAnalytics", "Runs and pass rates by test, flaky ones first; yours, or with the permission admin everybody's", NULL, NULL},

    {"POST", "/api/v1/webhooks", PERMISSION_WRITE_TESTS, BODY_JSON, WAIT_SHORT, handle_webhook_create, &query_change, "operations", "createWebhook", "Post events to an address; the secret is shown this once", NULL, NULL, .members = webhook_create_members, .status = 201},
    {"GET", "/api/v1/webhooks", PERMISSION_WRITE_TESTS, BODY_NONE, WAIT_SHORT, handle_webhook_list, &query_none, "operations", "listWebhooks", "Your webhooks", NULL, NULL},
    {"GET", "/api/v1/webhooks/{id}", PERMISSION_WRITE_TESTS, BODY_NONE, WAIT_SHORT, handle_webhook_get, &query_none, "operations", "getWebhook", "A webhook", NULL, NULL},
    {"PATCH", "/api/v1/webhooks/{id}", PERMISSION_WRITE_TESTS, BODY_JSON, WAIT_SHORT, handle_webhook_patch, &query_change, "operations", "updateWebhook", "Change a webhook, or its secret", NULL, NULL, .members = webhook_patch_members},
    {"DELETE", "/api/v1/webhooks/{id}", PERMISSION_WRITE_TESTS, BODY_NONE, WAIT_SHORT, handle_webhook_delete, &query_change, "operations", "deleteWebhook", "Remove a webhook", NULL, NULL, .status = 204},
    {"POST", "/api/v1/webhooks/{id}/test", PERMISSION_WRITE_TESTS, BODY_OPTIONAL, WAIT_SHORT, handle_webhook_test, &query_change, "operations", "testWebhook", "Send an event of the type webhook.test", NULL, NULL},
    {"GET", "/api/v1/webhooks/{id}/deliveries", PERMISSION_WRITE_TESTS, BODY_NONE, WAIT_SHORT, handle_webhook_deliveries, &query_none, "operations", "listWebhookDeliveries", "The last 50 deliveries, the newest first", NULL, NULL},
    {"POST", "/api/v1/webhooks/{id}/deliveries/{delivery}/redeliver", PERMISSION_WRITE_TESTS, BODY_OPTIONAL, WAIT_SHORT, handle_webhook_redeliver, &query_change, "operations", "redeliverWebhook", "Send a delivery again", NULL, NULL},

    {"GET", "/api/user", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_simple, &query_simple, "simplified", "getUser", "The owner of the platform token", NULL, NULL},
    {"GET", "/api/projects", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_simple, &query_project_list, "simplified", "listProjects", "Projects of the organization", NULL, NULL},
    {"POST", "/api/projects", PERMISSION_WRITE_TESTS, BODY_JSON, WAIT_LONG, handle_simple, &query_simple_change, "simplified", "createProject", "Create a project", NULL, NULL},
    {"GET", "/api/projects/{id}/goals", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_simple, &query_simple, "simplified", "listGoals", "Goals of a project", NULL, NULL},
    {"POST", "/api/goals", PERMISSION_WRITE_TESTS, BODY_JSON, WAIT_LONG, handle_simple, &query_simple_change, "simplified", "createGoal", "Create a goal, with its first snapshot", NULL, NULL},
    {"GET", "/api/goals/{id}/versions", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_simple, &query_simple, "simplified", "listGoalVersions", "Snapshots of a goal, newest first", NULL, NULL},
    {"POST", "/api/goals/{id}/execute", PERMISSION_EXECUTE, BODY_OPTIONAL, WAIT_LONG, handle_simple, &query_simple_change, "simplified", "executeGoal", "Run the newest snapshot of a goal", NULL, NULL},
    {"POST", "/api/goals/{id}/snapshots/{snapshot}/execute", PERMISSION_EXECUTE, BODY_OPTIONAL, WAIT_LONG, handle_simple, &query_simple_change, "simplified", "executeGoalSnapshot", "Run a snapshot of a goal", NULL, NULL},
    {"POST", "/api/journeys", PERMISSION_WRITE_TESTS, BODY_JSON, WAIT_LONG, handle_simple, &query_simple_change, "simplified", "createJourney", "Create a journey", NULL, NULL},
    {"POST", "/api/journeys/{id}/duplicate", PERMISSION_WRITE_TESTS, BODY_OPTIONAL, WAIT_LONG, handle_simple, &query_simple_change, "simplified", "duplicateJourney", "Copy a journey with its checkpoints and steps", NULL, NULL},
    {"POST", "/api/checkpoints", PERMISSION_WRITE_TESTS, BODY_JSON, WAIT_LONG, handle_simple, &query_simple_change, "simplified", "createCheckpoint", "Create a checkpoint and attach it", NULL, NULL},
    {"GET", "/api/checkpoints/{id}/steps", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_simple, &query_simple, "simplified", "listCheckpointSteps", "Steps of a checkpoint", NULL, NULL},
    {"POST", "/api/executions", PERMISSION_EXECUTE, BODY_JSON, WAIT_LONG, handle_simple, &query_simple_change, "simplified", "createExecution", "Run a goal", NULL, NULL},
    {"GET", "/api/executions/{id}", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_simple, &query_simple, "simplified", "getExecution", "State of an execution", NULL, NULL},
    {"GET", "/api/executions/{id}/analysis", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_simple, &query_analysis, "simplified", "getExecutionAnalysis", "Results of an execution", NULL, NULL},
    {"GET", "/api/library/checkpoints", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_simple, &query_simple, "simplified", "listLibraryCheckpoints", "Checkpoints in the library", NULL, NULL},
    {"POST", "/api/environments", PERMISSION_WRITE_TESTS, BODY_JSON, WAIT_LONG, handle_simple, &query_simple_change, "simplified", "createEnvironment", "Create an environment", NULL, NULL},
    {"POST", "/api/steps", PERMISSION_WRITE_TESTS, BODY_JSON, WAIT_LONG, handle_simple_step, &query_simple_change, "simplified", "createStep", "Create a step from action, target and value", NULL, NULL, .members = simple_step_members, .status = 201},
    {"POST", "/api/library/checkpoints", PERMISSION_WRITE_LIBRARY, BODY_JSON, WAIT_LONG, handle_simple, &query_simple_change, "simplified", "createLibraryCheckpoint", "Add a checkpoint to the library", NULL, NULL},
    {"POST", "/api/testdata/tables", PERMISSION_WRITE_TESTS, BODY_JSON, WAIT_LONG, handle_simple, &query_simple_change, "simplified", "createTestDataTable", "Create a test data table with rows", NULL, NULL},
    {"GET", "/virtuoso/{path*}", PERMISSION_READ, BODY_STREAM, WAIT_NONE, handle_relay, &query_relayed, "direct", "getDirect", "Direct access to the platform", NULL, NULL, .class = ROUTE_CLASS_DIRECT},
    {"POST", "/virtuoso/{path*}", PERMISSION_ADMIN, BODY_STREAM, WAIT_NONE, handle_relay, &query_relayed, "direct", "postDirect", "Direct access to the platform", DIRECT_NEEDS, NULL, .class = ROUTE_CLASS_DIRECT},
    {"PUT", "/virtuoso/{path*}", PERMISSION_ADMIN, BODY_STREAM, WAIT_NONE, handle_relay, &query_relayed, "direct", "putDirect", "Direct access to the platform", DIRECT_NEEDS, NULL, .class = ROUTE_CLASS_DIRECT},
    {"PATCH", "/virtuoso/{path*}", PERMISSION_ADMIN, BODY_STREAM, WAIT_NONE, handle_relay, &query_relayed, "direct", "patchDirect", "Direct access to the platform", DIRECT_NEEDS, NULL, .class = ROUTE_CLASS_DIRECT},
    {"DELETE", "/virtuoso/{path*}", PERMISSION_ADMIN, BODY_STREAM, WAIT_NONE, handle_relay, &query_relayed, "direct", "deleteDirect", "Direct access to the platform", DIRECT_NEEDS, NULL, .class = ROUTE_CLASS_DIRECT},
    {"GET", "/docs", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_docs, &query_ignored, "documents", "getDocs", "Interactive API documentation", NULL, NULL, .keep_s = DOCUMENT_KEEP_S},
    {"GET", "/redoc", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_redoc, &query_ignored, "documents", "getRedoc", "Where the documentation was: leads to /docs", NULL, "/docs"},
    {"GET", "/docs/{file}", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_docs_file, &query_ignored, "documents", "getDocsFile", "Files of the documentation page", NULL, NULL, .keep_s = DOCUMENT_KEEP_S},
    {"GET", "/ui", PERMISSION_ADMIN, BODY_NONE, WAIT_SHORT, handle_ui, &query_ignored, "documents", "getUi", "Live figures: rates, latencies, the platform, as plots", NULL, NULL, PLACE_ADMIN},
    {"GET", "/ui/runs", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_ui_runs, &query_ignored, "documents", "getUiRuns", "Page of your test runs, live; it asks for your API key", NULL, NULL},
    {"GET", "/ui/{file}", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_ui_file, &query_ignored, "documents", "getUiFile", "Files of the pages below /ui", NULL, NULL, PLACE_BOTH},
    {"GET", "/favicon.svg", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_favicon, &query_ignored, "documents", "getFavicon", "Icon of the pages", NULL, NULL, .keep_s = DOCUMENT_KEEP_S},
    {"GET", "/favicon.ico", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_favicon, &query_ignored, "documents", "getFaviconIco", "Icon of the pages, where browsers look for it", NULL, NULL, .keep_s = DOCUMENT_KEEP_S},
    {"GET", "/schema/testfile.json", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_schema, &query_ignored, "documents", "getTestFileSchema", "JSON Schema of test files, for editors", NULL, NULL, .keep_s = DOCUMENT_KEEP_S},
    {"GET", "/openapi.json", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_openapi, &query_ignored, "documents", "getOpenApi", "OpenAPI document", NULL, NULL, .keep_s = DOCUMENT_KEEP_S},
    {"GET", "/problems", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_problems, &query_ignored, "documents", "listProblems", "All error codes", NULL, NULL, PLACE_BOTH, .keep_s = DOCUMENT_KEEP_S},
    {"GET", "/problems/{code}", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_problem, &query_ignored, "documents", "getProblem", "One error code: cause, fix, example", NULL, NULL, PLACE_BOTH, .keep_s = DOCUMENT_KEEP_S},
};

/* clang-format on */

static struct route_contract contract(const struct route *route)
{
    const struct simple_row *row = simple_row_of(route);

    if (row == NULL) {
        return (struct route_contract){.members = route->members,
                                       .status = route->status != 0 ? route->status : 200};
    }
    return (struct route_contract){.members = row->members,
                                   .map =
                                       row->reply == SIMPLE_MAPPED ? reply_map_of(row->map) : NULL,
                                   .status = row->status};
}

const struct route *api_route_rows(size_t *out_n)
{
    *out_n = ARRAY_LEN(routes);
    return routes;
}

struct route_table *api_routes_new(void)
{
    struct route_table *table = mem_zalloc(sizeof(*table));

    *table = (struct route_table){.rows = routes, .n = ARRAY_LEN(routes), .contract = contract};
    route_table_open(table);
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        table->simple[i] = simple_row_of(&routes[i]);
        CHECK(table->simple[i] == NULL || table->simple[i]->map != REPLY_NONE);
    }
    return table;
}

size_t api_route_labels(const char *out[API_MAX_ROUTE_LABELS])
{
    struct route_table *table = api_routes_new();
    size_t n = table->n_labels;

    CHECK(n <= API_MAX_ROUTE_LABELS);
    mem_copy(out, table->labels, n * sizeof(*out));
    mem_free(table);
    return n;
}
