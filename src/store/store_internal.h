/* What the files of this room share.
 *
 * store.c    the port: requests checked, keys prefixed, deadlines, ends
 * memory.c, memory_stream.c, memory_lease.c   the backend in this process
 * index.c    its groups: the names of a group in order
 * keep.c, keep_lease.c   leases that are held while there is work under them
 * redis.c, redis_wait.c   the backend in Redis
 * redis_act.c    pure: an operation as an act of script.lua
 * redis_link.c   one connection to it
 * peer.c, serve.c, wire.c   the backend in another process, and what stands there */
#ifndef STORE_STORE_INTERNAL_H
#define STORE_STORE_INTERNAL_H

#include "net/loop.h"
#include "store/store.h"

/* A backend starts an operation and ends it by store_op_end, at once or later; after forget it must
 * not end it. The deadline of an operation is the port's affair. */
struct store_backend {
    void (*start)(struct store *store, struct store_op *op);
    void (*forget)(struct store *store, struct store_op *op);
    void (*close)(struct store *store); /* ends in store_closed */
    const char *(*trouble)(const struct store *store);
    const char *name; /* of what keeps the documents, for spans */
};

/* The head of each backend's struct. */
struct store {
    const struct store_backend *backend;
    struct loop *loop;
    struct str prefix; /* heap */
    unsigned timeout_ms;
    struct list running;
    struct later_item closed;
    void (*on_closed)(void *context);
    void *context;
    void (*on_rewound)(void *context); /* NULL: nobody is told */
    void *rewound;
};

/* What an operation fails with, in every backend. */
#define STORE_TEXT_NOTHING "nothing is stored there"
#define STORE_TEXT_OTHER   "the document was changed by another one, or something else was expected"
#define STORE_TEXT_HELD    "another one holds the lease"
#define STORE_TEXT_LOST    "the lease is not held any more"
#define STORE_TEXT_NEWER   "what is stored there was written by a newer version of this program"

enum error_code store_init(struct store *store, const struct store_backend *backend,
                           struct loop *loop, const struct store_options *options,
                           struct error *err) MUST_CHECK;
/* on_done comes in a later turn, with op->result as it is then. */
void store_op_end(struct store_op *op);
/* Sets the error too. */
void store_op_fail(struct store_op *op, enum error_code code, const char *text);
/* What was acknowledged is gone. */
void store_rewound(struct store *store);
/* The last thing a backend does: frees the struct (its head is `store`) in a later turn. */
void store_closed(struct store *store);

#endif
