/* Slow clients do not keep others out. */
#include "harness/cmocka.h"

#include "harness/proxy.h"
#include "harness/wait.h"

enum { N_SLOW = 60, PLACES = 40 };

static void open_slow(struct client *clients, const struct proxy *proxy)
{
    for (unsigned i = 0; i < N_SLOW; i++) {
        client_open(&clients[i], proxy->program.port);
        (void)client_send(&clients[i],
                          i % 2 == 0 ? STR("GET /livez HTTP/1.1\r\nHost: x\r\nX: ") : STR_EMPTY);
    }
}

static int64_t evicted(struct proxy *proxy)
{
    struct reply reply;
    struct str before;
    struct str text;
    struct str line;
    int64_t n = -1;

    reply_init(&reply);
    client_ask(proxy->program.port, "GET", "/metrics", NULL, STR_EMPTY, &reply);
    text = reply_text(&reply);
    while (str_next(&text, '\n', &line)) {
        if (str_cut(line, ' ', &before, &line) &&
            str_is(before, "virtuoso_proxy_connections_evicted_total")) {
            assert_true(str_to_i64(line, 0, INT64_MAX, &n));
        }
    }
    reply_done(&reply);
    return n;
}

static unsigned n_closed(struct client *clients)
{
    unsigned n = 0;

    for (unsigned i = 0; i < N_SLOW; i++) {
        clients[i].timeout_ms = 1;
        n += client_sees_close(&clients[i]) ? 1 : 0;
    }
    return n;
}

static void who_sends_no_head_leaves_for_others(void **state)
{
    static const char *const sets[] = {"http.max_connections=40", "http.head_timeout_ms=600000",
                                       "http.idle_timeout_ms=600000", NULL};
    static struct client slow[N_SLOW];
    struct proxy proxy;
    struct client kept;
    struct reply reply;

    (void)state;
    proxy_start(&proxy, sets);
    client_open(&kept, proxy.program.port);
    assert_true(client_send_request(&kept, "GET", "/livez", NULL, STR_EMPTY));
    reply_init(&reply);
    assert_int_equal(client_read(&kept, false, &reply), CLIENT_OK);
    open_slow(slow, &proxy);
    for (unsigned i = 0; i < N_SLOW; i++) { /* more than there are places, and each is answered */
        (void)proxy_ask(&proxy, "GET", "/livez", NULL, "");
        assert_int_equal(proxy.reply.status, 200);
    }
    assert_true(evicted(&proxy) >= N_SLOW - PLACES);
    assert_true(program_wrote(&proxy.program, "http.full"));
    wait_until(n_closed(slow) >= N_SLOW - PLACES);
    /* One that has asked before and rests is not among them: it stays for as long as others go. */
    assert_true(client_send_request(&kept, "GET", "/livez", NULL, STR_EMPTY));
    assert_int_equal(client_read(&kept, false, &reply), CLIENT_OK);
    assert_int_equal(reply.status, 200);
    reply_done(&reply);
    client_close(&kept);
    for (unsigned i = 0; i < N_SLOW; i++) {
        client_close(&slow[i]);
    }
    proxy_stop(&proxy);
}

static void one_address_has_its_share(void **state)
{
    static const char *const sets[] = {"http.max_connections_per_address=5", NULL};
    struct client clients[6];
    struct proxy proxy;
    struct reply reply;

    (void)state;
    proxy_start(&proxy, sets);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        client_open(&clients[i], proxy.program.port);
        reply_init(&reply);
        if (i < 5) { /* each of them has asked: none leaves for the sixth */
            assert_true(client_send_request(&clients[i], "GET", "/livez", NULL, STR_EMPTY));
            assert_int_equal(client_read(&clients[i], false, &reply), CLIENT_OK);
            assert_int_equal(reply.status, 200);
        } else {
            assert_true(client_sees_close(&clients[i]));
        }
        reply_done(&reply);
    }
    client_close(&clients[0]);
    client_close(&clients[5]);
    wait_until(client_can_connect(proxy.program.port));
    for (size_t i = 1; i < 5; i++) {
        client_close(&clients[i]);
    }
    proxy_stop(&proxy);
}

/* All have just been answered, so none leaves at once; nothing else happens until one may. */
static void who_has_just_been_answered_leaves_a_moment_later(void **state)
{
    static const char *const sets[] = {"http.max_connections=5", "http.idle_timeout_ms=600000",
                                       NULL};
    struct client clients[5];
    struct proxy proxy;
    struct reply reply;
    unsigned n_gone = 0;

    (void)state;
    proxy_start(&proxy, sets);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        client_open(&clients[i], proxy.program.port);
        reply_init(&reply);
        assert_true(client_send_request(&clients[i], "GET", "/livez", NULL, STR_EMPTY));
        assert_int_equal(client_read(&clients[i], false, &reply), CLIENT_OK);
        assert_int_equal(reply.status, 200);
        reply_done(&reply);
    }
    (void)proxy_ask(&proxy, "GET", "/livez", NULL, "");
    assert_int_equal(proxy.reply.status, 200);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        clients[i].timeout_ms = 100;
        n_gone += client_sees_close(&clients[i]) ? 1 : 0;
        client_close(&clients[i]);
    }
    assert_true(n_gone >= 1);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_sends_no_head_leaves_for_others),
        cmocka_unit_test(who_has_just_been_answered_leaves_a_moment_later),
        cmocka_unit_test(one_address_has_its_share),
    };

    return cmocka_run_group_tests_name("places", tests, NULL, NULL);
}
