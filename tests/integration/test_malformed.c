/* Requests that two programs could read in two ways, and requests over a limit: each gets its
 * status and a closed connection, and nothing of them reaches the platform. */
#include "harness/cmocka.h"

#include "harness/proxy.h"

#define BODY "{\"command\":\"step-interact click\",\"args\":[\"x\"],\"checkpoint_id\":1}"
#define LINE "POST /api/v1/commands/execute HTTP/1.1\r\n"
#define TYPE "Content-Type: application/json\r\n"

struct bad {
    const char *what;
    const char *request;
    int status;
};

static const struct bad table[] = {
    {"bare CR in a header", LINE "Host: x\r\nX-A: a\rb\r\nContent-Length: 0\r\n\r\n", 400},
    {"folded header", LINE "Host: x\r\nX-A: a\r\n b\r\nContent-Length: 0\r\n\r\n", 400},
    {"no version", "GET /health\r\nHost: x\r\n\r\n", 400},
    {"two hosts", "GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
    {"no host on 1.1", "GET /health HTTP/1.1\r\nX-A: b\r\n\r\n", 400},
    {"transfer-encoding on 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400},
    {"length and encoding",
     LINE "Host: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"two lengths", LINE "Host: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400},
    {"length with a sign", LINE "Host: x\r\nContent-Length: +5\r\n\r\nhello", 400},
    {"negative length", LINE "Host: x\r\nContent-Length: -5\r\n\r\nhello", 400},
    {"length too long", LINE "Host: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
    {"bare LF", "GET /health HTTP/1.1\nHost: x\n\n", 400},
    {"space before the colon", "GET /health HTTP/1.1\r\nHost : x\r\n\r\n", 400},
    {"control byte in a value", "GET /health HTTP/1.1\r\nHost: x\r\nX-A: a\001b\r\n\r\n", 400},
    {"no colon", "GET /health HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n", 400},
    {"two spaces", "GET  /health HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"target without slash", "GET health HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"bad chunk size", LINE "Host: x\r\n" TYPE "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
    {"chunk size overflow",
     LINE "Host: x\r\n" TYPE "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400},
    {"other transfer-encoding", LINE "Host: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
    {"chunked twice",
     LINE "Host: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"unknown method", "BREW /health HTTP/1.1\r\nHost: x\r\n\r\n", 501},
    {"HTTP/2.0", "GET /health HTTP/2.0\r\nHost: x\r\n\r\n", 505},
    {"other expectation", LINE "Host: x\r\nExpect: coffee\r\nContent-Length: 2\r\n\r\n{}", 417},
    {"body over the limit", LINE "Host: x\r\n" TYPE "Content-Length: 99999999\r\n\r\n", 413},
    {"no length", LINE "Host: x\r\n" TYPE "\r\n", 411},
    {"media type", LINE "Host: x\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n{}", 415},
    {"dot segments", "GET /api/../health HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"encoded slash", "GET /api%2fhealth HTTP/1.1\r\nHost: x\r\n\r\n", 400},
};

static void check(struct proxy *proxy, const struct bad *bad)
{
    struct client client;
    enum client_result result;

    client_open(&client, proxy->program.port);
    (void)client_send(&client, str_from(bad->request));
    result = client_read(&client, false, &proxy->reply);
    if (result != CLIENT_OK || proxy->reply.status != bad->status) {
        fail_msg("%s: result %d, status %d, wanted %d", bad->what, (int)result, proxy->reply.status,
                 bad->status);
    }
    assert_true(
        str_starts(reply_field(&proxy->reply, "Content-Type"), STR("application/problem+json")));
    client_close(&client);
}

static void malformed_requests_are_refused_and_reach_nothing(void **state)
{
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, NULL);
    sandbox_forget_requests(proxy.program.sandbox_port);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        check(&proxy, &table[i]);
    }
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "", "/test"), 0);
    (void)proxy_ask(&proxy, "GET", "/health", NULL, "");
    assert_int_equal(proxy.reply.status, 200);
    proxy_stop(&proxy);
}

static void smuggled_requests_are_never_answered(void **state)
{
    struct proxy proxy;
    struct client client;

    (void)state;
    proxy_start(&proxy, NULL);
    for (size_t i = 0; i < 12;
         i++) { /* the framing attacks of the table, with a second request behind */
        client_open(&client, proxy.program.port);
        (void)client_send(&client, str_from(table[i].request));
        (void)client_send(&client, STR("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_int_equal(client_read(&client, false, &proxy.reply), CLIENT_OK);
        assert_int_equal(proxy.reply.status, table[i].status);
        assert_true(proxy.reply.closes);
        assert_int_not_equal(client_read(&client, false, &proxy.reply), CLIENT_OK);
        client_close(&client);
    }
    proxy_stop(&proxy);
}

static void long_heads_are_refused(void **state)
{
    struct proxy proxy;
    struct str target;
    struct str fields;
    char many[16384];

    (void)state;
    proxy_start(&proxy, NULL);
    for (size_t i = 0; i < sizeof(many); i++) {
        many[i] = 'a';
    }
    target = arena_printf(&proxy.arena, "/%.9000s", many);
    (void)proxy_ask(&proxy, "GET", target.ptr, NULL, "");
    assert_int_equal(proxy.reply.status, 414);
    fields = arena_printf(&proxy.arena, "X-A: %.16300s\r\nX-B: %.4000s\r\n", many, many);
    (void)proxy_ask(&proxy, "GET", "/health", fields.ptr, "");
    assert_int_equal(proxy.reply.status, 431);
    fields = STR_EMPTY;
    for (int i = 0; i < 70; i++) {
        fields = arena_printf(&proxy.arena, "%.*sX-%d: 1\r\n", STR_ARG(fields), i);
    }
    (void)proxy_ask(&proxy, "GET", "/health", fields.ptr, "");
    assert_int_equal(proxy.reply.status, 431);
    proxy_stop(&proxy);
}

static void slow_clients_are_cut_off(void **state)
{
    static const char *const sets[] = {"http.head_timeout_ms=200", "http.body_timeout_ms=200",
                                       "http.idle_timeout_ms=5000", NULL};
    struct proxy proxy;
    struct client client;

    (void)state;
    proxy_start(&proxy, sets);
    client_open(&client, proxy.program.port);
    (void)client_send(&client, STR("GET /hea"));
    assert_int_equal(client_read(&client, false, &proxy.reply), CLIENT_OK);
    assert_int_equal(proxy.reply.status, 408);
    client_close(&client);
    client_open(&client, proxy.program.port);
    (void)client_send(&client, STR(LINE "Host: x\r\n" TYPE "Content-Length: 50\r\n\r\n{\"a\""));
    assert_int_equal(client_read(&client, false, &proxy.reply), CLIENT_OK);
    assert_int_equal(proxy.reply.status, 408);
    client_close(&client);
    client_open(&client, proxy.program.port);
    assert_true(client_sees_close(&client));
    client_close(&client);
    proxy_stop(&proxy);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct proxy proxy;
    struct client client;

    (void)state;
    proxy_start(&proxy, NULL);
    client_open(&client, proxy.program.port);
    (void)client_send(&client, STR("GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-Id: one\r\n\r\n"
                                   "HEAD /livez HTTP/1.1\r\nHost: x\r\nX-Request-Id: two\r\n\r\n"
                                   "GET /nope HTTP/1.1\r\nHost: x\r\nX-Request-Id: three\r\n\r\n"));
    assert_int_equal(client_read(&client, false, &proxy.reply), CLIENT_OK);
    assert_true(str_is(reply_field(&proxy.reply, "X-Request-Id"), "one"));
    assert_int_equal(client_read(&client, true, &proxy.reply), CLIENT_OK);
    assert_true(str_is(reply_field(&proxy.reply, "X-Request-Id"), "two"));
    assert_int_equal(client_read(&client, false, &proxy.reply), CLIENT_OK);
    assert_int_equal(proxy.reply.status, 404);
    client_close(&client);
    proxy_stop(&proxy);
}

/* RFC 9110 section 10.1.1: also when the head itself comes in pieces. */
static void who_expects_a_continue_gets_one(void **state)
{
    static const char head[] = "POST /api/v1/commands/execute HTTP/1.1\r\nHost: x\r\n" TYPE
                               "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, NULL);
    for (size_t cut = 0; cut < sizeof(head) - 1; cut += 20) {
        struct client client;

        client_open(&client, proxy.program.port);
        (void)client_send(&client, str_sub(str_from(head), 0, cut));
        proxy_settle(&proxy);
        (void)client_send(&client, str_sub(str_from(head), cut, sizeof(head)));
        assert_int_equal(client_read_head(&client, false, &proxy.reply), CLIENT_OK);
        assert_int_equal(proxy.reply.status, 100);
        (void)client_send(&client, STR("{}"));
        assert_int_equal(client_read(&client, false, &proxy.reply), CLIENT_OK);
        assert_int_equal(proxy.reply.status, 400); /* no command in it */
        client_close(&client);
    }
    proxy_stop(&proxy);
}

/* The platform answers before it has read the upload: the client goes on sending into the
 * answer. */
static void an_early_answer_to_an_upload_is_survived(void **state)
{
    struct proxy proxy;
    char piece[8192];

    (void)state;
    for (size_t i = 0; i < sizeof(piece); i++) {
        piece[i] = 'x';
    }
    proxy_start(&proxy, NULL);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"POST /projects\",\"times\":-1,\"close\":\"before\"}");
    for (int round = 0; round < 30; round++) {
        struct client client;

        client_open(&client, proxy.program.port);
        client.timeout_ms = 50; /* it is not read to the end: then the client gives up */
        (void)client_send(
            &client,
            STR("POST /virtuoso/projects HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n"));
        for (int i = 0; i < 1000 && client_send(&client, (struct str){piece, sizeof(piece)}); i++) {
        }
        client_close(&client);
    }
    (void)proxy_ask(&proxy, "GET", "/health", NULL, "");
    assert_int_equal(proxy.reply.status, 200);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_requests_are_refused_and_reach_nothing),
        cmocka_unit_test(smuggled_requests_are_never_answered),
        cmocka_unit_test(long_heads_are_refused),
        cmocka_unit_test(slow_clients_are_cut_off),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(who_expects_a_continue_gets_one),
        cmocka_unit_test(an_early_answer_to_an_upload_is_survived),
    };

    return cmocka_run_group_tests_name("malformed", tests, NULL, NULL);
}
