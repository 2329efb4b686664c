/* Two holders of leases at one store in memory, with a clock that the test drives. */
#ifndef UNIT_STORE_HOLDERS_H
#define UNIT_STORE_HOLDERS_H

#include "base/clock.h"
#include "stage.h"
#include "store/keep.h"

enum { N_HOLDERS = 2, HOLDERS_TURNS = 30, HOLDERS_STEP_MS = 100 };

struct holders {
    struct stage stage;
    struct keeps *keeps[N_HOLDERS];
    unsigned n_closed;
};

static inline void holders_turn(struct holders *holders)
{
    for (int i = 0; i < HOLDERS_TURNS; i++) {
        (void)loop_turn(&holders->stage.loop, false);
    }
}

/* Deadlines come by a timer of the loop. */
static inline void holders_pass(struct holders *holders, uint64_t ms)
{
    for (; ms > 0; ms = ms > HOLDERS_STEP_MS ? ms - HOLDERS_STEP_MS : 0) {
        clock_advance(ms > HOLDERS_STEP_MS ? HOLDERS_STEP_MS : ms);
        deadlines_run(&holders->stage.loop.deadlines, clock_now_ms());
        holders_turn(holders);
    }
}

static inline void holders_open(struct holders *holders)
{
    *holders = (struct holders){.stage = {.backend = &stage_backends[0]}};
    clock_set(1000000, 1);
    assert_int_equal(stage_open(&holders->stage), 0);
    for (size_t i = 0; i < N_HOLDERS; i++) {
        holders->keeps[i] = keeps_open(holders->stage.store);
    }
}

static void holders_on_closed(void *context)
{
    ((struct holders *)context)->n_closed++;
}

/* The leases go; the store is there until holders_done. */
static inline void holders_close(struct holders *holders)
{
    for (size_t i = 0; i < N_HOLDERS; i++) {
        keeps_close(holders->keeps[i], holders_on_closed, holders);
    }
    holders_turn(holders);
    assert_int_equal(holders->n_closed, N_HOLDERS);
}

static inline void holders_done(struct holders *holders)
{
    stage_close(&holders->stage);
    clock_release();
}

#endif
