/* A platform that offers only some of the routes that the sources know: every way of counting a
 * checkpoint's steps in turn, what is remembered of it, what health tells, and what a checkpoint
 * that does not exist is called. */
#include "harness/cmocka.h"

#include "harness/proxy.h"
#include "harness/runs.h"

static const char *const sets[] = {"sandbox.examples=true", "log.level=warn", NULL};

#define EXECUTE "/api/v1/commands/execute"
#define FIRST   "GET /checkpoints/{checkpoint_id}/teststeps"
#define SECOND  "GET /testsuites/{journey_id}"
#define THIRD   "GET /testcases/{checkpoint_id}"

/* As the platform refuses: a page, JSON, a method, an answer that is something else. */
static const char *const refusals[] = {
    "\"status\":404,\"content_type\":\"text/html\",\"body\":\"<html>Not Found</html>\"",
    "\"status\":404",
    "\"status\":405",
    "\"status\":501",
    "\"status\":200,\"content_type\":\"text/plain\",\"body\":\"Not Found\"",
    "\"status\":200,\"body\":\"{\\\"success\\\":true,\\\"item\\\":{\\\"id\\\":1680930}}\"",
};

static void close_route(struct proxy *proxy, const char *match, const char *refusal)
{
    sandbox_fault(
        proxy->program.sandbox_port,
        arena_printf(&proxy->arena, "{\"match\":\"%s\",\"times\":-1,%s}", match, refusal).ptr);
}

static size_t count(const struct proxy *proxy, const char *path)
{
    return sandbox_count(proxy->program.sandbox_port, "GET", path);
}

/* What the lane of the checkpoint knows ends with direct access, so each step is counted for. */
static void add_step(struct proxy *proxy)
{
    (void)proxy_ask(proxy, "DELETE", "/virtuoso/teststeps/1", NULL, "");
    (void)proxy_ask(proxy, "POST", EXECUTE, NULL,
                    "{\"command\":\"step-misc comment\",\"args\":[\"x\"],\"checkpoint_id\":"
                    "1680930}");
}

static void expect_route(struct proxy *proxy, const char *route, const char *word)
{
    const struct json *routes =
        json_find(proxy_ask(proxy, "GET", "/health", NULL, ""), "/checks/upstream/routes");

    if (!str_is(json_str(json_get(routes, route)), word)) {
        fail_msg("%s is not \"%s\": %.*s", route, word, STR_ARG(reply_text(&proxy->reply)));
    }
}

static void the_first_way_is_gone_where_it_answers(void **state)
{
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    add_step(&proxy);
    assert_int_equal(proxy.reply.status, 200);
    add_step(&proxy);
    assert_int_equal(count(&proxy, "/checkpoints"), 2);
    assert_int_equal(count(&proxy, "/testcases"), 0);
    expect_route(&proxy, FIRST, "answers");
    proxy_stop(&proxy);
}

static void each_refusal_of_the_first_way_is_outlived_and_remembered(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct proxy proxy;

        proxy_start(&proxy, sets);
        close_route(&proxy, "GET /checkpoints", refusals[i]);
        add_step(&proxy);
        assert_int_equal(proxy.reply.status, 200);
        add_step(&proxy);
        assert_int_equal(proxy.reply.status, 200);
        assert_int_equal(count(&proxy, "/checkpoints"), 1); /* once is enough to know */
        assert_int_equal(count(&proxy, "/testcases"), 2);
        expect_route(&proxy, FIRST, "not offered");
        expect_route(&proxy, THIRD, "answers");
        proxy_stop(&proxy);
    }
}

/* A test file that goes on in a checkpoint knows the journey. */
static void the_journey_tells_the_steps_where_it_is_known(void **state)
{
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    close_route(&proxy, "GET /checkpoints", refusals[0]);
    close_route(&proxy, "GET /testcases", refusals[0]);
    (void)proxy_ask(&proxy, "POST",
                    "/api/v1/tests/run?goal_id=13776&snapshot_id=43802&journey_id=608038&"
                    "checkpoint_id=1680930",
                    "Content-Type: application/yaml\r\n",
                    "name: T\nsteps:\n  - comment: one\n  - comment: two\n");
    if (proxy.reply.status != 200 && proxy.reply.status != 201) {
        fail_msg("%d %.*s", proxy.reply.status, STR_ARG(reply_text(&proxy.reply)));
    }
    expect_route(&proxy, FIRST, "not offered");
    expect_route(&proxy, SECOND, "answers");
    proxy_stop(&proxy);
}

/* A session remembers it, until it goes to another checkpoint. */
static void a_session_knows_the_journey(void **state)
{
    struct proxy proxy;
    const struct json *session;
    const char *id;

    (void)state;
    proxy_start(&proxy, sets);
    close_route(&proxy, "GET /checkpoints", refusals[0]);
    close_route(&proxy, "GET /testcases", refusals[0]);
    session = proxy_ask(&proxy, "POST", "/api/v1/sessions", NULL,
                        "{\"checkpoint_id\":1680930,\"journey_id\":\"608038\"}");
    assert_true(str_is(json_str(json_get(session, "journey_id")), "608038"));
    id = arena_cstr(&proxy.arena, json_str(json_get(session, "session_id")));
    (void)proxy_ask(&proxy, "POST", EXECUTE,
                    arena_printf(&proxy.arena, "X-Session-Id: %s\r\n", id).ptr,
                    "{\"command\":\"step-misc comment\",\"args\":[\"x\"]}");
    assert_int_equal(proxy.reply.status, 200);
    expect_route(&proxy, SECOND, "answers");
    (void)proxy_ask(&proxy, "DELETE", "/virtuoso/teststeps/1", NULL, "");
    (void)proxy_ask(&proxy, "POST",
                    arena_printf(&proxy.arena, "/api/v1/tests/run?session_id=%s", id).ptr,
                    "Content-Type: application/yaml\r\n", "name: T\nsteps:\n  - comment: one\n");
    assert_int_equal(proxy.reply.status / 100, 2);
    session = proxy_ask(&proxy, "PATCH", arena_printf(&proxy.arena, "/api/v1/sessions/%s", id).ptr,
                        NULL, "{\"checkpoint_id\":\"1680931\"}");
    assert_true(json_get(session, "journey_id") != NULL &&
                json_type(json_get(session, "journey_id")) == JSON_NULL);
    proxy_stop(&proxy);
}

static void a_checkpoint_that_is_not_there_is_told_so(void **state)
{
    static const char body[] =
        "{\"command\":\"step-misc comment\",\"args\":[\"x\"],\"checkpoint_id\":77}";
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    for (int i = 0; i < 2; i++) { /* before a way is known, and after */
        (void)proxy_ask(&proxy, "POST", EXECUTE, NULL, body);
        assert_int_equal(proxy.reply.status, 404);
        assert_true(str_contains(reply_text(&proxy.reply), STR("Checkpoint 77 does not exist")));
        add_step(&proxy);
        assert_int_equal(proxy.reply.status, 200);
    }
    assert_int_equal(count(&proxy, "/testcases"), 1); /* only while no way was known */
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/teststeps"), 2);
    proxy_stop(&proxy);
}

static void nothing_is_sent_where_no_way_counts(void **state)
{
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    close_route(&proxy, "GET /checkpoints", refusals[0]);
    close_route(&proxy, "GET /testcases", refusals[4]);
    add_step(&proxy);
    assert_true(proxy.reply.status >= 400);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/teststeps"), 0);
    proxy_stop(&proxy);
}

/* An answer that is lost is looked for in whatever way the platform offers. */
static void a_lost_step_is_found_in_every_way(void **state)
{
    static const char *const closed[] = {"GET /testcases", "GET /checkpoints"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(closed); i++) {
        struct proxy proxy;

        proxy_start(&proxy, sets);
        close_route(&proxy, closed[i], refusals[0]);
        sandbox_fault(proxy.program.sandbox_port,
                      "{\"match\":\"POST /teststeps\",\"times\":1,\"close\":\"after\"}");
        (void)proxy_ask(&proxy, "POST", EXECUTE, NULL,
                        "{\"command\":\"step-misc comment\",\"args\":[\"lost\"],"
                        "\"checkpoint_id\":1680930}");
        assert_int_equal(proxy.reply.status, 200);
        assert_true(str_contains(reply_text(&proxy.reply), STR("read back")));
        proxy_stop(&proxy);
    }
}

static void steps_are_listed_in_every_way(void **state)
{
    struct proxy proxy;
    const struct json *answer;
    size_t n;

    (void)state;
    proxy_start(&proxy, sets);
    answer = proxy_ask(&proxy, "GET", "/api/checkpoints/1680930/steps", NULL, "");
    assert_int_equal(proxy.reply.status, 200);
    n = json_size(answer);
    assert_true(n > 0);
    close_route(&proxy, "GET /testcases", refusals[0]);
    answer = proxy_ask(&proxy, "GET", "/api/checkpoints/1680930/steps",
                       "Cache-Control: no-cache\r\n", "");
    assert_int_equal(proxy.reply.status, 200);
    assert_int_equal(json_size(answer), n);
    proxy_stop(&proxy);
}

static void environments_are_made_in_either_way(void **state)
{
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    sandbox_fault(
        proxy.program.sandbox_port,
        arena_printf(&proxy.arena, "{\"match\":\"POST /environments\",\"times\":1,%s}", refusals[0])
            .ptr);
    for (int i = 0; i < 2; i++) {
        (void)proxy_ask(&proxy, "POST", "/api/environments", NULL,
                        "{\"name\":\"e\",\"variables\":{}}");
        assert_int_equal(proxy.reply.status, 201);
    }
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/environments/create"), 2);
    expect_route(&proxy, "POST /environments/create", "answers");
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_way_is_gone_where_it_answers),
        cmocka_unit_test(each_refusal_of_the_first_way_is_outlived_and_remembered),
        cmocka_unit_test(the_journey_tells_the_steps_where_it_is_known),
        cmocka_unit_test(a_session_knows_the_journey),
        cmocka_unit_test(a_checkpoint_that_is_not_there_is_told_so),
        cmocka_unit_test(nothing_is_sent_where_no_way_counts),
        cmocka_unit_test(a_lost_step_is_found_in_every_way),
        cmocka_unit_test(steps_are_listed_in_every_way),
        cmocka_unit_test(environments_are_made_in_either_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
