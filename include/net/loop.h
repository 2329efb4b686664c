/* The event loop: libuv's, plus the passive pieces of base that it drives (deadlines every 50 ms,
 * or to the millisecond after loop_exact; later work each turn, the log's queue). One loop per server; a
 * process (a test) may have several, one after the other. Owner: the caller holds the struct; loop_done
 * CHECKs that uv_loop_close() == 0, the proof that every handle was closed. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <uv.h>

#include "base/deadline.h"
#include "base/later.h"

struct loop {
    uv_loop_t uv;
    struct deadlines deadlines;
    struct later later;
    uv_timer_t tick;
    uv_timer_t alarm; /* for the first deadline before the next tick; after loop_exact only */
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;        /* active only while `later` holds something */
    unsigned open_handles; /* the loop's own handles that are not closed yet */
    uint64_t tick_expected_us;
    struct later_item more; /* deadlines were left for the next turn */
    uint64_t behind_us;     /* since when every tick is late by LOOP_BEHIND_MS; 0: they are not */
    bool is_behind;         /* so late for LOOP_BEHIND_FOR_MS: the loop has too much to do */
    uint64_t turn_began_ms; /* by uv_now; 0: no events have come yet */
    uint64_t longest_us;    /* CPU time of the longest turn */
    uint64_t cpu_seen_us;   /* CPU time of the thread at the last look */
    unsigned cpu_seen_turn;
    unsigned n_turns; /* with events */
    unsigned n_reads; /* of sockets in this turn; loop_may_read */
    unsigned n_patient;
    unsigned n_accepts; /* loop_may_accept */
    uint64_t reads_seen_ns;
    bool reads_enough;
    struct list held; /* sockets that are not polled until the next turn: hold.c */
    struct list held_patient;
    struct later_item resume;
    char *read_buffer; /* 64 KiB shared by all reads of a turn */
};

enum {
    LOOP_TICK_MS = 50,
    LOOP_READ_BUFFER = 65536,
    LOOP_BEHIND_MS = 1000,
    LOOP_BEHIND_FOR_MS = 5000
};

void loop_init(struct loop *loop);
/* Runs until nothing but the loop's own handles is left or loop_stop was called. */
void loop_run(struct loop *loop);
/* One turn; with `block` it may wait for events up to the next tick. False: nothing is left. */
bool loop_turn(struct loop *loop, bool block);
void loop_stop(struct loop *loop);
/* From now on a deadline runs within 1 ms of its time, on either side, instead of at the next tick.
 * It may cost one turn each millisecond: right for a sandbox with a latency, not for a busy server. */
void loop_exact(struct loop *loop);
/* Keeps a turn short: libuv hands over all sockets that have become readable, which may be ten
 * thousand. False: leave the bytes in the kernel, and do not poll for them until the next turn.
 * `patient`: the client has kept the server waiting (transport_makes_wait); few such sockets are read in
 * a turn, so that the other clients do not wait behind them. */
bool loop_may_read(struct loop *loop, bool patient);
/* The same for a new connection. False: accept it in a later turn. */
bool loop_may_accept(struct loop *loop);
/* Closes the loop's own handles, runs until all are closed, CHECKs. */
void loop_done(struct loop *loop);

#endif
