#include "cells.h"

#include "base/clock.h"
#include "base/date.h"
#include "base/percent.h"
#include "cloud/bucket.h"
#include "net/loop.h"

enum {
    SKEW_MS = 1500, /* the header Date has whole seconds: less than this is no difference */
    HALF_S_MS = 500,
    PATH_MAX_BYTES = 4096,
    SUCCESS = 200,
    NO_SUCCESS = 300
};

static const struct cells_dialect *const dialects[] = {
    [STORE_S3] = &cells_s3,
    [STORE_GCS] = &cells_gcs,
    [STORE_FIRESTORE] = &cells_firestore,
};

/* --- open and close */
static enum error_code find_firestore(struct cells *cells)
{
    cells->path = arena_printf(&cells->arena, "/v1/projects/%.*s/databases/%.*s/documents",
                               STR_ARG(cells->where.bucket),
                               STR_ARG(cells_encode(&cells->arena, cells->where.database, false)));
    cells->origin = cloud_google_origin(&cells->arena, "firestore");
    return ERR_OK;
}

static enum error_code find_bucket(struct cells *cells, struct error *err)
{
    struct cloud_bucket bucket = {.vendor = cells->dialect->vendor,
                                  .name = cells->where.bucket,
                                  .region = cells->where.aws_region};
    enum error_code code = cloud_bucket_find(cells->cloud, &cells->arena, &bucket, err);

    cells->origin = bucket.origin;
    cells->path = bucket.path;
    return code;
}

enum error_code cells_open(struct loop *loop, const struct store_cloud *where, struct cells *out,
                           struct error *err)
{
    const struct cloud_options options = {.aws_region = where->aws_region,
                                          .ca_file = where->ca_file};

    *out = (struct cells){.loop = loop, .dialect = dialects[where->kind]};
    arena_init(&out->arena);
    out->where = *where;
    out->where.bucket = arena_str(&out->arena, where->bucket);
    out->where.folder = arena_str(&out->arena, where->folder);
    out->where.database = arena_str(&out->arena, where->database);
    out->where.aws_region = arena_str(&out->arena, where->aws_region);
    out->cloud = cloud_open(loop, &options);
    return where->kind == STORE_FIRESTORE ? find_firestore(out) : find_bucket(out, err);
}

void cells_close(struct cells *cells, void (*on_closed)(void *context), void *context)
{
    arena_done(&cells->arena);
    cloud_close(cells->cloud, on_closed, context);
}

/* --- time */
int64_t cells_now_ms(const struct cells *cells)
{
    return clock_wall_ms() + cells->ahead_ms;
}

/* Takes the time from the service: our clock may be wrong, and all processes must agree on what has expired. */
static void note_clock(struct cells *cells, struct str date)
{
    int64_t then_ms = 0;
    int64_t ahead_ms;

    if (date_read_imf(date, &then_ms)) {
        ahead_ms = then_ms + HALF_S_MS - clock_wall_ms();
        if (ahead_ms - cells->ahead_ms > SKEW_MS || cells->ahead_ms - ahead_ms > SKEW_MS) {
            cells->ahead_ms = ahead_ms;
        }
    }
}

/* --- calls */
struct str cells_encode(struct arena *arena, struct str key, bool keeps_slash)
{
    struct buf out;

    buf_init(&out, PATH_MAX_BYTES);
    for (size_t i = 0; i < key.len; i++) {
        if (keeps_slash && key.ptr[i] == '/') {
            buf_char(&out, '/');
        } else {
            percent_encode(&out, str_sub(key, i, 1));
        }
    }
    return arena_take(arena, &out);
}

void cells_refuse(struct cell_call *call, const struct upstream_reply *reply)
{
    bool changes = call->kind == CELL_PUT || call->kind == CELL_DELETE;

    (void)error_set(&call->error, ERR_STORE_AWAY, "the service answered %d %.*s", reply->status,
                    STR_ARG(cloud_reason(&call->arena, reply)));
    call->end = changes && reply->status >= 500 && reply->status != 503 ? CELL_DOUBT : CELL_AWAY;
}

static void finish(struct cell_call *call)
{
    struct arena arena = call->arena; /* the owner may start the next one in the same struct */

    call->cells = NULL;
    call->arena = (struct arena){0};
    call->on_done(call);
    arena_done(&arena);
}

static void on_answered(struct cloud_call *cloud, enum error_code code)
{
    struct cell_call *call = CONTAINER_OF(cloud, struct cell_call, call);
    bool changes = call->kind == CELL_PUT || call->kind == CELL_DELETE;

    if (code == ERR_OK) {
        note_clock(call->cells, cloud->reply.date);
        call->cells->dialect->tell(call, &cloud->reply);
    } else {
        (void)error_set(&call->error, ERR_STORE_AWAY, "%s", cloud->error.text);
        call->error.late = code == ERR_UPSTREAM_TIMEOUT;
        call->end = changes && cloud->may_have_left ? CELL_DOUBT : CELL_AWAY;
    }
    finish(call);
}

static void send_call(struct cell_call *call)
{
    struct cloud_request *request = &call->call.request;

    *request = (struct cloud_request){
        .vendor = call->cells->dialect->vendor,
        .service = str_from(call->cells->dialect->service),
        .region = call->cells->where.aws_region,
        .origin = call->cells->origin,
        .headers = call->headers,
        .class = call->kind == CELL_PUT || call->kind == CELL_DELETE ? CALL_CHANGE : CALL_READ,
    };
    call->cells->dialect->ask(call, request);
    call->call.on_done = on_answered;
    cloud_start(call->cells->cloud, &call->call);
}

void cells_start(struct cells *cells, struct cell_call *call)
{
    call->cells = cells;
    call->error = (struct error){0};
    call->out_bytes = STR_EMPTY;
    call->out_tag = STR_EMPTY;
    call->n_keys = 0;
    call->has_more = false;
    arena_init(&call->arena);
    send_call(call);
}

void cells_cancel(struct cell_call *call)
{
    if (call->cells != NULL) {
        cloud_cancel(&call->call);
        arena_done(&call->arena);
        call->cells = NULL;
    }
}
