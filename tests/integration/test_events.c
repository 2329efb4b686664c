/* What happens, live and in the audit file: each sees what is of its own key, an administrator sees all,
 * and nobody sees a secret. */
#include "harness/cmocka.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fd.h"
#include "crypto/digest.h"
#include "events/audit.h"
#include "harness/mount.h"
#include "harness/proxy.h"
#include "harness/wait.h"

#define ADMIN "X-API-Key: an-admin-key-of-a-test\r\n"
#define ONE   "X-API-Key: a-first-key-of-a-test\r\n"
#define OTHER "X-API-Key: another-key-of-a-test\r\n"

static const char canary[] = "canary-7c1b5e90";

static struct proxy proxy;
static char folder[64];
static char file[96];

static void put_key(struct buf *out, const char *name, const char *key, const char *permissions)
{
    char hex[65];
    struct digest digest;

    digest_of(str_from(key), &digest);
    digest_hex(&digest, hex);
    buf_printf(out, "    - {name: %s, sha256: %s, permissions: [%s]}\n", name, hex, permissions);
}

static void write_config(const char *config, bool with_one)
{
    struct buf text;

    buf_init(&text, 1 << 16);
    buf_text(&text, "auth:\n  mode: keys\n  keys:\n");
    put_key(&text, "boss", "an-admin-key-of-a-test", "all");
    if (with_one) {
        put_key(&text, "one", "a-first-key-of-a-test", "read, \"write:tests\"");
    }
    put_key(&text, "other", "another-key-of-a-test", "read, \"write:tests\"");
    put_key(&text, "reader", "a-reading-key-of-a-test", "read");
    put_key(&text, "writer", "a-writing-key-of-a-test", "\"write:tests\"");
    mount_replace(config, buf_view(&text));
    buf_done(&text);
}

static int set_up(void **state)
{
    char config[128];
    char audit[128];

    (void)state;
    str_copy(folder, sizeof(folder), STR("/tmp/vp-events-XXXXXX"));
    assert_non_null(mkdtemp(folder));
    (void)snprintf(config, sizeof(config), "%s/config.yaml", folder);
    (void)snprintf(file, sizeof(file), "%s/audit.jsonl", folder);
    (void)snprintf(audit, sizeof(audit), "audit.file=%s", file);
    write_config(config, true);
    proxy = (struct proxy){.seed = {0}};
    arena_init(&proxy.arena);
    reply_init(&proxy.reply);
    program_serve(&proxy.program,
                  (const char *const[]){"serve", "-c", config, "--sandbox", "--listen",
                                        "127.0.0.1:0", "--sandbox-listen", "127.0.0.1:0", "--set",
                                        "drain.notice_ms=0", "--set", audit, "--set",
                                        "http.write_timeout_ms=3600000", NULL},
                  NULL);
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    proxy_stop(&proxy);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
    return 0;
}

static int ask(const char *method, const char *target, const char *fields, const char *body)
{
    (void)proxy_ask(&proxy, method, target, fields, body);
    return proxy.reply.status;
}

struct watcher {
    struct client client;
    struct reply reply;
};

static void watch(struct watcher *watcher, const char *target, const char *fields)
{
    *watcher = (struct watcher){.client = {0}};
    client_open(&watcher->client, proxy.program.port);
    assert_true(client_send_request(&watcher->client, "GET", target, fields, STR_EMPTY));
    assert_int_equal(client_read_head(&watcher->client, false, &watcher->reply), CLIENT_OK);
    assert_int_equal(watcher->reply.status, 200);
    assert_true(str_is(reply_field(&watcher->reply, "X-Accel-Buffering"), "no"));
}

static void read_until(struct watcher *watcher, const char *text)
{
    while (!str_contains(buf_view(&watcher->reply.body), str_from(text))) {
        assert_int_equal(client_read_piece(&watcher->client, &watcher->reply), CLIENT_OK);
    }
}

static bool has_seen(const struct watcher *watcher, const char *text)
{
    return str_contains(buf_view(&watcher->reply.body), str_from(text));
}

static void leave(struct watcher *watcher)
{
    client_close(&watcher->client);
    reply_done(&watcher->reply);
}

static void each_sees_its_own_and_an_administrator_all(void **state)
{
    struct watcher boss;
    struct watcher one;

    (void)state;
    watch(&boss, "/api/v1/events", ADMIN);
    watch(&one, "/api/v1/events", ONE);
    assert_int_equal(ask("POST", "/api/v1/sessions", OTHER, "{\"name\":\"a\"}"), 201);
    assert_int_equal(ask("POST", "/api/v1/sessions", ONE, "{\"name\":\"b\"}"), 201);
    assert_int_equal(ask("GET", "/api/v1/routes", "X-API-Key: a-wrong-one\r\n", ""), 401);
    read_until(&one, "\"principal\":\"one\"");
    assert_false(has_seen(&one, "\"principal\":\"other\""));
    read_until(&boss, "event: auth.refused");
    assert_true(has_seen(&boss, "\"principal\":\"other\""));
    assert_true(has_seen(&boss, "\"type\":\"session.created\""));
    assert_false(has_seen(&one, "auth.refused"));
    leave(&boss);
    leave(&one);
}

static void a_stream_goes_on_where_it_was(void **state)
{
    struct watcher first;
    struct watcher second;
    char fields[256];
    struct str text;
    ptrdiff_t at;

    (void)state;
    watch(&first, "/api/v1/events?types=session.created", ONE);
    assert_int_equal(ask("POST", "/api/v1/sessions", ONE, "{\"name\":\"a\"}"), 201);
    read_until(&first, "event: session.created");
    assert_false(has_seen(&first, "request.changed"));
    text = buf_view(&first.reply.body);
    at = str_find(text, STR("id: "));
    assert_true(at >= 0);
    text = str_sub(text, (size_t)at + 4, text.len);
    (void)str_cut(text, '\n', &text, &(struct str){0});
    assert_true(text.len < 48);
    (void)snprintf(fields, sizeof(fields), ONE "Last-Event-ID: %.47s\r\n",
                   arena_str(&proxy.arena, text).ptr);
    assert_int_equal(ask("POST", "/api/v1/sessions", ONE, "{\"name\":\"b\"}"), 201);
    watch(&second, "/api/v1/events?types=session.created", fields);
    read_until(&second, "event: session.created"); /* the second session, not the first */
    assert_int_equal(str_find(buf_view(&second.reply.body), text), -1);
    leave(&first);
    leave(&second);
}

static void what_is_asked_wrongly_is_said(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/api/v1/events?types=run.finishd", ONE, ""), 400);
    assert_int_equal(ask("GET", "/api/v1/events", ONE "Last-Event-ID: seven\r\n", ""), 400);
    assert_int_equal(ask("GET", "/api/v1/audit?since=yesterday", ADMIN, ""), 400);
    assert_int_equal(ask("GET", "/api/v1/audit", ONE, ""), 403);
    client_ask(proxy.program.port, "HEAD", "/api/v1/events", ONE, STR_EMPTY, &proxy.reply);
    assert_int_equal(proxy.reply.status, 200);
}

static void the_audit_list_is_of_who_is_asked_for(void **state)
{
    const struct json *events;

    (void)state;
    assert_int_equal(ask("POST", "/api/v1/sessions", ONE, "{\"name\":\"a\"}"), 201);
    assert_int_equal(ask("POST", "/api/v1/sessions", OTHER, "{\"name\":\"b\"}"), 201);
    events = json_get_str(proxy_ask(&proxy, "GET",
                                    "/api/v1/audit?principal=one&action=/api/v1/sessions&limit=5",
                                    ADMIN, ""),
                          STR("events"));
    assert_int_equal(json_size(events), 1);
    assert_true(str_is(json_str(json_find(json_first(events), "/data/principal")), "one"));
}

static size_t n_audited(const char *query)
{
    const struct json *answer = proxy_ask(
        &proxy, "GET", arena_printf(&proxy.arena, "/api/v1/audit?%s", query).ptr, ADMIN, "");

    assert_int_equal(proxy.reply.status, 200);
    return json_size(json_get(answer, "events"));
}

static void the_audit_list_begins_where_it_is_asked_to(void **state)
{
    (void)state;
    assert_int_equal(ask("POST", "/api/v1/sessions", ONE, "{\"name\":\"a\"}"), 201);
    assert_int_equal(n_audited("action=/api/v1/sessions&since=2020-01-01T00:00:00Z"), 1);
    assert_int_equal(n_audited("action=/api/v1/sessions&since=2199-01-01T00:00:00Z"), 0);
}

#define READER "X-API-Key: a-reading-key-of-a-test\r\n"
#define WRITER "X-API-Key: a-writing-key-of-a-test\r\n"

/* Webhooks want write:tests, events and analytics read, the audit and /admin admin. */
static void each_permission_opens_what_is_its_own(void **state)
{
    static const struct {
        const char *method, *target;
        int reader, writer, boss;
    } rows[] = {
        {"GET", "/api/v1/webhooks", 403, 200, 200},
        {"POST", "/api/v1/webhooks", 403, 400, 400},
        {"HEAD", "/api/v1/events", 200, 403, 200},
        {"GET", "/api/v1/analytics/dashboard", 200, 403, 200},
        {"GET", "/api/v1/analytics/dashboard?time_range=24h", 200, 403, 200},
        {"GET", "/api/v1/analytics/commands?time_range=7d", 200, 403, 200},
        {"GET", "/api/v1/analytics/tests?time_range=30d", 200, 403, 200},
        {"GET", "/api/v1/audit", 403, 403, 200},
        {"GET", "/admin/config", 403, 403, 200},
        {"GET", "/admin/runs", 403, 403, 200},
        {"GET", "/admin/log-level", 403, 403, 200},
    };

    static const char *const keys[] = {READER, WRITER, ADMIN};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows) * ARRAY_LEN(keys); i++) {
        size_t at = i / ARRAY_LEN(keys);
        int wanted[] = {rows[at].reader, rows[at].writer, rows[at].boss};

        client_ask(proxy.program.port, rows[at].method, rows[at].target, keys[i % 3],
                   str_is(str_from(rows[at].method), "POST") ? STR("{}") : STR_EMPTY, &proxy.reply);
        if (proxy.reply.status != wanted[i % 3]) {
            fail_msg("%s %s with %s%d", rows[at].method, rows[at].target, keys[i % 3],
                     proxy.reply.status);
        }
    }
}

/* Bodies, credentials, queries and values of steps are in no event and no line. */
static void no_secret_is_told(void **state)
{
    struct audit_check check = {0};
    struct watcher boss;
    struct buf text;
    char body[256];
    char query[128];
    struct error err = {0};

    (void)state;
    watch(&boss, "/api/v1/events", ADMIN);
    (void)snprintf(body, sizeof(body),
                   "{\"command\":\"step-interact write\",\"args\":[\"Password\",\"%s\"],"
                   "\"checkpoint_id\":\"1680930\"}",
                   canary);
    (void)ask("POST", "/api/v1/commands/execute", ONE, body);
    (void)snprintf(query, sizeof(query), "/api/v1/sessions?token=%s", canary);
    (void)ask("POST", query, ONE, "{}");
    (void)ask("POST", "/api/v1/sessions", "X-API-Key: canary-7c1b5e90\r\n", "{}");
    read_until(&boss, "event: auth.refused");
    assert_true(has_seen(&boss, "\"type\":\"command.executed\""));
    assert_false(has_seen(&boss, canary));
    leave(&boss);
    buf_init(&text, 1 << 20);
    wait_until((buf_clear(&text), fd_read_file(file, &text, &err) == ERR_OK) &&
               str_contains(buf_view(&text), STR("auth.refused")));
    assert_false(str_contains(buf_view(&text), str_from(canary)));
    assert_int_equal(audit_check_text(&check, buf_view(&text), &err), ERR_OK);
    buf_done(&text);
}

static int64_t count_of(const char *target, const char *key, const char *pointer)
{
    int64_t n = 0;

    assert_int_equal(ask("GET", target, key, ""), 200);
    assert_true(json_to_i64(json_find(reply_json(&proxy.reply, &proxy.arena), pointer), &n));
    return n;
}

static void analytics_count_for_each_key_what_is_its_own(void **state)
{
    static const char path[] = "/api/v1/analytics/dashboard?time_range=1h";

    (void)state;
    assert_int_equal(ask("POST", "/api/v1/tests/run", ONE "Content-Type: application/yaml\r\n",
                         "name: Counted\nproject: Shop\nsteps:\n  - wait for 2 seconds\n"),
                     200);
    assert_int_equal(ask("POST", "/api/projects", OTHER, "{\"name\":\"P\"}"), 201);
    assert_int_equal(count_of(path, ONE, "/tests/runs"), 1);
    assert_int_equal(count_of(path, OTHER, "/tests/runs"), 0);
    assert_int_equal(count_of(path, ADMIN, "/tests/runs"), 1);
    assert_int_equal(count_of(path, ONE, "/requests/count"), 1);
    assert_int_equal(count_of(path, ADMIN, "/requests/count"), 2);
    assert_int_equal(count_of("/api/v1/analytics/commands", OTHER, "/principals/0/count"), 1);
    assert_true(str_contains(reply_text(&proxy.reply), STR("\"POST /api/projects\"")));
    assert_false(str_contains(reply_text(&proxy.reply), STR("tests/run")));
    assert_int_equal(json_size(json_get(reply_json(&proxy.reply, &proxy.arena), "projects")), 0);
    assert_int_equal(count_of("/api/v1/analytics/commands", ONE, "/projects/0/count"), 1);
    assert_int_equal(count_of("/api/v1/analytics/commands", ADMIN, "/projects/0/count"), 1);
    assert_int_equal(json_size(json_get(reply_json(&proxy.reply, &proxy.arena), "projects")), 1);
    assert_int_equal(count_of("/api/v1/analytics/tests", ADMIN, "/tests/0/runs"), 1);
    assert_true(str_contains(reply_text(&proxy.reply), STR("\"Counted\"")));
    assert_int_equal(ask("GET", "/api/v1/analytics/tests?time_range=2h", ONE, ""), 400);
    assert_int_equal(ask("GET", "/api/v1/analytics/tests", "", ""), 401);
}

static void analytics_that_are_off_say_so(void **state)
{
    static const char *const sets[] = {"analytics.enabled=false", NULL};
    struct proxy plain;

    (void)state;
    proxy_start(&plain, sets);
    (void)proxy_ask(&plain, "GET", "/api/v1/analytics/commands", NULL, "");
    assert_int_equal(plain.reply.status, 409);
    assert_true(str_contains(reply_text(&plain.reply), STR("analytics.enabled")));
    proxy_stop(&plain);
}

/* Its webhooks end with it; those of other keys stay. */
static void a_reload_that_takes_a_key_away_ends_its_webhooks(void **state)
{
    static const char hook[] =
        "{\"url\":\"https://receiver.invalid/\",\"events\":[\"run.finished\"]}";
    char config[128];
    const struct json *list;

    (void)state;
    (void)snprintf(config, sizeof(config), "%s/config.yaml", folder);
    assert_int_equal(ask("POST", "/api/v1/webhooks", ONE, hook), 201);
    assert_int_equal(ask("POST", "/api/v1/webhooks", OTHER, hook), 201);
    assert_int_equal(ask("POST", "/admin/reload", ADMIN, ""), 200);
    assert_false(program_wrote(&proxy.program, "webhook.ended"));
    write_config(config, false);
    assert_int_equal(ask("POST", "/admin/reload", ADMIN, ""), 200);
    program_wait_wrote(&proxy.program, "webhook.ended", WAIT_MS);
    list = proxy_ask(&proxy, "GET", "/api/v1/webhooks", OTHER, "");
    assert_int_equal(json_size(json_get(list, "webhooks")), 1);
    write_config(config, true);
    assert_int_equal(ask("POST", "/admin/reload", ADMIN, ""), 200);
    list = proxy_ask(&proxy, "GET", "/api/v1/webhooks", ONE, "");
    assert_int_equal(json_size(json_get(list, "webhooks")), 0);
}

/* A watcher who does not read while more happens than the ring keeps: where the ring has lost events the stream
 * says how many, and goes on with what there is. */
static void a_slow_watcher_is_told_of_the_gap(void **state)
{
    enum { EVENTS = 16 * FACTS_KEPT, AT_ONCE = 500 };

    struct watcher boss;
    struct client client;
    struct reply reply = {0};
    struct buf many;

    (void)state;
    watch(&boss, "/api/v1/events?types=request.changed", ADMIN);
    buf_init(&many, 1 << 20);
    for (unsigned i = 0; i < AT_ONCE; i++) {
        buf_text(&many, "DELETE /api/v1/sessions/sess_none HTTP/1.1\r\nHost: a\r\n" ADMIN "\r\n");
    }
    client_open(&client, proxy.program.port);
    for (unsigned n = 0; n < EVENTS; n += AT_ONCE) {
        assert_true(client_send(&client, buf_view(&many)));
        for (unsigned i = 0; i < AT_ONCE; i++) {
            assert_int_equal(client_read(&client, false, &reply), CLIENT_OK);
            assert_true(reply.status == 404 || reply.status == 429); /* a fact each */
        }
    }
    read_until(&boss, "event: gap\ndata: {\"lost\":");
    buf_clear(&boss.reply.body);
    read_until(&boss, "event: request.changed");
    leave(&boss);
    client_close(&client);
    reply_done(&reply);
    buf_done(&many);
}

/* Of each kind one, live; that of the audit's last hash comes once a minute (unit.events). */
static void every_kind_of_event_comes(void **state)
{
    static const char *const sets[] = {"auth.mode=keys",
                                       "auth.keys=an-admin-key-of-a-test",
                                       "sessions.max_active=1",
                                       "sandbox.execution_ms=20",
                                       "runs.poll_ms=10",
                                       "upstream.max_tries=1",
                                       NULL};
    static const char *const kinds[] = {
        "command.executed",   "session.created",  "session.expired",    "run.started",
        "run.step",           "run.finished",     "execution.finished", "execution.failed",
        "execution.canceled", "auth.refused",     "config.reloaded",    "request.changed",
        "webhook.test",       "platform.degraded"};
    static const char *const clicks[] = {"A", "FAIL", "CANCEL"};
    const struct json *hook;
    struct watcher boss;
    char body[256];

    (void)state;
    proxy_start(&proxy, sets);
    watch(&boss, "/api/v1/events", ADMIN);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(ask("POST", "/api/v1/sessions", ADMIN, "{\"name\":\"a\"}"), 201);
    }
    for (size_t i = 0; i < ARRAY_LEN(clicks); i++) {
        (void)snprintf(body, sizeof(body), "{\"name\":\"%s\",\"steps\":[{\"click\":\"%s\"}]}",
                       clicks[i], clicks[i]);
        (void)ask("POST", "/api/v1/tests/run?execute=true", ADMIN, body);
    }
    (void)ask("GET", "/api/user", "X-API-Key: another\r\n", "");
    (void)ask("POST", "/admin/reload", ADMIN, "");
    hook = proxy_ask(&proxy, "POST", "/api/v1/webhooks", ADMIN,
                     "{\"url\":\"https://receiver.invalid/\",\"events\":[\"run.finished\"]}");
    (void)ask("POST",
              arena_printf(&proxy.arena, "/api/v1/webhooks/%.*s/test",
                           STR_ARG(json_str(json_find(hook, "/webhook/id"))))
                  .ptr,
              ADMIN, "{}");
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"POST /projects\",\"times\":-1,\"status\":503}");
    for (unsigned i = 0; i < 10; i++) {
        (void)ask("POST", "/api/v1/commands/execute", ADMIN,
                  "{\"command\":\"create-project\",\"args\":[\"P\"]}");
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        (void)snprintf(body, sizeof(body), "event: %s\n", kinds[i]);
        read_until(&boss, body);
    }
    leave(&boss);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_sees_its_own_and_an_administrator_all, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_stream_goes_on_where_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_asked_wrongly_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_audit_list_is_of_who_is_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_audit_list_begins_where_it_is_asked_to, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(each_permission_opens_what_is_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_secret_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(analytics_count_for_each_key_what_is_its_own, set_up,
                                        tear_down),
        cmocka_unit_test(analytics_that_are_off_say_so),
        cmocka_unit_test(every_kind_of_event_comes),
        cmocka_unit_test_setup_teardown(a_reload_that_takes_a_key_away_ends_its_webhooks, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_slow_watcher_is_told_of_the_gap, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
