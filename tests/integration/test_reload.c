/* Another configuration takes the place of the running one: by SIGHUP, by a request, by itself. */
#include "harness/cmocka.h"

#include <signal.h>

#include "harness/mount.h"
#include "harness/proxy.h"
#include "harness/wait.h"

enum { N_RELOADS = 20 };

#define HEAD "sandbox: {enabled: true}\nserver: {listen: 127.0.0.1:0}\ndrain: {notice_ms: 0}\n"

/* A test that asks again and again with a key that is not there yet is a stranger, who has a limit. */
#define PATIENT HEAD "limits: {per_address: 1000000, address_burst: 10000000}\n"

static int ask(struct proxy *proxy, const char *method, const char *target, const char *key)
{
    char field[MOUNT_PATH_MAX];

    mount_format(field, "X-API-Key: %s\r\n", key);
    (void)proxy_ask(proxy, method, target, field, "");
    return proxy->reply.status;
}

/* ---- tests ---- */

static bool tells_expiry(struct proxy *proxy, const char *seconds)
{
    client_ask(proxy->program.port, "GET", "/metrics", NULL, STR_EMPTY, &proxy->reply);
    return str_contains(reply_text(&proxy->reply),
                        arena_printf(&proxy->arena, "key_expiry_timestamp_seconds %s\n", seconds));
}

static void the_first_key_that_expires_is_told(void **state)
{
    struct mount mount;
    struct proxy proxy;

    (void)state;
    mount_open(&mount, HEAD "auth: {keys: [{name: a, key: key-of-before}]}\n");
    mount_serve(&mount, &proxy);
    assert_true(tells_expiry(&proxy, "0"));
    mount_write(&mount, HEAD
                "auth: {keys: [{name: a, key: key-of-a-first, expires: \"2099-02-01T00:00:00Z\"}, "
                "{name: b, key: key-of-a-second, expires: \"2098-01-01T00:00:00Z\"}]}\n");
    wait_until(tells_expiry(&proxy, "4039372800"));
    proxy_stop(&proxy);
    mount_close(&mount);
}

static void a_swapped_file_is_read_without_being_asked(void **state)
{
    struct mount mount;
    struct proxy proxy;

    (void)state;
    mount_open(&mount, PATIENT "auth: {keys: [{name: a, key: key-of-before}]}\n");
    mount_serve(&mount, &proxy);
    assert_int_equal(ask(&proxy, "GET", "/api/user", "key-of-before"), 200);
    mount_write(&mount, PATIENT "auth: {keys: [{name: b, key: key-of-after}]}\n");
    wait_until(ask(&proxy, "GET", "/api/user", "key-of-after") == 200);
    assert_int_equal(ask(&proxy, "GET", "/api/user", "key-of-before"), 401);
    assert_true(program_wrote(&proxy.program, "\"reason\":\"file\",\"changed\":\"auth.keys\""));
    proxy_stop(&proxy);
    mount_close(&mount);
}

static void a_refused_file_changes_nothing(void **state)
{
    static const char *const bad[] = {
        PATIENT "auth: {keys: [{name: b, key: key-of-after}]}\nlogg: {level: debug}\n",
        "", /* being written */
        PATIENT "auth: {keys: [{name: b, key: key-of-a",
        HEAD
        "auth: {keys: [{name: b, key: key-of-after}]}\nserver: {tls_certificate_file: /no/such}\n",
    };
    struct mount mount;
    struct proxy proxy;
    const struct json *health;

    (void)state;
    mount_open(&mount, PATIENT "auth: {keys: [{name: a, key: key-of-before}]}\n");
    mount_serve(&mount, &proxy);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        mount_write(&mount, bad[i]);
        assert_int_equal(ask(&proxy, "POST", "/admin/reload", "key-of-before"), 422);
        assert_int_equal(ask(&proxy, "GET", "/api/user", "key-of-before"), 200);
        assert_int_equal(ask(&proxy, "GET", "/api/user", "key-of-after"), 401);
        health = proxy_ask(&proxy, "GET", "/health", NULL, "");
        assert_true(str_is(json_str(json_find(health, "/checks/config/status")), "warn"));
        (void)proxy_ask(&proxy, "GET", "/health/ready", NULL, "");
        assert_int_equal(proxy.reply.status, 200);
        client_ask(proxy.program.port, "GET", "/metrics", NULL, STR_EMPTY, &proxy.reply);
        assert_true(
            str_contains(reply_text(&proxy.reply), STR("config_last_reload_successful 0\n")));
    }
    mount_write(&mount, PATIENT "auth: {keys: [{name: b, key: key-of-after}]}\n");
    wait_until(ask(&proxy, "GET", "/api/user", "key-of-after") == 200);
    health = proxy_ask(&proxy, "GET", "/health", NULL, "");
    assert_true(str_is(json_str(json_find(health, "/checks/config/status")), "pass"));
    proxy_stop(&proxy);
    mount_close(&mount);
}

static void what_needs_a_restart_is_named(void **state)
{
    struct mount mount;
    struct proxy proxy;
    const struct json *answer;

    (void)state;
    mount_open(&mount, HEAD "auth: {keys: [{name: a, key: key-of-before}]}\n");
    mount_serve(&mount, &proxy);
    mount_write(&mount, "sandbox: {enabled: true}\nserver: {listen: 127.0.0.1:1}\n"
                        "cors: {origins: [\"https://a.example\"]}\nlog: {level: warn}\n"
                        "auth: {keys: [{name: a, key: key-of-before}]}\ndrain: {notice_ms: 0}\n");
    program_signal(&proxy.program, SIGHUP);
    program_wait_wrote(&proxy.program, "\"needs_restart\":\"server.listen\"", WAIT_MS);
    client_ask(proxy.program.port, "GET", "/livez", "Origin: https://a.example\r\n", STR_EMPTY,
               &proxy.reply);
    assert_true(
        str_is(reply_field(&proxy.reply, "Access-Control-Allow-Origin"), "https://a.example"));
    (void)proxy_ask(&proxy, "POST", "/admin/reload?dry_run=true", "X-API-Key: key-of-before\r\n",
                    "");
    assert_int_equal(proxy.reply.status, 200);
    answer = proxy_ask(&proxy, "POST", "/admin/reload", "X-API-Key: key-of-before\r\n", "");
    assert_int_equal(proxy.reply.status, 200);
    assert_int_equal(json_size(json_get(answer, "changed")), 1);
    assert_true(str_is(json_str(json_find(answer, "/needs_restart/0")), "server.listen"));
    assert_false(program_wrote(&proxy.program, "\"path\":\"/admin/reload\"")); /* level warn */
    proxy_stop(&proxy);
    mount_close(&mount);
}

#define SLOW                                                                                       \
    HEAD                                                                                           \
        "auth: {keys: [{name: a, key: key-of-a, rate: 1, burst: 30}, {name: b, key: key-of-b}]}\nlimits: {per_address: 1000000, address_burst: 10000000}\nlog: {level: warn}\nruns: {max_kept: %d}\n"

enum { BURST = 30 }; /* of SLOW */

/* Asks until it is refused; returns how often it was let in. */
static unsigned use_up(struct proxy *proxy)
{
    unsigned n = 0;

    while (ask(proxy, "GET", "/api/v1/routes", "key-of-a") == 200) {
        n++;
    }
    assert_int_equal(proxy->reply.status, 429);
    return n;
}

/* A client that is over its limit stays so, whatever is reloaded; a larger limit lets it in. Twenty refilled
 * buckets would be 600 requests: as many as ten minutes allow. */
static void limits_are_not_refilled(void **state)
{
    struct mount mount;
    struct proxy proxy;
    char text[MOUNT_PATH_MAX];
    unsigned n_let_in;
    uint64_t begun_ms = client_now_ms();

    (void)state;
    mount_format(text, SLOW, 1000);
    mount_open(&mount, text);
    mount_serve(&mount, &proxy);
    n_let_in = use_up(&proxy);
    for (int i = 0; i < N_RELOADS; i++) {
        mount_format(text, SLOW, 1001 + i);
        mount_write(&mount, text);
        assert_int_equal(ask(&proxy, "POST", "/admin/reload", "key-of-b"), 200);
        n_let_in += use_up(&proxy);
    }
    /* the burst, and one a second */
    assert_in_range(n_let_in, BURST, BURST + 1 + (client_now_ms() - begun_ms) / 1000);
    mount_write(&mount,
                HEAD "auth: {keys: [{name: a, key: key-of-a}, {name: b, key: key-of-b}]}\n");
    assert_int_equal(ask(&proxy, "POST", "/admin/reload", "key-of-b"), 200);
    wait_until(ask(&proxy, "GET", "/api/v1/routes", "key-of-a") == 200);
    proxy_stop(&proxy);
    mount_close(&mount);
}

/* Requests that wait for the platform while everything is swapped under them. */
static void nothing_fails_while_the_configuration_changes(void **state)
{
    enum { N_CLIENTS = 16 };

    struct client clients[N_CLIENTS] = {{0}};
    struct mount mount;
    struct proxy proxy;
    char text[MOUNT_PATH_MAX];

    (void)state;
    mount_open(&mount, HEAD "auth: {keys: [{name: a, key: key-of-all}]}\n");
    mount_serve(&mount, &proxy);
    for (size_t i = 0; i < N_CLIENTS; i++) {
        client_open(&clients[i], proxy.program.port);
    }
    for (int round = 0; round < N_RELOADS; round++) {
        for (size_t i = 0; i < N_CLIENTS; i++) {
            assert_true(client_send_request(&clients[i], "GET", "/api/projects",
                                            "X-API-Key: key-of-all\r\nCache-Control: no-store\r\n",
                                            STR_EMPTY));
        }
        mount_format(text,
                     HEAD "auth: {keys: [{name: n%d, key: key-of-all}]}\n"
                          "upstream: {timeout_ms: %d, token: token-number-%d}\n"
                          "cache: {enabled: %s}\nlimits: {enabled: %s}\n",
                     round, 20000 + round, round, round % 2 == 0 ? "true" : "false",
                     round % 3 == 0 ? "true" : "false");
        mount_write(&mount, text);
        program_signal(&proxy.program, SIGHUP);
        for (size_t i = 0; i < N_CLIENTS; i++) {
            assert_int_equal(client_read(&clients[i], false, &proxy.reply), CLIENT_OK);
            assert_int_equal(proxy.reply.status, 200);
        }
    }
    for (size_t i = 0; i < N_CLIENTS; i++) {
        client_close(&clients[i]);
    }
    proxy_stop(&proxy);
    mount_close(&mount);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_key_that_expires_is_told),
        cmocka_unit_test(a_swapped_file_is_read_without_being_asked),
        cmocka_unit_test(a_refused_file_changes_nothing),
        cmocka_unit_test(what_needs_a_restart_is_named),
        cmocka_unit_test(limits_are_not_refilled),
        cmocka_unit_test(nothing_fails_while_the_configuration_changes),
    };

    return cmocka_run_group_tests_name("reload", tests, NULL, NULL);
}
