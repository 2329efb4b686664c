/* Commands that are more than one call: what exists is told although the whole failed, and waiting
 * for an execution keeps to its interval and its time, whatever the platform does meanwhile. */
#include "harness/cmocka.h"

#include "harness/proxy.h"
#include "harness/wait.h"

static const char *const examples[] = {"sandbox.examples=true", NULL};

/* {"command", "args"} with what else is given; the checkpoint is not needed. */
static const struct json *command(struct proxy *proxy, const char *body)
{
    return proxy_ask(proxy, "POST", "/api/v1/commands/execute", NULL, body);
}

static void expect_made(const struct json *answer, size_t index, const char *call)
{
    const struct json *made = json_at(json_get(answer, "made"), index);

    if (!str_is(json_str(json_get(made, "call")), call) ||
        json_str(json_get(made, "id")).len == 0) {
        fail_msg("made[%zu] should be %s", index, call);
    }
    assert_true(str_contains(json_str(json_get(answer, "detail")), str_from(call)));
    assert_true(str_contains(json_str(json_get(answer, "detail")), json_str(json_get(made, "id"))));
}

/* Ids are those that the sandbox begins with (src/sandbox/README.md). */
static const struct flow {
    const char *fault;
    const char *target;
    const char *body;
    int64_t status;
    const char *made;
} flows[] = {
    {"{\"match\":\"GET /goals/*/versions\",\"times\":1,\"status\":404}", "/api/v1/commands/execute",
     "{\"command\":\"create-goal\",\"args\":[9056,\"A\"]}", 404, "create goal"},
    {"{\"match\":\"GET /goals/*/versions\",\"times\":1,\"status\":404}", "/api/goals",
     "{\"projectId\":9056,\"name\":\"B\"}", 404, "create goal"},
    {"{\"match\":\"POST /testsuites/*/checkpoints/attach\",\"times\":1,\"status\":500}",
     "/api/v1/commands/execute",
     "{\"command\":\"create-checkpoint\",\"args\":[608038,13776,43802,\"C\"]}", 502,
     "create checkpoint"},
    {"{\"match\":\"POST /testsuites/*/checkpoints/attach\",\"times\":1,\"close\":\"after\"}",
     "/api/v1/commands/execute",
     "{\"command\":\"create-checkpoint\",\"args\":[608038,13776,43802,\"D\"]}", 502,
     "create checkpoint"},
    {"{\"match\":\"POST /testsuites/*/checkpoints/attach\",\"times\":1,\"status\":500}",
     "/api/checkpoints", "{\"name\":\"E\",\"journeyId\":608038}", 502, "create checkpoint"},
    {"{\"match\":\"POST /testdata/tables/*/import\",\"times\":1,\"status\":500}",
     "/api/testdata/tables", "{\"name\":\"F\",\"columns\":[\"a\"],\"rows\":[[\"1\"]]}", 502,
     "create test data table"},
    {"{\"match\":\"GET /executions\",\"times\":1,\"status\":404}", "/api/v1/commands/execute",
     "{\"command\":\"execute-goal\",\"args\":[13776],\"options\":{\"wait\":true}}", 404,
     "execute goal"},
};

static void what_exists_is_told_although_the_whole_failed(void **state)
{
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, examples);
    for (size_t i = 0; i < ARRAY_LEN(flows); i++) {
        sandbox_fault(proxy.program.sandbox_port, flows[i].fault);
        expect_made(proxy_ask(&proxy, "POST", flows[i].target, NULL, flows[i].body), 0,
                    flows[i].made);
        assert_int_equal(proxy.reply.status, flows[i].status);
        sandbox_clear_faults(proxy.program.sandbox_port);
    }
    proxy_stop(&proxy);
}

static void a_batch_tells_it_of_each_command(void **state)
{
    struct proxy proxy;
    const struct json *answer;

    (void)state;
    proxy_start(&proxy, examples);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"GET /goals/*/versions\",\"times\":1,\"status\":404}");
    answer = proxy_ask(&proxy, "POST", "/api/v1/commands/batch", NULL,
                       "{\"stop_on_error\":false,\"commands\":["
                       "{\"command\":\"create-goal\",\"args\":[9056,\"A\"]},"
                       "{\"command\":\"create-goal\",\"args\":[9056,\"B\"]}]}");
    assert_int_equal(proxy.reply.status, 207);
    assert_true(str_is(json_str(json_find(answer, "/results/0/status")), "failed"));
    assert_true(str_is(json_str(json_find(answer, "/results/0/made/0/call")), "create goal"));
    assert_true(str_is(json_str(json_find(answer, "/results/1/status")), "success"));
    assert_null(json_find(answer, "/results/1/made"));
    proxy_stop(&proxy);
}

/* A retry with the same key must not make a second one: nobody knows whether the first exists. */
static void a_failure_that_may_hide_a_success_is_kept_for_its_key(void **state)
{
    static const char key[] = "Idempotency-Key: k\r\n";
    static const char body[] = "{\"command\":\"create-project\",\"args\":[\"P\"],"
                               "\"options\":{\"organization_id\":1}}";
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, examples);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"POST /projects\",\"times\":1,\"status\":502,\"act\":true}");
    sandbox_forget_requests(proxy.program.sandbox_port);
    for (int i = 0; i < 2; i++) {
        (void)proxy_ask(&proxy, "POST", "/api/v1/commands/execute", key, body);
        assert_int_equal(proxy.reply.status, 502);
        assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/projects"), 1);
    }
    assert_true(str_is(reply_field(&proxy.reply, "Idempotency-Replayed"), "true"));
    proxy_stop(&proxy);
}

/* ---- answers that say nothing ---- */

/* Ids are those that the sandbox begins with; each is one call. */
static const char *const calls[] = {
    "update-journey\",\"args\":[608038,\"N\"]",
    "library add\",\"args\":[1680930]",
    "library attach\",\"args\":[608038,7023,2]",
    "library update\",\"args\":[7023,\"X\"]",
    "library move-step\",\"args\":[7023,19660498,1]",
    "library remove-step\",\"args\":[7023,19660498]",
    "update-navigation\",\"args\":[19660498,\"c\",\"https://x\"]",
    "import-test-data\",\"args\":[512,\"a\\n1\"]",
    "create-project\",\"args\":[\"P\"],\"options\":{\"organization_id\":1}",
    "create-environment\",\"args\":[\"E\"]",
    "get-step\",\"args\":[19660498]",
    "library get\",\"args\":[7023]",
    "monitor-execution\",\"args\":[88715]",
    "get-execution-analysis\",\"args\":[88715]",
    "get-test-data-table\",\"args\":[512]",
    "list-goals\",\"args\":[9056]",
    "list-checkpoint-steps\",\"args\":[1680930]",
};

/* Beginnings of calls for which an empty list is an answer: there are none, or it is done. */
static const char *const lists_and_changes[] = {
    "list-goals",    "update-",         "library attach",   "library update",
    "library move-", "library remove-", "import-test-data", "list-checkpoint-steps"};

static const struct {
    const char *body;
    const char *type;
    size_t n_enough; /* so many of the calls above may be content with it */
} nothings[] = {
    {"Not Found", "text/plain", 0},  {"<html>", "text/html", 0},
    {"null", "application/json", 0}, {"{\\\"success\\\":false}", "application/json", 0},
    {"{}", "application/json", 1},   {"[]", "application/json", ARRAY_LEN(lists_and_changes)},
};

static bool is_enough(const char *call, size_t k)
{
    for (size_t i = 0; i < nothings[k].n_enough; i++) {
        if (str_starts(str_from(call), str_from(lists_and_changes[i]))) {
            return true;
        }
    }
    return false;
}

static void check_nothing(struct proxy *proxy, const char *call, size_t k)
{
    struct str body = arena_printf(&proxy->arena, "{\"command\":\"%s}", call);

    sandbox_fault(proxy->program.sandbox_port,
                  arena_printf(&proxy->arena,
                               "{\"match\":\"*\",\"times\":-1,\"status\":200,\"body\":\"%s\","
                               "\"content_type\":\"%s\"}",
                               nothings[k].body, nothings[k].type)
                      .ptr);
    (void)proxy_ask_str(proxy, "POST", "/api/v1/commands/execute", NULL, body);
    sandbox_clear_faults(proxy->program.sandbox_port);
    if (proxy->reply.status != (is_enough(call, k) ? 200 : 502)) {
        fail_msg("%s with %s: %d %.*s", call, nothings[k].body, proxy->reply.status,
                 STR_ARG(reply_text(&proxy->reply)));
    }
}

/* 200 is not enough (PLATFORM.md, "Hosts"): nothing is called done that the platform did not
 * say. */
static void an_answer_that_says_nothing_is_no_success(void **state)
{
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, examples);
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        for (size_t k = 0; k < ARRAY_LEN(nothings); k++) {
            check_nothing(&proxy, calls[i], k);
        }
    }
    proxy_stop(&proxy);
}

/* A test run looks for its project and its goal before it makes them: an answer that is no list does not say that there
 * are none. */
static void a_run_makes_nothing_anew_because_another_thing_was_told(void **state)
{
    static const char *const others[] = {
        "{\"success\":true,\"item\":{\"id\":5,\"name\":\"x\"}}",
        "{\"testStep\":{\"id\":1},\"checkpoint\":{\"id\":2}}",
        "{\"item\":{\"testStep\":{\"id\":1},\"checkpoint\":{\"id\":2}}}"};
    static const char *const lists[] = {"GET /projects", "GET /projects/*/goals"};
    static const char file[] =
        "{\"name\":\"T\",\"project\":\"P\",\"goal\":\"G\",\"steps\":[{\"click\":\"A\"}]}";
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, examples);
    (void)proxy_ask(&proxy, "POST", "/api/v1/tests/run", NULL, file);
    assert_int_equal(proxy.reply.status / 100, 2);
    for (size_t i = 0; i < ARRAY_LEN(lists) * ARRAY_LEN(others); i++) {
        sandbox_forget_requests(proxy.program.sandbox_port);
        sandbox_fault(proxy.program.sandbox_port,
                      arena_printf(&proxy.arena,
                                   "{\"match\":\"%s\",\"times\":1,\"status\":200,\"body\":%s,"
                                   "\"content_type\":\"application/json\"}",
                                   lists[i % ARRAY_LEN(lists)], others[i / ARRAY_LEN(lists)])
                          .ptr);
        (void)proxy_ask(&proxy, "POST", "/api/v1/tests/run", NULL, file);
        assert_true(str_contains(reply_text(&proxy.reply), STR("upstream_unreadable")));
        assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/"), 0);
        sandbox_clear_faults(proxy.program.sandbox_port);
    }
    proxy_stop(&proxy);
}

/* Wrappers that step creations use (PLATFORM.md, "Envelopes") are read for every create. */
static void an_id_is_found_where_the_platform_puts_it(void **state)
{
    static const char *const wrappers[] = {"data", "result", "item", "testStep"};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, examples);
    for (size_t i = 0; i < ARRAY_LEN(wrappers); i++) {
        const struct json *answer;

        sandbox_fault(proxy.program.sandbox_port,
                      arena_printf(&proxy.arena,
                                   "{\"match\":\"POST /projects\",\"times\":1,\"status\":200,"
                                   "\"body\":\"{\\\"%s\\\":{\\\"id\\\":7%zu}}\","
                                   "\"content_type\":\"application/json\"}",
                                   wrappers[i], i)
                          .ptr);
        answer = command(&proxy, "{\"command\":\"create-project\",\"args\":[\"P\"],"
                                 "\"options\":{\"organization_id\":1}}");
        assert_int_equal(proxy.reply.status, 200);
        assert_true(str_is(json_str(json_find(answer, "/data/id")),
                           arena_printf(&proxy.arena, "7%zu", i).ptr));
    }
    proxy_stop(&proxy);
}

/* What is changed is named by the request: the platform may say just that it is done. */
static void done_is_enough_for_a_change(void **state)
{
    struct proxy proxy;
    const struct json *answer;

    (void)state;
    proxy_start(&proxy, examples);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"PUT *\",\"times\":1,\"status\":200,\"body\":"
                  "\"{\\\"success\\\":true}\",\"content_type\":\"application/json\"}");
    answer = command(&proxy, "{\"command\":\"update-journey\",\"args\":[608038,\"N\"]}");
    assert_int_equal(proxy.reply.status, 200);
    assert_true(str_is(json_str(json_find(answer, "/data/id")), "608038"));
    proxy_stop(&proxy);
}

static void a_gateway_that_gave_up_on_a_create_leaves_it_open(void **state)
{
    struct proxy proxy;
    const struct json *answer;

    (void)state;
    proxy_start(&proxy, examples);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"POST /projects\",\"times\":1,\"status\":504,\"act\":true}");
    answer =
        proxy_ask(&proxy, "POST", "/api/projects", NULL, "{\"name\":\"P\",\"organizationId\":1}");
    assert_int_equal(proxy.reply.status, 502);
    assert_true(str_is(json_str(json_get(answer, "code")), "outcome_unknown"));
    proxy_stop(&proxy);
}

/* ---- waiting for an execution ---- */

static struct str data_status(const struct json *answer)
{
    return json_str(json_find(answer, "/data/status"));
}

static void waiting_bears_with_a_platform_that_is_away(void **state)
{
    static const char *const sets[] = {"sandbox.examples=true", "sandbox.execution_ms=1000", NULL};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"GET /executions\",\"times\":1,\"status\":500}");
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"GET /executions\",\"times\":1,\"status\":200,\"body\":\"<html>\","
                  "\"content_type\":\"text/html\"}");
    assert_true(str_is(data_status(command(&proxy, "{\"command\":\"execute-goal\",\"args\":[13776],"
                                                   "\"options\":{\"wait\":true,\"timeout\":60}}")),
                       "FINISHED"));
    assert_int_equal(proxy.reply.status, 200);
    proxy_stop(&proxy);
}

enum { TRIES = 5 };

static void the_last_look_is_when_the_time_is_over(void **state)
{
    static const char *const sets[] = {"sandbox.examples=true", "sandbox.execution_ms=60000", NULL};
    struct proxy proxy;
    const struct json *answer;
    uint64_t began;
    size_t n_looks = 0;

    (void)state;
    proxy_start(&proxy, sets);
    for (int i = 0; i < TRIES && n_looks != 2; i++) { /* a look may be late, as below */
        sandbox_forget_requests(proxy.program.sandbox_port);
        began = client_now_ms();
        answer = command(&proxy, "{\"command\":\"execute-goal\",\"args\":[13776],"
                                 "\"options\":{\"wait\":true,\"timeout\":1}}");
        assert_true(client_now_ms() - began >= 1000);
        assert_int_equal(proxy.reply.status, 200);
        assert_true(str_is(data_status(answer), "QUEUED"));
        assert_int_equal(json_size(json_get(answer, "warnings")), 1);
        n_looks = sandbox_count(proxy.program.sandbox_port, "GET", "/executions");
    }
    assert_int_equal(n_looks, 2);

    /* At 0, 1, 2 and 3 s. On a busy machine one may be so late that it is the last one; not each time. */
    for (int i = 0; i < TRIES && n_looks < 4; i++) {
        sandbox_forget_requests(proxy.program.sandbox_port);
        answer = command(&proxy, "{\"command\":\"monitor-execution\",\"args\":[88715],"
                                 "\"options\":{\"follow\":true,\"interval\":1,\"timeout\":3}}");
        assert_int_equal(proxy.reply.status, 200);
        assert_int_equal(json_size(json_get(answer, "warnings")), 1);
        n_looks = sandbox_count(proxy.program.sandbox_port, "GET", "/executions");
    }
    assert_int_equal(n_looks, 4);
    proxy_stop(&proxy);
}

static void times_of_no_length_are_refused(void **state)
{
    static const char *const options[] = {"\"interval\":0", "\"interval\":-1", "\"timeout\":0",
                                          "\"timeout\":-300"};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, examples);
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        struct str body = arena_printf(
            &proxy.arena, "{\"command\":\"monitor-execution\",\"args\":[88715],\"options\":{%s}}",
            options[i]);
        const struct json *answer =
            proxy_ask_str(&proxy, "POST", "/api/v1/commands/execute", NULL, body);

        assert_int_equal(proxy.reply.status, 400);
        assert_true(str_starts(json_str(json_find(answer, "/errors/0/pointer")), STR("/options/")));
    }
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_exists_is_told_although_the_whole_failed),
        cmocka_unit_test(a_batch_tells_it_of_each_command),
        cmocka_unit_test(a_failure_that_may_hide_a_success_is_kept_for_its_key),
        cmocka_unit_test(an_answer_that_says_nothing_is_no_success),
        cmocka_unit_test(a_run_makes_nothing_anew_because_another_thing_was_told),
        cmocka_unit_test(an_id_is_found_where_the_platform_puts_it),
        cmocka_unit_test(done_is_enough_for_a_change),
        cmocka_unit_test(a_gateway_that_gave_up_on_a_create_leaves_it_open),
        cmocka_unit_test(waiting_bears_with_a_platform_that_is_away),
        cmocka_unit_test(the_last_look_is_when_the_time_is_over),
        cmocka_unit_test(times_of_no_length_are_refused),
    };

    return cmocka_run_group_tests_name("flows", tests, NULL, NULL);
}
