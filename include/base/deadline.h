/* Deadlines without a timer per object. A deadline embedded in its owner sits in a timing wheel with
 * a resolution of 1 ms; setting, moving and clearing one cost the same however many there are.
 * Promise: on_expire runs from deadlines_run only, at most once per set, and the deadline is
 * already cleared when it runs (so it may be set again). Clearing any deadline from inside is
 * safe. */
#ifndef BASE_DEADLINE_H
#define BASE_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct deadline;
typedef void (*deadline_fn)(struct deadline *deadline);

struct deadline {
    struct list link;
    uint64_t at_ms;
    deadline_fn on_expire;
};

enum { DEADLINE_LEVEL_BITS = 6, DEADLINE_SLOTS = 64, DEADLINE_LEVELS = 8 };

struct deadlines {
    struct list slots[DEADLINE_LEVELS][DEADLINE_SLOTS];
    uint64_t occupied[DEADLINE_LEVELS]; /* one bit for each slot: it may hold deadlines */
    struct list overdue;                /* not later than now_ms: each run checks them */
    uint64_t now_ms;                    /* how far the wheel has turned */
    /* Called for each deadline that is set before wake_ms, the time of the next run. wake_ms stays 0
     * where there is no such function. */
    void (*on_sooner)(struct deadlines *deadlines, uint64_t at_ms);
    uint64_t wake_ms;
};

void deadlines_init(struct deadlines *deadlines);
/* Runs the deadlines that are due at now_ms, in the order of their times; returns how many ran. A deadline
 * that a callback sets comes in a later run. If the clock went back, nothing runs. */
size_t deadlines_run(struct deadlines *deadlines, uint64_t now_ms);
/* The same for the first `max` of them; the others are due in the next run. */
size_t deadlines_run_some(struct deadlines *deadlines, uint64_t now_ms, size_t max);
bool deadlines_is_empty(const struct deadlines *deadlines);
/* A lower bound for the time of the first deadline. A run at that time runs this deadline, or makes the
 * bound tighter. UINT64_MAX: there is none. */
uint64_t deadlines_next_ms(const struct deadlines *deadlines);

/* Sets (or moves) the deadline to the time of this turn + wait_ms; with on_sooner: to now + wait_ms. */
void deadline_set(struct deadlines *deadlines, struct deadline *deadline, uint64_t wait_ms,
                  deadline_fn on_expire);
void deadline_clear(struct deadline *deadline); /* idempotent; zeroed is fine */
bool deadline_is_set(const struct deadline *deadline);

#endif
