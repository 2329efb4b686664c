/* later: work for the next loop turn, so that no callback comes from inside a start function and
 * completions do not recurse. FIFO; an item that is queued during a run waits for the following
 * turn. */
#ifndef BASE_LATER_H
#define BASE_LATER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"

struct later_item;
typedef void (*later_fn)(struct later_item *item);

struct later_item {
    struct list link;
    later_fn fn;
};

struct later {
    struct list items;
    void (*on_first)(struct later *later); /* the loop's hook: the queue is no longer empty */
};

/* A function to be called once, at the end of something. */
struct callback {
    void (*fn)(void *context);
    void *context;
};

/* Takes a copy: the function may free the struct that held the callback. */
static inline void callback_run(struct callback callback)
{
    callback.fn(callback.context);
}

void later_init(struct later *later);
void later_add(struct later *later, struct later_item *item,
               later_fn fn);                /* already queued: no-op */
void later_remove(struct later_item *item); /* idempotent */
bool later_is_empty(const struct later *later);
size_t later_run(struct later *later);

#endif
