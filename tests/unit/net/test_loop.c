/* Deadlines that the loop runs: in the order of their times, never early, and with loop_exact not
 * only at the next tick. */
#include "harness/cmocka.h"

#include <string.h>

#include "base/clock.h"
#include "harness/client.h"
#include "net/loop.h"
#include "observe/metrics.h"

enum { N_TIMERS = 2, N_RINGS = 5, LIMIT_MS = 60000, LONG_TURN_US = 5000, US_PER_MS = 1000 };

struct stage {
    struct loop loop;
    struct deadline deadlines[N_RINGS - N_TIMERS];
    uv_timer_t timers[N_TIMERS];
    uv_timer_t alive; /* deadlines alone do not keep a loop running */
    char order[N_RINGS + 1];
    size_t n;
    bool early;
};

static struct stage stage;

static void ring(char name)
{
    assert_true(stage.n < N_RINGS);
    stage.order[stage.n++] = name;
}

static void on_deadline(struct deadline *deadline)
{
    stage.early = stage.early || clock_now_ms() < deadline->at_ms;
    ring((char)('a' + (deadline - stage.deadlines)));
}

static void on_timer(uv_timer_t *timer)
{
    ring((char)('A' + (timer - stage.timers)));
    uv_close((uv_handle_t *)timer, NULL);
}

static void on_too_late(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("after %u ms only \"%s\" rang", (unsigned)LIMIT_MS, stage.order);
}

/* Deadlines at 10, 20 and 40 ms and timers of libuv at 15 and 30 ms, all set in one turn. On a busy
 * machine several may be due in one turn: the order holds among deadlines and among timers. */
static void run_all(bool exact)
{
    static const unsigned waits_ms[] = {10, 20, 40};
    static const unsigned timer_ms[] = {15, 30};

    stage = (struct stage){0};
    loop_init(&stage.loop);
    if (exact) {
        loop_exact(&stage.loop);
    }
    uv_update_time(&stage.loop.uv);
    for (size_t i = 0; i < ARRAY_LEN(waits_ms); i++) {
        deadline_set(&stage.loop.deadlines, &stage.deadlines[i], waits_ms[i], on_deadline);
    }
    for (size_t i = 0; i < ARRAY_LEN(timer_ms); i++) {
        assert_int_equal(uv_timer_init(&stage.loop.uv, &stage.timers[i]), 0);
        assert_int_equal(uv_timer_start(&stage.timers[i], on_timer, timer_ms[i], 0), 0);
    }
    assert_int_equal(uv_timer_init(&stage.loop.uv, &stage.alive), 0);
    assert_int_equal(uv_timer_start(&stage.alive, on_too_late, LIMIT_MS, 0), 0);
    if (exact) { /* how long the loop would sleep now, if it slept */
        uv_update_time(&stage.loop.uv);
        assert_in_range(uv_backend_timeout(&stage.loop.uv), 0, waits_ms[0]);
    }
    while (stage.n < N_RINGS) {
        (void)loop_turn(&stage.loop, true);
    }
    uv_close((uv_handle_t *)&stage.alive, NULL);
    loop_done(&stage.loop);
    assert_false(stage.early);
}

static void assert_before(char first, char second)
{
    assert_true(strchr(stage.order, first) < strchr(stage.order, second));
}

static void exact_deadlines_come_in_order(void **state)
{
    (void)state;
    run_all(true);
    assert_before('a', 'b');
    assert_before('b', 'c');
    assert_before('A', 'B');
}

static void other_deadlines_are_never_early(void **state)
{
    (void)state;
    run_all(false);
}

enum { N_MANY = 2000, AT_ONCE_MAX = 256 };

static struct deadline many[N_MANY];
static size_t n_many;

static void on_one_of_many(struct deadline *deadline)
{
    (void)deadline;
    n_many++;
}

/* Ten thousand clients whose time is over must not keep the others waiting. */
static void many_that_are_due_at_once_take_several_turns(void **state)
{
    struct loop loop;
    uv_timer_t alive;
    size_t n_turns = 0;

    (void)state;
    loop_init(&loop);
    n_many = 0;
    assert_int_equal(uv_timer_init(&loop.uv, &alive), 0);
    assert_int_equal(uv_timer_start(&alive, on_too_late, LIMIT_MS, 0), 0);
    for (size_t i = 0; i < N_MANY; i++) {
        deadline_set(&loop.deadlines, &many[i], 1, on_one_of_many);
    }
    while (n_many < N_MANY) {
        size_t before = n_many;

        (void)loop_turn(&loop, true);
        assert_true(n_many - before <= AT_ONCE_MAX);
        n_turns += n_many > before ? 1 : 0;
    }
    assert_true(n_turns >= N_MANY / AT_ONCE_MAX);
    uv_close((uv_handle_t *)&alive, NULL);
    loop_done(&loop);
}

/* Works until 5 ms of CPU time are gone, however busy the machine is. */
static void on_long_work(struct later_item *item)
{
    uint64_t end_us = clock_cpu_us() + LONG_TURN_US;

    (void)item;
    while (clock_cpu_us() < end_us) {
    }
    loop_stop(&stage.loop);
}

static void a_long_turn_is_measured_in_time_of_the_cpu(void **state)
{
    struct later_item work = {0};

    (void)state;
    metrics_open();
    stage = (struct stage){0};
    loop_init(&stage.loop);
    later_add(&stage.loop.later, &work, on_long_work);
    for (int i = 0; i < N_RINGS; i++) { /* the end of the turn is seen at the next one's */
        (void)loop_turn(&stage.loop, false);
    }
    assert_in_range(metric_value(M_LOOP_TURN_CPU), LONG_TURN_US - US_PER_MS, INT64_MAX);
    loop_done(&stage.loop);
    metrics_done();
}

static void a_turn_takes_few_connections_and_few_slow_reads(void **state)
{
    struct loop loop;
    unsigned n_accepts = 0;
    unsigned n_patient = 0;
    uv_timer_t alive; /* without anything open there are no turns */

    (void)state;
    loop_init(&loop);
    assert_int_equal(uv_timer_init(&loop.uv, &alive), 0);
    assert_int_equal(uv_timer_start(&alive, on_too_late, LIMIT_MS, 0), 0);
    for (int turn = 0; turn < 2; turn++) {
        unsigned n_before = n_accepts;

        while (loop_may_accept(&loop)) {
            n_accepts++;
        }
        while (loop_may_read(&loop, true)) {
            n_patient++;
        }
        /* Others are read all the same, unless the reads took long by the clock (as under valgrind). */
        assert_true(loop.reads_enough || loop_may_read(&loop, false));
        assert_in_range(n_accepts - n_before, 1, 100);
        (void)loop_turn(&loop, false);
    }
    assert_in_range(n_patient, 2, 1000);
    uv_close((uv_handle_t *)&alive, NULL);
    loop_done(&loop);
}

/* The clock goes on by so much between two ticks, which come in real time. */
static void pass_a_tick(struct loop *loop, uint64_t *now_ms, unsigned ms)
{
    uint64_t expected_us = loop->tick_expected_us;

    *now_ms += ms;
    clock_set(*now_ms, 0);
    while (loop->tick_expected_us == expected_us) {
        (void)loop_turn(loop, false); /* one that waits may see two ticks */
        client_pause_ms(1);
    }
}

static void a_loop_that_is_late_for_seconds_is_behind(void **state)
{
    enum { LATE_MS = LOOP_TICK_MS + LOOP_BEHIND_MS + 1, N_LATE = LOOP_BEHIND_FOR_MS / LATE_MS };

    uint64_t now_ms = 1000000;
    struct loop loop;
    uv_timer_t alive;

    (void)state;
    clock_set(now_ms, 0);
    loop_init(&loop);
    assert_int_equal(uv_timer_init(&loop.uv, &alive), 0);
    assert_int_equal(uv_timer_start(&alive, on_too_late, LIMIT_MS, 0), 0);
    for (int i = 0; i < N_LATE; i++) {
        pass_a_tick(&loop, &now_ms, LATE_MS);
        assert_false(loop.is_behind);
    }
    for (int i = 0; i < 3; i++) {
        pass_a_tick(&loop, &now_ms, LATE_MS);
    }
    assert_true(loop.is_behind);
    pass_a_tick(&loop, &now_ms, LOOP_TICK_MS);
    assert_false(loop.is_behind);
    pass_a_tick(&loop, &now_ms, 10 * LOOP_BEHIND_FOR_MS); /* the process stood still */
    assert_false(loop.is_behind);
    pass_a_tick(&loop, &now_ms, LOOP_TICK_MS);
    for (int i = 0; i < 2 * N_LATE; i++) { /* long turns, and short ones between them */
        pass_a_tick(&loop, &now_ms, LATE_MS);
        pass_a_tick(&loop, &now_ms, LOOP_TICK_MS);
        assert_false(loop.is_behind);
    }
    uv_close((uv_handle_t *)&alive, NULL);
    loop_done(&loop);
    clock_release();
}

int test_loop(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_deadlines_come_in_order),
        cmocka_unit_test(other_deadlines_are_never_early),
        cmocka_unit_test(many_that_are_due_at_once_take_several_turns),
        cmocka_unit_test(a_long_turn_is_measured_in_time_of_the_cpu),
        cmocka_unit_test(a_turn_takes_few_connections_and_few_slow_reads),
        cmocka_unit_test(a_loop_that_is_late_for_seconds_is_behind),
    };

    return cmocka_run_group_tests_name("net/loop", tests, NULL, NULL);
}
