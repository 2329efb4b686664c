/* Idempotency-Key: the retry of a POST gets the first reply, whatever became of the first try: it
 * was answered, its client left, the platform or the route's time failed it; and nothing is done
 * twice. */
#include "harness/cmocka.h"

#include <string.h>

#include "harness/proxy.h"
#include "harness/runs.h"
#include "harness/wait.h"

#define COMMAND "{\"command\":\"step-misc comment\",\"args\":[\"one\"],\"checkpoint_id\":1680930}"
#define KEY     "Idempotency-Key: the-key\r\n"

struct post {
    const char *target;
    const char *body;
};

static const struct post posts[] = {
    {"/api/v1/commands/execute", COMMAND},
    {"/api/v1/commands/step/misc/comment", "{\"args\":[\"one\"],\"checkpoint_id\":1680930}"},
    {"/api/v1/commands/batch", "{\"commands\":[" COMMAND "," COMMAND "]}"},
    {"/api/v1/sessions", "{\"checkpoint_id\":1680930}"},
    {"/api/v1/tests/run?checkpoint_id=1680930", "{\"name\":\"t\",\"steps\":[{\"click\":\"a\"}]}"},
    {"/api/v1/tests/run?async=true", "{\"name\":\"t\",\"steps\":[{\"click\":\"a\"}]}"},
    {"/api/projects", "{\"name\":\"Twice\"}"},
    {"/api/goals", "{\"name\":\"Twice\",\"projectId\":\"9056\"}"},
    {"/api/goals/13776/execute", "{}"},
    {"/api/goals/13776/snapshots/43802/execute", "{}"},
    {"/api/journeys", "{\"name\":\"Twice\",\"goalId\":\"13776\"}"},
    {"/api/checkpoints", "{\"name\":\"Twice\",\"journeyId\":\"608038\"}"},
    {"/api/steps", "{\"action\":\"CLICK\",\"target\":\"a\",\"checkpointId\":\"1680930\"}"},
    {"/api/executions", "{\"goalId\":\"13776\"}"},
    {"/api/library/checkpoints", "{\"checkpointId\":\"1680930\"}"},
    {"/api/testdata/tables", "{\"name\":\"Twice\",\"columns\":[\"a\"]}"},
    {"/api/environments", "{\"name\":\"Twice\",\"variables\":{\"a\":\"b\"}}"},
    {"/virtuoso/projects", "{\"name\":\"Twice\",\"organizationId\":1}"},
};

static void start(struct proxy *proxy, const char *set)
{
    const char *sets[] = {"log.level=warn", "sandbox.examples=true", "upstream.organization_id=1",
                          set, NULL};

    proxy_start(proxy, sets);
}

static size_t n_posts(struct proxy *proxy)
{
    return sandbox_count(proxy->program.sandbox_port, "POST", "");
}

static void ask(struct proxy *proxy, const struct post *post, const char *fields, int status)
{
    (void)proxy_ask(proxy, "POST", post->target, fields, post->body);
    if (proxy->reply.status != status && (status != 201 || proxy->reply.status > 202)) {
        fail_msg("%s: %d %.*s", post->target, proxy->reply.status,
                 STR_ARG(reply_text(&proxy->reply)));
    }
}

static bool is_replay(struct proxy *proxy)
{
    return str_is(reply_field(&proxy->reply, "Idempotency-Replayed"), "true");
}

static void every_post_is_done_once(void **state)
{
    struct proxy proxy;

    (void)state;
    start(&proxy, NULL);
    for (size_t i = 0; i < ARRAY_LEN(posts); i++) {
        struct post other = posts[i];
        const char *key = arena_printf(&proxy.arena, "Idempotency-Key: %zu\r\n", i).ptr;
        struct str first;
        struct str location;
        int status;
        size_t n;

        ask(&proxy, &posts[i], key, 201);
        assert_false(is_replay(&proxy));
        first = arena_str(&proxy.arena, reply_text(&proxy.reply));
        location = arena_str(&proxy.arena, reply_field(&proxy.reply, "Location"));
        status = proxy.reply.status;
        if (str_ends(str_from(other.target), STR("async=true"))) {
            (void)runs_wait(&proxy,
                            json_str(json_get(reply_json(&proxy.reply, &proxy.arena), "id")));
        }
        n = n_posts(&proxy);
        ask(&proxy, &posts[i], key, status);
        if (!is_replay(&proxy) || !str_eq(first, reply_text(&proxy.reply)) ||
            !str_eq(location, reply_field(&proxy.reply, "Location")) || n_posts(&proxy) != n) {
            fail_msg("%s: not the first reply again: %.*s", posts[i].target,
                     STR_ARG(reply_text(&proxy.reply)));
        }
        other.body = "{\"name\":\"another\"}";
        ask(&proxy, &other, key, 422);
        other = posts[i];
        other.target = arena_printf(&proxy.arena, "%s%cdry_run=false", posts[i].target,
                                    strchr(posts[i].target, '?') != NULL ? '&' : '?')
                           .ptr;
        ask(&proxy, &other, key, 422);
    }
    proxy_stop(&proxy);
}

static void keys_that_are_none_are_refused(void **state)
{
    static const char *const bad[] = {"Idempotency-Key: \r\n", "Idempotency-Key: a b\r\n",
                                      "Idempotency-Key: \xC3\xA9\r\n"};
    struct proxy proxy;

    (void)state;
    start(&proxy, NULL);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ask(&proxy, &posts[0], bad[i], 400);
    }
    ask(&proxy, &posts[0], arena_printf(&proxy.arena, "Idempotency-Key: %0256d\r\n", 1).ptr, 400);
    ask(&proxy, &posts[0], arena_printf(&proxy.arena, "Idempotency-Key: %0255d\r\n", 1).ptr, 200);
    proxy_stop(&proxy);
}

static void a_key_belongs_to_its_caller(void **state)
{
    static const char one[] = KEY "X-API-Key: first-key-1\r\n";
    static const char two[] = KEY "X-API-Key: second-key-2\r\n";
    struct proxy proxy;

    (void)state;
    start(&proxy, "auth.keys=first-key-1,second-key-2");
    sandbox_forget_requests(proxy.program.sandbox_port);
    ask(&proxy, &posts[0], one, 200);
    ask(&proxy, &posts[0], two, 200);
    assert_false(is_replay(&proxy));
    ask(&proxy, &posts[0], two, 200);
    assert_true(is_replay(&proxy));
    assert_int_equal(n_posts(&proxy), 2);
    proxy_stop(&proxy);
}

/* What provably did not happen may be tried again with the same key. */
static void a_refusal_is_not_kept(void **state)
{
    struct proxy proxy;

    (void)state;
    start(&proxy, NULL);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"POST /\",\"times\":2,\"status\":429,\"retry_after\":1}");
    ask(&proxy, &posts[0], KEY, 429);
    ask(&proxy, &posts[ARRAY_LEN(posts) - 1], KEY, 429);
    ask(&proxy, &posts[0], KEY, 200);
    assert_false(is_replay(&proxy));
    ask(&proxy, &posts[ARRAY_LEN(posts) - 1], KEY, 201);
    assert_false(is_replay(&proxy));
    proxy_stop(&proxy);
}

static struct str request_head(struct proxy *proxy, const struct post *post)
{
    return arena_printf(&proxy->arena,
                        "POST %s HTTP/1.1\r\nHost: x\r\n" KEY
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                        post->target, str_from(post->body).len, post->body);
}

/* Asks again; 409 says that the first request with this key is still at work. */
static bool is_no_conflict(struct proxy *proxy, const struct post *post)
{
    (void)proxy_ask(proxy, "POST", post->target, KEY, post->body);
    return proxy->reply.status != 409;
}

/* While the platform is at work the client leaves, comes back too early, and then again. */
static void who_leaves_finds_the_reply(void **state)
{
    static const size_t tried[] = {0, 2, 6, 11, ARRAY_LEN(posts) - 1};
    struct proxy proxy;

    (void)state;
    start(&proxy, NULL);
    for (size_t i = 0; i < ARRAY_LEN(tried); i++) {
        const struct post *post = &posts[tried[i]];
        struct client client;
        size_t n;

        sandbox_forget_requests(proxy.program.sandbox_port);
        sandbox_hold(proxy.program.sandbox_port, "POST /");
        client_open(&client, proxy.program.port);
        assert_true(client_send(&client, request_head(&proxy, post)));
        proxy_wait_sent(&proxy, "POST", "/", 1);
        client_reset(&client);
        proxy_wait_open(&proxy, 0);
        ask(&proxy, post, KEY, 409);
        sandbox_release(proxy.program.sandbox_port);
        wait_until(is_no_conflict(&proxy, post));
        n = n_posts(&proxy);
        (void)proxy_ask(&proxy, "POST", post->target, KEY, post->body);
        if (!is_replay(&proxy) || n_posts(&proxy) != n || proxy.reply.status > 201) {
            fail_msg("%s: %zu posts, %d %.*s", post->target, n, proxy.reply.status,
                     STR_ARG(reply_text(&proxy.reply)));
        }
    }
    proxy_stop(&proxy);
}

/* The client leaves while a batch only reads, after a step of it was made. */
static void a_batch_that_began_is_carried_through(void **state)
{
    static const struct post post = {
        "/api/v1/commands/batch",
        "{\"commands\":[" COMMAND ",{\"command\":\"get-step\",\"args\":[19660498]}," COMMAND "]}"};
    struct proxy proxy;
    struct client client;
    const struct json *answer;

    (void)state;
    start(&proxy, NULL);
    sandbox_forget_requests(proxy.program.sandbox_port);
    sandbox_hold(proxy.program.sandbox_port, "GET /teststeps");
    client_open(&client, proxy.program.port);
    assert_true(client_send(&client, request_head(&proxy, &post)));
    proxy_wait_sent(&proxy, "GET", "/teststeps", 1);
    client_reset(&client);
    proxy_wait_open(&proxy, 0);
    sandbox_release(proxy.program.sandbox_port);
    wait_until(is_no_conflict(&proxy, &post));
    answer = proxy_ask(&proxy, "POST", post.target, KEY, post.body);
    assert_int_equal(proxy.reply.status, 200);
    assert_true(is_replay(&proxy));
    assert_true(str_is(json_str(json_find(answer, "/results/2/status")), "success"));
    assert_int_equal(n_posts(&proxy), 2);
    proxy_stop(&proxy);
}

/* The route's time is over while a create is on the wire: not known, and kept as that; the session
 * counts again. */
static void the_end_of_the_time_is_told_and_kept(void **state)
{
    static const struct post command = {"/api/v1/commands/execute",
                                        "{\"command\":\"step-misc comment\",\"args\":[\"one\"]}"};
    static const struct post *const tried[] = {&command, &posts[6]};
    struct proxy proxy;
    const struct json *answer;
    struct str fields;
    int64_t position;

    (void)state;
    start(&proxy, "http.long_exchange_timeout_ms=4000");
    answer = proxy_ask(&proxy, "POST", "/api/v1/sessions", NULL, "{\"checkpoint_id\":1680930}");
    fields = arena_printf(&proxy.arena, KEY "X-Session-Id: %.*s\r\n",
                          STR_ARG(json_str(json_get(answer, "session_id"))));
    for (size_t i = 0; i < ARRAY_LEN(tried); i++) {
        sandbox_forget_requests(proxy.program.sandbox_port);
        sandbox_hold(proxy.program.sandbox_port, "POST /");
        answer = proxy_ask(&proxy, "POST", tried[i]->target, fields.ptr, tried[i]->body);
        assert_int_equal(proxy.reply.status, 504);
        assert_true(str_is(json_str(json_get(answer, "code")), "outcome_unknown"));
        (void)proxy_ask(&proxy, "POST", tried[i]->target, fields.ptr, tried[i]->body);
        assert_int_equal(proxy.reply.status, 504);
        assert_true(is_replay(&proxy));
        assert_int_equal(n_posts(&proxy), 1);
        sandbox_release(proxy.program.sandbox_port);
    }
    answer = proxy_ask(&proxy, "POST", command.target,
                       str_find(fields, STR("X-Session")) + fields.ptr, command.body);
    assert_int_equal(proxy.reply.status, 200);
    assert_true(json_to_i64(json_find(answer, "/data/position"), &position));
    answer = sandbox_call(proxy.program.sandbox_port, SANDBOX_TOKEN, "GET", "/testcases/1680930",
                          NULL, &proxy.arena);
    assert_int_equal(position, json_size(json_get(answer, "steps")) - 1);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_post_is_done_once),
        cmocka_unit_test(keys_that_are_none_are_refused),
        cmocka_unit_test(a_key_belongs_to_its_caller),
        cmocka_unit_test(a_refusal_is_not_kept),
        cmocka_unit_test(who_leaves_finds_the_reply),
        cmocka_unit_test(a_batch_that_began_is_carried_through),
        cmocka_unit_test(the_end_of_the_time_is_told_and_kept),
    };

    return cmocka_run_group_tests_name("idempotency", tests, NULL, NULL);
}
