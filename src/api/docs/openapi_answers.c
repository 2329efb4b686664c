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
    {"direct", json_type_name}, {"direct", "text/html"}, {"direct", "*/*"},
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
    {"direct", "201", "Created on the platform"}, {"direct", "204", "Done, and the platform answered without content"},
    {"getRedoc", "308", "Location is the address of the documentation"},
    {"watchTestRun", "204", "The run is over, and the client has seen its last event"},
};

/* clang-format on */

/* A row names an operation, or the chapter of several. */
static bool is_about(const char *name, const struct route *route)
{
    return str_is(str_from(route->operation), name) || str_is(str_from(route->tag), name);
}

static bool has_parameter(const struct route *route, const char *name)
{
    for (const struct member *row = route_query_rows(route); row->name != NULL; row++) {
        if (str_is(str_from(row->name), name)) {
            return true;
        }
    }
    return false;
}

/* The reduced answer, or what the caller asked for instead of it. */
static void write_schema(struct json_writer *w, const struct task *task, const struct route *route,
                         int status)
{
    bool raw = has_parameter(route, "raw");
    bool dry = has_parameter(route, "dry_run") && status == 200;

    if ((!raw && !dry) || task->api->routes->contract(route).map == NULL) {
        openapi_reply(w, task, route);
        return;
    }
    jw_shape(w, "{anyOf:[");
    openapi_reply(w, task, route);
    jw_shape(w, raw ? "{$ref:'#/components/schemas/Raw'}" : "");
    jw_shape(w, dry ? "{$ref:'#/components/schemas/DryRun'}]}" : "]}");
}

/* The members of `content`. */
static void write_media(struct json_writer *w, const struct task *task, const struct route *route,
                        int status)
{
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(media); i++) {
        struct str type = str_from(media[i].type);

        if (!is_about(media[i].operation, route)) {
            continue;
        }
        n++;
        jw_key_str(w, type);
        jw_shape(w, "{schema:");
        if (str_contains(type, STR("json"))) {
            write_schema(w, task, route, status);
        } else {
            jw_shape(w, str_is(type, "*/*") ? "{}" : "{type:'string'}");
        }
        jw_end(w);
    }
    if (n == 0) {
        jw_shape(w, "application/json:{schema:");
        write_schema(w, task, route, status);
        jw_end(w);
    }
}

static void write_other_successes(struct json_writer *w, const struct task *task,
                                  const struct route *route)
{
    for (size_t i = 0; i < ARRAY_LEN(successes); i++) {
        struct str status = str_from(successes[i].status);

        if (!is_about(successes[i].operation, route)) {
            continue;
        }
        jw_key_str(w, status);
        jw_form(w, "{description:%s", successes[i].description);
        if (route->body == BODY_STREAM && !str_is(status, "204") && !str_is(status, "308")) {
            jw_shape(w, "content:{");
            write_media(w, task, route, 200);
            jw_end(w);
        } else if (!str_is(status, "204") && !str_is(status, "308")) {
            jw_shape(
                w,
                "content:{application/json:{schema:{type:'object', additionalProperties:true}}}");
        }
        jw_end(w);
    }
}

/* Below /virtuoso the platform's own refusals pass as they are. */
static void write_failure(struct json_writer *w, const struct task *task, const struct route *route)
{
    if (route->body != BODY_STREAM) {
        jw_shape(w, "{$ref:'#/components/responses/Problem'}");
        return;
    }
    jw_shape(w,
             "{description:'A refusal of the proxy, or that of the platform as it is', content:{");
    write_media(w, task, route, 200);
    jw_shape(w, "application/problem+json:{schema:{$ref:'#/components/schemas/Problem'}}}}");
}

void openapi_responses(struct json_writer *w, const struct task *task, const struct route *route)
{
    int status = task->api->routes->contract(route).status;
    char digits[DIGITS_MAX];

    jw_object(w);
    jw_key_str(w, str_of_int(status, digits));
    jw_form(w, "{description:%s", route->summary);
    if (status != 204) {
        jw_shape(w, "content:{");
        write_media(w, task, route, status);
        jw_end(w);
    }
    jw_end(w);
    write_other_successes(w, task, route);
    if (status != 200 && has_parameter(route, "dry_run")) { /* nothing is made or ended then */
        jw_shape(w, "200:{description:'dry_run=true: nothing was sent', "
                    "content:{application/json:{schema:{$ref:'#/components/schemas/DryRun'}}}}");
    }
    jw_shape(w, "4XX:");
    write_failure(w, task, route);
    jw_shape(w, "5XX:");
    write_failure(w, task, route);
    jw_end(w);
}
