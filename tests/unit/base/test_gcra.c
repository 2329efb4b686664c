/* The rate limit against what its figures promise. */
#include "harness/cmocka.h"

#include "base/gcra.h"

#define S  UINT64_C(1000000000)
#define MS UINT64_C(1000000)

static void a_burst_then_the_rate(void **state)
{
    const struct gcra_limit limit = {.per_second = 10, .burst = 5};
    uint64_t tat = 0;
    uint64_t now = 7 * S;

    (void)state;
    for (uint32_t i = 0; i < 5; i++) {
        struct gcra_verdict verdict = gcra_take(&tat, limit, now);

        assert_true(verdict.allowed);
        assert_int_equal(verdict.remaining, 4 - i);
    }
    assert_false(gcra_take(&tat, limit, now).allowed);
    assert_int_equal(gcra_take(&tat, limit, now).retry_after_ns, 100 * MS);
    assert_false(gcra_take(&tat, limit, now + 99 * MS).allowed);
    assert_true(gcra_take(&tat, limit, now + 100 * MS).allowed);
    assert_false(gcra_take(&tat, limit, now + 150 * MS).allowed);
    assert_false(gcra_is_full(tat, now + 200 * MS));
    assert_true(gcra_is_full(tat, now + 700 * MS));
}

/* Whoever waits as long as was said is served, whatever came before. */
static void the_wait_that_is_told_is_enough(void **state)
{
    const struct gcra_limit limit = {.per_second = 7, .burst = 3};
    uint64_t tat = 0;
    uint64_t now = 1;
    uint64_t random = 42;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        struct gcra_verdict verdict = gcra_take(&tat, limit, now);

        if (!verdict.allowed) {
            now += verdict.retry_after_ns;
            assert_true(gcra_take(&tat, limit, now).allowed);
        }
        random = random * 6364136223846793005u + 1442695040888963407u;
        now += (random >> 40) % (200 * MS);
    }
}

/* In ten seconds at most burst + rate * 10 are allowed. */
static void no_more_than_the_rate_in_the_long_run(void **state)
{
    const struct gcra_limit limit = {.per_second = 100, .burst = 20};
    uint64_t tat = 0;
    unsigned n = 0;

    (void)state;
    for (uint64_t now = 0; now <= 10 * S; now += MS) {
        n += gcra_take(&tat, limit, now).allowed ? 1 : 0;
    }
    assert_in_range(n, 1015, 1021);
}

static void a_smaller_limit_does_not_deny_for_what_came_before(void **state)
{
    const struct gcra_limit large = {.per_second = 1, .burst = 1000};
    const struct gcra_limit small = {.per_second = 10, .burst = 2};
    uint64_t tat = 0;
    uint64_t now = S;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        (void)gcra_take(&tat, large, now);
    }
    assert_int_equal(gcra_take(&tat, small, now).retry_after_ns, 100 * MS);
    assert_true(gcra_take(&tat, small, now + 100 * MS).allowed);
}

static void many_at_once_are_all_or_none(void **state)
{
    const struct gcra_limit limit = {.per_second = 10, .burst = 5};
    uint64_t tat = 0;
    uint64_t now = 7 * S;
    struct gcra_verdict verdict = gcra_take_many(&tat, limit, 3, now);

    (void)state;
    assert_true(verdict.allowed);
    assert_int_equal(verdict.remaining, 2);
    verdict = gcra_take_many(&tat, limit, 3, now);
    assert_false(verdict.allowed);
    assert_int_equal(verdict.remaining, 2);
    assert_int_equal(verdict.retry_after_ns, 100 * MS);
    assert_true(gcra_take_many(&tat, limit, 3, now + 100 * MS).allowed);
}

/* As if it had not been taken; a bucket holds no more than its burst. */
static void what_is_given_back_can_be_taken_again(void **state)
{
    const struct gcra_limit limit = {.per_second = 10, .burst = 2};
    uint64_t tat = 0;
    uint64_t now = 7 * S;

    (void)state;
    assert_true(gcra_take(&tat, limit, now).allowed);
    assert_true(gcra_take(&tat, limit, now).allowed);
    gcra_give_back(&tat, limit);
    assert_int_equal(gcra_take(&tat, limit, now).remaining, 0);
    assert_false(gcra_take(&tat, limit, now).allowed);
    for (int i = 0; i < 5; i++) {
        gcra_give_back(&tat, limit);
    }
    assert_true(gcra_take(&tat, limit, now).allowed);
    assert_true(gcra_take(&tat, limit, now).allowed);
    assert_false(gcra_take(&tat, limit, now).allowed);
}

int test_gcra(void);

int test_gcra(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_at_once_are_all_or_none),
        cmocka_unit_test(what_is_given_back_can_be_taken_again),
        cmocka_unit_test(a_burst_then_the_rate),
        cmocka_unit_test(the_wait_that_is_told_is_enough),
        cmocka_unit_test(no_more_than_the_rate_in_the_long_run),
        cmocka_unit_test(a_smaller_limit_does_not_deny_for_what_came_before),
    };

    return cmocka_run_group_tests_name("base/gcra", tests, NULL, NULL);
}
