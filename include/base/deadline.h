/* Deadlines without a timer per object. A deadline embedded in its owner sits in a queue sorted by
 * expiry; equal waits append at the tail in O(1), unequal ones walk back from the tail.
 * Promise: on_expire runs from deadlines_run only, at most once per set, and the deadline is
 * already cleared when it runs (so it may be set again). Clearing any deadline from inside is
 * safe. */
#ifndef BASE_DEADLINE_H
#define BASE_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

enum deadline_kind {
    DEADLINE_HANDSHAKE,
    DEADLINE_HEAD,
    DEADLINE_BODY,
    DEADLINE_EXCHANGE,
    DEADLINE_WRITE,
    DEADLINE_IDLE,
    DEADLINE_LINGER,
    DEADLINE_UPSTREAM,
    DEADLINE_RETRY,
    DEADLINE_SESSION,
    DEADLINE_OTHER,
    DEADLINE_N_KINDS
};

struct deadline;
typedef void (*deadline_fn)(struct deadline *deadline);

struct deadline {
    struct list link;
    uint64_t at_ms;
    deadline_fn on_expire;
};

struct deadlines {
    struct list queues[DEADLINE_N_KINDS];
};

void deadlines_init(struct deadlines *deadlines);
/* Runs what is due at now_ms; returns how many ran. */
size_t deadlines_run(struct deadlines *deadlines, uint64_t now_ms);
bool deadlines_is_empty(const struct deadlines *deadlines);

/* Sets (or moves) it to clock_now_ms() + wait_ms. */
void deadline_set(struct deadlines *deadlines, struct deadline *deadline, enum deadline_kind kind,
                  uint64_t wait_ms, deadline_fn on_expire);
void deadline_clear(struct deadline *deadline); /* idempotent; zeroed is fine */
bool deadline_is_set(const struct deadline *deadline);

#endif
