/* What every platform call has in common: tokens, envelopes, refusals, unknown paths. */
#include "fixture.h"

static void a_request_without_a_good_token_gets_the_exact_401(void **state)
{
    static const char *const bad[] = {NULL, "", " ", "invalid-x", "revoked-y"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        f->token = bad[i];
        assert_int_equal(ask(f, "GET", "/api/user", NULL), 401);
        assert_int_equal(f->reply.body.len, 65);
        assert_true(str_is(f->reply.body, "{\"success\":false,\"error\":{\"code\":\"401\","
                                          "\"message\":\"Unauthorized\"}}"));
        assert_string_equal(f->reply.content_type, "application/json");
    }
}

static void another_scheme_than_bearer_is_401(void **state)
{
    struct fixture *f = *state;
    struct http_header header = {STR("authorization"), STR("Basic YWxpY2U=")};
    struct sandbox_request request = {.method = STR("GET"),
                                      .path = STR("/api/user"),
                                      .query = STR("token=alice"),
                                      .headers = &header,
                                      .n_headers = 1};

    sandbox_answer(f->state, &f->arena, &request, &f->reply);
    assert_int_equal(f->reply.status, 401);
    header.value = STR("bearer   alice ");
    sandbox_answer(f->state, &f->arena, &request, &f->reply);
    assert_int_equal(f->reply.status, 200);
}

static void answers_come_with_or_without_their_envelope(void **state)
{
    struct fixture *f = *state;
    const struct json *json;

    assert_int_equal(ask(f, "GET", "/api/user", NULL), 200);
    json = answer(f);
    assert_true(json_true(json_find(json, "/success")));
    assert_text(json, "/item/name", "Sandbox User");
    json = call_ok(f, "GET", "/user", NULL);
    assert_null(json_get(json, "success"));
    assert_text(json, "/name", "Sandbox User");
    assert_int_equal(ask(f, "GET", "/api/environments", NULL), 200);
    assert_int_equal(json_type(json_find(answer(f), "/items")), JSON_ARRAY);
    assert_int_equal(json_type(call_ok(f, "GET", "/environments", NULL)), JSON_ARRAY);
    make_structure(f);
    (void)ask(f, "GET",
              TEXT(f, "/api/testsuites/latest_status?goalId=%lld&snapshotId=%lld",
                   (long long)f->goal, (long long)f->snapshot),
              NULL);
    assert_int_equal(json_type(json_find(answer(f), "/map")), JSON_OBJECT);
}

static void outside_api_everything_is_200_not_found_in_plain_text(void **state)
{
    struct fixture *f = *state;

    f->token = NULL;
    assert_int_equal(ask(f, "GET", "/", NULL), 200);
    assert_true(str_is(f->reply.body, "Not Found"));
    assert_memory_equal(f->reply.content_type, "text/plain", 10);
    assert_int_equal(ask(f, "POST", "/apis/user", "{}"), 200);
    assert_true(str_is(f->reply.body, "Not Found"));
}

static void unknown_paths_under_api_are_404_in_html(void **state)
{
    static const char *const paths[] = {"/api/nothing", "/api/goals/x", "/api/goals/1/2/3",
                                        "/api/goals/99999999999999999999", "/api/"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        assert_int_equal(ask(f, "GET", paths[i], NULL), 404);
        assert_memory_equal(f->reply.content_type, "text/html", 9);
    }
}

static void unknown_ids_are_404_in_json(void **state)
{
    static const char *const paths[] = {"projects/5",
                                        "projects/5/goals",
                                        "goals/5",
                                        "goals/5/versions",
                                        "testsuites/5",
                                        "testcases/5",
                                        "teststeps/5",
                                        "checkpoints/5/teststeps",
                                        "testdata/tables/5",
                                        "library/checkpoints/5",
                                        "executions/5",
                                        "executions/5/status",
                                        "jobs/5/status",
                                        "environments/5",
                                        "executions/analysis/5",
                                        "testdata/tables/5/values"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        assert_int_equal(ask(f, "GET", TEXT(f, "/api/%s", paths[i]), NULL), 404);
        assert_text(answer(f), "/error/code", "404");
        assert_false(json_true(json_find(answer(f), "/success")));
    }
}

static void another_method_on_a_known_path_is_405(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(ask(f, "PATCH", "/api/user", "{}"), 405);
    assert_text(answer(f), "/error/code", "405");
    assert_int_equal(ask(f, "HEAD", "/api/user", NULL), 200);
}

static void a_body_that_is_no_json_object_is_400(void **state)
{
    static const char *const bodies[] = {"", "x", "[]", "1", "{\"a\":", "{\"a\":1}}"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        assert_int_equal(ask(f, "POST", "/api/projects", bodies[i]), 400);
        assert_text(answer(f), "/error/code", "400");
    }
}

static void each_token_has_its_own_data(void **state)
{
    struct fixture *f = *state;

    make_structure(f);
    f->token = "bob";
    assert_int_equal(json_size(call_ok(f, "GET", "/projects?organizationId=7", NULL)), 0);
    assert_int_equal(ask(f, "GET", TEXT(f, "/api/goals/%lld", (long long)f->goal), NULL), 404);
    assert_int_equal(ask(f, "POST", "/api/teststeps",
                         TEXT(f,
                              "{\"checkpointId\":%lld,\"stepIndex\":0,\"parsedStep\":"
                              "{\"action\":\"CLICK\"}}",
                              (long long)f->checkpoint)),
                     404);
    f->token = "alice";
    assert_int_equal(json_size(call_ok(f, "GET", "/projects?organizationId=7", NULL)), 1);
}

static void tenants_and_things_are_bounded(void **state)
{
    struct fixture *f = *state;

    sandbox_state_free(f->state);
    f->options.max_tenants = 2;
    f->options.max_entities = 3;
    f->state = sandbox_state_new(&f->options);
    for (int i = 0; i < 3; i++) {
        (void)call_ok(f, "POST", "/projects", "{\"name\":\"p\"}");
    }
    assert_int_equal(ask(f, "POST", "/api/projects", "{\"name\":\"p\"}"), 403);
    assert_int_equal(ask(f, "GET", "/api/projects?organizationId=1001", NULL), 200);
    f->token = "bob";
    assert_int_equal(ask(f, "POST", "/api/projects", "{\"name\":\"p\"}"), 201);
    f->token = "carol";
    assert_int_equal(ask(f, "GET", "/api/user", NULL), 403);
}

static void stored_bytes_are_bounded(void **state)
{
    struct fixture *f = *state;
    int status = 201;
    int n = 0;

    sandbox_state_free(f->state);
    f->options.max_stored_bytes = 20000;
    f->state = sandbox_state_new(&f->options);
    while (status == 201 && n < 1000) {
        status = ask(f, "POST", "/api/projects", "{\"name\":\"p\",\"description\":\"long text\"}");
        n++;
    }
    assert_int_equal(status, 403);
    assert_in_range(n, 10, 500);
    assert_int_equal(ask(f, "POST", "/__sandbox/reset", NULL), 204);
    assert_int_equal(ask(f, "POST", "/api/projects", "{\"name\":\"p\"}"), 201);
}

int test_platform(void);

int test_platform(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_without_a_good_token_gets_the_exact_401,
                                        fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(another_scheme_than_bearer_is_401, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(answers_come_with_or_without_their_envelope, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(outside_api_everything_is_200_not_found_in_plain_text,
                                        fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(unknown_paths_under_api_are_404_in_html, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(unknown_ids_are_404_in_json, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(another_method_on_a_known_path_is_405, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_body_that_is_no_json_object_is_400, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(each_token_has_its_own_data, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(tenants_and_things_are_bounded, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(stored_bytes_are_bounded, fixture_set_up,
                                        fixture_tear_down),
    };

    return cmocka_run_group_tests_name("sandbox/platform", tests, NULL, NULL);
}
