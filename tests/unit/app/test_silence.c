/* When a worker of which nothing is heard stands still, and when it only waits for a processor. */
#include "harness/cmocka.h"

#include "app/supervisor_internal.h"

enum { LIMIT_MS = 5000 };

int test_silence(void);

static void who_says_nothing_stands_still(void **state)
{
    struct process process = {.heard_ms = 10000};

    (void)state;
    for (uint64_t ms = 10000; ms < 10000 + LIMIT_MS; ms += 500) {
        assert_false(process_is_silent(&process, ms, LIMIT_MS, 70));
    }
    assert_true(process_is_silent(&process, 10000 + LIMIT_MS, LIMIT_MS, 70));
    process.heard_ms = 10000 + LIMIT_MS;
    assert_false(process_is_silent(&process, 10000 + LIMIT_MS, LIMIT_MS, 70));
}

/* It has waited for a processor for all but 100 ms of each half second. */
static void who_waits_for_a_processor_has_more_time(void **state)
{
    struct process process = {.heard_ms = 10000};
    uint64_t waited_ms = 0;
    uint64_t ms = 10000;

    (void)state;
    while (!process_is_silent(&process, ms, LIMIT_MS, waited_ms)) {
        ms += 500;
        waited_ms += 400;
    }
    assert_int_equal(ms - 10000, LIMIT_MS / 2 + 5 * LIMIT_MS / 2);
}

/* Also when the kernel has told how long it waited before. */
static void where_the_kernel_does_not_tell_nothing_is_excused(void **state)
{
    struct process process = {.heard_ms = 10000};

    (void)state;
    assert_false(process_is_silent(&process, 10000 + LIMIT_MS / 2, LIMIT_MS, 900));
    assert_true(process_is_silent(&process, 10000 + LIMIT_MS, LIMIT_MS, 0));
}

int test_silence(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_says_nothing_stands_still),
        cmocka_unit_test(who_waits_for_a_processor_has_more_time),
        cmocka_unit_test(where_the_kernel_does_not_tell_nothing_is_excused),
    };

    return cmocka_run_group_tests_name("silent workers", tests, NULL, NULL);
}
