/* What calls that have ended say about the platform. */
#include "harness/cmocka.h"

#include "observe/metrics.h"
#include "upstream/upstream_internal.h"

static void note(struct upstream_health *health, enum error_code code, int status, bool stored)
{
    static int64_t wall_ms = 1000;
    const struct health_event event = {.code = code,
                                       .status = status,
                                       .why = "Connection refused",
                                       .stored_token = stored,
                                       .wall_ms = wall_ms++};

    health_note(health, &event);
}

static void failures_in_a_row_are_counted(void **state)
{
    struct upstream_health health = {.state = UPSTREAM_PASS};
    int64_t since_ms;

    (void)state;
    note(&health, ERR_UPSTREAM_CONNECT, 0, true);
    since_ms = health.since_wall_ms;
    assert_true(since_ms > 0);
    note(&health, ERR_OK, 503, true);
    assert_int_equal(health.state, UPSTREAM_PASS);
    note(&health, ERR_UPSTREAM_TIMEOUT, 0, true);
    assert_int_equal(health.state, UPSTREAM_WARN);
    assert_string_equal(health.last_error, "Connection refused");
    for (int i = 3; i < 9; i++) {
        note(&health, ERR_OK, 500, false);
    }
    assert_int_equal(health.state, UPSTREAM_WARN);
    note(&health, ERR_OK, 502, false);
    assert_int_equal(health.state, UPSTREAM_FAIL);
    assert_int_equal(health.failures, 10);
    assert_int_equal(health.since_wall_ms, since_ms);
    assert_string_equal(health.last_error, "the platform answered 502");
    note(&health, ERR_OK, 200, true);
    assert_int_equal(health.state, UPSTREAM_PASS);
    assert_int_equal(health.failures, 0);
    assert_int_equal(health.since_wall_ms, 0);
    assert_string_equal(health.last_error, "");
}

static void what_a_caller_did_wrong_is_no_failure(void **state)
{
    static const int statuses[] = {200, 204, 400, 404, 409, 422};
    struct upstream_health health = {.state = UPSTREAM_PASS};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        note(&health, ERR_OK, 503, true);
        note(&health, ERR_OK, 503, true);
        note(&health, ERR_OK, statuses[i], true);
        assert_int_equal(health.failures, 0);
    }
    for (int i = 0; i < 20; i++) {
        note(&health, ERR_UPSTREAM_TOO_BIG, 0, true);
        note(&health, ERR_INTERNAL, 0, true);
        note(&health, ERR_OK, 401, false); /* the caller's own token */
        note(&health, ERR_OK, 402, false);
        note(&health, ERR_OK, 403, false);
        note(&health, ERR_OK, 429, false);
    }
    assert_int_equal(health.state, UPSTREAM_PASS);
}

/* No answer of them is one that a caller could mend. */
static void somebody_answers_and_nothing_works(void **state)
{
    static const struct {
        struct health_event event;
        const char *says;
    } rows[] = {
        {{.status = 403, .stored_token = true},
         "the platform refuses what is asked for with the stored token (403)"},
        {{.status = 402, .stored_token = true}, "the platform answered 402"},
        {{.status = 429, .stored_token = true}, "the platform answered 429"},
        {{.status = 407}, "the platform answered 407"},
        {{.status = 408}, "the platform answered 408"},
        {{.status = 421}, "the platform answered 421"},
        {{.status = 426}, "the platform answered 426"},
        {{.status = 404, .is_page = true},
         "a page for people answered (404): is upstream.base_url right?"},
        {{.status = 200, .is_unfit = true},
         "the answer (200) does not hold what was asked for: is upstream.base_url right?"},
        {{.code = ERR_OVERLOADED, .why = "no descriptor"}, "no descriptor"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct upstream_health health = {.state = UPSTREAM_PASS};
        struct health_event event = rows[i].event;

        event.wall_ms = 5000;
        for (unsigned n = 1; n <= 10; n++) {
            health_note(&health, &event);
            assert_int_equal(health.state, n < 3    ? UPSTREAM_PASS
                                           : n < 10 ? UPSTREAM_WARN
                                                    : UPSTREAM_FAIL);
        }
        assert_string_equal(health.last_error, rows[i].says);
        note(&health, ERR_OK, 200, true);
        assert_int_equal(health.state, UPSTREAM_PASS);
        assert_int_equal(health.failures, 0);
    }
}

/* It is not the platform that fails, and not the token; but neither does the rest of a row hide behind it. */
static void who_asks_for_what_is_not_his_makes_nothing_fail(void **state)
{
    struct upstream_health health = {.state = UPSTREAM_PASS};

    (void)state;
    note(&health, ERR_OK, 200, true);
    for (int i = 0; i < 100; i++) {
        note(&health, ERR_OK, 403, true);
    }
    assert_int_equal(health.state, UPSTREAM_WARN);
    note(&health, ERR_OK, 503, true);
    assert_int_equal(health.state, UPSTREAM_FAIL);
    note(&health, ERR_OK, 403, true);
    assert_int_equal(health.state, UPSTREAM_FAIL);
    note(&health, ERR_OK, 200, true);
    assert_int_equal(health.state, UPSTREAM_PASS);
}

/* 429 beside answers that do well is how the right number of calls is found, and a page with 404 may be a route
 * that the platform does not offer. */
static void what_means_little_beside_good_answers(void **state)
{
    struct health_event crowd = {.status = 429, .stored_token = true, .wall_ms = 9000};
    const struct health_event page = {.status = 404, .is_page = true, .wall_ms = 9000};
    const struct health_event good = {.status = 200, .stored_token = true, .wall_ms = 8500};
    struct upstream_health health = {.state = UPSTREAM_PASS};

    (void)state;
    health_note(&health, &good);
    for (int i = 0; i < 20; i++) {
        health_note(&health, &crowd);
        health_note(&health, &page);
    }
    assert_int_equal(health.state, UPSTREAM_PASS);
    crowd.wall_ms = 9500;
    for (int i = 0; i < 3; i++) {
        health_note(&health, &crowd);
    }
    assert_int_equal(health.state, UPSTREAM_WARN);
}

static void a_refused_token_fails_until_a_call_with_it_succeeds(void **state)
{
    struct upstream_health health = {.state = UPSTREAM_PASS};

    (void)state;
    metrics_open();
    note(&health, ERR_OK, 401, true);
    assert_int_equal(health.state, UPSTREAM_FAIL);
    assert_true(health.token_refused);
    assert_string_equal(health.last_error, "the platform refused the stored token (401)");
    note(&health, ERR_OK, 200, false); /* with another token: says nothing about ours */
    assert_int_equal(health.state, UPSTREAM_FAIL);
    note(&health, ERR_UPSTREAM_RESET, 0, true);
    assert_int_equal(health.state, UPSTREAM_FAIL);
    note(&health, ERR_OK, 404, true);
    assert_int_equal(health.state, UPSTREAM_PASS);
    assert_false(health.token_refused);
    assert_int_equal(metric_sum(M_TOKEN_REFUSED), 1);
    metrics_done();
}

int test_health(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_in_a_row_are_counted),
        cmocka_unit_test(what_a_caller_did_wrong_is_no_failure),
        cmocka_unit_test(somebody_answers_and_nothing_works),
        cmocka_unit_test(who_asks_for_what_is_not_his_makes_nothing_fail),
        cmocka_unit_test(what_means_little_beside_good_answers),
        cmocka_unit_test(a_refused_token_fails_until_a_call_with_it_succeeds),
    };

    return cmocka_run_group_tests_name("health of the platform", tests, NULL, NULL);
}
