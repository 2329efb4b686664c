/* What the files of this room share; README.md says what each of them is for. */
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
    const char *name; /* of the database, for spans */
};

/* The head of each backend's struct. */
struct store {
    const struct store_backend *backend;
    struct loop *loop;
    struct str prefix; /* heap */
    unsigned timeout_ms;
    struct list running;
    struct later_item closed;
    struct callback on_closed;
    struct callback on_rewound; /* NULL: nobody is told */
};

/* What an operation fails with, in every backend. */
#define STORE_TEXT_NOTHING "nothing is stored there"
#define STORE_TEXT_OTHER   "the document was changed by another one, or something else was expected"
#define STORE_TEXT_HELD    "another one holds the lease"
#define STORE_TEXT_LOST    "the lease is not held any more"
#define STORE_TEXT_NEWER   "what is stored there was written by a newer version of this program"

/* A backend's struct of `size` bytes, zeroed but for its head. */
enum error_code store_new(const struct store_backend *backend, size_t size, struct loop *loop,
                          const struct store_options *options, struct store **out,
                          struct error *err) MUST_CHECK;
/* on_done comes in a later turn, with op->result as it is then. */
void store_op_end(struct store_op *op);
/* Sets the error too. */
void store_op_fail(struct store_op *op, enum error_code code, const char *text);
/* Changes that were acknowledged are lost: tells the listener. */
void store_rewound(struct store *store);
/* The last thing a backend does: frees the struct (its head is `store`) in a later turn. */
void store_closed(struct store *store);

#endif
