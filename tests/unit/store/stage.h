/* A loop with an open store, and operations that are waited for. */
#ifndef UNIT_STORE_STAGE_H
#define UNIT_STORE_STAGE_H

#include <sys/socket.h>

#include <stdlib.h>

#include "crypto/tls.h"
#include "harness/cloud_server.h"
#include "harness/redis_server.h"
#include "net/loop.h"
#include "observe/metrics.h"
#include "store/cloud.h"
#include "store/peer.h"
#include "store/redis.h"

struct stage {
    const struct stage_backend *backend;
    struct redis_server server;
    struct cloud_server cloud;
    const char *user; /* of Redis; NULL: none */
    const char *password;
    unsigned timeout_ms; /* 0: STAGE_TIMEOUT_MS */
    struct loop loop;
    uv_timer_t alive; /* deadlines alone do not keep a loop running */
    struct store *store;
    struct store *served; /* the one behind that, with a peer */
    struct store_server *serving;
    struct arena arena; /* of the results */
    bool closed;
};

struct stage_backend {
    const char *name;
    bool is_redis;
    enum error_code (*open)(struct stage *stage, const struct store_options *options,
                            struct error *err);
    bool tls;
    bool is_cloud; /* what it waits for comes later, and limits are those of the process */
    enum store_cloud_kind kind;
};

static enum error_code stage_open_memory(struct stage *stage, const struct store_options *options,
                                         struct error *err)
{
    return store_open_memory(&stage->loop, options, &stage->store, err);
}

static void stage_on_peer_end(void *context)
{
    (void)context;
}

/* Both sides of the socket are here. */
static enum error_code stage_open_peer(struct stage *stage, const struct store_options *options,
                                       struct error *err)
{
    enum error_code code = store_open_memory(&stage->loop, options, &stage->served, err);
    int ends[2];

    if (code != ERR_OK) {
        return code;
    }
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    stage->serving = store_serve(&stage->loop, stage->served, ends[0], stage_on_peer_end, NULL);
    return store_open_peer(&stage->loop, options, ends[1], &stage->store, err);
}

static enum error_code stage_open_tcp(struct stage *stage, const struct store_options *options,
                                      struct error *err)
{
    const struct store_redis where = {.host = STR("127.0.0.1"),
                                      .port = str_from(stage->server.port)};

    return store_open_redis(&stage->loop, options, &where, &stage->store, err);
}

static enum error_code stage_open_unix(struct stage *stage, const struct store_options *options,
                                       struct error *err)
{
    struct secret password = {0};
    const struct store_redis where = {.path = str_from(stage->server.path),
                                      .database = 3,
                                      .user = str_from(stage->user),
                                      .password = &password};
    enum error_code code;

    if (stage->password != NULL) {
        secret_set(&password, str_from(stage->password));
    }
    code = store_open_redis(&stage->loop, options, &where, &stage->store, err);
    secret_done(&password);
    return code;
}

/* By its name: 2.28 of the library does not look at the addresses of a certificate. */
static enum error_code stage_open_tls(struct stage *stage, const struct store_options *options,
                                      struct error *err)
{
    struct store_redis where = {.host = STR("localhost"), .port = str_from(stage->server.port)};
    enum error_code code = tls_config_client(REDIS_TLS_DIR "/cert.pem", &where.tls, err);

    return code == ERR_OK ? store_open_redis(&stage->loop, options, &where, &stage->store, err)
                          : code;
}

static enum error_code stage_open_cloud(struct stage *stage, const struct store_options *options,
                                        struct error *err)
{
    const struct store_cloud where = {.kind = stage->backend->kind,
                                      .bucket = STR("qa-bucket"),
                                      .folder = STR("proxies"),
                                      .database = STR("(default)")};

    return store_open_cloud(&stage->loop, options, &where, &stage->store, err);
}

/* A server for a process whose variables point there. */
static inline void stage_start_cloud(struct stage *stage)
{
    cloud_server_start(&stage->cloud, NULL);
    for (const char *const *row = cloud_server_env(&stage->cloud, "keys", ""); *row != NULL;
         row++) {
        assert_int_equal(putenv(unconst(*row)), 0); /* they live as long as the stage */
    }
}

static const struct stage_backend stage_backends[] = {
    {"memory", false, stage_open_memory},
    {"redis over TCP", true, stage_open_tcp},
    {"redis over a Unix socket", true, stage_open_unix},
    {"redis over TLS", true, stage_open_tls, true},
    {"s3", .open = stage_open_cloud, .is_cloud = true, .kind = STORE_S3},
    {"gs", .open = stage_open_cloud, .is_cloud = true, .kind = STORE_GCS},
    {"firestore", .open = stage_open_cloud, .is_cloud = true, .kind = STORE_FIRESTORE},
    {"memory of another process", false, stage_open_peer},
};
static const size_t n_stage_backends = ARRAY_LEN(stage_backends);

struct stage_op {
    struct store_op op;
    struct stage *stage;
    struct store_result result; /* its texts live as long as the stage */
    bool done;
};

static inline struct str stage_copy(struct stage *stage, struct str text)
{
    return text.ptr != NULL ? arena_str(&stage->arena, text) : STR_EMPTY;
}

static void stage_on_done(struct store_op *op, const struct store_result *result)
{
    struct stage_op *mine = CONTAINER_OF(op, struct stage_op, op);
    struct stage *stage = mine->stage;

    assert_false(mine->done);
    mine->done = true;
    mine->result = *result;
    mine->result.bytes = stage_copy(stage, result->bytes);
    mine->result.next = stage_copy(stage, result->next);
    mine->result.items =
        arena_calloc(&stage->arena, result->n_items + 1, sizeof(struct store_item));
    for (size_t i = 0; i < result->n_items; i++) {
        mine->result.items[i] = result->items[i];
        mine->result.items[i].name = stage_copy(stage, result->items[i].name);
        mine->result.items[i].bytes = stage_copy(stage, result->items[i].bytes);
    }
}

static inline void stage_start(struct stage *stage, const struct store_request *request,
                               struct stage_op *op)
{
    *op = (struct stage_op){.stage = stage};
    store_start(stage->store, request, &op->op, stage_on_done);
}

static inline void stage_wait(struct stage *stage, struct stage_op *op)
{
    while (!op->done) { /* each operation has a deadline */
        (void)loop_turn(&stage->loop, true);
    }
}

static inline struct store_result stage_run(struct stage *stage,
                                            const struct store_request *request)
{
    struct stage_op op;

    stage_start(stage, request, &op);
    stage_wait(stage, &op);
    return op.result;
}

/* The documents of a stage take at most this much; an operation at most half a minute. */
enum { STAGE_MAX_BYTES = 8 << 20, STAGE_TIMEOUT_MS = 30000, STAGE_LIMIT_MS = 300000 };

static void stage_on_too_late(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("an operation of the store has not ended");
}

static inline int stage_open(struct stage *stage)
{
    const struct store_options options = {.prefix = STR("vp:"),
                                          .timeout_ms = stage->timeout_ms > 0 ? stage->timeout_ms
                                                                              : STAGE_TIMEOUT_MS,
                                          .max_bytes = STAGE_MAX_BYTES};
    struct error error = {0};

    metrics_open();
    loop_init(&stage->loop);
    arena_init(&stage->arena);
    assert_int_equal(uv_timer_init(&stage->loop.uv, &stage->alive), 0);
    assert_int_equal(uv_timer_start(&stage->alive, stage_on_too_late, STAGE_LIMIT_MS, 0), 0);
    return stage->backend->open(stage, &options, &error) == ERR_OK ? 0 : -1;
}

static void stage_on_closed(void *context)
{
    ((struct stage *)context)->closed = true;
}

static void stage_on_server_closed(void *context)
{
    struct stage *stage = context;

    stage->serving = NULL;
    store_close(stage->served, stage_on_closed, stage);
}

static inline void stage_close_served(struct stage *stage)
{
    if (stage->serving != NULL) {
        stage->closed = false;
        store_server_close(stage->serving, stage_on_server_closed, stage);
        while (!stage->closed) {
            (void)loop_turn(&stage->loop, true);
        }
    }
}

static inline void stage_close(struct stage *stage)
{
    store_close(stage->store, stage_on_closed, stage);
    while (!stage->closed) {
        (void)loop_turn(&stage->loop, true);
    }
    stage_close_served(stage);
    uv_close((uv_handle_t *)&stage->alive, NULL);
    loop_done(&stage->loop);
    arena_done(&stage->arena);
    metrics_done();
}

#endif
