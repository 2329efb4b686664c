/* Answers that are lost, step by step: what is told is true, whoever asked and whatever else was
 * done in the checkpoint, and no key is forgotten while something may exist. */
#include "harness/cmocka.h"

#include "harness/proxy.h"
#include "harness/runs.h"

static const char *const sets[] = {"sandbox.examples=true", "log.level=warn", NULL};

#define KEY      "Idempotency-Key: k\r\n"
#define EXECUTE  "/api/v1/commands/execute"
#define CLICK    "{\"command\":\"step-interact click\",\"args\":[\"x\"]"
#define LOST(at) "{\"match\":\"POST /teststeps\",\"times\":1,\"close\":\"" at "\"}"

static void fault(struct proxy *proxy, const char *json)
{
    sandbox_fault(proxy->program.sandbox_port, json);
}

static const char *code_of(struct proxy *proxy)
{
    const struct json *answer = reply_json(&proxy->reply, &proxy->arena);

    return arena_cstr(&proxy->arena, json_str(json_get(answer, "code")));
}

static void expect_unknown(struct proxy *proxy)
{
    assert_true(proxy->reply.status == 502 || proxy->reply.status == 504);
    assert_string_equal(code_of(proxy), "outcome_unknown");
}

/* The values of the seeded checkpoint's steps, in order: "a b c". */
static struct str values(struct proxy *proxy)
{
    const struct json *step;
    struct str all = STR_EMPTY;

    JSON_FOREACH (step, proxy_steps(proxy)) {
        all = arena_printf(&proxy->arena, "%.*s%s%.*s", STR_ARG(all), all.len > 0 ? " " : "",
                           STR_ARG(json_str(json_get(step, "value"))));
    }
    return all;
}

static struct str session(struct proxy *proxy)
{
    struct str body =
        arena_printf(&proxy->arena, "{\"checkpoint_id\":%lld}", (long long)proxy->seed.checkpoint);
    const struct json *answer = proxy_ask_str(proxy, "POST", "/api/v1/sessions", NULL, body);

    assert_int_equal(proxy->reply.status, 201);
    return arena_printf(&proxy->arena, "Content-Type: application/json\r\nX-Session-Id: %.*s\r\n",
                        STR_ARG(json_str(json_get(answer, "session_id"))));
}

static const char *session_path(struct proxy *proxy, struct str fields)
{
    struct str id = str_trim(str_sub(fields, fields.len - 31, 31));

    return arena_printf(&proxy->arena, "/api/v1/sessions/%.*s", STR_ARG(id)).ptr;
}

static void comment(struct proxy *proxy, struct str fields, const char *text)
{
    struct str body =
        arena_printf(&proxy->arena, "{\"command\":\"step-misc comment\",\"args\":[\"%s\"]}", text);

    (void)proxy_ask_str(proxy, "POST", EXECUTE, fields.ptr, body);
}

/* A step by direct access. */
static void direct(struct proxy *proxy, int position, const char *text)
{
    (void)proxy_ask_str(
        proxy, "POST", "/virtuoso/teststeps", NULL,
        arena_printf(&proxy->arena,
                     "{\"checkpointId\":%lld,\"stepIndex\":%d,\"parsedStep\":{\"action\":"
                     "\"COMMENT\",\"value\":\"%s\",\"meta\":{\"kind\":\"COMMENT\"}}}",
                     (long long)proxy->seed.checkpoint, position, text));
    assert_int_equal(proxy->reply.status, 200);
}

/* After direct access the proxy counts the steps of a checkpoint again. */
static void count_anew(struct proxy *proxy)
{
    (void)proxy_ask(proxy, "DELETE", "/virtuoso/teststeps/1", NULL, "");
}

static void a_session_finds_its_step_and_goes_on_behind_it(void **state)
{
    struct proxy proxy;
    struct str fields;

    (void)state;
    proxy_start(&proxy, sets);
    fields = session(&proxy);
    comment(&proxy, fields, "a");
    fault(&proxy, LOST("after"));
    comment(&proxy, fields, "b");
    assert_int_equal(proxy.reply.status, 200);
    assert_true(str_contains(reply_text(&proxy.reply), STR("read back")));
    fault(&proxy, LOST("before"));
    comment(&proxy, fields, "c");
    expect_unknown(&proxy);
    comment(&proxy, fields, "d");
    assert_int_equal(proxy.reply.status, 200);
    assert_true(str_is(values(&proxy), "a b d"));
    proxy_stop(&proxy);
}

/* An equal step stands where the session was sent to by its owner, or was put there by direct
 * access: it is not the one whose answer was lost. */
static void an_older_or_a_foreign_step_is_not_told(void **state)
{
    struct proxy proxy;
    struct str fields;

    (void)state;
    proxy_start(&proxy, sets);
    fields = session(&proxy);
    comment(&proxy, fields, "same");
    (void)proxy_ask(&proxy, "PATCH", session_path(&proxy, fields), NULL, "{\"position\":0}");
    assert_int_equal(proxy.reply.status, 200);
    fault(&proxy, LOST("before"));
    comment(&proxy, fields, "same");
    expect_unknown(&proxy);
    assert_null(json_find(reply_json(&proxy.reply, &proxy.arena), "/seen")); /* it is older */

    fields = session(&proxy);
    comment(&proxy, fields, "mine"); /* now it knows its end */
    direct(&proxy, 2, "same");
    fault(&proxy, LOST("before"));
    comment(&proxy, fields, "same");
    expect_unknown(&proxy);
    assert_true(str_is(values(&proxy), "same mine same"));
    proxy_stop(&proxy);
}

/* What direct access made was never counted: a step like the lost one is told of. */
static void a_step_that_may_be_the_lost_one_is_told_of(void **state)
{
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    direct(&proxy, 0, "same");
    fault(&proxy, LOST("before"));
    (void)proxy_command(&proxy, "step-misc comment", "[\"same\"]", "\"position\":0");
    expect_unknown(&proxy);
    assert_non_null(json_find(reply_json(&proxy.reply, &proxy.arena), "/seen/step_id"));
    assert_int_equal(json_size(proxy_steps(&proxy)), 1);
    proxy_stop(&proxy);
}

static void a_step_found_elsewhere_does_not_move_the_next_one(void **state)
{
    struct proxy proxy;
    struct str body;

    (void)state;
    proxy_start(&proxy, sets);
    body = arena_printf(&proxy.arena,
                        "{\"checkpoint_id\":%lld,\"commands\":["
                        "{\"command\":\"step-misc comment\",\"args\":[\"a\"]},"
                        "{\"command\":\"step-misc comment\",\"args\":[\"b\"]},"
                        "{\"command\":\"step-misc comment\",\"args\":[\"c\"],\"position\":0},"
                        "{\"command\":\"step-misc comment\",\"args\":[\"d\"]}]}",
                        (long long)proxy.seed.checkpoint);
    fault(&proxy, "{\"match\":\"POST /teststeps\",\"times\":1,\"skip\":2,\"close\":\"after\"}");
    (void)proxy_ask_str(&proxy, "POST", "/api/v1/commands/batch", NULL, body);
    assert_int_equal(proxy.reply.status, 200);
    assert_true(str_is(values(&proxy), "c a b d"));
    proxy_stop(&proxy);
}

/* The next call would have gone out with what another command left in the plan. */
static void a_command_that_failed_makes_no_further_call(void **state)
{
    struct proxy proxy;
    const struct json *answer;

    (void)state;
    proxy_start(&proxy, sets);
    sandbox_forget_requests(proxy.program.sandbox_port);
    fault(&proxy, "{\"match\":\"POST /testcases\",\"times\":1,\"skip\":1,\"status\":400}");
    answer = proxy_ask(&proxy, "POST", "/api/v1/commands/batch", NULL,
                       "{\"stop_on_error\":false,\"commands\":["
                       "{\"command\":\"create-checkpoint\",\"args\":[608038,13776,43802,\"A\"]},"
                       "{\"command\":\"create-checkpoint\",\"args\":[608038,13776,43802,\"B\"]}]}");
    assert_int_equal(proxy.reply.status, 207);
    assert_true(str_is(json_str(json_find(answer, "/results/1/status")), "failed"));
    assert_null(json_find(answer, "/results/1/made"));
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/testsuites/"), 1);
    proxy_stop(&proxy);
}

/* With a place of its own a step is sent before the checkpoint was ever read, so the look is the first
 * question: its answer is believed, and no other way of asking makes a success of it. */
static void an_answer_without_a_step_is_no_success(void **state)
{
    static const char *const answers[] = {
        "\"status\":302,\"body\":\"\"",
        "\"status\":200,\"content_type\":\"text/html\",\"body\":\"<html>\"",
        "\"status\":200,\"body\":\"[[[\"",
        "\"status\":200,\"body\":\"\"",
        "\"status\":204",
        "\"status\":200,\"body\":\"{}\"",
        "\"status\":200,\"body\":\"null\"",
        "\"status\":201,\"body\":\"{\\\"item\\\":{\\\"id\\\":0}}\"",
        "\"status\":200,\"body\":\"{\\\"item\\\":{\\\"id\\\":\\\"abc\\\"}}\"",
        "\"status\":501",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct proxy proxy;

        proxy_start(&proxy, sets);
        fault(&proxy, arena_printf(&proxy.arena, "{\"match\":\"POST /teststeps\",\"times\":1,%s}",
                                   answers[i])
                          .ptr);
        (void)proxy_command(&proxy, "step-interact click", "[\"x\"]", "\"position\":0");
        if (proxy.reply.status != 502) {
            fail_msg("%s: %d: %.*s", answers[i], proxy.reply.status,
                     STR_ARG(reply_text(&proxy.reply)));
        }
        assert_int_equal(json_size(proxy_steps(&proxy)), 0);
        proxy_stop(&proxy);
    }
}

/* The first of two equal commands made a step; the second one did not. */
static void of_two_equal_commands_the_lost_one_is_not_the_other(void **state)
{
    static const char *const how[] = {"\"status\":500", "\"close\":\"before\"", "\"status\":504"};
    struct proxy proxy;
    const struct json *answer;

    (void)state;
    proxy_start(&proxy, sets);
    for (size_t i = 0; i < ARRAY_LEN(how); i++) {
        fault(&proxy,
              arena_printf(&proxy.arena,
                           "{\"match\":\"POST /teststeps\",\"times\":1,\"skip\":1,%s}", how[i])
                  .ptr);
        answer = proxy_ask_str(&proxy, "POST", "/api/v1/commands/batch", NULL,
                               arena_printf(&proxy.arena,
                                            "{\"commands\":[" CLICK "}," CLICK
                                            "}],\"checkpoint_id\":%lld}",
                                            (long long)proxy.seed.checkpoint));
        assert_int_equal(proxy.reply.status, 207);
        assert_true(str_is(json_str(json_find(answer, "/results/0/status")), "success"));
        assert_false(str_is(json_str(json_find(answer, "/results/1/status")), "success"));
        assert_int_equal(json_size(proxy_steps(&proxy)), i + 1);
    }
    proxy_stop(&proxy);
}

/* A step is asked for past the end: the platform puts it at the end, which is not its place. */
static void a_step_that_stands_elsewhere_is_not_said_to_be_missing(void **state)
{
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    for (int i = 0; i < 2; i++) {
        fault(&proxy, "{\"match\":\"POST /teststeps\",\"times\":1,\"status\":500,\"act\":true}");
        (void)proxy_ask_str(&proxy, "POST", EXECUTE, KEY "Content-Type: application/json\r\n",
                            arena_printf(&proxy.arena,
                                         CLICK ",\"checkpoint_id\":%lld,\"position\":100}",
                                         (long long)proxy.seed.checkpoint));
        expect_unknown(&proxy);
        sandbox_clear_faults(proxy.program.sandbox_port);
        assert_int_equal(json_size(proxy_steps(&proxy)), 1);
    }
    proxy_stop(&proxy);
}

/* Nothing was sent that changes anything: the key stays free. */
static void a_batch_that_sent_nothing_is_not_kept(void **state)
{
    struct proxy proxy;
    struct str body;

    (void)state;
    proxy_start(&proxy, sets);
    body = arena_printf(&proxy.arena, "{\"commands\":[" CLICK "}],\"checkpoint_id\":%lld}",
                        (long long)proxy.seed.checkpoint);
    fault(&proxy, "{\"match\":\"GET /checkpoints\",\"times\":1,\"status\":400}");
    for (int i = 0; i < 2; i++) {
        (void)proxy_ask_str(&proxy, "POST", "/api/v1/commands/batch",
                            KEY "Content-Type: application/json\r\n", body);
        assert_int_equal(proxy.reply.status, i == 0 ? 207 : 200);
    }
    proxy_stop(&proxy);
}

/* Two sessions write into one checkpoint. The step that the other one was told of is never claimed,
 * wherever it stands and whatever this session knew of its own. */
static void what_another_session_made_is_not_claimed(void **state)
{
    struct proxy proxy;
    struct str one;
    struct str other;

    (void)state;
    proxy_start(&proxy, sets);
    one = session(&proxy);
    other = session(&proxy);
    comment(&proxy, one, "x");
    assert_int_equal(proxy.reply.status, 200);
    comment(&proxy, other, "x");
    assert_int_equal(proxy.reply.status, 200);
    comment(&proxy, one, "x");
    assert_int_equal(proxy.reply.status, 200);
    fault(&proxy, LOST("before"));
    comment(&proxy, one, "x");
    expect_unknown(&proxy);
    assert_true(str_is(values(&proxy), "x x x"));
    comment(&proxy, one, "y");
    assert_int_equal(proxy.reply.status, 200);
    assert_int_equal(json_size(proxy_steps(&proxy)), 4);
    proxy_stop(&proxy);
}

/* Whoever made a step by direct access knows of it; nobody here does, so the session counts
 * again. */
static void what_direct_access_made_is_not_claimed(void **state)
{
    struct proxy proxy;
    struct str fields;

    (void)state;
    proxy_start(&proxy, sets);
    fields = session(&proxy);
    comment(&proxy, fields, "a");
    direct(&proxy, 1, "x");
    comment(&proxy, fields, "b");
    assert_int_equal(proxy.reply.status, 200);
    assert_true(str_is(values(&proxy), "a x b"));
    fault(&proxy, LOST("before"));
    comment(&proxy, fields, "x");
    expect_unknown(&proxy);
    proxy_stop(&proxy);
}

/* Direct access wrote to the platform while the first step of a batch was made, and the count that
 * this calls for fails: the second step has no place and is not sent. */
static void a_step_whose_place_is_not_known_is_not_sent(void **state)
{
    struct proxy proxy;
    struct client client;
    const struct json *answer;
    struct str body;

    (void)state;
    proxy_start(&proxy, sets);
    sandbox_hold(proxy.program.sandbox_port, "POST /teststeps");
    fault(&proxy, "{\"match\":\"GET /checkpoints\",\"times\":1,\"skip\":1,\"status\":404}");
    body = arena_printf(&proxy.arena,
                        "{\"stop_on_error\":false,\"checkpoint_id\":%lld,\"commands\":[" CLICK
                        "}," CLICK "}]}",
                        (long long)proxy.seed.checkpoint);
    client_open(&client, proxy.program.port);
    assert_true(client_send_request(&client, "POST", "/api/v1/commands/batch",
                                    "Content-Type: application/json\r\n", body));
    proxy_wait_sent(&proxy, "POST", "/teststeps", 1);
    direct(&proxy, 0, "x");
    sandbox_release(proxy.program.sandbox_port);
    assert_int_equal(client_read(&client, false, &proxy.reply), CLIENT_OK);
    answer = reply_json(&proxy.reply, &proxy.arena);
    assert_true(str_is(json_str(json_find(answer, "/results/0/status")), "success"));
    assert_true(str_is(json_str(json_find(answer, "/results/1/status")), "failed"));
    client_close(&client);
    assert_int_equal(json_size(proxy_steps(&proxy)), 2);
    proxy_stop(&proxy);
}

/* ---- each way to make a step, when nothing can be read back ---- */

struct way {
    const char *target;
    const char *fields;
    const char *body;  /* one step in checkpoint 1680930 */
    bool has_position; /* so nothing is counted before it is sent */
};

static const struct way ways[] = {
    {EXECUTE, KEY, CLICK ",\"checkpoint_id\":1680930}"},
    {EXECUTE, KEY, CLICK ",\"checkpoint_id\":1680930,\"position\":0}", .has_position = true},
    {"/api/v1/commands/batch", KEY, "{\"commands\":[" CLICK "}],\"checkpoint_id\":1680930}"},
    {"/api/steps", KEY, "{\"action\":\"CLICK\",\"target\":\"x\",\"checkpointId\":1680930}"},
    {"/api/v1/tests/run", KEY,
     "{\"name\":\"t\",\"checkpoint_id\":1680930,\"steps\":[{\"click\":\"x\"}]}"},
};

static const char *const endings[] = {
    "\"close\":\"after\"",
    "\"status\":502,\"act\":true",
    "\"status\":504,\"act\":true",
    "\"status\":500,\"act\":true",
    "\"status\":200,\"body\":\"<html>\",\"content_type\":\"text/html\",\"act\":true",
};

/* Sent twice: not known, kept for the key, and no second step; then there are `n_steps` creations in all. */
static void expect_unknown_and_kept(struct proxy *proxy, const struct way *way, const char *what,
                                    size_t n_steps)
{
    for (int i = 0; i < 2; i++) {
        (void)proxy_ask(
            proxy, "POST", way->target,
            arena_printf(&proxy->arena, "%s%s", way->fields, "Content-Type: application/json\r\n")
                .ptr,
            way->body);
        if (!str_contains(reply_text(&proxy->reply), STR("outcome_unknown"))) {
            fail_msg("%s, %s: %d %.*s", way->target, what, proxy->reply.status,
                     STR_ARG(reply_text(&proxy->reply)));
        }
        assert_int_equal(str_is(reply_field(&proxy->reply, "Idempotency-Replayed"), "true"), i);
    }
    assert_int_equal(sandbox_count(proxy->program.sandbox_port, "POST", "/teststeps"), n_steps);
    sandbox_clear_faults(proxy->program.sandbox_port);
}

/* What the read-back behind the lost answer gets instead. */
static void fault_read_back(struct proxy *proxy, const struct way *way, const char *answer)
{
    fault(proxy,
          arena_printf(&proxy->arena, "{\"match\":\"GET /checkpoints\",\"times\":1,\"skip\":%d,%s}",
                       way->has_position ? 0 : 1, answer)
              .ptr);
}

/* The step exists, and the checkpoint cannot be read: not known, kept for the key, made once. */
static void check_way(struct proxy *proxy, const struct way *way, const char *ending)
{
    sandbox_reset(proxy->program.sandbox_port);
    fault(
        proxy,
        arena_printf(&proxy->arena, "{\"match\":\"POST /teststeps\",\"times\":1,%s}", ending).ptr);
    fault_read_back(proxy, way, "\"status\":404");
    expect_unknown_and_kept(proxy, way, ending, 1);
}

static void what_cannot_be_read_back_is_unknown_and_kept(void **state)
{
    struct proxy proxy;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        proxy_start(&proxy, sets);
        for (size_t k = 0; k < ARRAY_LEN(endings); k++) {
            struct way way = ways[i];

            way.fields =
                arena_printf(&proxy.arena, "Idempotency-Key: k%zu\r\n", k).ptr; /* a new one */
            check_way(&proxy, &way, endings[k]);
        }
        proxy_stop(&proxy);
    }
}

/* Answers of a read-back that say nothing, with 200; two steps stand there by then. */
static const char *const blind[] = {
    "{}",
    "null",
    "[]",
    "{\"success\":true}",
    "{\"id\":1680930,\"title\":\"x\"}",
    "{\"id\":1680930,\"steps\":null}",
    "{\"id\":1680930,\"steps\":{}}",
    "{\"id\":1680930,\"steps\":[null]}",
    "{\"id\":1680930,\"steps\":[]}",
    "{\"id\":1680931,\"steps\":[]}",
};

/* The step exists, the platform says that it failed, and the read-back gets a success without
 * content: not known, kept for the key, and a retry makes no second step. */
static void check_blind(struct proxy *proxy, const struct way *way, const char *answer)
{
    sandbox_reset(proxy->program.sandbox_port);
    count_anew(proxy); /* what is known is of the time before the reset */
    (void)proxy_ask(proxy, "POST", EXECUTE, NULL, CLICK ",\"checkpoint_id\":1680930}");
    assert_int_equal(proxy->reply.status, 200);
    count_anew(proxy);
    fault(proxy, "{\"match\":\"POST /teststeps\",\"times\":1,\"status\":500,\"act\":true}");
    fault_read_back(proxy, way, arena_printf(&proxy->arena, "\"body\":%s", answer).ptr);
    expect_unknown_and_kept(proxy, way, answer, 2);
}

static void a_look_that_tells_nothing_is_no_proof(void **state)
{
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        for (size_t k = 0; k < ARRAY_LEN(blind); k++) {
            struct way way = ways[i];

            way.fields = arena_printf(&proxy.arena, "Idempotency-Key: b%zu-%zu\r\n", i, k).ptr;
            check_blind(&proxy, &way, blind[k]);
        }
    }
    proxy_stop(&proxy);
}

/* A gateway that gave up: the platform may still be at it. */
static void a_gateway_that_gave_up_leaves_it_open(void **state)
{
    static const int statuses[] = {502, 504, 505, 507, 508, 511, 520, 522, 524, 527, 529, 530, 598};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        fault(&proxy,
              arena_printf(&proxy.arena,
                           "{\"match\":\"POST /teststeps\",\"times\":1,\"status\":%d}", statuses[i])
                  .ptr);
        (void)proxy_command(&proxy, "step-interact click", "[\"x\"]", NULL);
        expect_unknown(&proxy);
    }
    fault(&proxy, "{\"match\":\"POST /teststeps\",\"times\":1,\"status\":500}");
    (void)proxy_command(&proxy, "step-interact click", "[\"x\"]", NULL);
    assert_string_equal(code_of(&proxy), "upstream_error");
    assert_int_equal(json_size(proxy_steps(&proxy)), 0);
    proxy_stop(&proxy);
}

/* Stopped while a step is on the wire that fails although it was made: nobody looked whether it is
 * there, so it is not known, and the session counts again. */
static void a_stopped_run_leaves_its_session_to_count_again(void **state)
{
    struct proxy proxy;
    struct str fields;
    struct str id;
    const struct json *run;

    (void)state;
    proxy_start(&proxy, sets);
    fields = session(&proxy);
    comment(&proxy, fields, "a");
    fault(&proxy, "{\"match\":\"POST /teststeps\",\"times\":1,\"status\":500,\"act\":true,"
                  "\"delay_ms\":600000}");
    run = proxy_ask(&proxy, "POST", "/api/v1/tests/run?async=true", fields.ptr,
                    "{\"name\":\"t\",\"steps\":[{\"comment\":\"b\"},{\"comment\":\"no\"}]}");
    assert_int_equal(proxy.reply.status, 202);
    id = arena_str(&proxy.arena, json_str(json_get(run, "id")));
    proxy_wait_sent(&proxy, "POST", "/teststeps", 2);
    (void)proxy_ask(&proxy, "DELETE",
                    arena_printf(&proxy.arena, "/api/v1/tests/runs/%.*s", STR_ARG(id)).ptr, NULL,
                    "");
    sandbox_release(proxy.program.sandbox_port);
    run = runs_wait(&proxy, id);
    assert_int_equal(number_at(run, "/steps/unknown"), 1);
    comment(&proxy, fields, "c");
    assert_true(str_is(values(&proxy), "a b c"));
    proxy_stop(&proxy);
}

/* A fault is taken back while its answer waits: the answer is its own by then. */
static void an_answer_that_waits_outlives_its_fault(void **state)
{
    struct proxy proxy;
    struct client client;

    (void)state;
    proxy_start(&proxy, sets);
    fault(&proxy, "{\"match\":\"GET /user\",\"times\":1,\"status\":200,\"body\":\"{}\","
                  "\"content_type\":\"application/json\",\"delay_ms\":600000}");
    client_open(&client, proxy.program.port);
    assert_true(client_send_request(&client, "GET", "/virtuoso/user", "", STR_EMPTY));
    proxy_wait_sent(&proxy, "GET", "/user", 1);
    sandbox_clear_faults(proxy.program.sandbox_port);
    sandbox_release(proxy.program.sandbox_port);
    assert_int_equal(client_read(&client, false, &proxy.reply), CLIENT_OK);
    assert_int_equal(proxy.reply.status, 200);
    client_close(&client);
    proxy_stop(&proxy);
}

/* The client leaves while the create is on the wire, and the gateway gives up: the step stands. */
static void a_session_counts_again_after_a_client_that_left(void **state)
{
    struct proxy proxy;
    struct client client;
    struct str fields;

    (void)state;
    proxy_start(&proxy, sets);
    fields = session(&proxy);
    comment(&proxy, fields, "a");
    fault(&proxy, "{\"match\":\"POST /teststeps\",\"times\":1,\"status\":502,\"act\":true,"
                  "\"delay_ms\":600000}");
    client_open(&client, proxy.program.port);
    assert_true(client_send_request(&client, "POST", EXECUTE, fields.ptr,
                                    STR("{\"command\":\"step-misc comment\",\"args\":[\"b\"]}")));
    proxy_wait_sent(&proxy, "POST", "/teststeps", 2);
    client_close(&client);
    proxy_wait_open(&proxy, 0);
    sandbox_release(proxy.program.sandbox_port);
    comment(&proxy, fields, "c");
    assert_int_equal(proxy.reply.status, 200);
    assert_true(str_is(values(&proxy), "a b c"));
    proxy_stop(&proxy);
}

/* A goal of the same name stands in the project already: which of them is ours, nobody can tell. */
static void what_may_be_older_is_not_taken(void **state)
{
    struct proxy proxy;
    const struct json *run;

    (void)state;
    proxy_start(&proxy, sets);
    (void)runs_start(&proxy, "", "name: Buy\nsteps: [{click: A}]\n");
    assert_int_equal(proxy.reply.status, 200);
    sandbox_forget_requests(proxy.program.sandbox_port);
    sandbox_fault(proxy.program.sandbox_port, "{\"match\":\"POST /goals\",\"close\":\"before\"}");
    run = runs_start(&proxy, "", "name: Buy\nsteps: [{click: A}]\n");
    assert_int_equal(proxy.reply.status, 207);
    assert_true(str_is(runs_text(run, "/error/code"), "outcome_unknown"));
    assert_true(str_contains(runs_text(run, "/error/detail"), STR("may be older")));
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/goals"), 1);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/testsuites"), 0);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_finds_its_step_and_goes_on_behind_it),
        cmocka_unit_test(an_older_or_a_foreign_step_is_not_told),
        cmocka_unit_test(a_step_that_may_be_the_lost_one_is_told_of),
        cmocka_unit_test(a_step_found_elsewhere_does_not_move_the_next_one),
        cmocka_unit_test(a_command_that_failed_makes_no_further_call),
        cmocka_unit_test(an_answer_without_a_step_is_no_success),
        cmocka_unit_test(of_two_equal_commands_the_lost_one_is_not_the_other),
        cmocka_unit_test(a_step_that_stands_elsewhere_is_not_said_to_be_missing),
        cmocka_unit_test(a_batch_that_sent_nothing_is_not_kept),
        cmocka_unit_test(what_another_session_made_is_not_claimed),
        cmocka_unit_test(what_direct_access_made_is_not_claimed),
        cmocka_unit_test(a_step_whose_place_is_not_known_is_not_sent),
        cmocka_unit_test(what_cannot_be_read_back_is_unknown_and_kept),
        cmocka_unit_test(a_look_that_tells_nothing_is_no_proof),
        cmocka_unit_test(a_gateway_that_gave_up_leaves_it_open),
        cmocka_unit_test(a_stopped_run_leaves_its_session_to_count_again),
        cmocka_unit_test(an_answer_that_waits_outlives_its_fault),
        cmocka_unit_test(a_session_counts_again_after_a_client_that_left),
        cmocka_unit_test(what_may_be_older_is_not_taken),
    };

    return cmocka_run_group_tests_name("lost", tests, NULL, NULL);
}
