#include "net/loop.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "observe/log.h"
#include "observe/metrics.h"

/* At most this many deadlines run in one turn. A command whose time is over costs 51,000 instructions (counted: the
 * 504, and the connection to the platform that is closed), so 32 of them are a quarter of a millisecond, and ten
 * thousand that are due at once would keep all others waiting for a tenth of a second. */
enum { RUN_AT_ONCE = 32 };

/* The limits of one turn. A read from a slow client costs some 10 us, and accepting a connection 30 us: both are
 * counted. A read that brings a request costs up to a few hundred: all reads together are also bounded by time,
 * looked at every few reads. */
enum { PATIENT_READS = 16, ACCEPTS = 16, READS_AT_LEAST = 8, READS_A_LOOK = 8, READS_NS = 1500000 };

enum { LONG_TURN_MS = 1, TURNS_A_LOOK = 16, NS_PER_MS = 1000000, US_PER_MS = 1000 };

static void on_alarm(uv_timer_t *alarm);
static void run_deadlines(struct loop *loop);

static void on_more(struct later_item *item)
{
    run_deadlines(CONTAINER_OF(item, struct loop, more));
}

static void run_deadlines(struct loop *loop)
{
    if (deadlines_run_some(&loop->deadlines, clock_now_ms(), RUN_AT_ONCE) == RUN_AT_ONCE) {
        later_add(&loop->later, &loop->more, on_more);
    }
}

/* Wakes the loop at at_ms. libuv counts from the time that it read at the beginning of the turn: it must
 * read the time anew, or the alarm would be early by the length of the turn. */
static void set_alarm(struct deadlines *deadlines, uint64_t at_ms)
{
    struct loop *loop = CONTAINER_OF(deadlines, struct loop, deadlines);
    uint64_t now_ms = clock_now_ms();

    if (uv_is_closing((uv_handle_t *)&loop->alarm)) {
        return;
    }
    uv_update_time(&loop->uv);
    CHECK(uv_timer_start(&loop->alarm, on_alarm, at_ms > now_ms ? at_ms - now_ms : 0, 0) == 0);
    deadlines->wake_ms = at_ms;
}

/* After deadlines have run: the next run comes with the tick, or with an alarm before it. */
static void set_next_alarm(struct loop *loop)
{
    uint64_t at_ms = deadlines_next_ms(&loop->deadlines);

    loop->deadlines.wake_ms = loop->tick_expected_us / 1000U;
    if (at_ms < loop->deadlines.wake_ms) {
        set_alarm(&loop->deadlines, at_ms);
    }
}

static void on_alarm(uv_timer_t *alarm)
{
    struct loop *loop = CONTAINER_OF(alarm, struct loop, alarm);

    run_deadlines(loop);
    set_next_alarm(loop);
}

void loop_exact(struct loop *loop)
{
    loop->deadlines.on_sooner = set_alarm;
    set_next_alarm(loop);
}

static void note_lag(struct loop *loop, uint64_t now_us)
{
    uint64_t late_us = now_us > loop->tick_expected_us ? now_us - loop->tick_expected_us : 0;

    metric_observe_us(M_LOOP_LAG, 0, late_us);
    if (late_us <= (uint64_t)LOOP_BEHIND_MS * US_PER_MS) {
        loop->behind_us = 0;
    } else if (loop->behind_us == 0) {
        loop->behind_us = now_us; /* a process that stood still is late once, and was not behind */
    }
    loop->is_behind =
        loop->behind_us != 0 && now_us - loop->behind_us > (uint64_t)LOOP_BEHIND_FOR_MS * US_PER_MS;
}

static void on_tick(uv_timer_t *tick)
{
    struct loop *loop = CONTAINER_OF(tick, struct loop, tick);
    uint64_t now_us = clock_now_us();

    note_lag(loop, now_us);
    loop->tick_expected_us = now_us + (uint64_t)LOOP_TICK_MS * 1000U;
    loop->cpu_seen_us = clock_cpu_us();
    run_deadlines(loop);
    if (loop->deadlines.on_sooner != NULL) {
        set_next_alarm(loop);
    }
}

/* The events of a turn have come; uv_now is the time at which they came. */
static void on_check(uv_check_t *check)
{
    struct loop *loop = CONTAINER_OF(check, struct loop, check);

    loop->turn_began_ms = uv_now(&loop->uv);
    loop->n_turns++;
    loop->n_reads = 0;
    loop->n_patient = 0;
    loop->n_accepts = 0;
    loop->reads_enough = false;
}

static void look_at_reads(struct loop *loop)
{
    uint64_t now_ns = uv_hrtime();

    if (loop->n_reads == READS_AT_LEAST) {
        loop->reads_seen_ns = now_ns;
    } else {
        loop->reads_enough = now_ns - loop->reads_seen_ns > READS_NS;
    }
}

bool loop_may_read(struct loop *loop, bool patient)
{
    if (loop->reads_enough || (patient && loop->n_patient++ >= PATIENT_READS)) {
        return false;
    }
    loop->n_reads++;
    if (loop->n_reads >= READS_AT_LEAST && loop->n_reads % READS_A_LOOK == 0) {
        look_at_reads(loop);
    }
    return true;
}

bool loop_may_accept(struct loop *loop)
{
    return loop->n_accepts++ < ACCEPTS;
}

/* The end of a turn: events, timers and later work are done. The CPU time, a system call, is read here only after a
 * turn that took long by the clock, and after every sixteenth: so at most fifteen short turns are counted with a long
 * one. A turn is never said to have taken more than it did by the clock. */
static void note_turn(struct loop *loop)
{
    uint64_t now_ms = uv_hrtime() / NS_PER_MS;
    uint64_t began_ms = loop->turn_began_ms > 0 ? loop->turn_began_ms : uv_now(&loop->uv);
    uint64_t cpu_us;
    uint64_t used_us;

    if (now_ms < began_ms + LONG_TURN_MS && loop->n_turns - loop->cpu_seen_turn < TURNS_A_LOOK) {
        return;
    }
    cpu_us = clock_cpu_us();
    used_us = cpu_us - loop->cpu_seen_us;
    loop->cpu_seen_turn = loop->n_turns;
    if (used_us > (now_ms + 1 - began_ms) * US_PER_MS) {
        used_us = (now_ms + 1 - began_ms) * US_PER_MS;
    }
    loop->cpu_seen_us = cpu_us;
    if (used_us > loop->longest_us) {
        loop->longest_us = used_us;
        metric_set(M_LOOP_TURN_CPU, (int64_t)used_us);
    }
}

static void on_prepare(uv_prepare_t *prepare)
{
    note_turn(CONTAINER_OF(prepare, struct loop, prepare));
    log_flush();
    clock_turn_begin(); /* last: code behind it would keep the time before the wait */
}

/* The idle handle is active only while `later` holds something: it keeps the loop from sleeping. */
static void on_idle(uv_idle_t *idle)
{
    struct loop *loop = CONTAINER_OF(idle, struct loop, idle);

    (void)later_run(&loop->later);
    if (later_is_empty(&loop->later)) {
        (void)uv_idle_stop(idle);
    }
}

static void on_first_later(struct later *later)
{
    struct loop *loop = CONTAINER_OF(later, struct loop, later);

    if (!uv_is_closing((uv_handle_t *)&loop->idle)) {
        (void)uv_idle_start(&loop->idle, on_idle);
    }
}

static void init_handles(struct loop *loop)
{
    CHECK(uv_timer_init(&loop->uv, &loop->tick) == 0);
    CHECK(uv_timer_init(&loop->uv, &loop->alarm) == 0);
    CHECK(uv_prepare_init(&loop->uv, &loop->prepare) == 0);
    CHECK(uv_check_init(&loop->uv, &loop->check) == 0);
    CHECK(uv_idle_init(&loop->uv, &loop->idle) == 0);
    loop->open_handles = 5;
}

/* These handles do not keep the loop running. */
static void start_handles(struct loop *loop)
{
    CHECK(uv_timer_start(&loop->tick, on_tick, LOOP_TICK_MS, LOOP_TICK_MS) == 0);
    CHECK(uv_prepare_start(&loop->prepare, on_prepare) == 0);
    CHECK(uv_check_start(&loop->check, on_check) == 0);
    uv_unref((uv_handle_t *)&loop->tick);
    uv_unref((uv_handle_t *)&loop->alarm);
    uv_unref((uv_handle_t *)&loop->prepare);
    uv_unref((uv_handle_t *)&loop->check);
}

void loop_init(struct loop *loop)
{
    *loop = (struct loop){0};
    CHECK(uv_loop_init(&loop->uv) == 0);
    deadlines_init(&loop->deadlines);
    later_init(&loop->later);
    list_init(&loop->held);
    list_init(&loop->held_patient);
    loop->later.on_first = on_first_later;
    loop->read_buffer = mem_alloc(LOOP_READ_BUFFER);
    init_handles(loop);
    loop->tick_expected_us = clock_now_us() + (uint64_t)LOOP_TICK_MS * 1000U;
    loop->cpu_seen_us = clock_cpu_us();
    start_handles(loop);
}

void loop_run(struct loop *loop)
{
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    clock_turn_end();
}

bool loop_turn(struct loop *loop, bool block)
{
    bool is_left = uv_run(&loop->uv, block ? UV_RUN_ONCE : UV_RUN_NOWAIT) != 0;

    clock_turn_end();
    return is_left;
}

void loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}

static void on_closed(uv_handle_t *handle)
{
    struct loop *loop = CONTAINER_OF(handle->loop, struct loop, uv);

    loop->open_handles--;
}

void loop_done(struct loop *loop)
{
    /* First what others have asked to close or to do later, then the loop's own handles. */
    while (uv_run(&loop->uv, UV_RUN_NOWAIT) != 0 && !later_is_empty(&loop->later)) {
    }
    uv_close((uv_handle_t *)&loop->tick, on_closed);
    uv_close((uv_handle_t *)&loop->alarm, on_closed);
    uv_close((uv_handle_t *)&loop->prepare, on_closed);
    uv_close((uv_handle_t *)&loop->check, on_closed);
    uv_close((uv_handle_t *)&loop->idle, on_closed);
    while (loop->open_handles > 0) {
        (void)uv_run(&loop->uv, UV_RUN_NOWAIT);
    }
    (void)uv_run(&loop->uv, UV_RUN_NOWAIT);
    clock_turn_end();
    CHECK(uv_loop_close(&loop->uv) == 0);
    mem_free(loop->read_buffer);
    loop->read_buffer = NULL;
}
