/* Reason phrases. */
#include "harness/cmocka.h"

#include "base/error.h"
#include "http/http_internal.h"
#include "http/problem.h"

static void registered_ones_are_real_and_others_sensible(void **state)
{
    (void)state;
    assert_string_equal(reason_of(302), "Found");
    assert_string_equal(reason_of(418), "I'm a Teapot");
    assert_string_equal(reason_of(522), "Connection Timed Out");
    assert_string_equal(reason_of(299), "Success");
    assert_string_equal(reason_of(399), "Redirection");
    assert_string_equal(reason_of(499), "Client Closed Request");
    assert_string_equal(reason_of(598), "Server Error");
    assert_string_equal(reason_of(999), "Unknown");
    assert_string_equal(reason_of(0), "Unknown");
}

static void every_status_of_ours_has_its_own(void **state)
{
    (void)state;
    for (int code = ERR_OK + 1; code < ERR_N_CODES; code++) {
        const struct problem_row *row = problem_row((enum error_code)code);

        assert_true(row->status >= 400 && row->title != NULL);

        assert_string_not_equal(reason_of(row->status), "Client Error");
        assert_string_not_equal(reason_of(row->status), "Server Error");
    }
}

int test_reason(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registered_ones_are_real_and_others_sensible),
        cmocka_unit_test(every_status_of_ours_has_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
