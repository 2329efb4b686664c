/* The pure part: what a result means, and when to try again. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "upstream/upstream_internal.h"

int test_outcome(void);

static void every_result_of_libcurl_has_a_code(void **state)
{
    (void)state;
    for (int result = CURLE_OK; result < CURL_LAST; result++) {
        for (int left = 0; left < 2; left++) {
            struct outcome outcome = {
                .result = (CURLcode)result, .class = CALL_CREATE, .may_have_left = left == 1};
            enum error_code code = outcome_code(&outcome);

            assert_int_equal(code == ERR_OK, result == CURLE_OK);
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
    static const CURLcode lost[] = {CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_GOT_NOTHING,
                                    CURLE_SEND_FAIL_REWIND, CURLE_OPERATION_TIMEDOUT};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lost); i++) {
        for (int kind = CALL_READ; kind <= CALL_CREATE; kind++) {
            struct outcome outcome = {
                .result = lost[i], .class = (enum call_class)kind, .may_have_left = true};
            enum error_code code = outcome_code(&outcome);

            assert_int_equal(code == ERR_OUTCOME_UNKNOWN, kind != CALL_READ);
            assert_int_equal(outcome_is_retryable(&outcome, code, 0),
                             kind == CALL_READ && lost[i] != CURLE_OPERATION_TIMEDOUT);
        }
    }
}

static void a_refusal_that_broke_off_is_still_a_refusal(void **state)
{
    struct outcome outcome = {
        .result = CURLE_RECV_ERROR, .class = CALL_CREATE, .status = 409, .may_have_left = true};

    (void)state;
    assert_int_equal(outcome_code(&outcome), ERR_UPSTREAM_RESET);
    outcome.status = 200;
    assert_int_equal(outcome_code(&outcome), ERR_OUTCOME_UNKNOWN);
}

static void delays_grow_stay_bounded_and_keep_what_was_asked(void **state)
{
    uint64_t most[12] = {0};

    (void)state;
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
}

static void the_budget_gives_ten_then_a_share_and_forgets(void **state)
{
    struct retry_budget budget = {0};
    unsigned n = 0;

    (void)state;
    while (budget_take(&budget, 50000, 10)) {
        n++;
    }
    assert_int_equal(n, 10);
    for (int i = 0; i < 200; i++) {
        budget_call(&budget, 51000);
    }
    while (budget_take(&budget, 52000, 10)) {
        n++;
    }
    assert_int_equal(n, 20);
    assert_true(budget_take(&budget, 70000, 10));
}

int test_outcome(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_result_of_libcurl_has_a_code),
        cmocka_unit_test(what_changes_something_is_unknown_when_its_answer_is_lost),
        cmocka_unit_test(a_refusal_that_broke_off_is_still_a_refusal),
        cmocka_unit_test(delays_grow_stay_bounded_and_keep_what_was_asked),
        cmocka_unit_test(the_budget_gives_ten_then_a_share_and_forgets),
    };

    return cmocka_run_group_tests_name("upstream outcomes", tests, NULL, NULL);
}
