#include "parts.h"

#include "base/mem.h"
#include "cloud/cloud.h"

struct google { /* in the arena of its cloud */
    struct cloud *cloud;
    struct str origin;
};

struct google_call {
    struct cloud_call call;
    struct sink_google_call *asked;
};

static void on_done(struct cloud_call *call, enum error_code code)
{
    struct google_call *mine = CONTAINER_OF(call, struct google_call, call);
    struct sink_google_call *asked = mine->asked;
    int status = code == ERR_OK ? call->reply.status : 0;

    asked->state = NULL;
    asked->on_done(asked, status, code == ERR_OK ? call->reply.body : STR_EMPTY,
                   code == ERR_OK ? NULL : call->error.text);
    mem_free(mine);
}

/* The request may be repeated (CALL_READ): a row that arrives twice has the same insertId. */
static void start(void *context, struct sink_google_call *asked)
{
    struct google *google = context;
    struct google_call *mine = mem_zalloc(sizeof(*mine));

    asked->state = mine;
    mine->asked = asked;
    mine->call.on_done = on_done;
    mine->call.request = (struct cloud_request){.vendor = CLOUD_GOOGLE,
                                                .origin = google->origin,
                                                .method = STR("POST"),
                                                .path = asked->path,
                                                .body = asked->body,
                                                .content_type = STR("application/json"),
                                                .class = CALL_READ};
    cloud_start(google->cloud, &mine->call);
}

static void cancel(struct sink_google_call *asked)
{
    struct google_call *mine = asked->state;

    if (mine != NULL) {
        asked->state = NULL;
        cloud_cancel(&mine->call);
        mem_free(mine);
    }
}

struct google *google_open(struct loop *loop, const char *service, struct str ca_file)
{
    struct cloud *cloud = cloud_open(loop, &(struct cloud_options){.ca_file = ca_file});
    struct google *google = arena_zalloc(cloud_arena(cloud), sizeof(*google));

    google->cloud = cloud;
    google->origin = cloud_google_origin(cloud_arena(cloud), service);
    return google;
}

void google_close(struct google *google, void (*on_closed)(void *context), void *context)
{
    cloud_close(google->cloud, on_closed, context);
}

struct sink_google google_port(struct google *google)
{
    return (struct sink_google){start, cancel, google};
}
