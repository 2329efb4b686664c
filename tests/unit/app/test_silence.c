/* When a worker of which nothing is heard stands still, and when it only waits for a processor. */
#include "harness/cmocka.h"

#include "app/supervisor_internal.h"

enum { LIMIT_MS = 5000, TICK_MS = 500 };

int test_silence(void);

static bool is_silent(struct process *process, uint64_t ms, uint64_t ran_ms, uint64_t waited_ms,
                      bool is_runnable)
{
    const struct cpu_use use = {ran_ms, waited_ms, is_runnable};

    return process_is_silent(process, ms, LIMIT_MS, &use);
}

static void who_says_nothing_stands_still(void **state)
{
    struct process process = {.heard_ms = 10000};
    uint64_t ms;

    (void)state;
    for (ms = 10000; ms < 10000 + LIMIT_MS; ms += TICK_MS) {
        assert_false(is_silent(&process, ms, 50, 70, false));
    }
    assert_true(is_silent(&process, ms, 50, 70, false));
    process.heard_ms = ms; /* what it waited until then does not count any more */
    for (; ms < 10000 + 2 * LIMIT_MS; ms += TICK_MS) {
        assert_false(is_silent(&process, ms, 50, 100000, false));
    }
    assert_true(is_silent(&process, ms, 50, 100000, false));
}

/* It gets 100 ms of each half second, and is seen to wait or to sleep. */
static void who_waits_for_a_processor_has_more_time(void **state)
{
    for (int runnable = 0; runnable < 2; runnable++) {
        struct process process = {.heard_ms = 10000};
        uint64_t ran_ms = 1;
        uint64_t waited_ms = 0;
        uint64_t ms = 10000;

        (void)state;
        while (!is_silent(&process, ms, ran_ms, waited_ms, runnable != 0)) {
            ms += TICK_MS;
            ran_ms += 100;
            waited_ms += 400;
        }
        assert_int_equal(ms - 10000, LIMIT_MS / 2 + 5 * LIMIT_MS / 2);
    }
}

/* A wait that lasts still is not told. */
static void who_gets_no_processor_at_all_is_not_killed(void **state)
{
    struct process process = {.heard_ms = 10000};

    (void)state;
    for (uint64_t ms = 10000; ms < 10000 + 20 * LIMIT_MS; ms += TICK_MS) {
        assert_false(is_silent(&process, ms, 50, 70, true));
    }
}

static void where_the_kernel_does_not_tell_nothing_is_excused(void **state)
{
    for (int runnable = 0; runnable < 2; runnable++) {
        struct process process = {.heard_ms = 10000};

        (void)state;
        assert_false(is_silent(&process, 10000 + LIMIT_MS / 2, 0, 0, runnable != 0));
        assert_true(is_silent(&process, 10000 + LIMIT_MS, 0, 0, runnable != 0));
    }
}

int test_silence(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_says_nothing_stands_still),
        cmocka_unit_test(who_waits_for_a_processor_has_more_time),
        cmocka_unit_test(who_gets_no_processor_at_all_is_not_killed),
        cmocka_unit_test(where_the_kernel_does_not_tell_nothing_is_excused),
    };

    return cmocka_run_group_tests_name("silent workers", tests, NULL, NULL);
}
