/* Serves a store to another process of this machine: its operations are started here, and it is told the results. */
#include "base/mem.h"
#include "memory_internal.h"
#include "net/frames.h"
#include "store/peer.h"
#include "wire.h"

enum { OPERATIONS_MAX = 10000, PENDING_MAX = 64 << 20 };

struct store_server {
    struct frames frames;
    struct store *store;
    struct list serving; /* operations that have not ended */
    size_t n_serving;
    char *holder; /* the name of the process in its leases; NULL: it has not taken any */
    bool ended;
    struct callback on_end;
    struct callback on_closed;
};

struct served {
    struct list link;
    struct store_server *server;
    struct store_op op;
    uint64_t number; /* as the other process counts */
};

static void served_free(struct served *served)
{
    store_cancel(&served->op);
    list_remove(&served->link);
    served->server->n_serving--;
    mem_free(served);
}

static void drop_all(struct store_server *server)
{
    struct list *link;

    while ((link = list_first(&server->serving)) != NULL) {
        served_free(CONTAINER_OF(link, struct served, link));
    }
}

/* Ends the service. on_end comes from the loop: operations end there, and frames come from there. */
static void end(struct store_server *server)
{
    if (!server->ended) {
        server->ended = true;
        drop_all(server);
        callback_run(server->on_end);
    }
}

/* Sends a result. If it is too long for a frame, an error is sent instead. */
static void tell(struct store_server *server, uint64_t number, const struct store_result *result)
{
    struct store_result told = *result;
    struct buf text;
    struct wire wire = {.out = &text};

    buf_init(&text, WIRE_RESULT_MAX);
    wire_number(&wire, &number);
    wire_result(&wire, &told, NULL);
    if (!buf_ok(&text)) {
        told = (struct store_result){0};
        (void)error_set(&told.error, ERR_STORE_AWAY,
                        "what the store would tell is longer than %u bytes",
                        (unsigned)WIRE_RESULT_MAX);
        buf_clear(&text);
        wire_number(&wire, &number);
        wire_result(&wire, &told, NULL);
    }
    (void)frames_send(&server->frames, buf_view(&text));
    buf_done(&text);
    if (frames_pending(&server->frames) > PENDING_MAX) { /* the other process does not read */
        end(server);
    }
}

static void on_done(struct store_op *op, const struct store_result *result)
{
    struct served *served = CONTAINER_OF(op, struct served, op);
    struct store_server *server = served->server;
    uint64_t number = served->number;

    served_free(served);
    tell(server, number, result);
}

static void take_back(struct store_server *server, uint64_t number)
{
    struct served *served;

    LIST_EACH (served, &server->serving, link) {
        if (served->number == number) {
            served_free(served);
            return;
        }
    }
}

static void start(struct store_server *server, uint64_t number, const struct store_request *request)
{
    struct served *served = mem_zalloc(sizeof(*served));

    served->server = server;
    served->number = number;
    list_append(&server->serving, &served->link);
    server->n_serving++;
    if (request->kind == STORE_LEASE && server->holder == NULL) {
        server->holder = str_dup(request->holder);
    }
    store_start(server->store, request, &served->op, on_done);
}

static void on_frame(struct frames *frames, struct str frame)
{
    struct store_server *server = CONTAINER_OF(frames, struct store_server, frames);
    struct store_request request = {0};
    struct store_result refused = {0};
    struct wire wire = {.in = frame};
    uint64_t number;

    if (server->ended) {
        return;
    }
    wire_number(&wire, &number);
    if (wire.in.len == 0) {
        take_back(server, number);
        return;
    }
    wire_request(&wire, &request);
    if (wire.is_bad) {
        end(server);
    } else if (server->n_serving >= OPERATIONS_MAX) {
        (void)error_set(&refused.error, ERR_STORE_AWAY,
                        "the store is away: too many operations wait for it");
        tell(server, number, &refused);
    } else {
        start(server, number, &request);
    }
}

static void on_end(struct frames *frames)
{
    end(CONTAINER_OF(frames, struct store_server, frames));
}

static void on_frames_closed(struct frames *frames)
{
    struct store_server *server = CONTAINER_OF(frames, struct store_server, frames);
    struct callback on_closed = server->on_closed;

    mem_free(server->holder);
    mem_free(server);
    callback_run(on_closed);
}

static const struct frames_events frames_events = {on_frame, on_end, on_frames_closed};

struct store_server *store_serve(struct loop *loop, struct store *store, int fd,
                                 void (*on_end_of)(void *context), void *context)
{
    struct store_server *server = mem_zalloc(sizeof(*server));

    server->store = store;
    server->on_end = (struct callback){on_end_of, context};
    list_init(&server->serving);
    frames_open(&server->frames, loop, fd, WIRE_RESULT_MAX, &frames_events);
    return server;
}

void store_server_close(struct store_server *server, void (*on_closed)(void *context),
                        void *context)
{
    server->ended = true;
    server->on_closed = (struct callback){on_closed, context};
    drop_all(server);
    if (server->holder != NULL) {
        memory_end_holder(server->store, str_from(server->holder));
    }
    frames_close(&server->frames);
}
