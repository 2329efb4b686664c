/* Callers with platform tokens of their own: who they are the platform says, what is theirs nobody
 * else sees, and their tokens are in no log. */
#include "harness/cmocka.h"

#include "harness/proxy.h"

#define AS(token) "Authorization: Bearer " token "\r\n"

static const char *const sets[] = {"auth.mode=passthrough", "log.level=debug", NULL};

static size_t asked(struct proxy *proxy, const char *path)
{
    return sandbox_count(proxy->program.sandbox_port, "GET", path);
}

static void assert_status(struct proxy *proxy, const char *fields, int status)
{
    (void)proxy_ask(proxy, "GET", "/api/v1/commands/list", fields, "");
    if (proxy->reply.status != status) {
        fail_msg("%s: %d %.*s", fields == NULL ? "(none)" : fields, proxy->reply.status,
                 STR_ARG(reply_text(&proxy->reply)));
    }
    assert_int_equal(reply_field(&proxy->reply, "WWW-Authenticate").len > 0, status == 401);
}

static void the_platform_says_who_calls(void **state)
{
    struct proxy proxy;
    struct buf log;

    (void)state;
    proxy_start(&proxy, sets);
    sandbox_forget_requests(proxy.program.sandbox_port);
    assert_status(&proxy, NULL, 401);
    assert_status(&proxy, "X-API-Key: canary-token-a\r\n", 401);
    assert_status(&proxy, "Authorization: Bearer two words\r\n", 401);
    assert_int_equal(asked(&proxy, "/user"), 0);
    assert_status(&proxy, AS("invalid-canary"), 401);
    assert_status(&proxy, AS("invalid-canary"), 401);
    assert_int_equal(asked(&proxy, "/user"), 1); /* a refusal is a verdict too */
    for (int i = 0; i < 5; i++) {
        assert_status(&proxy, AS("canary-token-a"), 200);
        assert_status(&proxy, AS("canary-token-b"), 200);
    }
    assert_int_equal(asked(&proxy, "/user"), 3);
    /* the platform cannot be asked: an error of its own, and no verdict */
    sandbox_fault(proxy.program.sandbox_port, "{\"match\":\"GET /user\",\"status\":500}");
    assert_status(&proxy, AS("canary-token-c"), 502);
    assert_status(&proxy, AS("canary-token-c"), 200);
    /* deleted there: the next call says so, and the one after asks again */
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"POST /projects\",\"status\":401,\"times\":1}");
    (void)proxy_ask(&proxy, "POST", "/api/projects", AS("canary-token-a"), "{\"name\":\"x\"}");
    assert_int_equal(proxy.reply.status, 401);
    sandbox_forget_requests(proxy.program.sandbox_port);
    assert_status(&proxy, AS("canary-token-a"), 200);
    assert_int_equal(asked(&proxy, "/user"), 1);
    buf_init(&log, 64U << 20);
    program_errors(&proxy.program, &log);
    assert_true(log.len > 0 && !str_contains(buf_view(&log), STR("canary")));
    assert_true(str_contains(buf_view(&log), STR("\"principal\":\"token-")));
    buf_done(&log);
    proxy_stop(&proxy);
}

static void who_asks_at_once_waits_for_one_verdict(void **state)
{
    enum { N = 30 };
    struct client clients[N];
    struct proxy proxy;
    struct reply reply;

    (void)state;
    proxy_start(&proxy, sets);
    sandbox_forget_requests(proxy.program.sandbox_port);
    sandbox_hold(proxy.program.sandbox_port, "GET /user");
    for (size_t i = 0; i < N; i++) {
        client_open(&clients[i], proxy.program.port);
        assert_true(
            client_send_request(&clients[i], "GET", "/api/v1/commands/list", AS("one"), STR_EMPTY));
    }
    proxy_wait_sent(&proxy, "GET", "/user", 1);
    proxy_wait_working(&proxy, N);
    client_reset(&clients[0]); /* the one who made it be asked leaves */
    proxy_wait_open(&proxy, N - 1);
    sandbox_release(proxy.program.sandbox_port);
    reply_init(&reply);
    for (size_t i = 1; i < N; i++) {
        assert_int_equal(client_read(&clients[i], false, &reply), CLIENT_OK);
        assert_int_equal(reply.status, 200);
        client_close(&clients[i]);
    }
    reply_done(&reply);
    assert_int_equal(asked(&proxy, "/user"), 1);
    proxy_stop(&proxy);
}

/* What they cost comes while all of them wait. */
static void ask_at_once(struct proxy *proxy, const char *const *fields, size_t n_fields)
{
    enum { N = 50 };
    struct client clients[N];
    struct reply reply;
    bool is_cold = asked(proxy, "/projects") == 0;

    sandbox_hold_all(proxy->program.sandbox_port, "GET /projects");
    for (size_t i = 0; i < N; i++) {
        client_open(&clients[i], proxy->program.port);
        assert_true(client_send_request(&clients[i], "GET", "/api/projects", fields[i % n_fields],
                                        STR_EMPTY));
    }
    if (is_cold) {
        proxy_wait_working(proxy, N);
    }
    sandbox_release_all(proxy->program.sandbox_port);
    reply_init(&reply);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(client_read(&clients[i], false, &reply), CLIENT_OK);
        assert_int_equal(reply.status, 200);
        /* each sees what is its own */
        assert_int_equal(str_contains(reply_text(&reply), STR("secret of a")), i % n_fields == 0);
        client_close(&clients[i]);
    }
    reply_done(&reply);
}

static void fifty_cold_reads_cost_one_call_and_two_identities_two(void **state)
{
    static const char *const fields[] = {AS("a"), AS("b")};
    static const char *const with_org[] = {"auth.mode=passthrough", NULL};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, with_org);
    (void)proxy_ask(&proxy, "POST", "/api/projects", AS("a"), "{\"name\":\"secret of a\"}");
    assert_int_equal(proxy.reply.status, 201);
    sandbox_forget_requests(proxy.program.sandbox_port);
    ask_at_once(&proxy, fields, 1);
    assert_int_equal(asked(&proxy, "/projects"), 1);
    (void)proxy_ask(&proxy, "POST", "/api/projects", AS("a"), "{\"name\":\"two\"}"); /* purges */
    sandbox_forget_requests(proxy.program.sandbox_port);
    ask_at_once(&proxy, fields, 2);
    assert_int_equal(asked(&proxy, "/projects"), 2);
    ask_at_once(&proxy, fields, 2); /* warm: still each its own */
    assert_int_equal(asked(&proxy, "/projects"), 2);
    proxy_stop(&proxy);
}

static void what_is_theirs_is_theirs(void **state)
{
    struct proxy proxy;
    struct str target;

    (void)state;
    proxy_start(&proxy, sets);
    target = json_str(
        json_get(proxy_ask(&proxy, "POST", "/api/v1/sessions", AS("a"), "{}"), "session_id"));
    target = arena_printf(&proxy.arena, "/api/v1/sessions/%.*s", STR_ARG(target));
    (void)proxy_ask(&proxy, "GET", target.ptr, AS("a"), "");
    assert_int_equal(proxy.reply.status, 200);
    (void)proxy_ask(&proxy, "GET", target.ptr, AS("b"), "");
    assert_int_equal(proxy.reply.status, 404);
    /* what a token may change directly the platform judges; metrics stay open, ours is refused */
    (void)proxy_ask(&proxy, "POST", "/virtuoso/projects", AS("a"),
                    "{\"name\":\"direct\",\"organizationId\":1}");
    assert_true(proxy.reply.status == 200 || proxy.reply.status == 201);
    (void)proxy_ask(&proxy, "GET", "/virtuoso/user", AS("invalid-x"), "");
    assert_int_equal(proxy.reply.status, 401);
    (void)proxy_ask(&proxy, "GET", "/livez", NULL, "");
    assert_int_equal(proxy.reply.status, 200);
    proxy_stop(&proxy);
}

static void keys_and_tokens_side_by_side(void **state)
{
    static const char *const both[] = {"auth.mode=keys,passthrough", "auth.keys=our-own-key-1234",
                                       NULL};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, both);
    sandbox_forget_requests(proxy.program.sandbox_port);
    assert_status(&proxy, AS("our-own-key-1234"), 200);
    assert_status(&proxy, "X-API-Key: our-own-key-1234\r\n", 200);
    assert_status(&proxy, "X-API-Key: somebody-elses-key\r\n", 401);
    assert_int_equal(asked(&proxy, "/user"), 0);
    assert_status(&proxy, AS("a-platform-token"), 200);
    assert_status(&proxy, AS("revoked-token"), 401);
    assert_int_equal(asked(&proxy, "/user"), 2);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_platform_says_who_calls),
        cmocka_unit_test(who_asks_at_once_waits_for_one_verdict),
        cmocka_unit_test(fifty_cold_reads_cost_one_call_and_two_identities_two),
        cmocka_unit_test(what_is_theirs_is_theirs),
        cmocka_unit_test(keys_and_tokens_side_by_side),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
