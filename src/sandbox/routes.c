/* The platform's routes as rows, and how a request passes through them:
 *
 *   path -> row (else HTML 404) -> token (else 401) -> method (else 405) -> body (else 400)
 *        -> room (else 403) -> the thing of its first id (else 404)
 *        -> handler writes the bare item -> envelope around it
 *
 * To add a route: one row here, one handler; .of says what kind of thing the first id names. "{}" is an id, "{name}" any one segment. */
#include "sandbox_internal.h"

#include "base/percent.h"
#include "data/query.h"

enum { MAX_SEGMENTS = 12, MAX_NODES = 500000, MAX_DEPTH = 32 };

enum body_need { BODY_NONE, BODY_OPTIONAL, BODY_OBJECT };

/* Which member of the envelope holds the item: the platform uses three. */
enum shape { SHAPE_ITEM, SHAPE_ITEMS, SHAPE_MAP };

struct route {
    const char *method;
    const char *pattern;
    handler *handler;
    enum body_need body;
    enum shape shape;
    int status;           /* of a success; 0: as the handler returns it */
    enum thing_kind kind; /* of the records that the route is about; for metrics: which ones */
    enum thing_kind of;   /* what the first id names; NONE: the handler looks it up */
};

/* clang-format off */
static const struct route routes[] = {
    {"POST",   "/teststeps",                         handle_step_create,         BODY_OBJECT,   SHAPE_ITEM},
    {"GET",    "/teststeps/{}",                      handle_step_get,            BODY_NONE,     SHAPE_ITEM, .of = THING_STEP},
    {"PUT",    "/teststeps/{}/properties",           handle_step_properties,     BODY_OBJECT,   SHAPE_ITEM, .of = THING_STEP},
    {"POST",   "/testcases",                         handle_checkpoint_create,   BODY_OBJECT,   SHAPE_ITEM, 201},
    {"GET",    "/testcases/{}",                      handle_checkpoint_get,      BODY_NONE,     SHAPE_ITEM, .of = THING_CHECKPOINT},
    {"POST",   "/testcases/{}/add-to-library",       handle_library_add,         BODY_OPTIONAL, SHAPE_ITEM, .of = THING_CHECKPOINT},
    {"DELETE", "/testcases/{}/steps/{}",             handle_step_delete,         BODY_NONE,     SHAPE_ITEM, .of = THING_CHECKPOINT},
    {"GET",    "/checkpoints/{}/teststeps",          handle_checkpoint_steps,    BODY_NONE,     SHAPE_ITEMS, .of = THING_CHECKPOINT},
    {"POST",   "/testsuites",                        handle_journey_create,      BODY_OBJECT,   SHAPE_ITEM},
    {"GET",    "/testsuites/latest_status",          handle_journey_status,      BODY_NONE,     SHAPE_MAP},
    {"GET",    "/testsuites/execution",              handle_execution_journey,   BODY_NONE,     SHAPE_ITEM},
    {"GET",    "/testsuites/{}",                     handle_journey_get,         BODY_NONE,     SHAPE_ITEM, .of = THING_JOURNEY},
    {"PUT",    "/testsuites/{}",                     handle_journey_update,      BODY_OBJECT,   SHAPE_ITEM, .of = THING_JOURNEY},
    {"POST",   "/testsuites/{}/execute",             handle_journey_execute,     BODY_OPTIONAL, SHAPE_ITEM, .of = THING_JOURNEY},
    {"POST",   "/testsuites/{}/checkpoints/attach",  handle_checkpoint_attach,   BODY_OBJECT,   SHAPE_ITEM, .of = THING_JOURNEY},
    {"GET",    "/snapshots/{}/goals/{}/testsuites",  handle_journey_map,         BODY_NONE,     SHAPE_MAP},
    {"GET",    "/user",                              handle_user,                BODY_NONE,     SHAPE_ITEM},
    {"GET",    "/user/tokens",                       handle_user_tokens,         BODY_NONE,     SHAPE_ITEMS},
    {"GET",    "/limits",                            handle_limits,              BODY_NONE,     SHAPE_ITEMS},
    {"GET",    "/projects",                          handle_project_list,        BODY_NONE,     SHAPE_MAP},
    {"POST",   "/projects",                          handle_project_create,      BODY_OBJECT,   SHAPE_ITEM, 201},
    {"GET",    "/projects/{}",                       handle_project_get,         BODY_NONE,     SHAPE_ITEM, .of = THING_PROJECT},
    {"GET",    "/projects/{}/goals",                 handle_project_goals,       BODY_NONE,     SHAPE_MAP, .of = THING_PROJECT},
    {"GET",    "/goals",                             handle_goal_list,           BODY_NONE,     SHAPE_MAP},
    {"POST",   "/goals",                             handle_goal_create,         BODY_OBJECT,   SHAPE_ITEM, 201},
    {"GET",    "/goals/{}",                          handle_goal_get,            BODY_NONE,     SHAPE_ITEM, .of = THING_GOAL},
    {"GET",    "/goals/{}/versions",                 handle_goal_versions,       BODY_NONE,     SHAPE_ITEM, .of = THING_GOAL},
    {"GET",    "/goals/{}/checkpoints",              handle_goal_checkpoints,    BODY_NONE,     SHAPE_ITEM, .of = THING_GOAL},
    {"POST",   "/goals/{}/execute",                  handle_goal_execute,        BODY_OPTIONAL, SHAPE_ITEM, .of = THING_GOAL},
    {"POST",   "/goals/{}/snapshots/{}/execute",     handle_snapshot_execute,    BODY_OPTIONAL, SHAPE_ITEM, .of = THING_GOAL},
    {"GET",    "/library/checkpoints",               handle_library_list,        BODY_NONE,     SHAPE_ITEMS},
    {"GET",    "/library/checkpoints/{}",            handle_library_get,         BODY_NONE,     SHAPE_ITEM, .of = THING_LIBRARY},
    {"PUT",    "/library/checkpoints/{}",            handle_library_update,      BODY_OBJECT,   SHAPE_ITEM, .of = THING_LIBRARY},
    {"POST",   "/library/checkpoints/{}/steps/{}/move", handle_library_step_move, BODY_OBJECT,  SHAPE_ITEM, .of = THING_LIBRARY},
    {"DELETE", "/library/checkpoints/{}/steps/{}",   handle_step_delete,         BODY_NONE,     SHAPE_ITEM, .of = THING_LIBRARY},
    {"GET",    "/testdata/tables",                   handle_table_list,          BODY_NONE,     SHAPE_ITEMS},
    {"POST",   "/testdata/tables/create",            handle_table_create,        BODY_OBJECT,   SHAPE_ITEM, 201},
    {"GET",    "/testdata/tables/{}",                handle_table_get,           BODY_NONE,     SHAPE_ITEM, .of = THING_TABLE},
    {"DELETE", "/testdata/tables/{}",                handle_table_delete,        BODY_NONE,     SHAPE_ITEM, .of = THING_TABLE},
    {"GET",    "/testdata/tables/{}/values",         handle_table_values,        BODY_NONE,     SHAPE_ITEM, .of = THING_TABLE},
    {"PUT",    "/testdata/tables/{}/values",         handle_table_values_update, BODY_OBJECT,   SHAPE_ITEM, .of = THING_TABLE},
    {"POST",   "/testdata/tables/{}/import",         handle_table_import,        BODY_OBJECT,   SHAPE_ITEM, .of = THING_TABLE},
    {"GET",    "/environments",                      handle_environment_list,    BODY_NONE,     SHAPE_ITEMS},
    {"POST",   "/environments",                      handle_environment_create,  BODY_OBJECT,   SHAPE_ITEM},
    {"POST",   "/environments/create",               handle_environment_create,  BODY_OBJECT,   SHAPE_ITEM, 201},
    {"GET",    "/environments/{}",                   handle_environment_get,     BODY_NONE,     SHAPE_ITEM, .of = THING_ENVIRONMENT},
    {"DELETE", "/environments/{}",                   handle_environment_delete,  BODY_NONE,     SHAPE_ITEM, .of = THING_ENVIRONMENT},
    {"POST",   "/environments/{}/variables",         handle_variable_set,        BODY_OBJECT,   SHAPE_ITEM, .of = THING_ENVIRONMENT},
    {"PUT",    "/environments/{}/variables/{name}",  handle_variable_set,        BODY_OBJECT,   SHAPE_ITEM, .of = THING_ENVIRONMENT},
    {"DELETE", "/environments/{}/variables/{name}",  handle_variable_delete,     BODY_NONE,     SHAPE_ITEM, .of = THING_ENVIRONMENT},
    {"GET",    "/executions/analysis/{}",            handle_execution_analysis,  BODY_NONE,     SHAPE_ITEM, .of = THING_EXECUTION},
    {"GET",    "/executions/{}",                     handle_execution_tree,      BODY_NONE,     SHAPE_ITEM, .of = THING_EXECUTION},
    {"GET",    "/executions/{}/status",              handle_execution_status,    BODY_NONE,     SHAPE_ITEM, .of = THING_EXECUTION},
    {"GET",    "/jobs/{}/status",                    handle_execution_status,    BODY_NONE,     SHAPE_ITEM, .of = THING_EXECUTION},
    {"GET",    "/executions/{}/suites/{}/cases/{}/steps/{}", handle_execution_step, BODY_NONE,  SHAPE_ITEM, .of = THING_EXECUTION},
    {"GET",    "/projects/{}/environments",          handle_project_environments, BODY_NONE,    SHAPE_ITEM, .of = THING_PROJECT},
    {"GET",    "/projects/{}/jobs",                  handle_project_jobs,        BODY_NONE,     SHAPE_MAP, .of = THING_PROJECT},
    {"PUT",    "/testdata/tables/{}",                handle_table_update,        BODY_OBJECT,   SHAPE_ITEM, .of = THING_TABLE},
    {"POST",   "/testdata/tables/clone",             handle_table_clone,         BODY_OBJECT,   SHAPE_ITEM},
    {"POST",   "/library/checkpoints/create",        handle_library_create,      BODY_OBJECT,   SHAPE_ITEM, 201},
    {"POST",   "/scripts",                           handle_record_create,       BODY_OBJECT,   SHAPE_ITEM, 0, THING_SCRIPT},
    {"GET",    "/scripts/{}",                        handle_record_get,          BODY_NONE,     SHAPE_ITEM, 0, THING_SCRIPT, .of = THING_SCRIPT},
    {"PUT",    "/scripts/{}",                        handle_record_update,       BODY_OBJECT,   SHAPE_ITEM, 0, THING_SCRIPT, .of = THING_SCRIPT},
    {"DELETE", "/scripts/{}",                        handle_record_delete,       BODY_NONE,     SHAPE_ITEM, 0, THING_SCRIPT, .of = THING_SCRIPT},
    {"GET",    "/projects/{}/scripts",               handle_project_records,     BODY_NONE,     SHAPE_ITEMS, 0, THING_SCRIPT, .of = THING_PROJECT},
    {"GET",    "/organizations/{}/scripts",          handle_organization_records, BODY_NONE,    SHAPE_ITEMS, 0, THING_SCRIPT},
    {"GET",    "/api-tests",                         handle_record_list,         BODY_NONE,     SHAPE_ITEMS, 0, THING_API_TEST},
    {"GET",    "/api-tests/{}",                      handle_record_get,          BODY_NONE,     SHAPE_ITEM, 0, THING_API_TEST, .of = THING_API_TEST},
    {"GET",    "/plans/executions/{}",               handle_record_get,          BODY_NONE,     SHAPE_ITEM, 0, THING_PLAN, .of = THING_PLAN},
    {"PUT",    "/plans/executions/{}/execute",       handle_plan_execute,        BODY_OPTIONAL, SHAPE_ITEM, 0, THING_PLAN, .of = THING_PLAN},
    {"POST",   "/plans/executions/{}/execute",       handle_plan_execute,        BODY_OPTIONAL, SHAPE_ITEM, 0, THING_PLAN, .of = THING_PLAN},
    {"GET",    "/plans/executions/status/{}",        handle_plan_status,         BODY_NONE,     SHAPE_ITEM, .of = THING_PLAN_RUN},
    {"GET",    "/testsuites/{}/history",             handle_journey_history,     BODY_NONE,     SHAPE_ITEMS, .of = THING_JOURNEY},
    {"GET",    "/testsuites/{}/contributors",        handle_members,              BODY_NONE,    SHAPE_ITEMS, .of = THING_JOURNEY},
    {"GET",    "/testsuites/{}/users",               handle_members,              BODY_NONE,    SHAPE_ITEMS, .of = THING_JOURNEY},
    {"GET",    "/timelines/journeys/{}/checkpoints/{}/steps/{}", handle_step_timeline, BODY_NONE, SHAPE_ITEMS},
    {"GET",    "/goals/{}/contributors",             handle_members,             BODY_NONE,     SHAPE_ITEMS, .of = THING_GOAL},
    {"GET",    "/goals/{}/export/{}",                handle_goal_export,         BODY_NONE,     SHAPE_ITEM},
    {"GET",    "/organizations/{}",                  handle_organization_get,    BODY_NONE,     SHAPE_ITEM},
    {"GET",    "/organizations/{}/users",            handle_members,             BODY_NONE,     SHAPE_ITEMS},
    {"GET",    "/tags/projects/{}",                  handle_nothing,             BODY_NONE,     SHAPE_ITEMS},
    {"GET",    "/bridges",                           handle_nothing,             BODY_NONE,     SHAPE_ITEMS},
    {"GET",    "/integrations",                      handle_nothing,             BODY_NONE,     SHAPE_ITEMS},
    {"GET",    "/tickets",                           handle_nothing,             BODY_NONE,     SHAPE_ITEMS},
    {"GET",    "/elements/healing",                  handle_nothing,             BODY_NONE,     SHAPE_ITEMS},
    {"GET",    "/integrations/installations",        handle_nothing,             BODY_NONE,     SHAPE_ITEMS},
    {"GET",    "/organizations/{}/project-roles",    handle_organization_roles,  BODY_NONE,     SHAPE_ITEMS},
    {"GET",    "/organizations/{}/usage",            handle_usage,               BODY_NONE,     SHAPE_ITEMS},
    {"GET",    "/organizations/{}/usage/aggregated", handle_usage_sum,           BODY_NONE,     SHAPE_ITEM},
    {"GET",    "/organizations/{}/jobs/usage",       handle_usage_jobs,          BODY_NONE,     SHAPE_ITEMS},
    {"GET",    "/goals/metrics/executions",          handle_goal_metrics,        BODY_NONE,     SHAPE_MAP, 0, THING_EXECUTION},
    {"GET",    "/goals/metrics/executions/history",  handle_goal_metrics,        BODY_NONE,     SHAPE_MAP, 0, THING_PLAN_RUN},
    {"GET",    "/goals/metrics/statistics",          handle_goal_metrics,        BODY_NONE,     SHAPE_MAP, 0, THING_STEP},
    {"GET",    "/projects/metrics/executions",       handle_project_metrics,     BODY_NONE,     SHAPE_MAP, 0, THING_EXECUTION},
    {"GET",    "/projects/metrics/journeys",         handle_project_metrics,     BODY_NONE,     SHAPE_MAP, 0, THING_JOURNEY},
    {"GET",    "/projects/metrics/extensions",       handle_project_metrics,     BODY_NONE,     SHAPE_MAP, 0, THING_SCRIPT},
    {"GET",    "/projects/metrics/execution_plans",  handle_project_metrics,     BODY_NONE,     SHAPE_MAP, 0, THING_PLAN},
    {"GET",    "/environments/{}/metrics",           handle_environment_metrics, BODY_NONE,     SHAPE_ITEM, .of = THING_ENVIRONMENT},
    {"POST",   "/executions/{}/failures/explain",    handle_failures_explain,    BODY_OPTIONAL, SHAPE_ITEM, .of = THING_EXECUTION},
    {"GET",    "/testsuites",                        handle_journey_list,        BODY_NONE,     SHAPE_MAP},
    {"POST",   "/testsuites/execution",              handle_journeys_execute,    BODY_OPTIONAL, SHAPE_ITEM},
    {"DELETE", "/testsuites/{}",                     handle_journey_delete,      BODY_NONE,     SHAPE_ITEM, .of = THING_JOURNEY},
    {"DELETE", "/goals/{}",                          handle_goal_delete,         BODY_NONE,     SHAPE_ITEM, .of = THING_GOAL},
    {"DELETE", "/projects/{}",                       handle_project_delete,      BODY_NONE,     SHAPE_ITEM, .of = THING_PROJECT},
    {"PUT",    "/teststeps/{}",                      handle_step_properties,     BODY_OBJECT,   SHAPE_ITEM, .of = THING_STEP},
};

/* clang-format on */

static const char json_type_name[] = "application/json";

/* Does the pattern fit the path? The ids and the {name} of the path go into the call. */
static bool fits(struct call *call, const char *pattern, struct str path)
{
    struct str rest = str_from(pattern);
    struct str want;
    struct str have;
    size_t n_ids = 0;

    while (str_next(&rest, '/', &want)) {
        if (!str_next(&path, '/', &have)) {
            return false;
        }
        if (str_is(want, "{}")) {
            if (!str_to_i64(have, 1, INT64_MAX, &call->ids[n_ids++])) {
                return false;
            }
        } else if (str_is(want, "{name}")) {
            if (!percent_decode(call->arena, have, false, &call->word)) {
                return false;
            }
        } else if (!str_eq(want, have)) {
            return false;
        }
    }
    return !str_next(&path, '/', &have);
}

static const struct route *route_find(struct call *call, struct str path, bool *path_known)
{
    struct str method = call->request->method;

    if (str_is(method, "HEAD")) {
        method = STR("GET");
    }
    *path_known = false;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (fits(call, routes[i].pattern, path)) {
            *path_known = true;
            if (str_is(method, routes[i].method)) {
                return &routes[i];
            }
        }
    }
    return NULL;
}

struct str path_below_api(struct str path)
{
    if (str_starts(path, STR("/api/"))) {
        return str_sub(path, 4, path.len);
    }
    return path;
}

/* The Bearer token; empty: none, another scheme, or one that the platform has withdrawn. */
static struct str bearer(const struct sandbox_request *request)
{
    for (size_t i = 0; i < request->n_headers; i++) {
        struct str value = request->headers[i].value;

        if (!str_is_nocase(request->headers[i].name, "authorization")) {
            continue;
        }
        if (!str_starts_nocase(value, STR("Bearer "))) {
            return STR_EMPTY;
        }
        value = str_trim(str_sub(value, 7, value.len));
        if (str_starts(value, STR("invalid-")) || str_starts(value, STR("revoked-"))) {
            return STR_EMPTY;
        }
        return value;
    }
    return STR_EMPTY;
}

void write_refusal(struct buf *out, int code, struct str message)
{
    char digits[DIGITS_MAX];
    struct json_writer w;

    buf_clear(out);
    jw_init(&w, out);
    jw_form(&w, "{success:false, error:{code:%s, message:%s}}", str_of_int(code, digits), message);
}

static int refused(struct call *call, int status)
{
    int code = call->refusal_code != 0 ? call->refusal_code : status;

    write_refusal(&call->state->answer, code, call->refusal);
    return status;
}

/* Parses the body, if the route takes one. Returns 200, or 400 after a refusal. */
static int take_body(struct call *call, enum body_need need)
{
    static const struct json_limits limits = {.max_depth = MAX_DEPTH, .max_nodes = MAX_NODES};
    struct str text = str_trim(call->request->body);
    struct json *body;

    call->body = NULL;
    if (need == BODY_NONE || (need == BODY_OPTIONAL && text.len == 0)) {
        return 200;
    }
    if (json_parse(call->arena, text, &limits, &body, NULL) != ERR_OK ||
        json_type(body) != JSON_OBJECT) {
        return refuse(call, 400, "The body must be a JSON object");
    }
    call->body = body;
    return 200;
}

static int run_handler(struct call *call, const struct route *route)
{
    static const char *const keys[] = {
        [SHAPE_ITEM] = "item", [SHAPE_ITEMS] = "items", [SHAPE_MAP] = "map"};
    struct buf *answer = &call->state->answer;
    struct str envelope;
    bool is_bare = query_find(call->arena, call->request->query, "envelope", &envelope) &&
                   str_is_nocase(envelope, "false");
    struct json_writer w;
    int status;

    buf_clear(answer);
    jw_init(&w, answer);
    call->w = &w;
    call->kind = route->kind;
    if (!is_bare) {
        jw_shape(&w, "{success:true");
        jw_key(&w, keys[route->shape]);
    }
    call->thing = route->of != THING_NONE ? need_thing(call, route->of, call->ids[0]) : NULL;
    status = call->status == 200 ? route->handler(call) : call->status;
    if (status >= 400) {
        return refused(call, status);
    }
    if (status == 204) {
        buf_clear(answer);
        return status;
    }
    if (!is_bare) {
        if (route->shape == SHAPE_MAP) {
            jw_kv_int(&w, "total", call->total);
        }
        jw_end(&w);
    }
    if (!buf_ok(answer)) {
        return refused(call, refuse(call, 500, "The answer is too long"));
    }
    return route->status != 0 ? route->status : status;
}

/* Answers a request whose path begins with /api/ into state->answer. */
static int platform_answer(struct call *call, struct str path, const char **out_content_type)
{
    bool path_known;
    const struct route *route = route_find(call, path, &path_known);
    struct str token = bearer(call->request);
    int status;

    *out_content_type = json_type_name;
    if (!path_known) {
        buf_clear(&call->state->answer);
        buf_text(&call->state->answer,
                 "<html><head><title>Error</title></head><body>Not Found</body></html>");
        *out_content_type = "text/html; charset=utf-8";
        return 404;
    }
    if (token.len == 0) {
        return refused(call, refuse(call, 401, "Unauthorized"));
    }
    if (route == NULL) {
        return refused(call, refuse(call, 405, "Method Not Allowed"));
    }
    call->tenant = tenant_find_or_make(call->state, token);
    if (call->tenant == NULL) {
        return refused(call, refuse(call, 403, "The sandbox has no room for another organization"));
    }
    status = take_body(call, route->body) == 200 && (route->body == BODY_NONE || has_room(call, 1))
                 ? run_handler(call, route)
                 : refused(call, call->status);
    tenant_count_bytes(call->state, call->tenant);
    return status;
}

/* ---- one request ---- */

static int canned(struct sandbox_state *state, const struct fault *fault,
                  const char **out_content_type)
{
    int status = fault->status == 0 ? 200 : fault->status;

    *out_content_type = fault->content_type;
    if (fault->has_body || status < 400) {
        buf_clear(&state->answer);
        buf_str(&state->answer, fault->has_body ? fault->body : STR("{}"));
    } else {
        write_refusal(&state->answer, status, STR("The sandbox was asked to fail"));
    }
    return status;
}

/* A screenshot: one grey pixel. It needs no token, like the signed addresses of the platform's storage. */
static const unsigned char picture[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
    0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00,
    0x00, 0x3a, 0x7e, 0x9b, 0x55, 0x00, 0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78,
    0xda, 0x63, 0x68, 0x00, 0x00, 0x00, 0x82, 0x00, 0x81, 0xda, 0x45, 0x08, 0x3b, 0x00,
    0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};

static int act(struct call *call, struct str below, const char **out_content_type)
{
    if (str_starts(call->request->path, STR("/api/"))) {
        return platform_answer(call, below, out_content_type);
    }
    buf_clear(&call->state->answer);
    if (str_starts(call->request->path, STR("/pictures/"))) {
        buf_append(&call->state->answer, picture, sizeof(picture));
        *out_content_type = "image/png";
        return 200;
    }
    /* The platform says 200 here: a client must not trust the status alone. */
    buf_text(&call->state->answer, "Not Found");
    *out_content_type = "text/plain; charset=utf-8";
    return 200;
}

/* A latency from latency_ms - spread to latency_ms + spread, both included, all equally likely. */
static uint64_t latency_of(struct sandbox_state *state)
{
    uint64_t spread_ms = state->options.latency_spread_ms;
    double thrown = spread_ms > 0 ? dice_throw(&state->latency_random) : 0.0;

    return state->options.latency_ms - spread_ms + (uint64_t)(thrown * (double)(2 * spread_ms + 1));
}

static void answer_with_faults(struct call *call, struct sandbox_reply *out)
{
    struct sandbox_state *state = call->state;
    struct str below = path_below_api(call->request->path);
    const struct fault *fault = faults_take(&state->faults, call->request->method, below);
    bool is_canned = fault != NULL && (fault->status != 0 || fault->has_body);

    out->delay_ms = latency_of(state);
    if (fault == NULL) {
        out->status = act(call, below, &out->content_type);
        return;
    }
    out->delay_ms += fault->delay_ms;
    out->retry_after_s = fault->retry_after_s;
    out->close_at = fault->close_at;
    if (fault->close_at == SANDBOX_CLOSE_BEFORE) {
        buf_clear(&state->answer);
        return;
    }
    if (!is_canned || fault->acts) {
        out->status = act(call, below, &out->content_type);
    }
    if (is_canned) {
        out->status = canned(state, fault, &out->content_type);
    }
}

void sandbox_answer(struct sandbox_state *state, struct arena *arena,
                    const struct sandbox_request *request, struct sandbox_reply *out)
{
    struct call call = {.state = state, .request = request, .arena = arena, .status = 200};

    *out = (struct sandbox_reply){.content_type = json_type_name};
    if (str_starts(request->path, STR("/__sandbox"))) {
        out->status = control_answer(&call);
    } else {
        answer_with_faults(&call, out);
        recorder_add(state, request, out->status);
    }
    out->body = buf_view(&state->answer);
}
