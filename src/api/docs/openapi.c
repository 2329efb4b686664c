/* GET /openapi.json: OpenAPI 3.1 made of the tables that route, check and reduce; nothing is
 * written twice. */
#include "openapi.h"
#include "api/docs/handlers.h"

enum { REST_MAX = 16 * 1024 * 1024 };

/* ---- parameters and operations ---- */

static struct json *add_parameter(struct task *task, struct json *list, struct str name,
                                  const char *in, const char *description)
{
    struct json *parameter = json_new_object(task->arena);
    struct json *schema = json_new_object(task->arena);

    json_set(parameter, STR("name"), json_new_string(task->arena, name));
    openapi_put(task, parameter, "in", in);
    openapi_put(task, parameter, "description", description);
    json_set(parameter, STR("required"), json_new_bool(task->arena, str_is(STR("path"), in)));
    openapi_put(task, schema, "type", "string");
    json_set(parameter, STR("schema"), schema);
    json_append(list, parameter);
    return parameter;
}

/* "{command*}" -> "command" */
static struct str param_name(struct str part)
{
    part = str_sub(part, 1, part.len - 2);
    return str_ends(part, STR("*")) ? str_sub(part, 0, part.len - 1) : part;
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

static void add_path_parameters(struct task *task, struct json *list, const struct route *route)
{
    const struct openapi_example *example = openapi_example_of(route);
    struct str values = str_from(example != NULL ? example->params : NULL);
    struct str rest = str_from(route->pattern);
    struct str part;
    struct str value;

    while (str_next(&rest, '/', &part)) {
        struct json *parameter;

        if (part.ptr[0] != '{') {
            continue;
        }
        parameter = add_parameter(task, list, param_name(part), "path", param_about(route, part));
        if (str_next(&values, ' ', &value)) {
            json_set(parameter, STR("example"), json_new_string(task->arena, value));
        }
    }
}

static void add_header_parameters(struct task *task, struct json *list, const struct route *route)
{
    for (const struct member *row = route->query->members; row->name != NULL; row++) {
        if (str_is(STR("session_id"), row->name)) {
            (void)add_parameter(task, list, STR("X-Session-Id"), "header",
                                "The session, if the body names none");
        }
    }
    if (str_is(STR("POST"), route->method)) {
        (void)add_parameter(task, list, STR("Idempotency-Key"), "header",
                            "A retry with the same key gets the first reply again");
    }
}

static struct json *parameters(struct task *task, const struct route *route)
{
    struct json *list = json_new_array(task->arena);

    add_path_parameters(task, list, route);
    for (const struct member *row = route_query_rows(route); row->name != NULL; row++) {
        struct json *parameter =
            add_parameter(task, list, str_from(row->name), "query", row->about);

        json_set(parameter, STR("schema"), openapi_member(task, row));
    }
    add_header_parameters(task, list, route);
    return list;
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

static struct json *operation(struct task *task, const struct route *route)
{
    struct json *out = json_new_object(task->arena);
    struct json *tags = json_new_array(task->arena);

    json_append(tags, openapi_text(task, route->tag));
    openapi_put(task, out, "operationId", route->operation);
    openapi_put(task, out, "summary", route->summary);
    json_set(out, STR("description"), json_new_string(task->arena, description(task, route)));
    json_set(out, STR("tags"), tags);
    json_set(out, STR("parameters"), parameters(task, route));
    if (route->body != BODY_NONE && !str_is(STR("GET"), route->method) &&
        !str_is(STR("DELETE"), route->method)) {
        json_set(out, STR("requestBody"), openapi_request_body(task, route));
    }
    json_set(out, STR("responses"), openapi_responses(task, route));
    if (route->successor != NULL) {
        json_set(out, STR("deprecated"), json_new_bool(task->arena, true));
    }
    if (route->access == ACCESS_PUBLIC) {
        json_set(out, STR("security"), json_new_array(task->arena));
    }
    return out;
}

static struct str open_path(struct task *task, const struct route *route)
{
    struct str rest = str_from(route->pattern);
    struct str part;
    struct str path = STR_EMPTY;

    while (str_next(&rest, '/', &part)) {
        path =
            part.ptr[0] == '{'
                ? arena_printf(task->arena, "%.*s/{%.*s}", STR_ARG(path), STR_ARG(param_name(part)))
                : arena_printf(task->arena, "%.*s/%.*s", STR_ARG(path), STR_ARG(part));
    }
    return path.len > 0 ? path : STR("/");
}

static struct json *paths(struct task *task)
{
    struct json *out = json_new_object(task->arena);
    const struct route *routes = task->api->routes->rows;

    for (size_t i = 0; i < task->api->routes->n; i++) {
        struct str path = open_path(task, &routes[i]);
        struct json *item = unconst(json_get_str(out, path));
        char *method = arena_alloc(task->arena, 16);
        size_t len = 0;

        for (; routes[i].method[len] != '\0'; len++) {
            method[len] = char_lower(routes[i].method[len]);
        }
        if (item == NULL) {
            item = json_new_object(task->arena);
            json_set(out, path, item);
        }
        json_set(item, (struct str){method, len}, operation(task, &routes[i]));
    }
    return out;
}

/* Relative to this document where nothing else is known: "." is the folder that it lies in. */
static struct json *servers(struct task *task)
{
    struct json *list = json_new_array(task->arena);
    struct json *server = json_new_object(task->arena);
    struct str base = task->exchange->base;
    bool has_slash = str_ends(task->exchange->request.path, STR("/"));

    json_set(server, STR("url"),
             json_new_string(task->arena, base.len > 0 ? base
                                          : has_slash  ? STR("..")
                                                       : STR(".")));
    json_append(list, server);
    return list;
}

static void add_scheme(struct task *task, struct json *list, const char *name)
{
    struct json *scheme = json_new_object(task->arena);

    json_set(scheme, str_from(name), json_new_array(task->arena));
    json_append(list, scheme);
}

/* As this proxy is configured: nobody needs a credential, or one of ours, or one of the platform. */
static struct json *security(struct task *task)
{
    struct json *list = json_new_array(task->arena);
    unsigned modes = task->config->auth.modes;

    if (modes != AUTH_NONE) {
        add_scheme(task, list, "bearer");
    }
    if ((modes & AUTH_KEYS) != 0) {
        add_scheme(task, list, "apiKey");
    }
    return list;
}

/* ---- the document ---- */

/* It is made of the route table and constants: written once, at the first request. */
static enum error_code write_rest(struct task *task)
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
    struct json *rest = json_new_object(task->arena);
    struct json *parts = NULL;
    enum error_code code =
        json_parse(task->arena, str_from(components), NULL, &parts, &task->error);

    if (code == ERR_OK) {
        json_set(rest, STR("paths"), paths(task));
        json_set(rest, STR("components"), parts);
        buf_init(&task->api->openapi, REST_MAX);
        buf_str(&task->api->openapi, json_text(task->arena, rest));
    }
    return code;
}

/* What depends on the configuration and on how the caller reached us, then the rest. */
enum stage_verdict handle_openapi(struct task *task)
{
    static const char frame[] =
        "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"virtuoso-proxy\",\"version\":\"" VP_VERSION
        "\","
        "\"description\":\"A simple HTTP API in front of the Virtuoso QA test platform.\","
        "\"contact\":{\"name\":\"The operators of this proxy\"}},"
        "\"tags\":["
        "{\"name\":\"commands\",\"description\":\"The 87 commands: look one up, check it, run it\"},"
        "{\"name\":\"tests\",\"description\":\"Test files: check, convert, run\"},"
        "{\"name\":\"sessions\",\"description\":\"Remember the checkpoint and the position of the next step\"},"
        "{\"name\":\"simplified\",\"description\":\"Projects, goals, journeys, checkpoints and executions: a few fields in, a few fields out\"},"
        "{\"name\":\"direct\",\"description\":\"The platform's own API\"},"
        "{\"name\":\"operations\",\"description\":\"Health and metrics\"},"
        "{\"name\":\"documents\",\"description\":\"This documentation, all routes, error codes\"}]}";
    struct buf *rest = &task->api->openapi;
    struct json *document = NULL;
    struct str head;

    if (json_parse(task->arena, str_from(frame), NULL, &document, &task->error) != ERR_OK ||
        (rest->len == 0 && write_rest(task) != ERR_OK)) {
        return task_fail(task);
    }
    json_set(document, STR("security"), security(task));
    json_set(document, STR("servers"), servers(task));
    head = json_text(task->arena, document);
    return task_reply(task, 200, "application/json; charset=utf-8",
                      arena_printf(task->arena, "%.*s,%.*s", (int)head.len - 1, head.ptr,
                                   STR_ARG(str_sub(buf_view(rest), 1, rest->len))));
}
