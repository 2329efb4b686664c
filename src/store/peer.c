/* The backend in another process: each operation is a frame with a number, and so is its result. */
#include "store/peer.h"

#include "base/map.h"
#include "base/mem.h"
#include "net/frames.h"
#include "store_internal.h"
#include "wire.h"

enum { PENDING_MAX = 16 << 20 };

struct peer {
    struct store store; /* first: store_closed frees it */
    struct frames frames;
    struct map waiting; /* operations by their number */
    uint64_t last;
    bool is_away;
};

/* An operation whose result is awaited. */
struct asked {
    struct map_node node;
    struct store_op *op;
    uint64_t number; /* the key of the node points to it */
};

static const char AWAY[] = "the store is away: the process that keeps it has ended";
static const char UNREADABLE[] =
    "the store is away: the process that keeps it sent what is no result";

static struct peer *peer_of(struct store *store)
{
    return CONTAINER_OF(store, struct peer, store);
}

static struct str key_of(const uint64_t *number)
{
    return (struct str){(const char *)number, sizeof(*number)};
}

static struct store_op *asked_end(struct peer *peer, struct asked *asked)
{
    struct store_op *op = asked->op;

    op->backend = NULL;
    map_remove(&peer->waiting, &asked->node);
    mem_free(asked);
    return op;
}

static void tell(struct peer *peer, uint64_t number, struct store_request *request)
{
    struct buf text;
    struct wire wire = {.out = &text};

    buf_init(&text, WIRE_REQUEST_MAX);
    wire_number(&wire, &number);
    if (request != NULL) {
        wire_request(&wire, request);
    }
    (void)frames_send(&peer->frames, buf_view(&text));
    buf_done(&text);
}

static void peer_start(struct store *store, struct store_op *op)
{
    struct peer *peer = peer_of(store);
    struct asked *asked;

    if (peer->is_away || frames_pending(&peer->frames) > PENDING_MAX) {
        store_op_fail(op, ERR_STORE_AWAY,
                      peer->is_away ? AWAY : "the store is away: too much waits to be sent to it");
        return;
    }
    asked = mem_zalloc(sizeof(*asked));
    asked->op = op;
    asked->number = ++peer->last;
    op->backend = asked;
    map_insert(&peer->waiting, &asked->node, key_of(&asked->number));
    tell(peer, asked->number, &op->request);
}

/* A frame with the number alone takes the operation back. */
static void peer_forget(struct store *store, struct store_op *op)
{
    struct peer *peer = peer_of(store);
    struct asked *asked = op->backend;

    if (asked != NULL) {
        tell(peer, asked->number, NULL);
        (void)asked_end(peer, asked);
    }
}

static void on_frame(struct frames *frames, struct str frame)
{
    struct peer *peer = CONTAINER_OF(frames, struct peer, frames);
    struct wire wire = {.in = frame};
    uint64_t number;
    struct asked *asked;
    struct store_op *op;

    wire_number(&wire, &number);
    asked = MAP_FIND(&peer->waiting, key_of(&number), struct asked, node);
    if (asked == NULL) {
        return; /* it was taken back meanwhile */
    }
    op = asked_end(peer, asked);
    wire.in = arena_str(&op->arena, wire.in); /* the result lives as long as the operation */
    wire_result(&wire, &op->result, &op->arena);
    if (wire.is_bad) { /* zeros must not count as a result: they would say that a change was made */
        op->result.in_doubt = true;
        store_op_fail(op, ERR_STORE_AWAY, UNREADABLE);
        return;
    }
    store_op_end(op);
}

static void fail_all(struct peer *peer)
{
    struct map_node *node;
    struct map_node *after;

    MAP_FOREACH_SAFE (node, after, &peer->waiting) {
        struct store_op *op = asked_end(peer, CONTAINER_OF(node, struct asked, node));

        op->result.in_doubt = true;
        store_op_fail(op, ERR_STORE_AWAY, AWAY);
    }
}

static void on_end(struct frames *frames)
{
    struct peer *peer = CONTAINER_OF(frames, struct peer, frames);

    peer->is_away = true;
    fail_all(peer);
}

static void on_frames_closed(struct frames *frames)
{
    struct peer *peer = CONTAINER_OF(frames, struct peer, frames);

    map_done(&peer->waiting);
    store_closed(&peer->store);
}

static const struct frames_events frames_events = {on_frame, on_end, on_frames_closed};

static void peer_close(struct store *store)
{
    frames_close(&peer_of(store)->frames);
}

static const char *peer_trouble(const struct store *store)
{
    const struct peer *peer = (const struct peer *)(const void *)store; /* its head */

    return peer->is_away ? "the process that keeps it has ended" : NULL;
}

static const struct store_backend peer_backend = {peer_start, peer_forget, peer_close, peer_trouble,
                                                  "supervisor"};

enum error_code store_open_peer(struct loop *loop, const struct store_options *options, int fd,
                                struct store **out, struct error *err)
{
    enum error_code code = store_new(&peer_backend, sizeof(struct peer), loop, options, out, err);
    struct peer *peer;

    if (code != ERR_OK) {
        return code;
    }
    peer = peer_of(*out);
    map_init(&peer->waiting);
    frames_open(&peer->frames, loop, fd, WIRE_RESULT_MAX, &frames_events);
    return ERR_OK;
}
