/* Spans and metrics at a collector: their form, who is whose parent, and that a collector which is
 * away, slow, or refuses is nobody's business but its own. */
#include "harness/cmocka.h"

#include <stdio.h>

#include "base/clock.h"
#include "harness/collector.h"
#include "harness/proxy.h"
#include "harness/redis_server.h"
#include "harness/wait.h"

#define KEY    "X-API-Key: a-key-of-a-test-1\r\n"
#define PARENT "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"

static const char canary[] = "canary-0f9c2b7d";

static struct collector collector;
static struct proxy proxy;
static struct arena arena;

static bool is_running;

static void stop(void)
{
    if (is_running) {
        is_running = false;
        proxy_stop(&proxy);
    }
}

/* Whatever was to be sent has come: all of it is as OTLP and its conventions want it. */
static void judge_all(void)
{
    stop();
    assert_true(collector_judge_spans(&collector) > 0);
}

static void start_with(const char *more)
{
    char endpoint[96];
    const char *sets[] = {"auth.mode=keys",
                          "auth.keys=a-key-of-a-test-1",
                          endpoint,
                          "otel.interval_ms=100",
                          "store.timeout_ms=10000", /* a Redis that stands still is there */
                          "otel.headers=Authorization=Bearer%20t,X-Tenant=a%20b",
                          "otel.resource_attributes=deployment.environment=test%2F1",
                          more,
                          NULL};

    (void)snprintf(endpoint, sizeof(endpoint), "otel.endpoint=http://127.0.0.1:%u/",
                   collector.port);
    proxy_start(&proxy, sets);
    is_running = true;
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    collector_start(&collector);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stop();
    collector_done(&collector);
    arena_done(&arena);
    return 0;
}

static struct str text_of(const struct json *object, const char *name)
{
    return json_str(json_get_str(object, str_from(name)));
}

static const struct json *attribute(const struct json *thing, const char *key)
{
    const struct json *all = json_get_str(thing, STR("attributes"));

    for (const struct json *one = json_first(all); one != NULL; one = json_next(one)) {
        if (str_is(text_of(one, "key"), key)) {
            return json_first(json_get_str(one, STR("value")));
        }
    }
    return NULL;
}

/* The first span of that name. */
static const struct json *span_named(const struct json *spans, const char *name)
{
    for (const struct json *span = json_first(spans); span != NULL; span = json_next(span)) {
        if (str_is(text_of(span, "name"), name)) {
            return span;
        }
    }
    return NULL;
}

static const struct json *span_with_id(const struct json *spans, struct str id)
{
    const struct json *span;

    JSON_FOREACH (span, spans) {
        if (str_eq(text_of(span, "spanId"), id)) {
            return span;
        }
    }
    return NULL;
}

static bool has_come(const char *name)
{
    return span_named(collector_spans(&collector, &arena), name) != NULL;
}

static size_t n_spans(const char *name)
{
    const struct json *span;
    size_t n = 0;

    JSON_FOREACH (span, collector_spans(&collector, &arena)) {
        n += str_is(text_of(span, "name"), name) ? 1 : 0;
    }
    return n;
}

static int64_t nanoseconds(const struct json *span, const char *name)
{
    int64_t value = 0;

    assert_true(str_to_i64(text_of(span, name), 1, INT64_MAX, &value)); /* text, as OTLP wants */
    return value;
}

static void a_command_is_a_span_with_its_call_below(void **state)
{
    const struct json *spans;
    const struct json *server;
    const struct json *call;

    (void)state;
    start_with(NULL);
    (void)proxy_ask(&proxy, "POST", "/api/v1/commands/execute",
                    KEY PARENT "Content-Type: application/json\r\ntracestate: a=1\r\n",
                    "{\"command\": \"create-project\", \"args\": [\"A project\"]}");
    assert_int_equal(proxy.reply.status, 200);
    wait_until(has_come("POST /api/v1/commands/execute"));
    spans = collector_spans(&collector, &arena);
    server = span_named(spans, "POST /api/v1/commands/execute");
    assert_true(str_is(text_of(server, "traceId"), "0af7651916cd43dd8448eb211c80319c"));
    assert_true(str_is(text_of(server, "parentSpanId"), "b7ad6b7169203331"));
    assert_true(str_is(text_of(server, "traceState"), "a=1"));
    assert_true(str_is(json_str(attribute(server, "http.request.method")), "POST"));
    assert_true(str_is(json_str(attribute(server, "http.response.status_code")), "200"));
    assert_true(str_is(json_str(attribute(server, "url.path")), "/api/v1/commands/execute"));
    assert_true(str_is(json_str(attribute(server, "http.route")), "/api/v1/commands/execute"));
    assert_true(str_is(json_str(attribute(server, "virtuoso_proxy.command")), "create-project"));
    assert_true(program_wrote(&proxy.program,
                              arena_printf(&arena, "\"span_id\":\"%.*s\",\"method\":\"POST\"",
                                           STR_ARG(text_of(server, "spanId")))
                                  .ptr)); /* its line of the log */
    call = NULL;
    for (const struct json *span = json_first(spans); span != NULL; span = json_next(span)) {
        if (attribute(span, "server.address") != NULL) {
            call = span;
            assert_true(str_eq(text_of(span, "parentSpanId"), text_of(server, "spanId")));
            assert_true(str_eq(text_of(span, "traceId"), text_of(server, "traceId")));
            assert_true(nanoseconds(span, "startTimeUnixNano") >=
                        nanoseconds(server, "startTimeUnixNano"));
            assert_true(nanoseconds(span, "endTimeUnixNano") <=
                        nanoseconds(server, "endTimeUnixNano"));
        }
    }
    assert_non_null(call);
    assert_true(str_is(json_str(attribute(call, "server.address")), "127.0.0.1"));
    assert_true(str_contains(str_from(collector.seen->last_head), STR("X-Tenant: a b")));
    assert_true(str_contains(str_from(collector.seen->last_head), STR("Authorization: Bearer t")));
    judge_all();
}

/* A trace that its parent does not keep is not kept here. */
static void the_word_of_a_parent_counts(void **state)
{
    (void)state;
    start_with("otel.traces_share=0");
    (void)proxy_ask(&proxy, "GET", "/api/v1/routes", KEY, "");
    (void)proxy_ask(&proxy, "GET", "/api/v1/commands",
                    KEY "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00\r\n",
                    "");
    (void)proxy_ask(&proxy, "GET", "/api/projects", KEY PARENT, "");
    wait_until(has_come("GET /api/projects"));
    assert_false(has_come("GET /api/v1/routes"));
    assert_false(has_come("GET /api/v1/commands"));
}

static const struct json *metric_named(const struct json *metrics, const char *name)
{
    return span_named(metrics, name);
}

static void a_histogram_has_one_more_bucket_than_bounds(const struct json *metrics)
{
    const struct json *metric = metric_named(metrics, "http.server.request.duration");
    const struct json *points = json_find(metric, "/histogram/dataPoints");
    const struct json *point = json_first(points);
    const struct json *buckets = json_get_str(point, STR("bucketCounts"));
    int64_t count = 0;
    int64_t sum = 0;

    assert_true(str_is(text_of(metric, "unit"), "s"));
    assert_int_equal(json_size(buckets), json_size(json_get_str(point, STR("explicitBounds"))) + 1);
    assert_true(str_to_i64(text_of(point, "count"), 1, INT64_MAX, &count));
    for (const struct json *one = json_first(buckets); one != NULL; one = json_next(one)) {
        int64_t n = 0;

        assert_true(str_to_i64(json_str(one), 0, INT64_MAX, &n));
        sum += n;
    }
    assert_int_equal(sum, count); /* not cumulated */
    assert_non_null(attribute(point, "http.route"));
}

static struct str start_time(const char *metric)
{
    const struct json *metrics = collector_metrics(&collector, &arena);

    return text_of(json_first(json_find(metric_named(metrics, metric), "/sum/dataPoints")),
                   "startTimeUnixNano");
}

static void metrics_are_cumulative_since_one_start(void **state)
{
    struct str start;
    unsigned n_before;

    (void)state;
    start_with(NULL);
    (void)proxy_ask(&proxy, "GET", "/api/v1/routes", KEY, "");
    wait_until(metric_named(collector_metrics(&collector, &arena), "process.cpu.time") != NULL &&
               json_size(json_find(metric_named(collector_metrics(&collector, &arena),
                                                "http.server.request.duration"),
                                   "/histogram/dataPoints")) > 0);
    a_histogram_has_one_more_bucket_than_bounds(collector_metrics(&collector, &arena));
    start = start_time("virtuoso_proxy.connections_total");
    n_before = collector.seen->n_taken;
    wait_until(collector.seen->n_taken > n_before + 2);
    assert_true(start.len > 0 && str_eq(start, start_time("virtuoso_proxy.connections_total")));
}

static int64_t metric_of_proxy(const char *name)
{
    struct reply reply;
    struct str rest;
    struct str line;
    int64_t value = -1;

    reply_init(&reply);
    client_ask(proxy.program.port, "GET", "/metrics", KEY, STR_EMPTY, &reply);
    rest = reply_text(&reply);
    while (value < 0 && str_next(&rest, '\n', &line)) {
        struct str head;
        struct str tail;

        if (str_cut(line, ' ', &head, &tail) && str_is(head, name)) {
            assert_true(str_to_i64(tail, 0, INT64_MAX, &value));
        }
    }
    reply_done(&reply);
    return value;
}

/* Whatever the collector does, requests are answered; what it did not take is counted, and the
 * spans of after its return come. */
static void nobody_notices_a_collector_in_a_bad_mood(void **state)
{
    static const enum collector_mood moods[] = {COLLECTOR_REFUSES, COLLECTOR_CLOSES};

    (void)state;
    start_with(NULL);
    for (size_t i = 0; i < ARRAY_LEN(moods); i++) {
        int64_t dropped = metric_of_proxy("virtuoso_proxy_spans_dropped_total");

        collector.seen->mood = moods[i];
        (void)proxy_ask(&proxy, "GET", "/api/v1/routes", KEY, "");
        assert_int_equal(proxy.reply.status, 200);
        wait_until(metric_of_proxy("virtuoso_proxy_spans_dropped_total") > dropped);
        collector.seen->mood = COLLECTOR_TAKES;
    }
    (void)proxy_ask(&proxy, "GET", "/api/v1/commands", KEY, "");
    wait_until(has_come("GET /api/v1/commands"));
}

/* The end of the process does not wait for a collector that reads and never answers. */
static void a_silent_collector_does_not_hold_up_the_end(void **state)
{
    (void)state;
    start_with("drain.notice_ms=0");
    collector.seen->mood = COLLECTOR_IS_SILENT;
    (void)proxy_ask(&proxy, "GET", "/api/v1/routes", KEY, "");
    wait_until(collector.seen->n_posts > 0); /* tear_down then asserts the clean exit */
}

static void what_is_there_at_the_end_is_sent(void **state)
{
    (void)state;
    start_with("otel.interval_ms=5000");
    (void)proxy_ask(&proxy, "GET", "/api/v1/routes", KEY, "");
    stop();
    wait_until(has_come("GET /api/v1/routes")); /* it has left; the collector may be slow to read */
}

static void no_secret_reaches_the_collector(void **state)
{
    char fields[256];
    char body[256];

    (void)state;
    start_with("otel.compression=none");
    (void)snprintf(fields, sizeof(fields), KEY "Authorization: Bearer %s\r\nCookie: %s\r\n", canary,
                   canary);
    (void)proxy_ask(&proxy, "GET", "/api/projects?dry_run=true&token=canary-0f9c2b7d", fields, "");
    (void)snprintf(body, sizeof(body),
                   "{\"command\": \"step-interact\", \"args\": [\"write\", \"Password\", \"%s\"]}",
                   canary);
    (void)proxy_ask(&proxy, "POST", "/api/v1/commands/execute", fields, body);
    (void)proxy_ask(&proxy, "GET", "/virtuoso/projects?token=canary-0f9c2b7d", fields, "");
    (void)proxy_ask(&proxy, "GET", "/api/v1/routes", KEY, "");
    wait_until(has_come("GET /api/v1/routes"));
    assert_false(str_contains((struct str){collector.seen->bodies, collector.seen->n_bytes},
                              str_from(canary)));
    assert_false(str_contains((struct str){collector.seen->bodies, collector.seen->n_bytes},
                              STR("a-key-of-a-test-1")));
}

static void a_body_may_be_compressed(void **state)
{
    (void)state;
    start_with("otel.compression=gzip");
    (void)proxy_ask(&proxy, "GET", "/api/v1/routes", KEY, "");
    wait_until(collector.seen->n_taken > 1);
    assert_true(str_contains(str_from(collector.seen->last_head), STR("Content-Encoding: gzip")));
}

static bool was_sent(const char *text)
{
    return str_contains((struct str){collector.seen->bodies, collector.seen->n_bytes},
                        str_from(text));
}

/* Of the specification of OpenTelemetry: an address of one signal is taken as it is, the base is not asked for that one. */
static void standard_names_work(void **state)
{
    char traces[128];
    char base[128];

    (void)state;
    (void)snprintf(traces, sizeof(traces),
                   "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://127.0.0.1:%u/own/spans",
                   collector.port);
    (void)snprintf(base, sizeof(base), "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:%u/base",
                   collector.port);
    proxy_start_env(&proxy,
                    (const char *const[]){"auth.mode=keys", "auth.keys=a-key-of-a-test-1",
                                          "otel.interval_ms=100", NULL},
                    (const char *const[]){traces, base, "OTEL_SERVICE_NAME=mine",
                                          "OTEL_RESOURCE_ATTRIBUTES=team=q%20a,n=1",
                                          "OTEL_EXPORTER_OTLP_HEADERS=X-Tenant=a%20b",
                                          "OTEL_TRACES_SAMPLER=parentbased_traceidratio",
                                          "OTEL_TRACES_SAMPLER_ARG=0", NULL});
    is_running = true;
    (void)proxy_ask(&proxy, "GET", "/api/v1/routes", KEY, ""); /* its share is 0 */
    (void)proxy_ask(&proxy, "GET", "/api/v1/commands", KEY PARENT, "");
    wait_until(was_sent("/own/spans\n") && was_sent("/base/v1/metrics\n"));
    assert_true(str_contains(str_from(collector.seen->last_head), STR("X-Tenant: a b")));
    stop();
    assert_true(was_sent("{\"stringValue\":\"mine\"}") && was_sent("{\"stringValue\":\"q a\"}"));
    assert_true(was_sent("GET /api/v1/commands"));
    assert_false(was_sent("\"GET /api/v1/routes\"") || was_sent("/v1/traces\n"));
}

/* What a request asks of the shared store is below it, with its outcome; what the process does for itself is
 * nobody's. */
static void the_store_has_spans(void **state)
{
    struct redis_server redis = redis_server_make();
    char url[160];
    const struct json *spans;
    const struct json *server;
    unsigned n = 0;

    (void)state;
    if (!redis_server_is_there()) {
        skip();
    }
    redis_server_start(&redis, NULL, NULL);
    (void)snprintf(url, sizeof(url), "store.url=unix:%s", redis.path);
    start_with(url);
    (void)proxy_ask(&proxy, "POST", "/api/v1/sessions",
                    KEY "Content-Type: application/json\r\nIdempotency-Key: one\r\n",
                    "{\"name\": \"a\"}");
    assert_int_equal(proxy.reply.status, 201);
    wait_until(has_come("POST /api/v1/sessions") && has_come("store put"));
    spans = collector_spans(&collector, &arena);
    server = span_named(spans, "POST /api/v1/sessions");
    for (const struct json *span = json_first(spans); span != NULL; span = json_next(span)) {
        if (attribute(span, "db.operation.name") != NULL) {
            assert_true(str_is(json_str(attribute(span, "db.system")), "redis"));
            assert_non_null(attribute(span, "virtuoso_proxy.outcome"));
            assert_true(str_eq(text_of(span, "parentSpanId"), text_of(server, "spanId")));
            assert_true(str_eq(text_of(span, "traceId"), text_of(server, "traceId")));
            n++;
        }
    }
    assert_true(n >= 2); /* the claim of the key, and the session */
    judge_all();
    redis_server_done(&redis);
}

static const char test_file[] = "name: T\nsteps:\n  - navigate: https://a.example/\n"
                                "  - click: Sign in\n";

static void a_run_is_a_span_with_its_rows_below(void **state)
{
    const struct json *spans;
    const struct json *run;
    const struct json *row;

    (void)state;
    start_with(NULL);
    (void)proxy_ask(&proxy, "POST", "/api/v1/tests/run", KEY "Content-Type: application/yaml\r\n",
                    test_file);
    assert_in_range(proxy.reply.status, 200, 201);
    wait_until(has_come("test run") && has_come("POST /api/v1/tests/run"));
    spans = collector_spans(&collector, &arena);
    run = span_named(spans, "test run");
    assert_true(str_eq(text_of(run, "parentSpanId"),
                       text_of(span_named(spans, "POST /api/v1/tests/run"), "spanId")));
    assert_true(str_eq(json_str(json_find(run, "/links/0/spanId")),
                       text_of(run, "parentSpanId"))); /* that request may end before the run */
    row = NULL;
    for (const struct json *span = json_first(spans); span != NULL; span = json_next(span)) {
        if (str_eq(text_of(span, "parentSpanId"), text_of(run, "spanId"))) {
            row = span;
        }
    }
    assert_non_null(row);
    judge_all();
}

/* A step whose checkpoint is busy waits in its lane, and a call beyond upstream.max_active in the queue. */
static void waits_are_spans(void **state)
{
    struct client clients[3];
    struct reply reply = {0};
    const struct json *spans;
    const struct json *wait;
    uint64_t began_ms;
    struct str body;
    bool waited = false;

    (void)state;
    start_with("upstream.max_active=1");
    body = proxy_begin_step(&proxy, &clients[0], KEY, 0);
    client_open(&clients[1], proxy.program.port);
    client_open(&clients[2], proxy.program.port);
    assert_true(client_send_request(&clients[1], "POST", "/api/v1/commands/execute",
                                    KEY "Content-Type: application/json\r\n", body));
    assert_true(client_send_request(&clients[2], "GET", "/api/projects", KEY, STR_EMPTY));
    /* A request that is at work need not be in its queue yet. */
    wait_until(metric_of_proxy("virtuoso_proxy_lane_waiting") == 1);
    wait_until(metric_of_proxy("virtuoso_proxy_upstream_queue_length") == 1);
    assert_int_equal(metric_of_proxy("virtuoso_proxy_lanes_active"), 1);
    began_ms = clock_now_ms();
    wait_until(clock_now_ms() > began_ms + 1); /* a shorter wait in the queue is no span */
    sandbox_release(proxy.program.sandbox_port);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        assert_int_equal(client_read(&clients[i], false, &reply), CLIENT_OK);
        assert_int_equal(reply.status, 200);
        client_close(&clients[i]);
    }
    reply_done(&reply);
    wait_until(n_spans("POST /api/v1/commands/execute") == 2 && has_come("GET /api/projects") &&
               has_come("lane wait")); /* at its end it waits for a second only */
    judge_all();
    spans = collector_spans(&collector, &arena);
    wait = span_named(spans, "lane wait");
    assert_true(str_is(text_of(span_with_id(spans, text_of(wait, "parentSpanId")), "name"),
                       "POST /api/v1/commands/execute"));
    JSON_FOREACH (wait, spans) { /* that of the second step may have waited, too */
        const struct json *call = span_with_id(spans, text_of(wait, "parentSpanId"));
        const struct json *request = span_with_id(spans, text_of(call, "parentSpanId"));

        waited = waited || (str_is(text_of(wait, "name"), "queue wait") &&
                            str_is(text_of(request, "name"), "GET /api/projects"));
    }
    assert_true(waited);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_command_is_a_span_with_its_call_below, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_word_of_a_parent_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(metrics_are_cumulative_since_one_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_notices_a_collector_in_a_bad_mood, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_silent_collector_does_not_hold_up_the_end, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_there_at_the_end_is_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_secret_reaches_the_collector, set_up, tear_down),
        cmocka_unit_test_setup_teardown(standard_names_work, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_store_has_spans, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_body_may_be_compressed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waits_are_spans, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_run_is_a_span_with_its_rows_below, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
