/* The timing wheel against a plain list of what was set. */
#include "harness/cmocka.h"

#include "base/clock.h"
#include "base/deadline.h"

enum { N = 2000, TURNS = 4000 };

struct alarm {
    struct deadline deadline;
    uint64_t at_ms; /* 0: not set */
    unsigned n_rings;
};

struct clockwork {
    struct deadlines deadlines;
    struct alarm alarms[N];
    uint64_t now_ms;
    uint64_t last_ms; /* time of the last alarm that rang in this run */
    bool wrong;
    uint64_t random;
};

static struct clockwork work;

static uint64_t pick(uint64_t below)
{
    work.random = work.random * 6364136223846793005u + 1442695040888963407u;
    return (work.random >> 33) % below;
}

static void on_ring(struct deadline *deadline)
{
    struct alarm *alarm = CONTAINER_OF(deadline, struct alarm, deadline);

    work.wrong =
        work.wrong || alarm->at_ms == 0 || alarm->at_ms > work.now_ms || deadline_is_set(deadline);
    work.last_ms = alarm->at_ms;
    alarm->at_ms = 0;
    alarm->n_rings++;
}

static void set(struct alarm *alarm, uint64_t wait_ms, deadline_fn fn)
{
    deadline_set(&work.deadlines, &alarm->deadline, wait_ms, fn);
    alarm->at_ms = work.now_ms + wait_ms;
}

static void start(uint64_t now_ms)
{
    work = (struct clockwork){.now_ms = now_ms, .random = 42};
    clock_set(now_ms, 0);
    deadlines_init(&work.deadlines);
}

static void move_to(uint64_t now_ms)
{
    work.now_ms = now_ms;
    clock_set(now_ms, 0);
}

static void each_rings_once_and_never_early_or_late(void **state)
{
    static const uint64_t waits[] = {1, 2, 63, 64, 65, 100, 4095, 4096, 50000, 300000, 86400000};

    (void)state;
    start(123456789);
    for (int t = 0; t < TURNS; t++) {
        for (int k = 0; k < 3; k++) {
            struct alarm *alarm = &work.alarms[pick(N)];

            if (pick(4) == 0) {
                deadline_clear(&alarm->deadline);
                alarm->at_ms = 0;
            } else {
                set(alarm, pick(waits[pick(ARRAY_LEN(waits))]), on_ring);
            }
        }
        move_to(work.now_ms + pick(pick(20) == 0 ? 1000000 : 200));
        (void)deadlines_run(&work.deadlines, work.now_ms);
        for (size_t i = 0; i < N; i++) {
            bool is_due = work.alarms[i].at_ms != 0 && work.alarms[i].at_ms <= work.now_ms;

            work.wrong = work.wrong || is_due ||
                         deadline_is_set(&work.alarms[i].deadline) != (work.alarms[i].at_ms != 0);
        }
        assert_false(work.wrong);
    }
    for (size_t i = 0; i < N; i++) {
        deadline_clear(&work.alarms[i].deadline);
    }
    assert_true(deadlines_is_empty(&work.deadlines));
    clock_release();
}

static uint64_t rung[3];
static size_t n_rung;

static void on_note(struct deadline *deadline)
{
    rung[n_rung++] = CONTAINER_OF(deadline, struct alarm, deadline)->at_ms;
}

static void they_ring_in_the_order_of_their_times(void **state)
{
    (void)state;
    start(1000);
    n_rung = 0;
    set(&work.alarms[0], 7000, on_note);
    set(&work.alarms[1], 30, on_note);
    set(&work.alarms[2], 500, on_note);
    move_to(10000);
    assert_int_equal(deadlines_run(&work.deadlines, 10000), 3);
    assert_true(rung[0] < rung[1] && rung[1] < rung[2]);
    clock_release();
}

/* Sets a fourth one without a wait: it comes behind those that are due already. */
static void on_note_and_set(struct deadline *deadline)
{
    on_note(deadline);
    set(&work.alarms[3], 0, on_note);
}

static void what_is_left_of_a_run_comes_first_in_the_next(void **state)
{
    (void)state;
    start(1000);
    n_rung = 0;
    set(&work.alarms[0], 10, on_note_and_set);
    set(&work.alarms[1], 20, on_note);
    set(&work.alarms[2], 30, on_note);
    move_to(2000);
    assert_int_equal(deadlines_run_some(&work.deadlines, 2000, 1), 1);
    assert_int_equal(rung[0], 1010);
    deadline_clear(&work.alarms[1].deadline); /* as it may be meanwhile */
    assert_false(deadline_is_set(&work.alarms[1].deadline));
    assert_int_equal(deadlines_run_some(&work.deadlines, 2000, 1), 1);
    assert_int_equal(rung[1], 1030);
    assert_int_equal(deadlines_run_some(&work.deadlines, 2000, 5), 1);
    assert_int_equal(rung[2], 2000);
    assert_true(deadlines_is_empty(&work.deadlines));
    clock_release();
}

static void on_again(struct deadline *deadline)
{
    n_rung++;
    deadline_set(&work.deadlines, deadline, 0, on_again);
}

static void on_stop_other(struct deadline *deadline)
{
    (void)deadline;
    deadline_clear(&work.alarms[1].deadline);
}

static void a_callback_may_set_and_clear(void **state)
{
    (void)state;
    start(5);
    n_rung = 0;
    set(&work.alarms[0], 0, on_again);
    for (size_t i = 1; i <= 3; i++) {
        assert_int_equal(deadlines_run(&work.deadlines, 5), 1);
        assert_int_equal(n_rung, i);
    }
    deadline_clear(&work.alarms[0].deadline);
    set(&work.alarms[0], 10, on_stop_other);
    set(&work.alarms[1], 10, on_ring);
    move_to(15);
    assert_int_equal(deadlines_run(&work.deadlines, 15), 1);
    assert_int_equal(work.alarms[1].n_rings, 0);
    assert_true(deadlines_is_empty(&work.deadlines));
    clock_release();
}

static void a_clock_that_went_back_rings_nothing_and_forgets_nothing(void **state)
{
    (void)state;
    start(100000);
    set(&work.alarms[0], 50, on_ring);
    assert_int_equal(deadlines_run(&work.deadlines, 40), 0);
    move_to(100050);
    assert_int_equal(deadlines_run(&work.deadlines, 100050), 1);
    set(&work.alarms[0], UINT64_MAX / 2, on_ring); /* a wait beyond everything */
    assert_int_equal(deadlines_run(&work.deadlines, 100051), 0);
    deadline_clear(&work.alarms[0].deadline);
    deadline_clear(&work.alarms[0].deadline);
    clock_release();
}

static uint64_t told_ms[4];
static size_t n_told;

static void on_sooner(struct deadlines *deadlines, uint64_t at_ms)
{
    told_ms[n_told++] = at_ms;
    deadlines->wake_ms = at_ms;
}

static void who_drives_them_hears_of_the_first_one(void **state)
{
    (void)state;
    start(100000);
    n_told = 0;
    assert_true(deadlines_next_ms(&work.deadlines) == UINT64_MAX);
    set(&work.alarms[0], 40, on_note); /* nobody wants to be told */
    work.deadlines.on_sooner = on_sooner;
    work.deadlines.wake_ms = 100050;
    set(&work.alarms[1], 60, on_note); /* behind the next run */
    set(&work.alarms[2], 20, on_note);
    set(&work.alarms[3], 30, on_note);
    set(&work.alarms[4], 0, on_note);
    assert_int_equal(n_told, 2);
    assert_true(told_ms[0] == 100020 && told_ms[1] == 100000);
    assert_true(deadlines_next_ms(&work.deadlines) == 100000);
    clock_release();
}

/* Whoever runs them at each time that they name meets every deadline at its own. */
static void the_named_times_lead_to_every_deadline(void **state)
{
    uint64_t at_ms;

    (void)state;
    start(123456789);
    for (size_t i = 0; i < N; i++) {
        set(&work.alarms[i], pick(i % 2 == 0 ? 300 : 500000), on_ring);
    }
    while ((at_ms = deadlines_next_ms(&work.deadlines)) != UINT64_MAX) {
        assert_true(at_ms >= work.now_ms);
        move_to(at_ms);
        work.last_ms = at_ms;
        (void)deadlines_run(&work.deadlines, at_ms);
        assert_true(work.last_ms == at_ms);
    }
    assert_false(work.wrong);
    assert_true(deadlines_is_empty(&work.deadlines));
    clock_release();
}

int test_deadline(void);

int test_deadline(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rings_once_and_never_early_or_late),
        cmocka_unit_test(they_ring_in_the_order_of_their_times),
        cmocka_unit_test(what_is_left_of_a_run_comes_first_in_the_next),
        cmocka_unit_test(a_callback_may_set_and_clear),
        cmocka_unit_test(a_clock_that_went_back_rings_nothing_and_forgets_nothing),
        cmocka_unit_test(who_drives_them_hears_of_the_first_one),
        cmocka_unit_test(the_named_times_lead_to_every_deadline),
    };

    return cmocka_run_group_tests_name("base/deadline", tests, NULL, NULL);
}
