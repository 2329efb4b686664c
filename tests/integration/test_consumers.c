/* Everything that leaves the process at once: a collector, a webhook receiver, an HTTP sink, BigQuery (a stand-in), the
 * audit and a sink file. Whatever mood the four servers are in, and where they are away, requests are answered,
 * memory is bounded, what is dropped is counted, and when they are back deliveries go on. No secret goes there. */
#include "harness/cmocka.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fd.h"
#include "harness/collector.h"
#include "harness/proxy.h"
#include "harness/sanitized.h"
#include "harness/scripted.h"
#include "harness/wait.h"

enum {
    SERVERS = 4,
    OTEL = 0,
    HOOK = 1,
    SINK = 2,
    TABLE = 3,
    REQUESTS = 1500,
    TEXT_MAX = 32 << 20,
    IN_ABSENCE = 300
};

#define KEY "X-API-Key: canary-key-of-a-test\r\n"

static struct collector servers[SERVERS];
static struct scripted metadata;
static struct proxy proxy;
static char folder[64];

static int set_up(void **state)
{
    static const struct scripted_answer token[] = {
        {.method = "GET",
         .status = 200,
         .body =
             "{\"access_token\":\"canary-token\",\"expires_in\":3600,\"token_type\":\"Bearer\"}"}};
    char set[5][160];
    char host[96];
    char table[128];

    (void)state;
    for (size_t i = 0; i < SERVERS; i++) {
        collector_start(&servers[i]);
    }
    scripted_start(&metadata, token, 1);
    str_copy(folder, sizeof(folder), STR("/tmp/vp-consumers-XXXXXX"));
    assert_non_null(mkdtemp(folder));
    (void)snprintf(set[0], sizeof(set[0]), "otel.endpoint=http://127.0.0.1:%u", servers[OTEL].port);
    (void)snprintf(set[1], sizeof(set[1]), "analytics.url=http://127.0.0.1:%u/rows",
                   servers[SINK].port);
    (void)snprintf(set[2], sizeof(set[2]), "analytics.file=%s/events.jsonl", folder);
    (void)snprintf(set[3], sizeof(set[3]), "audit.file=%s/audit.jsonl", folder);
    (void)snprintf(host, sizeof(host), "GCE_METADATA_HOST=127.0.0.1:%u", metadata.port);
    (void)snprintf(table, sizeof(table),
                   "CLOUDSDK_API_ENDPOINT_OVERRIDES_BIGQUERY=http://127.0.0.1:%u",
                   servers[TABLE].port);
    proxy_start_env(&proxy,
                    (const char *const[]){"auth.mode=keys", "auth.keys=canary-key-of-a-test",
                                          "limits.enabled=false", /* however fast it is asked */
                                          set[0], set[1], set[2], set[3], "otel.interval_ms=100",
                                          "analytics.bigquery=p.d.events", "webhooks.retry_ms=50",
                                          "webhooks.allow_private=true", "analytics.interval_ms=20",
                                          "analytics.headers=Authorization=Bearer%20canary-header",
                                          NULL},
                    (const char *const[]){host, table, NULL});
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    proxy_stop(&proxy);
    scripted_done(&metadata);
    for (size_t i = 0; i < SERVERS; i++) {
        collector_done(&servers[i]);
    }
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
    return 0;
}

static void make_hook(void)
{
    char body[256];

    (void)snprintf(body, sizeof(body),
                   "{\"url\":\"http://127.0.0.1:%u/\",\"events\":[\"session.created\"],"
                   "\"secret\":\"whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5\"}",
                   servers[HOOK].port);
    (void)proxy_ask(&proxy, "POST", "/api/v1/webhooks", KEY, body);
    assert_int_equal(proxy.reply.status, 201);
}

static void new_session(void)
{
    (void)proxy_ask(&proxy, "POST", "/api/v1/sessions", KEY, "{\"name\":\"canary-name\"}");
    assert_int_equal(proxy.reply.status, 201);
}

static void set_mood(enum collector_mood mood)
{
    for (size_t i = 0; i < SERVERS; i++) {
        servers[i].seen->mood = mood;
    }
}

static bool have_come(const unsigned *before, bool taken)
{
    for (size_t i = 0; i < SERVERS; i++) {
        if ((taken ? servers[i].seen->n_taken : servers[i].seen->n_posts) <= before[i]) {
            return false;
        }
    }
    return true;
}

static void count(unsigned *out, bool taken)
{
    for (size_t i = 0; i < SERVERS; i++) {
        out[i] = taken ? servers[i].seen->n_taken : servers[i].seen->n_posts;
    }
}

static int64_t metric(const char *name)
{
    struct str rest;
    struct str line;
    double value = -1;

    (void)proxy_ask(&proxy, "GET", "/health/live", "", "");
    client_ask(proxy.program.port, "GET", "/metrics", KEY, STR_EMPTY, &proxy.reply);
    rest = reply_text(&proxy.reply);
    while (str_next(&rest, '\n', &line)) {
        struct str head;
        struct str tail;

        if (str_cut(line, ' ', &head, &tail) && str_is(head, name)) {
            assert_true(str_to_double(tail, &value));
        }
    }
    return (int64_t)value;
}

static struct str seen(size_t i)
{
    return (struct str){servers[i].seen->bodies, servers[i].seen->n_bytes};
}

static void all_of_them_hear_of_it(void **state)
{
    struct error err = {0};
    struct buf text;

    (void)state;
    make_hook();
    new_session();
    for (size_t i = 0; i < SERVERS; i++) {
        wait_until(str_contains(seen(i),
                                i == OTEL ? STR("POST /api/v1/sessions") : STR("session.created")));
    }
    assert_true(
        str_contains(str_from(servers[TABLE].seen->last_head),
                     STR("POST /bigquery/v2/projects/p/datasets/d/tables/events/insertAll")));
    assert_true(str_contains(str_from(servers[TABLE].seen->last_head),
                             STR("Authorization: Bearer canary-token")));
    assert_true(str_contains(str_from(servers[SINK].seen->last_head),
                             STR("Authorization: Bearer canary-header")));
    buf_init(&text, TEXT_MAX);
    for (const char *const *file = (const char *const[]){"events.jsonl", "audit.jsonl", NULL};
         *file != NULL; file++) {
        char path[128];

        (void)snprintf(path, sizeof(path), "%s/%s", folder, *file);
        wait_until((buf_clear(&text), fd_read_file(path, &text, &err) == ERR_OK) &&
                   str_contains(buf_view(&text), STR("/api/v1/sessions")));
        assert_false(str_contains(buf_view(&text), STR("canary")));
        assert_false(str_contains(buf_view(&text), STR("whsec_")));
    }
    buf_done(&text);
    for (size_t i = 0; i < SERVERS; i++) {
        assert_false(str_contains(seen(i), STR("canary")));
        assert_false(str_contains(seen(i), STR("whsec_")));
    }
    (void)metric("x");
    assert_false(str_contains(reply_text(&proxy.reply), STR("canary")));
    (void)proxy_ask(&proxy, "GET", "/api/v1/analytics/dashboard", KEY, "");
    assert_false(str_contains(reply_text(&proxy.reply), STR("canary")));
    (void)proxy_ask(&proxy, "GET", "/api/v1/audit", KEY, "");
    assert_false(str_contains(reply_text(&proxy.reply), STR("canary")));
    assert_false(program_wrote(&proxy.program, "canary"));
}

/* Each has a request that it does not answer well, and requests of ours go on. */
static void live_in(enum collector_mood mood, unsigned before[SERVERS])
{
    set_mood(mood);
    count(before, false);
    new_session();
    wait_until(have_come(before, false));
    for (unsigned i = 0; i < REQUESTS; i++) {
        new_session();
    }
}

static void all_comes(const unsigned before[SERVERS])
{
    set_mood(COLLECTOR_TAKES);
    wait_until(have_come(before, true));
}

/* None of the requests waits for a server: those do not answer at all while they are sent. */
static void no_mood_is_noticed(void **state)
{
    static const enum collector_mood moods[] = {COLLECTOR_REFUSES, COLLECTOR_CLOSES,
                                                COLLECTOR_BREAKS_OFF, COLLECTOR_IS_SLOW,
                                                COLLECTOR_IS_SILENT};

    unsigned before[SERVERS];
    int64_t memory = 0;

    (void)state;
    make_hook();
    new_session();
    for (size_t m = 0; m < ARRAY_LEN(moods); m++) {
        live_in(moods[m], before);
        memory = m == 0 ? metric("process_resident_memory_bytes") : memory;
        count(before, true);
        if (moods[m] != COLLECTOR_IS_SILENT) { /* that one is given up after 15 s; see the end */
            all_comes(before);
        }
    }
    if (!IS_SANITIZED &&
        getenv("VP_WRAPPER") == NULL) { /* as much is sent again: a session takes 1 KiB */
        assert_in_range(metric("process_resident_memory_bytes"), 1, memory + (12 << 20));
    }
    assert_true(metric("virtuoso_proxy_event_lag_events{consumer=\"http\"}") > 0);
    all_comes(before); /* whoever waited is answered now */
    wait_until(metric("virtuoso_proxy_event_lag_events{consumer=\"http\"}") == 0);
    wait_until(metric("virtuoso_proxy_event_lag_events{consumer=\"bigquery\"}") == 0);
}

static int64_t n_lines(const char *text)
{
    struct buf all;
    struct str rest;
    struct str line;
    int64_t n = 0;

    buf_init(&all, TEXT_MAX);
    program_errors(&proxy.program, &all);
    rest = buf_view(&all);
    while (str_next(&rest, '\n', &line)) {
        n += str_contains(line, str_from(text)) ? 1 : 0;
    }
    buf_done(&all);
    return n;
}

/* How often each of the four was not reached. */
static void count_failures(int64_t out[SERVERS])
{
    out[OTEL] = metric("virtuoso_proxy_telemetry_exports_total{result=\"error\"}");
    out[HOOK] = n_lines("\"webhook.failed\"");
    out[SINK] =
        metric("virtuoso_proxy_event_sink_batches_total{consumer=\"http\",result=\"error\"}");
    out[TABLE] =
        metric("virtuoso_proxy_event_sink_batches_total{consumer=\"bigquery\",result=\"error\"}");
}

static bool have_failed(const int64_t before[SERVERS])
{
    int64_t now[SERVERS];

    count_failures(now);
    for (size_t i = 0; i < SERVERS; i++) {
        if (now[i] <= before[i]) {
            return false;
        }
    }
    return true;
}

/* Nothing listens there, or nothing answers at all: neither is noticed, and what was kept comes when they are back. */
static void absence(void (*begin)(struct collector *collector))
{
    int64_t failed[SERVERS];
    unsigned before[SERVERS];

    count_failures(failed);
    for (size_t i = 0; i < SERVERS; i++) {
        collector_leave(&servers[i]);
        begin(&servers[i]);
    }
    for (unsigned i = 0; i < IN_ABSENCE; i++) {
        new_session();
    }
    wait_until(have_failed(failed));
    count(before, true);
    for (size_t i = 0; i < SERVERS; i++) {
        collector_come_back(&servers[i]);
    }
    wait_until(have_come(before, true));
    wait_until(metric("virtuoso_proxy_event_lag_events{consumer=\"http\"}") == 0);
    wait_until(metric("virtuoso_proxy_event_lag_events{consumer=\"bigquery\"}") == 0);
    wait_until(metric("virtuoso_proxy_event_lag_events{consumer=\"webhooks\"}") == 0);
}

static void absence_is_not_noticed(void **state)
{
    (void)state;
    make_hook();
    absence(collector_leave); /* connections are refused */
    absence(collector_fall_silent);
    assert_int_equal(metric("virtuoso_proxy_event_lost_total{consumer=\"http\"}"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_of_them_hear_of_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_mood_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(absence_is_not_noticed, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("consumers", tests, NULL, NULL);
}
