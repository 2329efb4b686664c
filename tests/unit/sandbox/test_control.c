/* /__sandbox: recorded requests, state, reset, seeds, faults. */
#include "fixture.h"

static const struct json *control(struct fixture *f, const char *method, const char *path,
                                  const char *body)
{
    const char *token = f->token;
    int status;

    f->token = NULL;
    status = ask(f, method, path, body);
    f->token = token;
    if (status != 200) {
        fail_msg("%s %s: %d %.*s", method, path, status, STR_ARG(f->reply.body));
    }
    return answer(f);
}

static void every_request_is_recorded_oldest_first(void **state)
{
    struct fixture *f = *state;
    const struct json *list;

    (void)ask(f, "GET", "/api/user?envelope=false&a=%20", NULL);
    (void)ask(f, "POST", "/api/projects", "{ \"name\": \"p\" }");
    (void)ask(f, "POST", "/api/projects", "no json");
    (void)ask(f, "GET", "/elsewhere", NULL);
    list = control(f, "GET", "/__sandbox/requests", NULL);
    assert_int_equal(json_size(list), 4);
    assert_text(list, "/0/method", "GET");
    assert_text(list, "/0/path", "/user");
    assert_text(list, "/0/full_path", "/api/user");
    assert_text(list, "/0/query", "envelope=false&a=%20");
    assert_text(list, "/0/headers/authorization", "Bearer alice");
    assert_text(list, "/0/headers/host", "sandbox");
    assert_int_equal(json_type(json_find(list, "/0/body")), JSON_NULL);
    assert_int_equal(int_at(list, "/0/status"), 200);
    assert_text(list, "/1/body/name", "p");
    assert_text(list, "/2/body", "no json");
    assert_int_equal(int_at(list, "/2/status"), 400);
    assert_text(list, "/3/path", "/elsewhere");
    assert_int_equal(ask(f, "DELETE", "/__sandbox/requests", NULL), 204);
    assert_int_equal(json_size(control(f, "GET", "/__sandbox/requests", NULL)), 0);
}

static void fields_sent_twice_are_joined(void **state)
{
    struct fixture *f = *state;
    struct http_header headers[] = {{STR("X-A"), STR("1")}, {STR("x-a"), STR("2")}};
    struct sandbox_request request = {
        .method = STR("GET"), .path = STR("/x"), .headers = headers, .n_headers = 2};

    sandbox_answer(f->state, &f->arena, &request, &f->reply);
    assert_text(control(f, "GET", "/__sandbox/requests", NULL), "/0/headers/x-a", "1, 2");
}

static void the_record_is_bounded_by_count_and_bytes(void **state)
{
    struct fixture *f = *state;
    const struct json *json;

    sandbox_state_free(f->state);
    f->options.max_requests_kept = 3;
    f->options.max_request_bytes = 2000;
    f->state = sandbox_state_new(&f->options);
    for (int i = 0; i < 5; i++) {
        (void)ask(f, "GET", TEXT(f, "/api/goals/%d", i + 1), NULL);
    }
    json = control(f, "GET", "/__sandbox/requests", NULL);
    assert_int_equal(json_size(json), 3);
    assert_text(json, "/0/path", "/goals/3");
    (void)ask(f, "POST", "/api/projects", TEXT(f, "\"%01200d\"", 1));
    json = control(f, "GET", "/__sandbox/requests", NULL);
    assert_true(json_size(json) < 4);
    assert_text(json, TEXT(f, "/%zu/path", json_size(json) - 1), "/projects");
    (void)ask(f, "POST", "/api/projects", TEXT(f, "\"%02200d\"", 1));
    json = control(f, "GET", "/__sandbox/state", NULL);
    assert_int_equal(int_at(json, "/requests/seen"), 7);
    assert_true(int_at(json, "/requests/bytes") <= 2000);
}

static void recording_can_be_off(void **state)
{
    struct fixture *f = *state;

    sandbox_state_free(f->state);
    f->options.record_requests = false;
    f->state = sandbox_state_new(&f->options);
    (void)ask(f, "GET", "/api/user", NULL);
    assert_int_equal(json_size(control(f, "GET", "/__sandbox/requests", NULL)), 0);
}

static void state_counts_and_reset_forgets(void **state)
{
    struct fixture *f = *state;
    const struct json *json;

    make_structure(f);
    (void)make_step(f, f->checkpoint, 0, "x");
    json = control(f, "GET", "/__sandbox/state", NULL);
    assert_text(json, "/tenants/0/token", "alice");
    assert_int_equal(int_at(json, "/tenants/0/projects"), 1);
    assert_int_equal(int_at(json, "/tenants/0/steps"), 2);
    assert_true(int_at(json, "/requests/kept") >= 5);
    assert_text(json, "/canary", "canary-1234");
    assert_int_equal(ask(f, "POST", "/__sandbox/reset", NULL), 204);
    json = control(f, "GET", "/__sandbox/state", NULL);
    assert_int_equal(json_size(json_get(json, "tenants")), 0);
    assert_int_equal(int_at(json, "/requests/kept"), 0);
    assert_int_equal(json_size(call_ok(f, "GET", "/projects?organizationId=1001", NULL)), 0);
}

static void seeding_makes_things_with_given_ids(void **state)
{
    struct fixture *f = *state;
    const struct json *json;
    const char *seed = "{\"token\":\"alice\",\"checkpoints\":[1680930,1680931],\"projects\":[11],"
                       "\"goals\":[12],\"journeys\":[13],\"library\":[14]}";

    json = control(f, "POST", "/__sandbox/seed", seed);
    f->journey = int_at(json, "/journeyId");
    assert_int_equal(make_step(f, 1680930, 0, "x") > 0, 1);
    assert_string_equal(values_of(f, 1680930), "x");
    json = control(f, "POST", "/__sandbox/seed", seed); /* again: all of it stays */
    assert_int_equal(int_at(json, "/journeyId"), f->journey);
    assert_string_equal(values_of(f, 1680930), "x");
    json = call_ok(f, "GET", TEXT(f, "/testsuites/%lld", (long long)f->journey), NULL);
    assert_int_equal(json_size(json_get(json, "cases")), 2);
    assert_text(call_ok(f, "GET", "/projects/11", NULL), "/name", "Seeded 11");
    (void)call_ok(f, "GET", "/goals/12/versions", NULL);
    (void)call_ok(f, "GET", "/testsuites/13", NULL);
    (void)call_ok(f, "GET", "/library/checkpoints/14", NULL);
    assert_int_equal(ask(f, "POST", "/__sandbox/seed", "{\"token\":\"alice\",\"goals\":[11]}"),
                     409);
    assert_int_equal(ask(f, "POST", "/__sandbox/seed", "{\"checkpoints\":[0]}"), 400);
    assert_int_equal(ask(f, "POST", "/__sandbox/seed", "{\"token\":\"\"}"), 400);
    f->token = "bob";
    assert_int_equal(ask(f, "GET", "/api/testcases/1680930", NULL), 404);
}

static void unknown_control_paths_and_bad_bodies_are_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(ask(f, "GET", "/__sandbox", NULL), 404);
    assert_int_equal(ask(f, "PUT", "/__sandbox/state", NULL), 404);
    assert_int_equal(ask(f, "POST", "/__sandbox/seed", "{"), 400);
    assert_int_equal(ask(f, "POST", "/__sandbox/faults", "5"), 400);
    assert_int_equal(ask(f, "POST", "/__sandbox/faults", "{\"close\":\"sideways\"}"), 400);
    assert_int_equal(ask(f, "POST", "/__sandbox/faults", "{\"status\":99}"), 400);
    assert_int_equal(ask(f, "POST", "/__sandbox/faults", "{\"times\":1.5}"), 400);
    assert_int_equal(ask(f, "POST", "/__sandbox/faults", "[{},5]"), 400);
}

static void a_fault_with_a_status_replaces_the_answer_and_is_counted_down(void **state)
{
    struct fixture *f = *state;
    int64_t id;

    make_structure(f);
    id = make_checkpoint(f, "c");
    (void)control(f, "POST", "/__sandbox/faults",
                  "{\"match\":\"POST /teststeps\",\"times\":2,\"skip\":1,\"status\":503,"
                  "\"retry_after\":7}");
    (void)make_step(f, id, 0, "a");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask(f, "POST", "/api/teststeps",
                             TEXT(f, "{\"checkpointId\":%lld,\"parsedStep\":{\"action\":\"A\"}}",
                                  (long long)id)),
                         503);
        assert_int_equal(f->reply.retry_after_s, 7);
        assert_text(answer(f), "/error/code", "503");
    }
    (void)make_step(f, id, 1, "b");
    assert_string_equal(values_of(f, id), "a b");
    assert_int_equal(int_at(control(f, "GET", "/__sandbox/faults", NULL), "/0/hits"), 2);
    assert_int_equal(ask(f, "DELETE", "/__sandbox/faults", NULL), 204);
    assert_int_equal(json_size(control(f, "GET", "/__sandbox/faults", NULL)), 0);
}

static void a_fault_may_act_and_still_answer_otherwise(void **state)
{
    struct fixture *f = *state;

    (void)control(f, "POST", "/__sandbox/faults",
                  "[{\"match\":\"POST /projects\",\"status\":504,\"act\":true},"
                  "{\"match\":\"* /projects\",\"body\":{\"testStep\":{\"id\":5}}},"
                  "{\"match\":\"GET /projects\",\"body\":\"<html>\",\"content_type\":"
                  "\"text/html\",\"status\":502}]");
    assert_int_equal(ask(f, "POST", "/api/projects", "{\"name\":\"p\"}"), 504);
    assert_int_equal(ask(f, "GET", "/api/projects", NULL), 200);
    assert_int_equal(int_at(answer(f), "/testStep/id"), 5);
    assert_int_equal(ask(f, "GET", "/api/projects", NULL), 502);
    assert_string_equal(f->reply.content_type, "text/html");
    assert_true(str_is(f->reply.body, "<html>"));
    assert_int_equal(json_size(call_ok(f, "GET", "/projects?organizationId=1001", NULL)), 1);
}

static void a_fault_says_when_the_connection_breaks(void **state)
{
    struct fixture *f = *state;
    const struct json *json;

    (void)control(f, "POST", "/__sandbox/faults",
                  "[{\"match\":\"POST /projects\",\"close\":\"before\"},"
                  "{\"match\":\"POST /projects\",\"close\":\"mid\"},"
                  "{\"match\":\"POST /projects\",\"close\":\"after\",\"delay_ms\":30}]");
    assert_int_equal(ask(f, "POST", "/api/projects", "{\"name\":\"a\"}"), 0);
    assert_int_equal(f->reply.close_at, SANDBOX_CLOSE_BEFORE);
    assert_int_equal(ask(f, "POST", "/api/projects", "{\"name\":\"b\"}"), 201);
    assert_int_equal(f->reply.close_at, SANDBOX_CLOSE_MID);
    (void)ask(f, "POST", "/api/projects", "{\"name\":\"c\"}");
    assert_int_equal(f->reply.close_at, SANDBOX_CLOSE_AFTER);
    assert_int_equal(f->reply.delay_ms, 30);
    json = call_ok(f, "GET", "/projects?organizationId=1001", NULL);
    assert_int_equal(json_size(json), 2);
    assert_text(json_first(json), "/name", "b");
    json = control(f, "GET", "/__sandbox/requests", NULL);
    assert_int_equal(int_at(json, "/0/status"), 0);
}

static void a_fault_may_carry_a_large_body(void **state)
{
    struct fixture *f = *state;
    struct str body =
        arena_printf(&f->arena, "{\"match\":\"GET /user\",\"body\":\"%0*d\"}", 9 * 1024 * 1024, 0);

    (void)control(f, "POST", "/__sandbox/faults", body.ptr);
    assert_int_equal(ask(f, "GET", "/api/user", NULL), 200);
    assert_int_equal(f->reply.body.len, 9 * 1024 * 1024);
}

static void a_match_is_a_method_and_the_beginning_of_a_path(void **state)
{
    static const struct {
        const char *match;
        const char *method;
        const char *path;
        bool fits;
    } rows[] = {
        {"GET /goals", "GET", "/api/goals/5", true},
        {"GET /goals", "POST", "/api/goals/5", false},
        {"* /goals/*/versions", "GET", "/api/goals/5/versions", true},
        {"* /goals/*/versions", "GET", "/api/goals/5/execute", false},
        {"*", "DELETE", "/elsewhere", true},
        {"/user", "GET", "/api/user", true},
        {"GET /goals/*5*e", "GET", "/api/goals/15/fe", true},
        {"GET /goals/*5*z", "GET", "/api/goals/15/fe", false},
        {"GET", "GET", "/api/user", true},
        {"GET", "POST", "/api/user", false},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        (void)control(f, "POST", "/__sandbox/faults",
                      TEXT(f, "{\"match\":\"%s\",\"status\":418}", rows[i].match));
        assert_int_equal(ask(f, rows[i].method, rows[i].path, NULL) == 418, rows[i].fits);
        (void)ask(f, "DELETE", "/__sandbox/faults", NULL);
    }
}

static void a_fault_may_come_with_a_probability(void **state)
{
    struct fixture *f = *state;
    int n = 0;

    (void)control(f, "POST", "/__sandbox/faults",
                  "{\"match\":\"GET /user\",\"status\":500,\"times\":-1,\"probability\":0.25}");
    for (int i = 0; i < 1000; i++) {
        n += ask(f, "GET", "/api/user", NULL) == 500 ? 1 : 0;
    }
    assert_in_range(n, 180, 320);
}

static void faults_are_bounded(void **state)
{
    struct fixture *f = *state;

    sandbox_state_free(f->state);
    f->options.max_faults = 2;
    f->state = sandbox_state_new(&f->options);
    assert_int_equal(ask(f, "POST", "/__sandbox/faults", "[{},{}]"), 200);
    assert_int_equal(ask(f, "POST", "/__sandbox/faults", "{}"), 400);
}

/* ---- disturbances of the options ---- */

static void renew(struct fixture *f)
{
    sandbox_state_free(f->state);
    f->state = sandbox_state_new(&f->options);
}

static void the_latency_is_even_between_its_ends_and_repeats(void **state)
{
    enum { THROWS = 400 };

    static uint64_t first[THROWS];
    struct fixture *f = *state;
    unsigned n_of[21] = {0};

    f->options.latency_ms = 50;
    f->options.latency_spread_ms = 10;
    for (int round = 0; round < 2; round++) {
        renew(f);
        for (size_t i = 0; i < THROWS; i++) {
            (void)ask(f, "GET", "/api/user", NULL);
            assert_in_range(f->reply.delay_ms, 40, 60);
            if (round == 0) {
                first[i] = f->reply.delay_ms;
                n_of[first[i] - 40]++;
            }
            assert_true(f->reply.delay_ms == first[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(n_of); i++) {
        assert_in_range(n_of[i], 4, 50); /* 19 each, if they were quite even */
    }
    (void)ask(f, "GET", "/__sandbox/state", NULL);
    assert_int_equal(f->reply.delay_ms, 0);
}

static void faults_of_the_options_stay_and_repeat(void **state)
{
    static const struct sandbox_fault faults[] = {
        {.method = STR_INIT("GET"), .path = STR_INIT("/user"), .status = 503, .probability = 0.5},
        {.method = STR_INIT("*"), .path = STR_INIT("/goals"), .delay_ms = 30, .probability = 1},
        {.method = STR_INIT("GET"),
         .path = STR_INIT("/user"),
         .close_at = SANDBOX_CLOSE_BEFORE,
         .probability = 0.5},
    };
    struct fixture *f = *state;
    char seen[2][101] = {{0}};
    size_t n[3] = {0};

    f->options.faults = faults;
    f->options.n_faults = ARRAY_LEN(faults);
    f->options.latency_ms = 5;
    for (size_t round = 0; round < 2; round++) {
        renew(f);
        for (size_t i = 0; i < sizeof(seen[0]) - 1; i++) {
            int status = ask(f, "GET", "/api/user", NULL);

            assert_true(status == 503 || status == 0 || status == 200);
            n[status == 503 ? 0 : status == 0 ? 1 : 2]++;
            seen[round][i] = (char)('0' + status % 10);
        }
    }
    assert_string_equal(seen[0], seen[1]);
    assert_true(n[0] > n[1] && n[1] > 0 && n[2] > 0);
    assert_int_equal(ask(f, "GET", "/api/goals/1", NULL), 404);
    assert_int_equal(f->reply.delay_ms, 35);
    assert_int_equal(ask(f, "POST", "/__sandbox/reset", NULL), 204);
    assert_int_equal(json_size(control(f, "GET", "/__sandbox/faults", NULL)), 3);
    assert_int_equal(ask(f, "DELETE", "/__sandbox/faults", NULL), 204);
    assert_int_equal(ask(f, "GET", "/api/user", NULL), 200);
}

int test_control(void);

int test_control(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_request_is_recorded_oldest_first, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(fields_sent_twice_are_joined, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(the_record_is_bounded_by_count_and_bytes, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(recording_can_be_off, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(state_counts_and_reset_forgets, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(seeding_makes_things_with_given_ids, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(unknown_control_paths_and_bad_bodies_are_refused,
                                        fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(
            a_fault_with_a_status_replaces_the_answer_and_is_counted_down, fixture_set_up,
            fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_fault_may_act_and_still_answer_otherwise, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_fault_says_when_the_connection_breaks, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_fault_may_carry_a_large_body, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_match_is_a_method_and_the_beginning_of_a_path,
                                        fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_fault_may_come_with_a_probability, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(faults_are_bounded, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(the_latency_is_even_between_its_ends_and_repeats,
                                        fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(faults_of_the_options_stay_and_repeat, fixture_set_up,
                                        fixture_tear_down),
    };

    return cmocka_run_group_tests_name("sandbox/control", tests, NULL, NULL);
}
