/* The answers of the OpenAPI document: statuses, media types, and what raw=true and dry_run=true
 * answer instead. */
#include "openapi.h"

static const char json_type_name[] = "application/json";

struct media_row {
    const char *operation;
    const char *type;
};

/* clang-format off */
/* Where the usual answer is not application/json, or not only. */
static const struct media_row media[] = {
    {"getStart", json_type_name}, {"getStart", "text/html"},
    {"getHealth", "application/health+json"}, {"getHealthLive", "application/health+json"}, {"getLivez", "application/health+json"},
    {"getHealthReady", "application/health+json"}, {"getReadyz", "application/health+json"},
    {"getMetrics", "text/plain"}, {"getMetrics", "application/openmetrics-text"},
    {"getHealthMetrics", "text/plain"}, {"getHealthMetrics", "application/openmetrics-text"},
    {"getConfiguration", "application/yaml"},
    {"compileTestFile", json_type_name}, {"compileTestFile", "application/yaml"}, {"compileTestFile", "text/plain"},
    {"watchTestRun", "text/event-stream"}, {"watchEvents", "text/event-stream"},
    {"watchCache", "text/event-stream"},
    {"getDirect", json_type_name}, {"getDirect", "text/html"}, {"getDirect", "*/*"},
    {"postDirect", json_type_name}, {"postDirect", "text/html"}, {"postDirect", "*/*"},
    {"putDirect", json_type_name}, {"putDirect", "text/html"}, {"putDirect", "*/*"},
    {"patchDirect", json_type_name}, {"patchDirect", "text/html"}, {"patchDirect", "*/*"},
    {"deleteDirect", json_type_name}, {"deleteDirect", "text/html"}, {"deleteDirect", "*/*"},
    {"getDocs", "text/html"}, {"getRedoc", "text/html"},
    {"getUi", "text/html"}, {"getUiRuns", "text/html"}, {"getUiFile", "text/javascript"}, {"getUiFile", "text/css"}, {"getUiFile", "image/svg+xml"},
    {"getDocsFile", "text/html"}, {"getDocsFile", "text/css"}, {"getDocsFile", "text/javascript"},
    {"getFavicon", "image/svg+xml"}, {"getFaviconIco", "image/svg+xml"},
    {"listProblems", json_type_name}, {"listProblems", "text/html"},
    {"getProblem", json_type_name}, {"getProblem", "text/html"},
    {"listCommands", json_type_name}, {"listCommands", "text/html"},
};

/* Successes beside the usual one. */
static const struct {
    const char *operation;
    const char *status;
    const char *description;
} successes[] = {
    {"executeBatch", "207", "Not all commands succeeded; results says which"},
    {"runTestFile", "202", "async=true: the run has begun; Location is its address"},
    {"runTestFile", "207", "The run ended, but neither created nor passed; the answer says what exists"},
    {"testWebhook", "202", "The event comes in its turn; deliveries tell what became of it"},
    {"redeliverWebhook", "202", "The delivery comes in its turn"},
    {"stopTestRun", "202", "The run stops after the step in flight"},
    {"getDirect", "201", "Created on the platform"}, {"getDirect", "204", "Done, and the platform answered without content"},
    {"postDirect", "201", "Created on the platform"}, {"postDirect", "204", "Done, and the platform answered without content"},
    {"putDirect", "201", "Created on the platform"}, {"putDirect", "204", "Done, and the platform answered without content"},
    {"patchDirect", "201", "Created on the platform"}, {"patchDirect", "204", "Done, and the platform answered without content"},
    {"deleteDirect", "201", "Created on the platform"}, {"deleteDirect", "204", "Done, and the platform answered without content"},
    {"getRedoc", "308", "Location is the address of the documentation"},
    {"watchTestRun", "204", "The run is over, and the client has seen its last event"},
};

/* clang-format on */

static bool has_parameter(const struct route *route, const char *name)
{
    for (const struct member *row = route_query_rows(route); row->name != NULL; row++) {
        if (str_is(str_from(row->name), name)) {
            return true;
        }
    }
    return false;
}

static struct json *text_schema(struct task *task)
{
    struct json *schema = json_new_object(task->arena);

    openapi_put(task, schema, "type", "string");
    return schema;
}

/* The reduced answer, or what the caller asked for instead of it. */
static struct json *json_schema(struct task *task, const struct route *route, int status)
{
    struct json *reduced = openapi_reply(task, route);
    bool raw = has_parameter(route, "raw");
    bool dry = has_parameter(route, "dry_run") && status == 200;
    struct json *forms;
    struct json *schema;

    if ((!raw && !dry) || task->api->routes->contract(route).map == NULL) {
        return reduced;
    }
    forms = json_new_array(task->arena);
    json_append(forms, reduced);
    if (raw) {
        json_append(forms, openapi_ref(task, "#/components/schemas/Raw"));
    }
    if (dry) {
        json_append(forms, openapi_ref(task, "#/components/schemas/DryRun"));
    }
    schema = json_new_object(task->arena);
    json_set(schema, STR("anyOf"), forms);
    return schema;
}

static void add_media(struct task *task, struct json *content, const char *type,
                      struct json *schema)
{
    struct json *one = json_new_object(task->arena);

    json_set(one, STR("schema"), schema);
    json_set(content, str_from(type), one);
}

static struct json *content_of(struct task *task, const struct route *route, int status)
{
    struct json *content = json_new_object(task->arena);

    for (size_t i = 0; i < ARRAY_LEN(media); i++) {
        if (str_is(str_from(route->operation), media[i].operation)) {
            bool is_json = str_contains(str_from(media[i].type), STR("json"));
            bool is_any = str_is(str_from(media[i].type), "*/*");

            add_media(task, content, media[i].type,
                      is_json  ? json_schema(task, route, status)
                      : is_any ? json_new_object(task->arena)
                               : text_schema(task));
        }
    }
    if (json_size(content) == 0) {
        add_media(task, content, json_type_name, json_schema(task, route, status));
    }
    return content;
}

static struct json *success(struct task *task, const char *description, struct json *content)
{
    struct json *out = json_new_object(task->arena);

    openapi_put(task, out, "description", description);
    if (content != NULL) {
        json_set(out, STR("content"), content);
    }
    return out;
}

static void add_other_successes(struct task *task, struct json *out, const struct route *route)
{
    for (size_t i = 0; i < ARRAY_LEN(successes); i++) {
        if (!str_is(str_from(route->operation), successes[i].operation)) {
            continue;
        }
        json_set(out, str_from(successes[i].status),
                 success(task, successes[i].description,
                         str_is(STR("204"), successes[i].status) ||
                                 str_is(STR("308"), successes[i].status)
                             ? NULL
                         : route->body == BODY_STREAM
                             ? content_of(task, route, 200)
                             : openapi_content(task, json_type_name, openapi_any_object(task))));
    }
}

/* What makes or ends something answers 200 where nothing was sent. */
static void add_dry_run(struct task *task, struct json *out, const struct route *route)
{
    if (has_parameter(route, "dry_run") && json_get(out, "200") == NULL) {
        json_set(out, STR("200"),
                 success(task, "dry_run=true: nothing was sent",
                         openapi_content(task, json_type_name,
                                         openapi_ref(task, "#/components/schemas/DryRun"))));
    }
}

/* Below /virtuoso the platform's own refusals pass as they are. */
static struct json *failure(struct task *task, const struct route *route)
{
    struct json *content;

    if (route->body != BODY_STREAM) {
        return openapi_ref(task, "#/components/responses/Problem");
    }
    content = content_of(task, route, 200);
    add_media(task, content, "application/problem+json",
              openapi_ref(task, "#/components/schemas/Problem"));
    return success(task, "A refusal of the proxy, or the platform's own as it is", content);
}

struct json *openapi_responses(struct task *task, const struct route *route)
{
    struct json *out = json_new_object(task->arena);
    int status = task->api->routes->contract(route).status;

    json_set(out, arena_printf(task->arena, "%d", status),
             success(task, route->summary, status == 204 ? NULL : content_of(task, route, status)));
    add_other_successes(task, out, route);
    add_dry_run(task, out, route);
    json_set(out, STR("4XX"), failure(task, route));
    json_set(out, STR("5XX"), failure(task, route));
    return out;
}
