/* The route table and its lookup. The rows are the truth for routing, Allow, metric labels and
 * documents. Add a route by adding a row: fixed segments before `{name}` before `{name*}` where
 * several would match. */
#include "api_internal.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/percent.h"

enum { MAX_SEGMENTS = 24, MAX_LABELS = 96 };

/* clang-format off */
static const struct route routes[] = {
    {"GET", "/", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_root, "Name, version and links", NULL},
    {"GET", "/health", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_health, "Health with its checks", NULL},
    {"GET", "/health/live", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_live, "Alive: the loop turns", NULL},
    {"GET", "/livez", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_live, "Alive: the loop turns", NULL},
    {"GET", "/health/ready", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_ready, "Ready for traffic", NULL},
    {"GET", "/readyz", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_ready, "Ready for traffic", NULL},
    {"GET", "/metrics", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_metrics, "Prometheus metrics", NULL},
    {"GET", "/health/metrics", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_metrics, "Prometheus metrics", "/metrics"},
    {"GET", "/health/stats", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_stats, "The same figures as JSON", NULL},

    {"GET", "/api/v1/routes", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_routes, "Every route", NULL},
    {"GET", "/api/v1/commands", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_commands, "The command catalogue", NULL},
    {"GET", "/api/v1/commands/list", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_command_groups, "The command groups", "/api/v1/commands"},
    {"GET", "/api/v1/commands/{command*}/help", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_command_help, "A command or group in all its forms", NULL},
    {"POST", "/api/v1/commands/execute", PERMISSION_READ, BODY_COMMAND, WAIT_LONG, handle_execute, "Run one command", NULL},
    {"POST", "/api/v1/commands/batch", PERMISSION_READ, BODY_COMMAND, WAIT_LONG, handle_batch, "Run several commands in order", NULL},
    {"POST", "/api/v1/commands/validate", PERMISSION_READ, BODY_COMMAND, WAIT_SHORT, handle_validate, "Check a command without sending it", NULL},
    {"POST", "/api/v1/commands/step/{command*}", PERMISSION_WRITE_TESTS, BODY_OPTIONAL, WAIT_LONG, handle_step_path, "Run one step command, named by the path", NULL},

    {"POST", "/api/v1/tests/validate", PERMISSION_READ, BODY_TEST, WAIT_SHORT, handle_test_validate, "Check a test file", NULL},
    {"POST", "/api/v1/tests/compile", PERMISSION_READ, BODY_TEST, WAIT_SHORT, handle_test_compile, "What a test file would do, or the file in another dialect", NULL},
    {"POST", "/api/v1/tests/run", PERMISSION_WRITE_TESTS, BODY_TEST, WAIT_LONG, handle_test_run, "Create the tests of a file on the platform, and run them", NULL},
    {"GET", "/api/v1/tests/runs", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_run_list, "Your test runs", NULL},
    {"GET", "/api/v1/tests/runs/{id}", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_run_get, "Progress and result of a test run", NULL},
    {"GET", "/api/v1/tests/runs/{id}/events", PERMISSION_READ, BODY_NONE, WAIT_NONE, handle_run_events, "The same live, as server-sent events", NULL},
    {"DELETE", "/api/v1/tests/runs/{id}", PERMISSION_WRITE_TESTS, BODY_NONE, WAIT_SHORT, handle_run_stop, "Stop a test run after the step in flight", NULL},

    {"POST", "/api/v1/sessions", PERMISSION_WRITE_TESTS, BODY_OPTIONAL, WAIT_SHORT, handle_session_create, "Make a session", NULL},
    {"GET", "/api/v1/sessions", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_session_list, "Your sessions", NULL},
    {"GET", "/api/v1/sessions/current", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_session_current, "Your current session", NULL},
    {"GET", "/api/v1/sessions/{id}", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_session_get, "A session", NULL},
    {"PATCH", "/api/v1/sessions/{id}", PERMISSION_WRITE_TESTS, BODY_JSON, WAIT_SHORT, handle_session_patch, "Change a session", NULL},
    {"DELETE", "/api/v1/sessions/{id}", PERMISSION_WRITE_TESTS, BODY_NONE, WAIT_SHORT, handle_session_delete, "End a session", NULL},
    {"POST", "/api/v1/sessions/{id}/activate", PERMISSION_WRITE_TESTS, BODY_OPTIONAL, WAIT_SHORT, handle_session_activate, "Make a session the current one", NULL},

    {"GET", "/api/user", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_simple, "Who the stored token belongs to", NULL},
    {"GET", "/api/projects", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_simple, "Projects of the organization", NULL},
    {"POST", "/api/projects", PERMISSION_WRITE_TESTS, BODY_JSON, WAIT_LONG, handle_simple, "Create a project", NULL},
    {"GET", "/api/projects/{id}/goals", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_simple, "Goals of a project", NULL},
    {"POST", "/api/goals", PERMISSION_WRITE_TESTS, BODY_JSON, WAIT_LONG, handle_simple, "Create a goal, with its first snapshot", NULL},
    {"GET", "/api/goals/{id}/versions", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_simple, "Snapshots of a goal, newest first", NULL},
    {"POST", "/api/goals/{id}/execute", PERMISSION_EXECUTE, BODY_OPTIONAL, WAIT_LONG, handle_simple, "Run the newest snapshot of a goal", NULL},
    {"POST", "/api/goals/{id}/snapshots/{snapshot}/execute", PERMISSION_EXECUTE, BODY_OPTIONAL, WAIT_LONG, handle_simple, "Run a snapshot of a goal", NULL},
    {"POST", "/api/journeys", PERMISSION_WRITE_TESTS, BODY_JSON, WAIT_LONG, handle_simple, "Create a journey", NULL},
    {"POST", "/api/checkpoints", PERMISSION_WRITE_TESTS, BODY_JSON, WAIT_LONG, handle_simple, "Create a checkpoint and attach it", NULL},
    {"GET", "/api/checkpoints/{id}/steps", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_simple, "Steps of a checkpoint", NULL},
    {"POST", "/api/executions", PERMISSION_EXECUTE, BODY_JSON, WAIT_LONG, handle_simple, "Run a goal", NULL},
    {"GET", "/api/executions/{id}", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_simple, "State of an execution", NULL},
    {"GET", "/api/executions/{id}/analysis", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_simple, "What an execution found", NULL},
    {"GET", "/api/library/checkpoints", PERMISSION_READ, BODY_NONE, WAIT_SHORT, handle_simple, "Checkpoints of the library", NULL},
    {"POST", "/api/environments", PERMISSION_WRITE_TESTS, BODY_JSON, WAIT_LONG, handle_simple, "Create an environment", NULL},
    {"POST", "/api/steps", PERMISSION_WRITE_TESTS, BODY_JSON, WAIT_LONG, handle_simple_step, "Create a step from action, target and value", NULL},
    {"POST", "/api/library/checkpoints", PERMISSION_WRITE_LIBRARY, BODY_JSON, WAIT_LONG, handle_simple_library, "Put a checkpoint into the library", NULL},
    {"POST", "/api/testdata/tables", PERMISSION_WRITE_TESTS, BODY_JSON, WAIT_LONG, handle_simple_table, "Create a test data table with its rows", NULL},
    {"GET", "/virtuoso/{path*}", PERMISSION_READ, BODY_STREAM, WAIT_NONE, handle_relay, "Direct access to the platform", NULL},
    {"POST", "/virtuoso/{path*}", PERMISSION_ADMIN, BODY_STREAM, WAIT_NONE, handle_relay, "Direct access to the platform", NULL},
    {"PUT", "/virtuoso/{path*}", PERMISSION_ADMIN, BODY_STREAM, WAIT_NONE, handle_relay, "Direct access to the platform", NULL},
    {"PATCH", "/virtuoso/{path*}", PERMISSION_ADMIN, BODY_STREAM, WAIT_NONE, handle_relay, "Direct access to the platform", NULL},
    {"DELETE", "/virtuoso/{path*}", PERMISSION_ADMIN, BODY_STREAM, WAIT_NONE, handle_relay, "Direct access to the platform", NULL},
    {"GET", "/docs", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_docs, "The API to look at and try", NULL},
    {"GET", "/docs/{file}", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_docs_file, "What that page is made of", NULL},
    {"GET", "/openapi.json", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_openapi, "This document", NULL},
    {"GET", "/problems", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_problems, "Every error code", NULL},
    {"GET", "/problems/{code}", ACCESS_PUBLIC, BODY_NONE, WAIT_SHORT, handle_problem, "An error code: cause, fix, example", NULL},
};
/* clang-format on */

static const char *labels[MAX_LABELS] = {"unmatched"};
static size_t label_of[ARRAY_LEN(routes)];
static size_t n_labels;

static size_t label_for(const char *pattern)
{
    size_t at = 1;

    while (at < n_labels && !str_is(str_from(labels[at]), pattern)) {
        at++;
    }
    CHECK(at < MAX_LABELS);
    labels[at] = pattern;
    n_labels = at == n_labels ? at + 1 : n_labels;
    return at;
}

static void labels_fill(void)
{
    if (n_labels != 0) {
        return;
    }
    n_labels = 1;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        label_of[i] = label_for(routes[i].pattern);
    }
}

const char *const *api_route_labels(size_t *out_n)
{
    labels_fill();
    *out_n = n_labels;
    return labels;
}

const struct route *route_table(size_t *out_n)
{
    *out_n = ARRAY_LEN(routes);
    return routes;
}

size_t route_label(const struct route *route)
{
    labels_fill();
    return label_of[route - routes];
}

struct segments {
    struct str items[MAX_SEGMENTS];
    size_t n;
};

/* Splits and decodes. An encoded slash or NUL, a dot segment or a broken escape is refused: such
 * paths mean different things to different programs. A trailing slash means nothing. */
static enum error_code split_path(struct arena *arena, struct str path, struct segments *out,
                                  struct error *err)
{
    struct str rest = str_sub(path, 1, path.len);
    struct str raw;

    out->n = 0;
    while (rest.len > 0) {
        struct str decoded;

        (void)str_cut(rest, '/', &raw, &rest);
        if (raw.len == 0 || out->n == MAX_SEGMENTS) {
            return error_set(err, ERR_NOT_FOUND, "Nothing is offered at this path");
        }
        if (!percent_decode(arena, raw, false, &decoded)) {
            return error_set(err, ERR_BAD_REQUEST, "The path has a broken percent escape");
        }
        if (str_is(decoded, "..") || str_is(decoded, ".") || str_find_char(decoded, '\0') >= 0 ||
            str_find_char(decoded, '/') >= 0) {
            return error_set(err, ERR_BAD_REQUEST,
                             "The path has a dot segment, an encoded slash or a NUL");
        }
        out->items[out->n++] = decoded;
    }
    return ERR_OK;
}

static bool is_many(struct str pattern)
{
    return str_ends(pattern, STR("*}"));
}

static struct str join(struct arena *arena, const struct str *parts, size_t n)
{
    struct str joined = parts[0];

    for (size_t i = 1; i < n; i++) {
        joined = arena_printf(arena, "%.*s %.*s", STR_ARG(joined), STR_ARG(parts[i]));
    }
    return joined;
}

/* `{name*}` takes all segments that the rest of the pattern does not need: at most one per
 * pattern. */
static bool pattern_matches(struct arena *arena, const char *pattern, const struct segments *path,
                            struct str params[ROUTE_MAX_PARAMS])
{
    struct segments want = {.n = 0};
    struct str rest = str_from(pattern);
    struct str part;
    size_t at = 0;
    size_t n_params = 0;

    while (str_next(&rest, '/', &part)) {
        want.items[want.n++] = part;
    }
    for (size_t i = 0; i < want.n; i++) {
        size_t take = 1;

        if (is_many(want.items[i])) {
            size_t after = want.n - i - 1;

            if (path->n < at + after + 1) {
                return false;
            }
            take = path->n - at - after;
        }
        if (at + take > path->n) {
            return false;
        }
        if (want.items[i].ptr[0] == '{') {
            params[n_params++] = join(arena, &path->items[at], take);
        } else if (!str_eq(want.items[i], path->items[at])) {
            return false;
        }
        at += take;
    }
    return at == path->n;
}

static bool method_serves(const char *offered, struct str asked)
{
    return str_is(asked, offered) || (str_is(asked, "HEAD") && str_is(STR("GET"), offered));
}

static void allow_add(struct arena *arena, struct str *allow, const char *method)
{
    const char *more = str_is(STR("GET"), method) ? "GET, HEAD" : method;

    if (str_contains(*allow, str_from(method))) {
        return;
    }
    *allow =
        allow->len == 0 ? str_from(more) : arena_printf(arena, "%.*s, %s", STR_ARG(*allow), more);
}

enum error_code route_find(struct arena *arena, struct str method, struct str path,
                           struct route_match *out, struct error *err)
{
    struct segments segments;
    enum error_code code = split_path(arena, path, &segments, err);

    *out = (struct route_match){.allow = STR_EMPTY};
    if (code != ERR_OK) {
        return code;
    }
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (!pattern_matches(arena, routes[i].pattern, &segments, out->params)) {
            continue;
        }
        if (method_serves(routes[i].method, method)) {
            out->route = &routes[i];
            return ERR_OK;
        }
        allow_add(arena, &out->allow, routes[i].method);
    }
    if (out->allow.len == 0) {
        return error_set(err, ERR_NOT_FOUND,
                         "Nothing is offered at this path; GET /api/v1/routes lists what is");
    }
    allow_add(arena, &out->allow, "OPTIONS");
    return error_set(err, ERR_METHOD_NOT_ALLOWED, "This path answers to %.*s, not to %.*s",
                     STR_ARG(out->allow), STR_ARG(method));
}

struct str task_param(const struct task *task, const char *name)
{
    struct str rest = str_from(task->route->pattern);
    struct str part;
    size_t at = 0;

    while (str_next(&rest, '/', &part)) {
        if (part.ptr[0] != '{') {
            continue;
        }
        part = str_sub(part, 1, part.len - 2);
        if (str_ends(part, STR("*"))) {
            part.len--;
        }
        if (str_is(part, name)) {
            return task->match.params[at];
        }
        at++;
    }
    check_failed("route has that parameter", name, 0);
}
