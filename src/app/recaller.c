#include "parts.h"

#include "base/mem.h"
#include "cloud/recall.h"

/* As long as the caller waits for it (api/tests/run_drive.c). */
enum { TIMEOUT_MS = 2500 };

struct recaller { /* in the arena of its cloud */
    struct cloud *cloud;
    struct cloud_recall_place place;
    struct api_recaller port;
};

struct recaller_call {
    struct cloud_recall recall;
    struct api_recall *asked;
};

static void on_done(struct cloud_recall *recall, const struct error *error)
{
    struct recaller_call *call = CONTAINER_OF(recall, struct recaller_call, recall);
    struct api_recall *asked = call->asked;

    asked->state = NULL;
    asked->on_done(asked, error);
    mem_free(call);
}

static void start(void *context, struct api_recall *asked)
{
    struct recaller *recaller = context;
    struct recaller_call *call = mem_zalloc(sizeof(*call));

    asked->state = call;
    call->asked = asked;
    call->recall.name = asked->name;
    call->recall.path = asked->path;
    call->recall.on_done = on_done;
    cloud_recall_start(recaller->cloud, &recaller->place, &call->recall);
}

static void cancel(struct api_recall *asked)
{
    struct recaller_call *call = asked->state;

    if (call != NULL) {
        asked->state = NULL;
        cloud_recall_cancel(&call->recall);
        mem_free(call);
    }
}

struct recaller *recaller_open(struct loop *loop, const struct config *config)
{
    bool is_driven =
        str_is(config->runs.driver, "request") && (config->server.roles & ROLE_RUNS) != 0;
    bool is_wanted = config->runs.recall_queue.len > 0 || config->runs.recall_function.len > 0;
    struct recaller *recaller;
    struct cloud *cloud;
    struct arena *arena;

    if (!is_wanted || !is_driven) {
        return NULL;
    }
    cloud = cloud_open(loop, &(struct cloud_options){.aws_region = config->cloud.aws_region,
                                                     .ca_file = config->upstream.ca_file,
                                                     .timeout_ms = TIMEOUT_MS});
    arena = cloud_arena(cloud);
    recaller = arena_zalloc(arena, sizeof(*recaller));
    recaller->cloud = cloud;
    recaller->place = (struct cloud_recall_place){
        .queue = arena_str(arena, config->runs.recall_queue),
        .url = arena_str(arena, config->runs.recall_url),
        .account = arena_str(arena, config->runs.recall_account),
        .audience = arena_str(arena, config->auth.jwt.audience),
        .function = arena_str(arena, config->runs.recall_function),
    };
    recaller->port = (struct api_recaller){start, cancel, recaller->place.queue.len > 0, recaller};
    return recaller;
}

void recaller_close(struct recaller *recaller, void (*on_closed)(void *context), void *context)
{
    cloud_close(recaller->cloud, on_closed, context);
}

const struct api_recaller *recaller_port(struct recaller *recaller)
{
    return recaller != NULL ? &recaller->port : NULL;
}

void recaller_forget_connections(struct recaller *recaller)
{
    if (recaller != NULL) {
        cloud_forget_connections(recaller->cloud);
    }
}
