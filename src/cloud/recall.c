#include "cloud/recall.h"

#include "base/json_form.h"
#include "base/percent.h"
#include "observe/metrics.h"

enum {
    TRIES = 3,
    GOOD = 200,
    NOT_GOOD = 300,
    EXISTS = 409,
    BODY_MAX = 16 * 1024,
    NAME_MAX_BYTES = 512
};

static void finish(struct cloud_recall *recall, const struct error *error)
{
    struct arena arena = recall->arena;

    metric_add(M_RUN_RECALLS, error == NULL ? RESULT_OK : RESULT_ERROR, 0, 0, 1);
    recall->arena = (struct arena){0};
    recall->on_done(recall, error);
    arena_done(&arena);
}

/* After a lost answer a task may be asked for again: its name lets it happen once. An invocation has no name. */
static bool asks_again(struct cloud_recall *recall)
{
    const struct cloud_call *call = &recall->call;
    bool is_harmless = call->request.vendor == CLOUD_GOOGLE || !call->may_have_left;

    return is_harmless && ++recall->tries < TRIES;
}

static void on_done(struct cloud_call *call, enum error_code code)
{
    struct cloud_recall *recall = CONTAINER_OF(call, struct cloud_recall, call);
    int status = code == ERR_OK ? call->reply.status : 0;
    struct error err = call->error;

    if ((status >= GOOD && status < NOT_GOOD) ||
        (status == EXISTS && call->request.vendor == CLOUD_GOOGLE)) {
        finish(recall, NULL);
        return;
    }
    if (code != ERR_OK && asks_again(recall)) {
        cloud_start(recall->cloud, call);
        return;
    }
    if (code == ERR_OK) {
        struct str reason = cloud_reason(&recall->arena, &call->reply);

        (void)error_set(&err, ERR_IO, "%s answered %d %.*s",
                        call->request.vendor == CLOUD_GOOGLE ? "Cloud Tasks" : "Lambda", status,
                        STR_ARG(reason));
    }
    finish(recall, &err);
}

static void ask_lambda(const struct cloud *cloud, const struct cloud_recall_place *place,
                       struct cloud_recall *recall, struct cloud_request *request)
{
    struct error *err = &recall->call.error;
    struct buf name;

    buf_init(&name, NAME_MAX_BYTES);
    percent_encode(&name, place->function);
    recall->header = (struct upstream_header){STR("X-Amz-Invocation-Type"), STR("Event")};
    request->vendor = CLOUD_AWS;
    request->service = STR("lambda");
    request->region = place->region;
    request->origin = cloud_aws_origin(cloud, &recall->arena, "lambda", place->region, err);
    request->path = arena_printf(&recall->arena, "/2015-03-31/functions/%.*s/invocations",
                                 STR_ARG(buf_view(&name)));
    request->headers = &recall->header;
    request->n_headers = 1;
    request->class = CALL_CREATE; /* asked twice, it is done twice */
    buf_done(&name);
}

void cloud_recall_start(struct cloud *cloud, const struct cloud_recall_place *place,
                        struct cloud_recall *recall)
{
    struct cloud_request *request = &recall->call.request;
    bool is_task = place->queue.len > 0;
    struct json_writer w;
    struct buf body;

    arena_init(&recall->arena);
    recall->cloud = cloud;
    recall->tries = 0;
    recall->call = (struct cloud_call){.on_done = on_done};
    *request =
        (struct cloud_request){.method = STR("POST"), .content_type = STR("application/json")};
    buf_init(&body, BODY_MAX);
    jw_init(&w, &body);
    if (is_task) {
        struct arena *arena = &recall->arena;

        jw_form(
            &w,
            "{task:{name:%s, httpRequest:{url:%s, httpMethod:'POST', "
            "oidcToken:{serviceAccountEmail:%s, audience:%s}}}}",
            arena_printf(arena, "%.*s/tasks/%.*s", STR_ARG(place->queue), STR_ARG(recall->name)),
            arena_printf(arena, "%.*s%.*s", STR_ARG(place->url), STR_ARG(recall->path)),
            place->account, place->audience.len > 0 ? place->audience : place->url);
        request->vendor = CLOUD_GOOGLE;
        request->origin = cloud_google_origin(&recall->arena, "cloudtasks");
        request->path = arena_printf(&recall->arena, "/v2/%.*s/tasks", STR_ARG(place->queue));
        request->class = CALL_READ; /* it has a name: what is asked twice is done once */
    } else {
        struct str path;
        struct str query;

        (void)str_cut(recall->path, '?', &path, &query);
        jw_form(&w, "{source:'virtuoso-proxy.recall', id:%s, path:%s, query:%s}", recall->name,
                path, query);
        ask_lambda(cloud, place, recall, request);
    }
    request->body = arena_take(&recall->arena, &body);
    cloud_start(cloud, &recall->call);
}

void cloud_recall_cancel(struct cloud_recall *recall)
{
    cloud_cancel(&recall->call);
    arena_done(&recall->arena);
    recall->arena = (struct arena){0};
}
