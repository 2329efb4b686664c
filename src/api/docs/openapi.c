/* GET /openapi.json: OpenAPI 3.1 made of the tables that route, check and reduce; nothing is
 * written twice. */
#include "openapi.h"
#include "api/docs/handlers.h"

static const char *success_status(const struct task *task, const struct route *route)
{
    int status = task->api->routes->contract(route).status;

    return status == 204 ? "204" : status == 201 ? "201" : "200";
}

static const char *success_type(const struct route *route)
{
    struct str pattern = str_from(route->pattern);

    if (str_ends(pattern, STR("/metrics"))) {
        return "text/plain";
    }
    if (str_starts(pattern, STR("/favicon"))) {
        return "image/svg+xml";
    }
    if (str_ends(pattern, STR("/events"))) {
        return "text/event-stream";
    }
    if (str_starts(pattern, STR("/health")) || str_ends(pattern, STR("ez")) ||
        str_ends(pattern, STR("yz"))) {
        return str_ends(pattern, STR("/stats")) ? "application/json" : "application/health+json";
    }
    return "application/json";
}

/* Successes beside the usual one, as rows. */
static void add_other_successes(struct task *task, struct json *out, const struct route *route)
{
    static const struct {
        const char *operation;
        const char *status;
        const char *description;
    } rows[] = {
        {"executeBatch", "207", "Not all commands succeeded; results says which"},
        {"runTestFile", "202", "async=true: it has begun; Location says where to look"},
        {"runTestFile", "207",
         "It ended otherwise than created or passed; the answer says what exists"},
        {"stopTestRun", "202", "It stops after the step in flight"},
        {"getDirect", "201", "The platform made it"},
        {"postDirect", "201", "The platform made it"},
        {"putDirect", "201", "The platform made it"},
        {"patchDirect", "201", "The platform made it"},
        {"deleteDirect", "201", "The platform made it"},
        {"watchTestRun", "204", "It is over, and the client has seen its last event"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json *success;
        struct json *schema;

        if (!str_is(str_from(route->operation), rows[i].operation)) {
            continue;
        }
        success = json_new_object(task->arena);
        openapi_put(task, success, "description", rows[i].description);
        if (!str_is(STR("204"), rows[i].status)) {
            schema = json_new_object(task->arena);
            openapi_put(task, schema, "type", "object");
            json_set(success, STR("content"), openapi_content(task, "application/json", schema));
        }
        json_set(out, str_from(rows[i].status), success);
    }
}

static struct json *responses(struct task *task, const struct route *route)
{
    struct json *out = json_new_object(task->arena);
    struct json *success = json_new_object(task->arena);
    const char *status = success_status(task, route);
    const char *type = success_type(route);
    struct json *plain;

    openapi_put(task, success, "description", route->summary);
    if (!str_is(STR("204"), status)) {
        plain = json_new_object(task->arena);
        openapi_put(task, plain, "type", "string");
        json_set(success, STR("content"),
                 openapi_content(task, type,
                                 str_starts(str_from(type), STR("text/"))
                                     ? plain
                                     : openapi_reply(task, route)));
    }
    json_set(out, str_from(status), success);
    add_other_successes(task, out, route);
    json_set(out, STR("4XX"), openapi_ref(task, "#/components/responses/Problem"));
    json_set(out, STR("5XX"), openapi_ref(task, "#/components/responses/Problem"));
    return out;
}

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
        return "One or more segments";
    }
    if (str_starts(str_from(route->pattern), STR("/api/v1/tests/runs"))) {
        return "As POST /api/v1/tests/run answered it";
    }
    return str_starts(str_from(route->pattern), STR("/api/v1/sessions"))
               ? "As POST /api/v1/sessions answered it"
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
                                "The session, where the body names none");
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
    json_set(out, STR("responses"), responses(task, route));
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

enum stage_verdict handle_openapi(struct task *task)
{
    static const char frame[] =
        "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"virtuoso-proxy\",\"version\":\"" VP_VERSION
        "\","
        "\"description\":\"A simple HTTP API in front of the Virtuoso QA test platform.\","
        "\"contact\":{\"name\":\"The operators of this proxy\"}},"
        "\"security\":[{\"bearer\":[]},{\"apiKey\":[]}],"
        "\"tags\":["
        "{\"name\":\"commands\",\"description\":\"The 87 commands: look one up, check it, run it\"},"
        "{\"name\":\"tests\",\"description\":\"Test files: check, convert, run\"},"
        "{\"name\":\"sessions\",\"description\":\"Remember the checkpoint and the position of the next step\"},"
        "{\"name\":\"simplified\",\"description\":\"Projects, goals, journeys, checkpoints and executions: a few fields in, a few fields out\"},"
        "{\"name\":\"direct\",\"description\":\"The platform's own API\"},"
        "{\"name\":\"operations\",\"description\":\"Health and metrics\"},"
        "{\"name\":\"documents\",\"description\":\"This documentation, all routes, error codes\"}]}";
    static const char components[] =
        "{\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
        "\"apiKey\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-API-Key\"}},"
        "\"responses\":{\"Problem\":{\"description\":\"What is wrong, where, and what to do (RFC 9457)\",\"content\":"
        "{\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}}},"
        "\"schemas\":{\"Problem\":{\"type\":\"object\",\"required\":[\"type\",\"title\",\"status\",\"detail\",\"code\",\"request_id\"],"
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
    struct json *document = NULL;
    struct json *parts = NULL;

    if (json_parse(task->arena, str_from(frame), NULL, &document, &task->error) != ERR_OK ||
        json_parse(task->arena, str_from(components), NULL, &parts, &task->error) != ERR_OK) {
        return task_fail(task);
    }
    json_set(document, STR("servers"), servers(task));
    json_set(document, STR("paths"), paths(task));
    json_set(document, STR("components"), parts);
    return task_reply_json(task, 200, document);
}
