/* Another configuration takes the place of the running one: by SIGHUP, by a request, by itself. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

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
    program_wait_wrote(&proxy.program, "\"reason\":\"file\",\"changed\":\"auth.keys\"", WAIT_MS);
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

/* Health needs no key: why a file was refused is told on the listener of the operators alone. */
static void why_it_was_refused_is_for_operators(void **state)
{
    static const char good[] = PATIENT "admin: {listen: 127.0.0.1:0}\n"
                                       "auth: {keys: [{name: a, key: key-of-before}]}\n";
    static const char place[] = "/checks/config/last_error";
    struct mount mount;
    struct proxy proxy;
    const struct json *health;
    uint16_t admin;

    (void)state;
    mount_open(&mount, good);
    mount_serve(&mount, &proxy);
    admin = program_wait_port(&proxy.program, "admin on http://");
    mount_write(&mount, PATIENT "logg: {level: debug}\n");
    client_ask(admin, "POST", "/admin/reload", NULL, STR_EMPTY, &proxy.reply);
    assert_int_equal(proxy.reply.status, 422);
    health = proxy_ask(&proxy, "GET", "/health", NULL, "");
    assert_true(str_is(json_str(json_find(health, "/checks/config/status")), "warn"));
    assert_null(json_find(health, place));
    client_ask(admin, "GET", "/health", NULL, STR_EMPTY, &proxy.reply);
    assert_true(str_contains(reply_text(&proxy.reply), STR("unknown group")));
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

/* The file behind a link changes, and nothing happens in the folder that is watched: as on a network share. */
static void a_change_that_nobody_tells_of_is_seen(void **state)
{
    static const char text[] =
        PATIENT "reload: {look_s: 1}\nauth: {keys: [{name: %s, key: key-of-%s}]}\n";
    char elsewhere[MOUNT_PATH_MAX];
    char config[MOUNT_PATH_MAX];
    struct mount mount;
    struct proxy proxy;

    (void)state;
    mount_init(&mount);
    mount_format(elsewhere, VP_SCRATCH_DIR "/elsewhere-%d.yaml", (int)getpid());
    mount_format(config, text, "a", "before");
    mount_replace(elsewhere, str_from(config));
    assert_int_equal(symlink(elsewhere, mount.file), 0);
    mount_serve(&mount, &proxy);
    assert_int_equal(ask(&proxy, "GET", "/api/user", "key-of-before"), 200);
    mount_format(config, text, "b", "after");
    mount_replace(elsewhere, str_from(config));
    wait_until(ask(&proxy, "GET", "/api/user", "key-of-after") == 200);
    program_wait_wrote(&proxy.program, "\"reason\":\"file\",\"changed\":\"auth.keys\"", WAIT_MS);
    proxy_stop(&proxy);
    assert_int_equal(unlink(elsewhere), 0);
    mount_close(&mount);
}

/* What was exchanged before the watch stood is seen all the same. */
static void a_change_during_the_start_is_seen(void **state)
{
    struct mount mount;
    struct proxy proxy;

    (void)state;
    mount_open(&mount, PATIENT "auth: {keys: [{name: a, key: key-of-before}]}\n");
    proxy = (struct proxy){0};
    arena_init(&proxy.arena);
    reply_init(&proxy.reply);
    program_start(&proxy.program, (const char *const[]){"serve", "-c", mount.file, NULL}, NULL);
    program_wait_wrote(&proxy.program, "sandbox on", WAIT_MS);
    mount_write(&mount, PATIENT "auth: {keys: [{name: b, key: key-of-after}]}\n");
    proxy.program.port = program_wait_port(&proxy.program, "listening on http://");
    wait_until(ask(&proxy, "GET", "/api/user", "key-of-after") == 200);
    proxy_stop(&proxy);
    mount_close(&mount);
}

/* The file is replaced again and again. It is read all the same, and never half of one version and half of the next. */
static void files_that_never_rest_are_read(void **state)
{
    static const char text[] =
        PATIENT "auth: {keys: [{name: k%d, key: key-number-%d, tenant: t%d}]}\n"
                "tenants: [{name: t%d, token: token-of-t%d}]\n";

    enum { SWAPS = 250, SWAPS_MAX = 3000, EACH_MS = 20 };

    char config[MOUNT_PATH_MAX];
    struct mount mount;
    struct proxy proxy;
    bool is_taken = false; /* while they changed */
    int last = 0;

    (void)state;
    mount_format(config, text, 0, 0, 0, 0, 0);
    mount_open(&mount, config);
    mount_serve(&mount, &proxy);
    while (last < SWAPS || !is_taken) {
        last++;
        assert_in_range(last, 1, SWAPS_MAX);
        mount_format(config, text, last, last, last, last, last);
        mount_write(&mount, config);
        client_pause_ms(EACH_MS); /* the beat is what is tested */
        is_taken = is_taken || program_wrote(&proxy.program, "\"reason\":\"file\"");
    }
    mount_format(config, "key-number-%d", last);
    wait_until(ask(&proxy, "GET", "/api/user", config) == 200);
    assert_false(program_wrote(&proxy.program, "config.refused"));
    proxy_stop(&proxy);
    mount_close(&mount);
}

static void a_signal_while_draining_is_told(void **state)
{
    struct mount mount;
    struct proxy proxy;
    struct client waiting;

    (void)state;
    mount_open(&mount, HEAD "auth: {keys: [{name: a, key: key-of-before}]}\n");
    mount_serve(&mount, &proxy);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"GET /user\",\"times\":-1,\"delay_ms\":60000}");
    client_open(&waiting, proxy.program.port);
    assert_true(client_send_request(&waiting, "GET", "/virtuoso/user",
                                    "X-API-Key: key-of-before\r\n", STR_EMPTY));
    proxy_wait_sent(&proxy, "GET", "/user", 1);
    program_signal(&proxy.program, SIGTERM);
    program_wait_wrote(&proxy.program, "server.draining", WAIT_MS);
    program_signal(&proxy.program, SIGHUP);
    program_wait_wrote(&proxy.program, "config.not_reloaded", WAIT_MS);
    assert_false(program_wrote(&proxy.program, "config.reloaded"));
    client_close(&waiting);
    proxy_stop(&proxy);
    mount_close(&mount);
}

static void read_file(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "re");
    size_t n;

    assert_non_null(file);
    n = fread(out, 1, size - 1, file);
    assert_in_range(n, 1, size - 2);
    out[n] = '\0';
    assert_int_equal(fclose(file), 0);
}

/* Somebody copies a new key, and its certificate some time later: nothing is taken before they fit. */
static void a_key_waits_for_its_certificate(void **state)
{
    static char certificate[16384], key[16384], other[32768];
    char path[MOUNT_PATH_MAX];
    char config[MOUNT_PATH_MAX];
    struct mount mount;
    struct program program;

    (void)state;
    read_file(VP_SOURCE_DIR "/tests/harness/tls/cert.pem", certificate, sizeof(certificate));
    read_file(VP_SOURCE_DIR "/tests/harness/tls/key.pem", key, sizeof(key));
    read_file(VP_SOURCE_DIR "/tests/harness/tls/other.pem", other, sizeof(other));
    mount_init(&mount);
    mount_format(config,
                 "sandbox: {enabled: true}\ndrain: {notice_ms: 0}\nreload: {look_s: 1}\nserver:\n"
                 "  listen: 127.0.0.1:0\n  tls_certificate_file: %s/c.pem\n"
                 "  tls_key_file: %s/k.pem\n",
                 mount.folder, mount.folder);
    mount_write_set(
        &mount, (const struct mount_file[]){
                    {"proxy.yaml", config}, {"c.pem", certificate}, {"k.pem", key}, {NULL, NULL}});
    program_start(&program, (const char *const[]){"serve", "-c", mount.file, NULL}, NULL);
    (void)program_wait_port(&program, "listening on https://");
    mount_path(&mount, "k.pem", path);
    mount_replace(path, str_from(other)); /* both in one file: the key is the second part */
    program_wait_wrote(&program, "config.refused", WAIT_MS);
    assert_false(program_wrote(&program, "config.reloaded"));
    mount_path(&mount, "c.pem", path);
    mount_replace(path, str_from(other));
    program_wait_wrote(&program, "\"changed\":\"server.tls_certificate_file, server.tls_key_file\"",
                       WAIT_MS);
    program_stop(&program);
    program_done(&program);
    mount_close(&mount);
}

/* `check -c NEW --diff OLD` says the same beforehand, with the values, and no secret. */
static void a_difference_is_told_beforehand(void **state)
{
    static const char before[] =
        HEAD "upstream: {token: canary-first}\nlimits: {per_key: 1000}\n"
             "tenants: [{name: a, token: canary-a}, {name: c, token: canary-c}]\n"
             "auth: {keys: [{name: k1, key: canary-key-1}, {name: k2, key: canary-key-2}]}\n";
    static const char after[] =
        "sandbox: {enabled: true}\nserver: {listen: 127.0.0.1:1}\ndrain: {notice_ms: 0}\n"
        "upstream: {token: canary-second}\nlimits: {per_key: 500}\n"
        "tenants: [{name: a, token: canary-a2}, {name: b, token: canary-b}]\n"
        "auth: {keys: [{name: k1, key: canary-key-3}, {name: k3, key: canary-key-2}]}\n";
    static const char *const lines[] = {
        "server.listen: \"127.0.0.1:0\" -> \"127.0.0.1:1\" (needs a restart)\n",
        "upstream.token: another value\n",
        "limits.per_key: 1000 -> 500\n",
        "auth.keys: changed k1, removed k2, added k3\n",
        "tenants: changed a, removed c, added b\n",
    };
    char old[MOUNT_PATH_MAX];
    struct mount mount;
    struct program program;

    (void)state;
    mount_init(&mount);
    mount_write_set(&mount, (const struct mount_file[]){
                                {"proxy.yaml", after}, {"old.yaml", before}, {NULL, NULL}});
    mount_path(&mount, "old.yaml", old);
    assert_int_equal(
        program_run(&program, (const char *const[]){"check", "-c", mount.file, "--diff", old, NULL},
                    NULL),
        0);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        if (!program_wrote(&program, lines[i])) {
            fail_msg("not told: %s", lines[i]);
        }
    }
    assert_false(program_wrote(&program, "canary"));
    program_done(&program);
    assert_int_equal(
        program_run(&program, (const char *const[]){"check", "-c", old, "--diff", old, NULL}, NULL),
        0);
    assert_true(program_wrote(&program, "nothing changes"));
    program_done(&program);
    mount_close(&mount);
}

#define TLS_DIR VP_SOURCE_DIR "/tests/harness/tls"

/* It waits for the next start, and is named as long as the file says so. */
static void tls_that_is_turned_on_is_named_each_time(void **state)
{
    static const char plain[] = HEAD "auth: {keys: [{name: a, key: key-of-before}]}\n";
    static const char tls[] = "sandbox: {enabled: true}\ndrain: {notice_ms: 0}\n"
                              "server: {listen: 127.0.0.1:0, tls_certificate_file: " TLS_DIR
                              "/cert.pem, tls_key_file: " TLS_DIR
                              "/key.pem}\nauth: {keys: [{name: a, key: key-of-before}]}\n";
    struct mount mount;
    struct proxy proxy;

    (void)state;
    mount_open(&mount, plain);
    mount_serve(&mount, &proxy);
    mount_write(&mount, tls);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask(&proxy, "POST", "/admin/reload", "key-of-before"), 200);
        assert_true(str_contains(reply_text(&proxy.reply),
                                 STR("\"needs_restart\":[\"server.tls_certificate_file\","
                                     "\"server.tls_key_file\"]")));
    }
    mount_write(&mount, plain);
    assert_int_equal(ask(&proxy, "POST", "/admin/reload", "key-of-before"), 200);
    assert_true(str_contains(reply_text(&proxy.reply), STR("\"changed\":[]")));
    proxy_stop(&proxy);
    mount_close(&mount);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_key_that_expires_is_told),
        cmocka_unit_test(a_swapped_file_is_read_without_being_asked),
        cmocka_unit_test(a_refused_file_changes_nothing),
        cmocka_unit_test(why_it_was_refused_is_for_operators),
        cmocka_unit_test(what_needs_a_restart_is_named),
        cmocka_unit_test(limits_are_not_refilled),
        cmocka_unit_test(nothing_fails_while_the_configuration_changes),
        cmocka_unit_test(a_change_that_nobody_tells_of_is_seen),
        cmocka_unit_test(a_change_during_the_start_is_seen),
        cmocka_unit_test(files_that_never_rest_are_read),
        cmocka_unit_test(a_signal_while_draining_is_told),
        cmocka_unit_test(tls_that_is_turned_on_is_named_each_time),
        cmocka_unit_test(a_key_waits_for_its_certificate),
        cmocka_unit_test(a_difference_is_told_beforehand),
    };

    return cmocka_run_group_tests_name("reload", tests, NULL, NULL);
}
