/* When the platform counts as away. */
#include "harness/cmocka.h"

#include "base/attr.h"
#include "upstream/breaker.h"

/* Of a try that took no time. */
static bool note(struct breaker *breaker, bool failed, bool unconnected, uint64_t now_ms)
{
    return breaker_note(breaker, failed, unconnected, now_ms, now_ms);
}

enum { NOW_MS = 5000000 };

static void ten_failures_in_a_row_open_it(void **state)
{
    struct breaker breaker = {.open = false};

    (void)state;
    for (unsigned i = 0; i < BREAKER_ROW - 1; i++) {
        assert_false(note(&breaker, true, false, NOW_MS + i * 60000));
    }
    assert_false(note(&breaker, false, false, NOW_MS + 600000)); /* not in a row any more */
    for (unsigned i = 0; i < BREAKER_ROW - 1; i++) {
        assert_false(note(&breaker, true, false, NOW_MS + 700000 + i * 60000));
    }
    assert_true(note(&breaker, true, true, NOW_MS + 2000000));
    assert_true(breaker.open);
    assert_true(breaker.unconnected);
    assert_int_equal(breaker.opened_ms, NOW_MS + 2000000);
    assert_false(note(&breaker, true, false, NOW_MS + 2000001)); /* open already */
    breaker_close(&breaker, 0);
    assert_false(breaker.open);
    assert_false(note(&breaker, true, false, NOW_MS + 2000002));
}

/* Every fourth end is good, so there are never ten in a row. */
static bool feed(struct breaker *breaker, unsigned n, unsigned n_good_of_8, uint64_t step_ms)
{
    for (unsigned i = 0; i < n; i++) {
        bool failed = i % 8 >= n_good_of_8;

        if (note(breaker, failed, false, NOW_MS + i * step_ms)) {
            assert_true(failed);
            assert_true(i + 1 >= BREAKER_SAMPLE);
            return true;
        }
    }
    return false;
}

static void more_than_half_of_twenty_within_ten_seconds_open_it(void **state)
{
    struct breaker breaker = {.open = false};

    (void)state;
    assert_true(feed(&breaker, BREAKER_SAMPLE + 1, 3, 100));
    breaker_close(&breaker, 0);
    assert_false(feed(&breaker, 400, 4, 10)); /* exactly half, good ones first */
    breaker_close(&breaker, 0);
    assert_false(feed(&breaker, 400, 3, 1000)); /* never twenty within ten seconds */
}

/* Sixty calls hang until their time is over; meanwhile the platform has come back. */
static void late_failures_of_before_do_not_open_it_again(void **state)
{
    struct breaker breaker = {.open = false};

    (void)state;
    for (unsigned i = 0; i < BREAKER_ROW; i++) {
        (void)note(&breaker, true, false, NOW_MS);
    }
    assert_true(breaker.open);
    breaker_close(&breaker, NOW_MS + 1000);
    for (unsigned i = 0; i < 50; i++) {
        assert_false(breaker_note(&breaker, true, false, NOW_MS, NOW_MS + 30000));
    }
    assert_false(note(&breaker, false, false, NOW_MS + 30000));
    for (unsigned i = 0; i < BREAKER_ROW - 1; i++) {
        assert_false(note(&breaker, true, false, NOW_MS + 30001));
    }
    assert_true(note(&breaker, true, false, NOW_MS + 30001)); /* these are of now */
}

/* The share is looked at after good ends, too: they make the sample as large as it must be. */
static void a_good_end_may_complete_the_sample(void **state)
{
    struct breaker breaker = {.open = false};
    unsigned n = 0;

    (void)state;
    for (; n < BREAKER_SAMPLE - 1; n++) {
        assert_false(note(&breaker, n % 8 < 4 || n == 7, false, NOW_MS + n));
    }
    assert_true(note(&breaker, false, false, NOW_MS + n));
}

static void a_failure_is_what_shows_that_nobody_is_there(void **state)
{
    static const struct {
        enum error_code code;
        int status;
        bool failed;
    } rows[] = {
        {ERR_OK, 200, false},
        {ERR_OK, 302, false},
        {ERR_OK, 400, false},
        {ERR_OK, 401, false},
        {ERR_OK, 404, false},
        {ERR_OK, 429, false},
        {ERR_OK, 500, false},
        {ERR_OK, 501, false},
        {ERR_OK, 502, true},
        {ERR_OK, 503, true},
        {ERR_OK, 504, true},
        {ERR_OK, 505, false},
        {ERR_OK, 519, false},
        {ERR_OK, 520, true},
        {ERR_OK, 522, true},
        {ERR_OK, 529, true},
        {ERR_OK, 530, false},
        {ERR_UPSTREAM_CONNECT, 0, true},
        {ERR_UPSTREAM_RESET, 0, true},
        {ERR_UPSTREAM_TIMEOUT, 0, true},
        {ERR_OUTCOME_UNKNOWN, 0, true},
        {ERR_UPSTREAM_TOO_BIG, 200, false},
        {ERR_UPSTREAM_SHAPE, 200, false},
        {ERR_INTERNAL, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(breaker_is_failure(rows[i].code, rows[i].status), rows[i].failed);
    }
}

int test_breaker(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_failures_in_a_row_open_it),
        cmocka_unit_test(more_than_half_of_twenty_within_ten_seconds_open_it),
        cmocka_unit_test(late_failures_of_before_do_not_open_it_again),
        cmocka_unit_test(a_good_end_may_complete_the_sample),
        cmocka_unit_test(a_failure_is_what_shows_that_nobody_is_there),
    };

    return cmocka_run_group_tests_name("circuit breaker", tests, NULL, NULL);
}
