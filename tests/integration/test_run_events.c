/* Test runs watched live: server-sent events, by many, and one look at the platform for all. */
#include "harness/cmocka.h"

#include "harness/runs.h"

#define FILE_TEXT "name: Buy\nsteps:\n  - click: One\n  - click: Two\n  - click: Three\n"

enum { N_WATCHERS = 100 };

static const char *const fast[] = {"upstream.retry_base_ms=1", "sandbox.execution_ms=200",
                                   "runs.poll_ms=20", NULL};

/* One look per runs.poll_ms, however many watch; a platform that is away for a moment is waited
 * for. */
static void one_look_for_all_watchers(void **state)
{
    static const char *const sets[] = {"upstream.retry_base_ms=1", "sandbox.execution_ms=1000",
                                       "runs.poll_ms=200", NULL};

    enum { N = 20, MOST_LOOKS = 12 };
    struct client clients[N];
    struct proxy proxy;
    struct str id;
    struct str target;

    (void)state;
    proxy_start(&proxy, sets);
    id = arena_str(&proxy.arena,
                   runs_text(runs_start(&proxy, "async=true&execute=true", FILE_TEXT), "/id"));
    target = arena_printf(&proxy.arena, "/api/v1/tests/runs/%.*s/events", STR_ARG(id));
    for (size_t i = 0; i < N; i++) {
        client_open(&clients[i], proxy.program.port);
        assert_true(client_send_request(&clients[i], "GET", target.ptr, NULL, STR_EMPTY));
    }
    (void)runs_wait(&proxy, id);
    assert_true(sandbox_count(proxy.program.sandbox_port, "GET", "/executions/") <= MOST_LOOKS);
    for (size_t i = 0; i < N; i++) {
        client_close(&clients[i]);
    }
    proxy_stop(&proxy);
}

/* ---- watchers ---- */

/* Every id from `from` on, once, in order, `done` last. */
static void assert_events(struct str text, int64_t from, int64_t *out_last)
{
    struct str rest = text;
    struct str line;
    int64_t want = from;
    bool done = false;

    while (str_next(&rest, '\n', &line)) {
        int64_t id;

        if (str_starts(line, STR("event: "))) {
            assert_false(done);
            done = str_is(line, "event: done");
        }
        if (!str_starts(line, STR("id: "))) {
            continue;
        }
        assert_true(str_to_i64(str_sub(line, 4, line.len), 1, 100000, &id));
        assert_int_equal(id, want);
        want++;
    }
    assert_true(done);
    *out_last = want - 1;
}

static void each_watcher_sees_each_event_once(void **state)
{
    struct client clients[N_WATCHERS];
    struct proxy proxy;
    struct reply reply;
    struct str id;
    struct str target;
    struct str fields;
    int64_t last = 0;

    (void)state;
    proxy_start(&proxy, fast);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"POST /teststeps\",\"times\":-1,\"delay_ms\":30}");
    id = arena_str(&proxy.arena, runs_text(runs_start(&proxy, "async=true", FILE_TEXT), "/id"));
    target = arena_printf(&proxy.arena, "/api/v1/tests/runs/%.*s/events", STR_ARG(id));
    for (size_t i = 0; i < N_WATCHERS; i++) {
        client_open(&clients[i], proxy.program.port);
        assert_true(client_send_request(&clients[i], "GET", target.ptr, NULL, STR_EMPTY));
    }
    reply_init(&reply);
    for (size_t i = 0; i < N_WATCHERS; i++) {
        int64_t n = 0;

        assert_int_equal(client_read(&clients[i], false, &reply), CLIENT_OK);
        assert_true(str_starts(reply_field(&reply, "Content-Type"), STR("text/event-stream")));
        assert_events(reply_text(&reply), 1, &n);
        assert_true(last == 0 || n == last);
        last = n;
        client_close(&clients[i]);
    }
    /* who comes back goes on where it was */
    fields = arena_printf(&proxy.arena, "Last-Event-ID: %lld\r\n", (long long)last - 2);
    client_ask(proxy.program.port, "GET", target.ptr, fields.ptr, STR_EMPTY, &reply);
    assert_events(reply_text(&reply), last - 1, &last);
    fields = arena_printf(&proxy.arena, "Last-Event-ID: %lld\r\n", (long long)last);
    client_ask(proxy.program.port, "GET", target.ptr, fields.ptr, STR_EMPTY, &reply);
    assert_int_equal(reply.status, 204);
    client_ask(proxy.program.port, "GET", target.ptr, "Last-Event-ID: 9999\r\n", STR_EMPTY, &reply);
    assert_int_equal(reply.status, 400);
    reply_done(&reply);
    proxy_stop(&proxy);
}

static void silent_streams_have_a_heartbeat(void **state)
{
    static const char *const sets[] = {"runs.heartbeat_s=1",          "runs.poll_ms=60000",
                                       "runs.max_watchers=1",         "drain.limit_ms=300",
                                       "sandbox.execution_ms=600000", NULL};
    struct proxy proxy;
    struct client client;
    struct reply reply;
    struct str target;

    (void)state;
    proxy_start(&proxy, sets);
    target = arena_printf(
        &proxy.arena, "/api/v1/tests/runs/%.*s/events",
        STR_ARG(runs_text(runs_start(&proxy, "async=true&execute=true", FILE_TEXT), "/id")));
    client_open(&client, proxy.program.port);
    assert_true(client_send_request(&client, "GET", target.ptr, NULL, STR_EMPTY));
    reply_init(&reply);
    assert_int_equal(client_read_head(&client, false, &reply), CLIENT_OK);
    while (!str_contains(reply_text(&reply), STR("\n: "))) {
        assert_int_equal(client_read_piece(&client, &reply), CLIENT_OK);
    }
    (void)proxy_ask(&proxy, "GET", target.ptr, NULL, "");
    assert_int_equal(proxy.reply.status, 503); /* one watcher is the most */
    client_reset(&client);
    reply_done(&reply);
    proxy_stop(&proxy); /* with a run that works: it is cancelled */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_look_for_all_watchers),
        cmocka_unit_test(each_watcher_sees_each_event_once),
        cmocka_unit_test(silent_streams_have_a_heartbeat),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
