/* Who gets in, with the real binary: keys that `key new` made. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "harness/mount.h"
#include "harness/proxy.h"
#include "harness/scripted.h"
#include "harness/wait.h"

enum { OUTPUT_MAX = 1 << 20, FILE_PATH_MAX = 512 };

/* The sandbox behind a proxy with this configuration. */
static void serve(struct proxy *proxy, const struct buf *yaml)
{
    char path[FILE_PATH_MAX];
    FILE *file;

    assert_true(snprintf(path, sizeof(path), "%s/auth-%d.yaml", VP_SCRATCH_DIR, (int)getpid()) > 0);
    file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(yaml->ptr, 1, yaml->len, file), yaml->len);
    assert_int_equal(fclose(file), 0);
    *proxy = (struct proxy){0};
    arena_init(&proxy->arena);
    reply_init(&proxy->reply);
    program_serve(&proxy->program,
                  (const char *const[]){"serve", "--sandbox", "-c", path, "--listen", "127.0.0.1:0",
                                        "--sandbox-listen", "127.0.0.1:0", "--set",
                                        "drain.notice_ms=0", NULL},
                  NULL);
    assert_int_equal(remove(path), 0);
}

static int ask(struct proxy *proxy, const char *method, const char *target, const char *fields)
{
    (void)proxy_ask(proxy, method, target, fields, "");
    return proxy->reply.status;
}

static void a_new_key_is_what_it_was_made_as(void **state)
{
    static const char *const command[] = {
        "key",       "new",        "--name", "ci, {of} us: #1", "--permissions", "read,execute",
        "--expires", "2099-01-31", NULL};
    struct program program;
    struct proxy proxy;
    struct buf out;
    struct buf yaml;
    struct buf field;
    struct str key;
    struct str entry;

    (void)state;
    assert_int_equal(program_run(&program, command, NULL), 0);
    buf_init(&out, OUTPUT_MAX);
    buf_init(&yaml, OUTPUT_MAX);
    buf_init(&field, OUTPUT_MAX);
    program_output(&program, &out);
    assert_true(str_cut(buf_view(&out), '\n', &key, &entry));
    assert_false(str_contains(entry, key)); /* the configuration has its hash alone */
    buf_printf(&yaml, "log: {access: true}\nauth:\n  keys:\n    %.*s", STR_ARG(entry));
    serve(&proxy, &yaml);
    buf_printf(&field, "X-API-Key: %.*s\r\n", STR_ARG(key));
    assert_int_equal(ask(&proxy, "GET", "/api/v1/routes", buf_cstr(&field)), 200);
    assert_int_equal(ask(&proxy, "GET", "/api/v1/routes", "X-API-Key: vp_0123456789\r\n"), 401);
    (void)proxy_ask(&proxy, "POST", "/api/projects", buf_cstr(&field), "{\"name\": \"mine\"}");
    assert_int_equal(proxy.reply.status, 403); /* neither of its permissions lets it write */
    assert_true(program_wrote(&proxy.program, "ci, {of} us: #1"));
    buf_clear(&out);
    program_output(&proxy.program, &out);
    program_errors(&proxy.program, &out);
    assert_false(str_contains(buf_view(&out), str_sub(buf_view(&field), 11, field.len - 2)));
    proxy_stop(&proxy);
    program_done(&program);
    buf_done(&out);
    buf_done(&yaml);
    buf_done(&field);
}

static void a_key_has_limits_of_its_own(void **state)
{
    struct proxy proxy;
    struct buf yaml;
    uint64_t began_ms;
    unsigned n = 0;

    (void)state;
    buf_init(&yaml, OUTPUT_MAX);
    buf_text(&yaml, "auth:\n  keys:\n    - {name: slow, key: key-of-the-slow, rate: 1, burst: 3}\n"
                    "    - {name: half, key: key-of-the-half, rate: 5}\n"
                    "    - {name: early, key: key-of-the-early, not_before: 2099-01-01}\n"
                    "    - {name: all, key: key-of-all-others}\n");
    serve(&proxy, &yaml);
    began_ms = client_now_ms();
    while (ask(&proxy, "GET", "/api/v1/routes", "X-API-Key: key-of-the-slow\r\n") == 200) {
        assert_true(str_is(reply_field(&proxy.reply, "RateLimit-Policy"), "\"key\";q=3;w=3"));
        n++;
    }
    /* The burst, and what one a second earns meanwhile. */
    assert_in_range(n, 3, 3 + (client_now_ms() - began_ms) / 1000);
    assert_int_equal(proxy.reply.status, 429);
    assert_true(str_is(reply_field(&proxy.reply, "Retry-After"), "1"));
    assert_int_equal(ask(&proxy, "GET", "/api/v1/routes", "X-API-Key: key-of-the-half\r\n"), 200);
    assert_true(str_is(reply_field(&proxy.reply, "RateLimit-Policy"), "\"key\";q=10;w=2"));
    assert_int_equal(ask(&proxy, "GET", "/api/v1/routes", "X-API-Key: key-of-all-others\r\n"), 200);
    assert_true(str_is(reply_field(&proxy.reply, "RateLimit-Policy"), "\"key\";q=2000;w=2"));
    assert_int_equal(ask(&proxy, "GET", "/api/v1/routes", "X-API-Key: key-of-the-early\r\n"), 401);
    assert_true(str_contains(reply_text(&proxy.reply), STR("not valid yet")));
    proxy_stop(&proxy);
    buf_done(&yaml);
}

/* How often the platform was asked with this token. */
static size_t asked_with(struct proxy *proxy, const char *value)
{
    const struct json *requests = sandbox_requests(proxy->program.sandbox_port, &proxy->arena);
    const struct json *item;
    size_t n = 0;

    JSON_FOREACH (item, requests) {
        n += str_contains(json_text(&proxy->arena, json_get(item, "headers")), str_from(value));
    }
    return n;
}

/* The sandbox keeps what each token owns apart, as the platform does. */
static void a_tenant_has_its_own_account_of_the_platform(void **state)
{
    static const char a[] = "X-API-Key: key-of-tenant-a\r\n";
    static const char second[] = "X-API-Key: key-two-of-tenant-a\r\n";
    static const char b[] = "X-API-Key: key-of-tenant-b\r\n";
    static const char none[] = "X-API-Key: key-of-no-tenant\r\n";
    const struct json *made;
    struct proxy proxy;
    struct buf yaml;
    struct str id;
    struct str log_text;

    (void)state;
    buf_init(&yaml, OUTPUT_MAX);
    buf_text(&yaml, "tenants:\n"
                    "  - {name: a, token: canary-token-a, organization_id: 11}\n"
                    "  - {name: b, token: canary-token-b, organization_id: 12, "
                    "base_url: \"https://platform.example/api\"}\n"
                    "auth:\n  keys:\n    - {name: ka, key: key-of-tenant-a, tenant: a}\n"
                    "    - {name: ka2, key: key-two-of-tenant-a, tenant: a}\n"
                    "    - {name: kb, key: key-of-tenant-b, tenant: b}\n"
                    "    - {name: k, key: key-of-no-tenant}\n");
    serve(&proxy, &yaml);
    made = proxy_ask(&proxy, "POST", "/api/projects", a, "{\"name\": \"of a\"}");
    assert_int_equal(proxy.reply.status, 201);
    id = json_str(json_get(made, "id"));
    assert_true(id.len > 0);
    assert_true(asked_with(&proxy, "Bearer canary-token-a") > 0);
    assert_int_equal(asked_with(&proxy, "Bearer canary-token-b"), 0);
    /* the cache is shared by the keys of a tenant, and by nobody else */
    assert_int_equal(ask(&proxy, "GET", "/api/projects", a), 200);
    assert_true(str_contains(reply_text(&proxy.reply), STR("of a")));
    assert_int_equal(ask(&proxy, "GET", "/api/projects", second), 200);
    assert_true(str_contains(reply_text(&proxy.reply), STR("of a")));
    assert_true(str_contains(reply_field(&proxy.reply, "Cache-Status"), STR("hit")));
    assert_int_equal(ask(&proxy, "GET", "/api/projects", b), 200);
    assert_false(str_contains(reply_text(&proxy.reply), STR("of a")));
    assert_int_equal(ask(&proxy, "GET", "/api/projects", none), 200);
    assert_false(str_contains(reply_text(&proxy.reply), STR("of a")));
    assert_int_equal(ask(&proxy, "GET", "/virtuoso/user", b), 200);
    assert_true(asked_with(&proxy, "Bearer canary-token-b") >= 2);
    assert_true(asked_with(&proxy, "Bearer " SANDBOX_TOKEN) >= 1);
    /* canaries: neither side sees what belongs to the other */
    assert_int_equal(asked_with(&proxy, "key-of-"), 0);
    assert_int_equal(asked_with(&proxy, "key-two-of-"), 0);
    buf_clear(&yaml);
    program_errors(&proxy.program, &yaml);
    log_text = buf_view(&yaml);
    assert_true(log_text.len > 0);
    assert_false(str_contains(log_text, STR("canary")) || str_contains(log_text, STR("key-of-")));
    proxy_stop(&proxy);
    buf_done(&yaml);
}

/* The sandbox refuses tokens that begin with "invalid". */
static void a_refused_token_is_replaced_by_the_other_one(void **state)
{
    static const char *const sets[] = {"upstream.token=invalid-canary-1",
                                       "upstream.secondary_token=" SANDBOX_TOKEN, "auth.mode=none",
                                       NULL};
    struct proxy proxy;
    struct reply metrics = {0};

    (void)state;
    proxy_start(&proxy, sets);
    sandbox_forget_requests(proxy.program.sandbox_port);
    (void)proxy_command(&proxy, "step-interact click", "[\"x\"]", NULL);
    assert_int_equal(proxy.reply.status, 200);
    assert_int_equal(json_size(proxy_steps(&proxy)), 1); /* once, though it was sent twice */
    assert_int_equal(asked_with(&proxy, "Bearer invalid-canary-1"), 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(&proxy, "GET", "/virtuoso/user", NULL), 200);
    }
    assert_int_equal(asked_with(&proxy, "Bearer invalid-canary-1"), 1);
    assert_int_equal(ask(&proxy, "GET", "/health", NULL), 200);
    assert_false(str_contains(reply_text(&proxy.reply), STR("refused the stored token")));
    client_ask(proxy.program.port, "GET", "/metrics", NULL, STR_EMPTY, &metrics);
    assert_true(str_contains(reply_text(&metrics), STR("upstream_token_changes_total 1\n")));
    assert_true(program_wrote(&proxy.program, "upstream.token_refused"));
    assert_true(program_wrote(&proxy.program, "upstream.token_changed"));
    assert_false(program_wrote(&proxy.program, "canary"));
    /* both: the platform's refusal is told as such */
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"GET /user\",\"status\":401,\"times\":2}");
    assert_int_equal(ask(&proxy, "GET", "/virtuoso/user", "Cache-Control: no-cache\r\n"), 502);
    reply_done(&metrics);
    proxy_stop(&proxy);
}

enum { AT_ONCE = 200 };

/* All of them, sent before the first answer; how many had this status. */
static unsigned ask_at_once(struct proxy *proxy, int status)
{
    static struct client clients[AT_ONCE];
    struct reply reply = {0};
    unsigned n = 0;

    for (unsigned i = 0; i < AT_ONCE; i++) {
        client_open(&clients[i], proxy->program.port);
        assert_true(client_send_request(&clients[i], "GET", "/api/user",
                                        "Cache-Control: no-store\r\n", STR_EMPTY));
    }
    for (unsigned i = 0; i < AT_ONCE; i++) {
        assert_int_equal(client_read(&clients[i], false, &reply), CLIENT_OK);
        n += reply.status == status ? 1 : 0;
        client_close(&clients[i]);
    }
    reply_done(&reply);
    return n;
}

/* Refusals of the first token that come late are no refusals of the second. */
static void many_refusals_at_once_change_the_token_once(void **state)
{
    static const char good[] = "upstream.secondary_token=" SANDBOX_TOKEN;
    static const char *const sets[] = {
        "upstream.token=invalid-canary-1", good, "auth.mode=none", "upstream.initial_active=1000",
        "upstream.max_waiting=1000",       NULL};
    struct proxy proxy;
    struct reply metrics = {0};

    (void)state;
    proxy_start(&proxy, sets);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"GET /user\",\"times\":-1,\"delay_ms\":300}");
    assert_int_equal(ask_at_once(&proxy, 200), AT_ONCE);
    client_ask(proxy.program.port, "GET", "/metrics", NULL, STR_EMPTY, &metrics);
    assert_true(str_contains(reply_text(&metrics), STR("upstream_token_changes_total 1\n")));
    reply_done(&metrics);
    proxy_stop(&proxy);
}

static void two_refused_tokens_are_told_as_that(void **state)
{
    static const char *const sets[] = {"upstream.token=invalid-canary-1",
                                       "upstream.secondary_token=invalid-canary-2",
                                       "auth.mode=none",
                                       "upstream.initial_active=1000",
                                       "upstream.max_waiting=1000",
                                       NULL};
    struct proxy proxy;
    const struct json *health;

    (void)state;
    proxy_start(&proxy, sets);
    assert_int_equal(ask_at_once(&proxy, 502), AT_ONCE);
    health = proxy_ask(&proxy, "GET", "/health", NULL, "");
    assert_true(str_is(json_str(json_find(health, "/checks/upstream/status")), "fail"));
    assert_true(
        str_contains(json_str(json_find(health, "/checks/upstream/last_error")), STR("401")));
    assert_true(json_str(json_find(health, "/checks/upstream/since")).len > 0);
    assert_true(str_is(json_str(json_find(health, "/checks/upstream/breaker")), "closed"));
    assert_false(program_wrote(&proxy.program, "canary"));
    proxy_stop(&proxy);
}

/* Direct access, whose answers are streamed. */
static void a_stream_is_asked_for_again_with_the_other_token(void **state)
{
    static const char *const sets[] = {"upstream.token=invalid-canary-1",
                                       "upstream.secondary_token=" SANDBOX_TOKEN, "auth.mode=none",
                                       NULL};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    sandbox_forget_requests(proxy.program.sandbox_port);
    assert_int_equal(ask(&proxy, "GET", "/virtuoso/user", NULL), 200);
    assert_int_equal(asked_with(&proxy, "Bearer invalid-canary-1"), 1);
    proxy_stop(&proxy);
}

/* A reload: keys, tokens and tenants are new at once. */
static void a_reload_changes_keys_and_tokens(void **state)
{
    char path[FILE_PATH_MAX];
    char token[FILE_PATH_MAX];
    struct proxy proxy = {.program.pid = 0};
    struct buf yaml;

    (void)state;
    assert_true(snprintf(path, sizeof(path), "%s/reload-%d.yaml", VP_SCRATCH_DIR, (int)getpid()) >
                0);
    assert_true(snprintf(token, sizeof(token), "%s/token-%d", VP_SCRATCH_DIR, (int)getpid()) > 0);
    buf_init(&yaml, OUTPUT_MAX);
    buf_printf(&yaml,
               "tenants: [{name: a, token: \"file:%s\"}]\n"
               "auth: {keys: [{key: key-of-tenant-a, tenant: a}, {key: key-that-goes}]}\n",
               token);
    mount_replace(path, buf_view(&yaml));
    mount_replace(token, STR("canary-old\n"));
    arena_init(&proxy.arena);
    reply_init(&proxy.reply);
    program_serve(&proxy.program,
                  (const char *const[]){"serve", "--sandbox", "-c", path, "--listen", "127.0.0.1:0",
                                        "--set", "drain.notice_ms=0", NULL},
                  NULL);
    assert_int_equal(ask(&proxy, "GET", "/virtuoso/user", "X-API-Key: key-of-tenant-a\r\n"), 200);
    assert_int_equal(asked_with(&proxy, "Bearer canary-old"), 1);
    assert_int_equal(ask(&proxy, "GET", "/api/v1/routes", "X-API-Key: key-that-goes\r\n"), 200);
    mount_replace(token, STR("canary-new\n"));
    buf_clear(&yaml);
    buf_printf(&yaml,
               "tenants: [{name: a, token: \"file:%s\"}]\n"
               "auth: {keys: [{key: key-of-tenant-a, tenant: a}, {key: key-that-comes}]}\n",
               token);
    mount_replace(path, buf_view(&yaml));
    program_signal(&proxy.program, SIGHUP);
    program_wait_wrote(&proxy.program, "config.reloaded", 20000);
    /* the line may be of a reload that saw the one file only */
    wait_until(ask(&proxy, "GET", "/api/v1/routes", "X-API-Key: key-that-comes\r\n") == 200);
    assert_int_equal(ask(&proxy, "GET", "/api/v1/routes", "X-API-Key: key-that-goes\r\n"), 401);
    assert_int_equal(ask(&proxy, "GET", "/virtuoso/user",
                         "X-API-Key: key-of-tenant-a\r\nCache-Control: no-cache\r\n"),
                     200);
    assert_int_equal(asked_with(&proxy, "Bearer canary-new"), 1);
    buf_clear(&yaml);
    buf_printf(
        &yaml,
        "tenants: [{name: a, token: \"file:%s\"}, {name: b, token: canary-b}]\n"
        "auth: {keys: [{key: key-of-tenant-a, tenant: a}, {key: key-of-tenant-b, tenant: b}]}\n",
        token);
    mount_replace(path, buf_view(&yaml));
    program_signal(&proxy.program, SIGHUP);
    wait_until(ask(&proxy, "GET", "/virtuoso/user", "X-API-Key: key-of-tenant-b\r\n") == 200);
    assert_int_equal(asked_with(&proxy, "Bearer canary-b"), 1);
    assert_int_equal(ask(&proxy, "GET", "/virtuoso/user", "X-API-Key: key-of-tenant-a\r\n"), 200);
    assert_int_equal(remove(path), 0);
    assert_int_equal(remove(token), 0);
    buf_done(&yaml);
    proxy_stop(&proxy);
}

/* Two platforms that are away: the probes of the breaker, too, carry the token of their own account. */
static void a_probe_has_the_token_of_its_account(void **state)
{
    static const struct scripted_answer away[] = {{.method = "GET", .status = 503}};
    struct proxy proxy = {.program.pid = 0};
    char path[FILE_PATH_MAX];
    struct scripted first;
    struct scripted second;
    struct buf yaml;
    size_t n_asked = 0;

    (void)state;
    scripted_start(&first, away, ARRAY_LEN(away));
    scripted_start(&second, away, ARRAY_LEN(away));
    assert_true(snprintf(path, sizeof(path), "%s/probe-%d.yaml", VP_SCRATCH_DIR, (int)getpid()) >
                0);
    buf_init(&yaml, OUTPUT_MAX);
    buf_printf(
        &yaml,
        "upstream: {token: canary-first, base_url: \"http://127.0.0.1:%u/api\", max_tries: 1}\n"
        "tenants: [{name: b, token: canary-second, base_url: \"http://127.0.0.1:%u/api\"}]\n"
        "auth: {keys: [{key: key-of-tenant-b, tenant: b}]}\n",
        (unsigned)first.port, (unsigned)second.port);
    mount_replace(path, buf_view(&yaml));
    arena_init(&proxy.arena);
    reply_init(&proxy.reply);
    program_serve(&proxy.program,
                  (const char *const[]){"serve", "-c", path, "--listen", "127.0.0.1:0", "--set",
                                        "drain.notice_ms=0", NULL},
                  NULL);
    while (!program_wrote(&proxy.program, "upstream.breaker") && n_asked < 40) {
        assert_int_not_equal(ask(&proxy, "GET", "/virtuoso/user",
                                 "X-API-Key: key-of-tenant-b\r\nCache-Control: no-cache\r\n"),
                             200);
        n_asked++;
    }
    n_asked = second.seen->n;
    wait_until(second.seen->n > n_asked); /* nobody else asks now */
    assert_string_equal(second.seen->authorization, "Bearer canary-second");
    assert_int_equal(first.seen->n, 0);
    assert_int_equal(remove(path), 0);
    buf_done(&yaml);
    proxy_stop(&proxy);
    scripted_done(&first);
    scripted_done(&second);
}

/* --- a run that is watched with a key that goes away --- */

struct watched {
    struct proxy proxy;
    const char *head; /* of the configuration, above the keys */
    char path[FILE_PATH_MAX];
    struct client client;
    struct reply reply;
};

static void put_keys(const struct watched *watched, const char *keys)
{
    struct buf yaml;

    buf_init(&yaml, OUTPUT_MAX);
    buf_printf(&yaml, "%sauth: {keys: [%s]}\n", watched->head, keys);
    mount_replace(watched->path, buf_view(&yaml));
    buf_done(&yaml);
}

static void watch_begin(struct watched *watched, const char *head)
{
    *watched = (struct watched){.head = head};
    assert_true(snprintf(watched->path, sizeof(watched->path), "%s/watched-%d.yaml", VP_SCRATCH_DIR,
                         (int)getpid()) > 0);
    put_keys(watched, "key-that-goes-away, key-that-stays-on");
    arena_init(&watched->proxy.arena);
    reply_init(&watched->proxy.reply);
    program_serve(&watched->proxy.program,
                  (const char *const[]){"serve", "--sandbox", "-c", watched->path, "--listen",
                                        "127.0.0.1:0", "--set", "drain.notice_ms=0", "--set",
                                        "drain.limit_ms=0", NULL},
                  NULL);
}

static void watch_run(struct watched *watched, const char *target, struct str file)
{
    struct proxy *proxy = &watched->proxy;
    struct str id = json_str(json_get(
        proxy_ask_str(proxy, "POST", target,
                      "X-API-Key: key-that-goes-away\r\nContent-Type: application/yaml\r\n", file),
        "id"));

    assert_int_equal(proxy->reply.status, 202);
    assert_true(id.len > 0);
    client_open(&watched->client, proxy->program.port);
    assert_true(client_send_request(
        &watched->client, "GET",
        arena_printf(&proxy->arena, "/api/v1/tests/runs/%.*s/events", STR_ARG(id)).ptr,
        "X-API-Key: key-that-goes-away\r\n", STR_EMPTY));
    assert_int_equal(client_read_head(&watched->client, false, &watched->reply), CLIENT_OK);
    assert_int_equal(watched->reply.status, 200);
}

/* The key is taken away; then the stream ends, and the run has not. */
static void watch_to_the_end(struct watched *watched)
{
    put_keys(watched, "key-that-stays-on");
    program_signal(&watched->proxy.program, SIGHUP);
    wait_until(ask(&watched->proxy, "GET", "/api/v1/routes", "X-API-Key: key-that-goes-away\r\n") ==
               401);
    sandbox_release(watched->proxy.program.sandbox_port);
    while (!watched->reply.at_end) {
        assert_int_equal(client_read_piece(&watched->client, &watched->reply), CLIENT_OK);
    }
    assert_false(str_contains(reply_text(&watched->reply), STR("event: done")));
    client_close(&watched->client);
    reply_done(&watched->reply);
    assert_int_equal(remove(watched->path), 0);
    proxy_stop(&watched->proxy);
}

/* Its events come rarely, and it would last for minutes. */
static void a_stream_ends_when_its_key_is_taken_away(void **state)
{
    struct watched watched;

    (void)state;
    watch_begin(&watched, "sandbox: {execution_ms: 600000}\nruns: {heartbeat_s: 1}\n");
    watch_run(&watched, "/api/v1/tests/run?async=true&execute=true",
              STR("name: t\nproject: p\ngoal: g\nsteps:\n  - click \"x\"\n"));
    while (!str_contains(reply_text(&watched.reply),
                         STR(": still here"))) { /* it is let in, asked again */
        assert_int_equal(client_read_piece(&watched.client, &watched.reply), CLIENT_OK);
    }
    watch_to_the_end(&watched);
}

/* It waits for neither its heartbeat nor an event. */
static void a_silent_stream_ends_at_the_reload(void **state)
{
    struct watched watched;

    (void)state;
    watch_begin(&watched, "sandbox: {execution_ms: 600000}\n"
                          "runs: {heartbeat_s: 3600, poll_ms: 600000}\n");
    watch_run(&watched, "/api/v1/tests/run?async=true&execute=true",
              STR("name: t\nproject: p\ngoal: g\nsteps:\n  - click \"x\"\n"));
    watch_to_the_end(&watched);
}

/* The heartbeat is far away: the next event is not for a key that is gone. */
static void no_event_comes_after_its_key_is_taken_away(void **state)
{
    struct watched watched;
    struct buf yaml;

    (void)state;
    watch_begin(&watched, "runs: {heartbeat_s: 3600}\n");
    sandbox_hold(watched.proxy.program.sandbox_port, "POST /teststeps");
    buf_init(&yaml, OUTPUT_MAX);
    buf_text(&yaml, "name: t\nproject: p\ngoal: g\nsteps:\n");
    for (int i = 0; i < 60; i++) {
        buf_printf(&yaml, "  - click \"x%d\"\n", i);
    }
    watch_run(&watched, "/api/v1/tests/run?async=true", buf_view(&yaml));
    buf_done(&yaml);
    assert_int_equal(client_read_piece(&watched.client, &watched.reply), CLIENT_OK);
    watch_to_the_end(&watched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_key_is_what_it_was_made_as),
        cmocka_unit_test(a_key_has_limits_of_its_own),
        cmocka_unit_test(a_refused_token_is_replaced_by_the_other_one),
        cmocka_unit_test(many_refusals_at_once_change_the_token_once),
        cmocka_unit_test(two_refused_tokens_are_told_as_that),
        cmocka_unit_test(a_stream_is_asked_for_again_with_the_other_token),
        cmocka_unit_test(a_reload_changes_keys_and_tokens),
        cmocka_unit_test(a_probe_has_the_token_of_its_account),
        cmocka_unit_test(a_stream_ends_when_its_key_is_taken_away),
        cmocka_unit_test(a_silent_stream_ends_at_the_reload),
        cmocka_unit_test(no_event_comes_after_its_key_is_taken_away),
        cmocka_unit_test(a_tenant_has_its_own_account_of_the_platform),
    };

    return cmocka_run_group_tests_name("auth", tests, NULL, NULL);
}
