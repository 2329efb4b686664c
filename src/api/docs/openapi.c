/* GET /openapi.json: OpenAPI 3.1 made of the tables that route, check and reduce; nothing is
 * written twice. */
#include "openapi.h"
#include "api/docs/handlers.h"

enum { REST_MAX = 16 * 1024 * 1024 };

/* ---- parameters and operations ---- */

/* Begins a parameter: all but its schema. */
static void begin_parameter(struct json_writer *w, struct str name, const char *in,
                            const char *description)
{
    jw_form(w, "{name:%s, in:%s, description:%s, required:%b, schema:", name, in,
            str_from(description), str_is(STR("path"), in));
}

static const char *param_about(const struct route *route, struct str part)
{
    if (str_ends(part, STR("*}"))) {
        return "One or more segments; in one, with %2F, too";
    }
    if (str_starts(str_from(route->pattern), STR("/api/v1/tests/runs"))) {
        return "The id that POST /api/v1/tests/run returned";
    }
    return str_starts(str_from(route->pattern), STR("/api/v1/sessions"))
               ? "The id that POST /api/v1/sessions returned"
               : "Its id or name";
}

static void write_path_parameters(struct json_writer *w, const struct route *route)
{
    const struct openapi_example *example = openapi_example_of(route);
    struct str values = str_from(example != NULL ? example->params : NULL);
    struct str rest = str_from(route->pattern);
    struct str part;
    struct str value;

    while (str_next(&rest, '/', &part)) {
        if (part.ptr[0] == '{') {
            begin_parameter(w, route_param_name(part), "path", param_about(route, part));
            jw_form(w, "{type:'string'}, example?:%s}",
                    str_next(&values, ' ', &value) ? value : STR_EMPTY);
        }
    }
}

static void write_header_parameters(struct json_writer *w, const struct route *route)
{
    for (const struct member *row = route->query->members; row->name != NULL; row++) {
        if (str_is(STR("session_id"), row->name)) {
            begin_parameter(w, STR("X-Session-Id"), "header",
                            "The session, if the body names none");
            jw_shape(w, "{type:'string'}}");
        }
    }
    if (str_is(STR("POST"), route->method)) {
        begin_parameter(w, STR("Idempotency-Key"), "header",
                        "A retry with the same key gets the first reply again");
        jw_shape(w, "{type:'string'}}");
    }
}

static struct str description(struct task *task, const struct route *route)
{
    struct str needs = route->access == ACCESS_PUBLIC ? STR("Open to everybody, without a key")
                       : route->needs != NULL ? arena_printf(task->arena, "Needs %s", route->needs)
                                              : arena_printf(task->arena, "Needs the permission %s",
                                                             permission_name(route->access));

    return arena_printf(task->arena, "%s. %.*s. Errors are application/problem+json.",
                        route->summary, STR_ARG(needs));
}

static void write_operation(struct json_writer *w, struct task *task, const struct route *route)
{
    char method[16];
    size_t len = 0;

    for (; route->method[len] != '\0' && len < sizeof(method); len++) {
        method[len] = char_lower(route->method[len]);
    }
    jw_key_str(w, (struct str){method, len});
    jw_form(w, "{operationId:%s, summary:%s, description:%s, tags:[%s], parameters:[",
            route->operation, route->summary, description(task, route), route->tag);
    write_path_parameters(w, route);
    for (const struct member *row = route_query_rows(route); row->name != NULL; row++) {
        begin_parameter(w, str_from(row->name), "query", row->about);
        openapi_member(w, row, false);
        jw_end(w);
    }
    write_header_parameters(w, route);
    jw_end(w);
    if (route->body != BODY_NONE && !str_is(STR("GET"), route->method) &&
        !str_is(STR("DELETE"), route->method)) {
        jw_key(w, "requestBody");
        openapi_request_body(w, task, route);
    }
    jw_key(w, "responses");
    openapi_responses(w, task, route);
    jw_form(w, "deprecated?:%b", route->successor != NULL);
    jw_shape(w, route->access == ACCESS_PUBLIC ? "security:[]}" : "}");
}

static struct str open_path(struct task *task, const struct route *route)
{
    struct str rest = str_from(route->pattern);
    struct str part;
    struct str path = STR_EMPTY;

    while (str_next(&rest, '/', &part)) {
        path = part.ptr[0] == '{'
                   ? arena_printf(task->arena, "%.*s/{%.*s}", STR_ARG(path),
                                  STR_ARG(route_param_name(part)))
                   : arena_printf(task->arena, "%.*s/%.*s", STR_ARG(path), STR_ARG(part));
    }
    return path.len > 0 ? path : STR("/");
}

/* Operations of one path stand in one object, wherever their rows are. */
static void write_paths(struct json_writer *w, struct task *task)
{
    const struct route_table *routes = task->api->routes;
    struct str paths[ROUTE_MAX_ROWS];
    bool written[ROUTE_MAX_ROWS] = {false};

    for (size_t i = 0; i < routes->n; i++) {
        paths[i] = open_path(task, &routes->rows[i]);
    }
    for (size_t i = 0; i < routes->n; i++) {
        if (written[i]) {
            continue;
        }
        jw_key_str(w, paths[i]);
        jw_object(w);
        for (size_t k = i; k < routes->n; k++) {
            if (str_eq(paths[k], paths[i])) {
                write_operation(w, task, &routes->rows[k]);
                written[k] = true;
            }
        }
        jw_end(w);
    }
}

/* Says, by the configuration, whether a credential is needed, and which are taken. The address is
 * relative to this document where nothing else is known: "." is the folder that it lies in. */
static void write_access(struct json_writer *w, const struct task *task)
{
    unsigned modes = task->config->auth.modes;
    struct str base = task->exchange->base;
    bool has_slash = str_ends(task->exchange->request.path, STR("/"));

    jw_shape(w, "security:[");
    jw_shape(w, modes != AUTH_NONE ? "{bearer:[]}" : "");
    jw_shape(w, (modes & AUTH_KEYS) != 0 ? "{apiKey:[]}" : "");
    jw_form(w, "], servers:[{url:%s}]", base.len > 0 ? base : has_slash ? STR("..") : STR("."));
}

/* ---- the document ---- */

/* It is made of the route table and constants: written once, at the first request. */
static void write_rest(struct task *task)
{
    static const char components[] =
        "{\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\","
        "\"description\":\"An API key, a token of the identity provider, or your own token of the "
        "platform, as auth.mode says.\"},"
        "\"apiKey\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-API-Key\"}},"
        "\"responses\":{\"Problem\":{\"description\":\"What is wrong, where, and what to do (RFC 9457)\",\"content\":"
        "{\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}}},"
        "\"schemas\":{"
        "\"Raw\":{\"type\":\"object\",\"required\":[\"success\"],\"properties\":{\"success\":{\"type\":\"boolean\"}},\"additionalProperties\":true,\"description\":\"raw=true: the platform's answer, without its secrets\"},"
        "\"DryRun\":{\"type\":\"object\",\"required\":[\"dry_run\",\"requests\"],\"description\":\"dry_run=true: what would be sent to the platform\","
        "\"properties\":{\"dry_run\":{\"const\":true},\"requests\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"additionalProperties\":true}}}},"
        "\"Problem\":{\"type\":\"object\",\"required\":[\"type\",\"title\",\"status\",\"detail\",\"code\",\"request_id\"],"
        "\"properties\":{\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},"
        "\"detail\":{\"type\":\"string\"},\"instance\":{\"type\":\"string\"},\"code\":{\"type\":\"string\"},\"error\":{\"type\":\"string\"},"
        "\"request_id\":{\"type\":\"string\"},\"upstream_status\":{\"type\":\"integer\"},"
        "\"made\":{\"type\":\"array\",\"description\":\"What exists on the platform although the whole failed\","
        "\"items\":{\"type\":\"object\",\"properties\":{\"call\":{\"type\":\"string\"},\"id\":{\"type\":\"string\"}}}},"
        "\"seen\":{\"type\":\"object\",\"description\":\"A step that may be the one whose answer was lost\","
        "\"properties\":{\"step_id\":{\"type\":\"string\"},\"checkpoint_id\":{\"type\":\"string\"},\"position\":{\"type\":\"integer\"}}},"
        "\"errors\":{\"type\":\"array\",\"items\":"
        "{\"type\":\"object\",\"properties\":{\"pointer\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"},\"code\":{\"type\":\"string\"},"
        "\"line\":{\"type\":\"integer\"},\"column\":{\"type\":\"integer\"}}}}}}}}";
    struct json_writer w;

    buf_init(&task->api->openapi, REST_MAX);
    jw_init(&w, &task->api->openapi);
    jw_shape(&w, "{paths:{");
    write_paths(&w, task);
    jw_form(&w, "}, components:%j}", components);
}

static void write_tags(struct json_writer *w, const struct task *task)
{
    static const struct {
        const char *name;
        const char *about;
    } rows[] = {
        {"tests", "Test files: check, convert, run"},
        {"sessions", "Remember the checkpoint and the position of the next step"},
        {"simplified",
         "Projects, goals, journeys, checkpoints and executions: a few fields in, a few fields out"},
        {"direct", "The platform's own API"},
        {"operations", "Health and metrics"},
        {"documents", "This documentation, all routes, error codes"},
    };

    jw_shape(w, "tags:[{name:'commands', description:");
    jw_format(w, "The %zu commands: look one up, check it, run it",
              catalog_size(task->api->catalog));
    jw_shape(w, "}");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        jw_form(w, "{name:%s, description:%s}", rows[i].name, rows[i].about);
    }
    jw_shape(w, "]");
}

/* What depends on the configuration and on how the caller reached us, then the rest. */
enum stage_verdict handle_openapi(struct task *task)
{
    static const char frame[] =
        "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"virtuoso-proxy\",\"version\":\"" VP_VERSION
        "\","
        "\"description\":\"A simple HTTP API in front of the Virtuoso QA test platform.\","
        "\"contact\":{\"name\":\"The operators of this proxy\"}}";
    struct buf *rest = &task->api->openapi;
    struct json_writer w;
    struct buf text;

    if (rest->len == 0) {
        write_rest(task);
    }
    buf_init(&text, REST_MAX);
    buf_text(&text, frame);
    jw_init_in_object(&w, &text);
    write_tags(&w, task);
    write_access(&w, task);
    buf_char(&text, ',');
    buf_str(&text, str_sub(buf_view(rest), 1, rest->len));
    return task_reply_text(task, 200, "application/json; charset=utf-8", &text);
}
