/* The pure part: what a result means, and when to try again. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "base/random.h"
#include "upstream/upstream_internal.h"

int test_outcome(void);

static void every_end_of_a_try_has_a_code(void **state)
{
    (void)state;
    for (int end = TRY_ANSWERED; end <= TRY_TOO_BIG; end++) {
        for (int left = 0; left < 2; left++) {
            struct outcome outcome = {
                .end = (enum try_end)end, .class = CALL_CREATE, .may_have_left = left == 1};
            enum error_code code = outcome_code(&outcome);

            assert_int_equal(code == ERR_OK, end == TRY_ANSWERED);
            assert_true(code < ERR_N_CODES);
            /* Never "unknown" when nothing can have left, never a repeat when something may
             * have. */
            assert_false(left == 0 && code == ERR_OUTCOME_UNKNOWN);
            assert_false(left == 1 && outcome_is_retryable(&outcome, code, 0));
            assert_false(code == ERR_UPSTREAM_RESET || code == ERR_UPSTREAM_TIMEOUT);
        }
    }
}

/* Only a read is sent again when the connection breaks; only a read can fail without a question. */
static void what_changes_something_is_unknown_when_its_answer_is_lost(void **state)
{
    static const enum try_end lost[] = {TRY_BROKEN, TRY_LATE, TRY_UNREADABLE};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lost); i++) {
        for (int kind = CALL_READ; kind <= CALL_CREATE; kind++) {
            struct outcome outcome = {
                .end = lost[i], .class = (enum call_class)kind, .may_have_left = true};
            enum error_code code = outcome_code(&outcome);

            assert_int_equal(code == ERR_OUTCOME_UNKNOWN, kind != CALL_READ);
            assert_int_equal(outcome_is_retryable(&outcome, code, 0),
                             kind == CALL_READ && lost[i] == TRY_BROKEN);
        }
    }
}

static void a_refusal_that_broke_off_is_still_a_refusal(void **state)
{
    struct outcome outcome = {
        .end = TRY_BROKEN, .class = CALL_CREATE, .status = 409, .may_have_left = true};

    (void)state;
    assert_int_equal(outcome_code(&outcome), ERR_UPSTREAM_RESET);
    outcome.status = 200;
    assert_int_equal(outcome_code(&outcome), ERR_OUTCOME_UNKNOWN);
}

static void delays_grow_stay_bounded_and_keep_what_was_asked(void **state)
{
    uint64_t most[12] = {0};

    (void)state;
    random_seed(1);
    for (unsigned tries = 1; tries < ARRAY_LEN(most); tries++) {
        for (int i = 0; i < 300; i++) {
            uint64_t delay = retry_delay_ms(100, tries, 0);

            most[tries] = delay > most[tries] ? delay : most[tries];
            assert_true(retry_delay_ms(100, tries, 3) >= 3000);
        }
        assert_true(most[tries] <= 10000);
    }
    assert_true(most[1] <= 100 && most[1] > 50);
    assert_true(most[3] <= 400 && most[3] > 200);
    random_release();
}

/* Calls of which the last `n_failing` in a hundred fail, each failure wanting two retries. Returns
 * the retries. */
static unsigned run_traffic(struct retry_budget *budget, unsigned n_calls, unsigned n_failing,
                            unsigned percent)
{
    unsigned n_retries = 0;

    for (unsigned i = 0; i < n_calls; i++) {
        if (i % 100 < 100 - n_failing) {
            budget_save(budget, percent);
            continue;
        }
        n_retries += budget_take(budget) ? 1 : 0;
        n_retries += budget_take(budget) ? 1 : 0;
    }
    return n_retries;
}

static void an_outage_adds_a_tenth_at_most_however_long_it_lasts(void **state)
{
    struct retry_budget budget = {0};

    (void)state;
    budget_open(&budget);
    assert_int_equal(run_traffic(&budget, 100000, 0, 10), 0);
    assert_int_equal(run_traffic(&budget, 100, 100, 10), 10);
    assert_int_equal(run_traffic(&budget, 100000, 100, 10), 0);
    for (unsigned n_failing = 1; n_failing <= 100; n_failing++) {
        assert_true(run_traffic(&budget, 10000, n_failing, 10) <= 1000);
    }
}

static void single_failures_are_repeated_and_saved_for_again(void **state)
{
    struct retry_budget budget = {0};

    (void)state;
    budget_open(&budget);
    assert_true(budget_take(&budget));
    (void)run_traffic(&budget, 1000, 100, 10);
    assert_false(budget_take(&budget));
    assert_int_equal(run_traffic(&budget, 9, 0, 10), 0);
    assert_false(budget_take(&budget));
    assert_int_equal(run_traffic(&budget, 1, 0, 10), 0);
    assert_true(budget_take(&budget));
    assert_int_equal(run_traffic(&budget, 20000, 1, 10), 400); /* both retries of each failure */
}

int test_outcome(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_end_of_a_try_has_a_code),
        cmocka_unit_test(what_changes_something_is_unknown_when_its_answer_is_lost),
        cmocka_unit_test(a_refusal_that_broke_off_is_still_a_refusal),
        cmocka_unit_test(delays_grow_stay_bounded_and_keep_what_was_asked),
        cmocka_unit_test(an_outage_adds_a_tenth_at_most_however_long_it_lasts),
        cmocka_unit_test(single_failures_are_repeated_and_saved_for_again),
    };

    return cmocka_run_group_tests_name("upstream outcomes", tests, NULL, NULL);
}
