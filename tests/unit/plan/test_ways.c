/* A call that can go several ways: which one is gone, what is remembered, and what is told when the
 * platform offers none. */
#include "fake_port.h"

#include "plan/answer.h"

int test_ways(void);

#define PAGE                                                                                       \
    {                                                                                              \
        .status = 404, .body = "<html>Not Found</html>", .content_type = "text/html"               \
    }
#define UNKNOWN_THING                                                                              \
    {                                                                                              \
        .status = 404, .body = "{\"success\":false,\"error\":{\"message\":\"No checkpoint 5\"}}"   \
    }
#define STEPS                                                                                      \
    {                                                                                              \
        .status = 200, .body = "{\"steps\":[]}"                                                    \
    }
#define MADE                                                                                       \
    {                                                                                              \
        .status = 201, .body = "{\"id\":3}"                                                        \
    }

/* clang-format off */
static const struct call_spec way_specs[] = {
    {.name = "first", .method = "GET", .path = "/first", .class = CALL_READ, .needs_json = true, .lists = STEPS_PLACES},
    {.name = "second", .method = "GET", .path = "/second/{journey_id}", .class = CALL_READ, .needs_json = true, .needs = "journey_id", .lists = CASES_PLACES},
    {.name = "third", .method = "GET", .path = "/third", .class = CALL_READ, .needs_json = true, .lists = STEPS_PLACES},
    {.name = "make", .method = "POST", .path = "/make", .class = CALL_CREATE, .needs_json = true, .captures = {{"made", "/id", true}}},
    {.name = "make elsewhere", .method = "POST", .path = "/elsewhere", .class = CALL_CREATE, .needs_json = true, .captures = {{"made", "/id", true}}},
};

/* clang-format on */

enum { FIRST, SECOND, THIRD, MAKE, ELSEWHERE, N_WAYS };

static struct call ways[N_WAYS];
static struct offers offers;
static struct plan_port remembering;

static int begin_ways(void **state)
{
    int result = begin(state);
    const struct plan_options options = {.request_id = STR("r1")};

    for (size_t i = 0; i < N_WAYS; i++) {
        assert_int_equal(call_compile(&arena, &way_specs[i], i, &ways[i], NULL), ERR_OK);
    }
    ways[FIRST].or_else = &ways[SECOND];
    ways[SECOND].or_else = &ways[THIRD];
    ways[MAKE].or_else = &ways[ELSEWHERE];
    offers = (struct offers){0};
    remembering = port;
    remembering.offers = &offers;
    plan_init(&plan, &arena, &remembering, &options);
    return result;
}

static void expect_offers(enum offer first, enum offer second, enum offer third)
{
    assert_int_equal(offer_of(&offers, &ways[FIRST]), first);
    assert_int_equal(offer_of(&offers, &ways[SECOND]), second);
    assert_int_equal(offer_of(&offers, &ways[THIRD]), third);
}

static void the_first_way_that_answers_is_the_only_one_from_then_on(void **state)
{
    (void)state;
    plan_append(&plan, &ways[FIRST]);
    plan_append(&plan, &ways[FIRST]);
    GO(PAGE, STEPS, STEPS);
    assert_int_equal(plan.result, ERR_OK);
    expect_seen(0, "GET /first");
    expect_seen(1, "GET /third"); /* the second needs what nobody knows */
    expect_seen(2, "GET /third");
    expect_offers(OFFER_NO, OFFER_UNKNOWN, OFFER_YES);
}

static void what_answers_first_needs_no_other(void **state)
{
    (void)state;
    plan_append(&plan, &ways[FIRST]);
    GO(STEPS);
    expect_offers(OFFER_YES, OFFER_UNKNOWN, OFFER_UNKNOWN);
}

static void each_refusal_of_a_route_leads_to_the_next(void **state)
{
    (void)state;
    plan_set_str(&plan, "journey_id", STR("8"));
    plan_append(&plan, &ways[FIRST]);
    GO({.status = 405, .body = "{}"}, {.status = 501, .body = "{}"},
       {.status = 200, .body = "{\"items\":[]}"});
    assert_int_equal(plan.result, ERR_OK);
    expect_seen(1, "GET /second/8");
    expect_offers(OFFER_NO, OFFER_NO, OFFER_YES);
}

static void an_answer_without_a_list_leads_to_the_next(void **state)
{
    (void)state;
    plan_append(&plan, &ways[FIRST]);
    GO({.status = 200, .body = "Not Found", .content_type = "text/plain"}, STEPS);
    assert_int_equal(plan.result, ERR_OK);
    expect_offers(OFFER_NO, OFFER_UNKNOWN, OFFER_YES);
}

static void a_thing_that_is_not_there_is_told_in_the_platforms_words(void **state)
{
    (void)state;
    plan_append(&plan, &ways[FIRST]);
    GO(UNKNOWN_THING, PAGE);
    assert_int_equal(plan.result, ERR_UPSTREAM_REFUSED);
    assert_int_equal(plan.error.upstream_status, 404);
    assert_non_null(strstr(plan.error.text, "No checkpoint 5"));
    expect_offers(OFFER_UNKNOWN, OFFER_UNKNOWN, OFFER_UNKNOWN);
}

static void of_a_way_that_is_known_a_refusal_is_about_the_thing(void **state)
{
    (void)state;
    offer_set(&offers, &ways[FIRST], OFFER_YES);
    plan_append(&plan, &ways[FIRST]);
    GO(UNKNOWN_THING);
    assert_int_equal(plan.result, ERR_UPSTREAM_REFUSED);
    assert_non_null(strstr(plan.error.text, "No checkpoint 5"));
    expect_offers(OFFER_YES, OFFER_UNKNOWN, OFFER_UNKNOWN);
}

static void a_route_that_is_gone_is_looked_for_again(void **state)
{
    (void)state;
    offer_set(&offers, &ways[FIRST], OFFER_YES);
    offer_set(&offers, &ways[THIRD], OFFER_NO);
    plan_append(&plan, &ways[FIRST]);
    GO(PAGE, STEPS);
    assert_int_equal(plan.result, ERR_OK);
    expect_offers(OFFER_NO, OFFER_UNKNOWN, OFFER_YES);
}

static void a_failure_tells_nothing_about_a_route(void **state)
{
    (void)state;
    plan_append(&plan, &ways[FIRST]);
    GO({.status = 503, .body = "{}"});
    assert_int_equal(plan.result, ERR_UPSTREAM_ERROR);
    expect_offers(OFFER_UNKNOWN, OFFER_UNKNOWN, OFFER_UNKNOWN);
}

static void what_is_made_goes_another_way_only_where_no_route_was(void **state)
{
    (void)state;
    plan_append(&plan, &ways[MAKE]);
    GO(PAGE, MADE);
    assert_int_equal(plan.result, ERR_OK);
    expect_seen(1, "POST /elsewhere");
    assert_int_equal(offer_of(&offers, &ways[ELSEWHERE]), OFFER_YES);
}

static void what_may_be_made_is_not_made_elsewhere(void **state)
{
    (void)state;
    plan_append(&plan, &ways[MAKE]);
    GO({.status = 200, .body = "{}"});
    assert_int_equal(plan.rows[0].status, ROW_UNKNOWN);
    assert_int_equal(fake.n_asked, 1);
}

static void what_is_refused_in_words_is_not_made_elsewhere(void **state)
{
    (void)state;
    plan_append(&plan, &ways[MAKE]);
    GO(UNKNOWN_THING);
    assert_int_equal(plan.result, ERR_UPSTREAM_REFUSED);
    assert_int_equal(fake.n_asked, 1);
}

static void a_dry_run_shows_the_way_that_would_be_gone(void **state)
{
    struct json *requests = NULL;

    (void)state;
    offer_set(&offers, &ways[THIRD], OFFER_YES);
    plan_append(&plan, &ways[FIRST]);
    assert_int_equal(plan_dry_run(&plan, &requests, NULL), ERR_OK);
    assert_true(str_is(json_str(json_find(requests, "/0/path")), "/third"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_ways, end)

int test_ways(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_way_that_answers_is_the_only_one_from_then_on),
        TEST(what_answers_first_needs_no_other),
        TEST(each_refusal_of_a_route_leads_to_the_next),
        TEST(an_answer_without_a_list_leads_to_the_next),
        TEST(a_thing_that_is_not_there_is_told_in_the_platforms_words),
        TEST(of_a_way_that_is_known_a_refusal_is_about_the_thing),
        TEST(a_route_that_is_gone_is_looked_for_again),
        TEST(a_failure_tells_nothing_about_a_route),
        TEST(what_is_made_goes_another_way_only_where_no_route_was),
        TEST(what_may_be_made_is_not_made_elsewhere),
        TEST(what_is_refused_in_words_is_not_made_elsewhere),
        TEST(a_dry_run_shows_the_way_that_would_be_gone),
    };

    return cmocka_run_group_tests_name("plan/ways", tests, NULL, NULL);
}
