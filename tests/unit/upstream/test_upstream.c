/* Calls against a platform that misbehaves in every way that a test can stage. */
#include "bench_up.h"
#include "http/problem.h"

#include <dlfcn.h>

int test_upstream(void);

static struct bench bench;

static int begin(void **state)
{
    (void)state;
    bench_begin(&bench);
    return 0;
}

static int end(void **state)
{
    (void)state;
    random_release();
    bench_end(&bench);
    return 0;
}

static void a_call_brings_status_body_and_headers(void **state)
{
    struct probe probe;

    (void)state;
    bench_open(&bench);
    probe_run_ok(&probe, &bench, "/ok", CALL_READ);
    assert_int_equal(probe.status, 200);
    assert_string_equal(probe.body, "{\"success\":true,\"item\":{\"id\":1}}");
    assert_int_equal(probe.call.tries, 1);
    assert_true(probe.call.may_have_left);
    assert_int_equal(upstream_health(bench.upstream)->state, UPSTREAM_PASS);
    assert_int_equal(upstream_health(bench.upstream)->since_wall_ms, 0);
}

static void expect_header(const char *name, const char *value)
{
    struct str found = head_value(buf_view(&bench.platform.last_head), name);

    if (!str_is(found, value)) {
        fail_msg("%s: \"%.*s\" instead of \"%s\"", name, STR_ARG(found), value);
    }
}

static void the_promised_headers_reach_the_platform(void **state)
{
    const struct upstream_header more[] = {{STR("X-More"), STR("yes")}, {STR("X-Empty"), STR("")}};
    struct probe probe;

    (void)state;
    bench_open(&bench);
    probe_init(&probe, &bench, "/echo", CALL_CREATE);
    probe.call.request.request_id = STR("req-1");
    probe.call.request.traceparent = STR("00-0123-4567-01");
    probe.call.request.tracestate = STR("a=1, b=2");
    probe.call.request.query = STR("envelope=false");
    probe.call.request.headers = more;
    probe.call.request.n_headers = ARRAY_LEN(more);
    probe_start(&probe);
    assert_true(bench_run(&bench, &probe.n_ends, 1));
    assert_string_equal(probe.body, "{\"a\":1}");
    assert_true(str_starts(buf_view(&bench.platform.last_head),
                           STR("POST /api/echo?envelope=false HTTP/1.1\r\n")));
    expect_header("Authorization", "Bearer tok-12345");
    expect_header("Accept", "application/json");
    expect_header("Content-Type", "application/json");
    expect_header("Content-Length", "7");
    expect_header("X-Virtuoso-Client-ID", "vp");
    expect_header("X-Virtuoso-Client-Name", "virtuoso-proxy/test");
    expect_header("X-Request-Id", "req-1");
    expect_header("traceparent", "00-0123-4567-01");
    expect_header("tracestate", "a=1, b=2");
    expect_header("User-Agent", "virtuoso-proxy/" VP_VERSION);
    expect_header("X-More", "yes");
    assert_true(str_contains(buf_view(&bench.platform.last_head), STR("X-Empty:")));
    expect_header("Expect", "");
}

static void a_post_without_a_body_says_so_and_is_no_form(void **state)
{
    struct probe probe;

    (void)state;
    bench_open(&bench);
    probe_init(&probe, &bench, "/ok", CALL_CREATE);
    probe.call.request.body = STR_EMPTY;
    probe_start(&probe);
    assert_true(bench_run(&bench, &probe.n_ends, 1));
    assert_int_equal(probe.code, ERR_OK);
    expect_header("Content-Length", "0");
    expect_header("Content-Type", "");
}

static void a_reused_transfer_forgets_the_last_request(void **state)
{
    static const char *const methods[] = {"DELETE", "GET", "POST", "HEAD", "PUT", "GET"};
    struct probe probe;

    (void)state;
    bench_open(&bench);
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct str method = str_from(methods[i]);

        probe_init(&probe, &bench, "/ok", CALL_READ);
        probe.call.request.method = method;
        probe.call.request.body =
            method.ptr[0] == 'P' ? STR("{\"x\":\"long body to leave behind\"}") : STR_EMPTY;
        probe.call.request.token = i % 2 == 0 ? &bench.token : NULL;
        probe_start(&probe);
        assert_true(bench_run(&bench, &probe.n_ends, 1));
        assert_int_equal(probe.code, ERR_OK);
        assert_true(str_starts(buf_view(&bench.platform.last_head), method));
        expect_header("Authorization", i % 2 == 0 ? "Bearer tok-12345" : "");
        expect_header("Content-Length", method.ptr[0] == 'P' ? "33" : "");
    }
}

/* A proxy before the platform gives up waiting on a kept connection, just when a request comes. */
static void a_408_that_closes_a_kept_connection_is_no_answer_to_a_read(void **state)
{
#define GIVES_UP(ends) "HTTP/1.1 408 X\r\n" ends "Content-Length: 4\r\n\r\nidle"
    static const struct script_row closes[] = {
        {.first = STR_INIT(GIVES_UP("Connection: close\r\n")), .then = THEN_CLOSE},
        {.first = STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nown")},
    };
    static const struct script_row stays[] = {{.first = STR_INIT(GIVES_UP(""))}};

    static const struct gives_up {
        const struct script_row *script;
        size_t n_rows;
        enum call_class class;
        bool is_kept;
        int status;
    } rows[] = {
        {closes, ARRAY_LEN(closes), CALL_READ, true, 200},
        {closes, ARRAY_LEN(closes), CALL_READ, false, 408},
        {closes, ARRAY_LEN(closes), CALL_CREATE, true, 408},
        {closes, 1, CALL_READ, true, 408}, /* the new connection says it, too */
        {stays, 1, CALL_READ, true, 408},
    };

    (void)state;
    bench_open(&bench);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct probe probe;

        upstream_forget_connections(bench.upstream);
        if (rows[i].is_kept) {
            probe_run_ok(&probe, &bench, "/ok", CALL_READ);
        }
        bench.platform.script = rows[i].script;
        bench.platform.n_rows = rows[i].n_rows;
        bench.platform.at_row = 0;
        probe_run_ok(&probe, &bench, "/script", rows[i].class);
        assert_int_equal(probe.status, rows[i].status);
    }
}

static void connections_are_kept_and_reused(void **state)
{
    struct probe probe;

    (void)state;
    bench_open(&bench);
    for (int i = 0; i < 50; i++) {
        probe_run_ok(&probe, &bench, "/ok", i % 2 == 0 ? CALL_READ : CALL_CREATE);
        assert_int_equal(probe.call.was_kept, i > 0);
    }
    assert_int_equal(bench.platform.n_connections, 1);
    probe_run(&probe, &bench, "/close", CALL_READ);
    probe_run_ok(&probe, &bench, "/ok", CALL_READ);
    assert_int_equal(bench.platform.n_connections, 2);
}

static void a_kept_connection_that_the_platform_closed_is_replaced(void **state)
{
    struct probe probe;
    struct list *link;
    struct list *after;

    (void)state;
    bench_open(&bench);
    for (int i = 0; i < 5; i++) {
        probe_run_ok(&probe, &bench, "/ok", CALL_CREATE);
        LIST_FOREACH_SAFE (link, after, &bench.platform.links) {
            link_close(CONTAINER_OF(link, struct platform_link, link), false);
        }
        bench_settle(&bench);
    }
    assert_int_equal(bench.platform.n_whole, 5);
    assert_int_equal(bench.platform.n_connections, 5);
}

static void a_refused_connection_is_tried_again_and_said_to_have_sent_nothing(void **state)
{
    struct probe probe;

    (void)state;
    platform_stop_listening(&bench.platform);
    bench_settle(&bench);
    bench_open(&bench);
    for (int kind = CALL_READ; kind <= CALL_CREATE; kind++) {
        probe_run(&probe, &bench, "/ok", (enum call_class)kind);
        assert_int_equal(probe.code, ERR_UPSTREAM_CONNECT);
        assert_int_equal(probe.call.tries, 3);
        assert_false(probe.call.may_have_left);
    }
    assert_true(upstream_health(bench.upstream)->failures > 0);
}

struct fault_row {
    const char *path;
    enum error_code read;   /* after max_tries where trying again can help */
    enum error_code change; /* and create: never sent twice */
};

static const struct fault_row faults[] = {
    {"/early", ERR_UPSTREAM_RESET, ERR_OUTCOME_UNKNOWN},
    {"/reset", ERR_UPSTREAM_RESET, ERR_OUTCOME_UNKNOWN},
    {"/eof", ERR_UPSTREAM_RESET, ERR_OUTCOME_UNKNOWN},
    {"/mid", ERR_UPSTREAM_RESET, ERR_OUTCOME_UNKNOWN},
    {"/cut", ERR_UPSTREAM_RESET, ERR_OUTCOME_UNKNOWN},
    {"/stall", ERR_UPSTREAM_TIMEOUT, ERR_OUTCOME_UNKNOWN},
    {"/garbage", ERR_UPSTREAM_SHAPE, ERR_OUTCOME_UNKNOWN},
    {"/big/2000000", ERR_UPSTREAM_TOO_BIG, ERR_UPSTREAM_TOO_BIG},
    {"/chunked/2000000", ERR_UPSTREAM_TOO_BIG, ERR_UPSTREAM_TOO_BIG},
    {"/bomb", ERR_UPSTREAM_TOO_BIG, ERR_UPSTREAM_TOO_BIG},
};

static void meet_fault(const struct fault_row *fault, enum call_class kind)
{
    struct probe probe;
    unsigned n_heads = bench.platform.n_heads;
    enum error_code code = kind == CALL_READ ? fault->read : fault->change;

    probe_init(&probe, &bench, fault->path, kind);
    probe_start(&probe);
    if (str_is(STR("/stall"), fault->path)) {
        bench_until(&bench, bench.platform.n_heads > n_heads);
        bench_settle(&bench);
        bench_pass(&bench, BENCH_LIMIT_MS + 1);
    }
    assert_true(bench_run(&bench, &probe.n_ends, 1));
    /* A read on a kept connection is sent once more, which harms nobody. */
    if (probe.code != code || (kind != CALL_READ && bench.platform.n_heads != n_heads + 1)) {
        fail_msg("%s class %d: code %d (%s), %u heads", fault->path, (int)kind, (int)probe.code,
                 probe.call.error.text, bench.platform.n_heads - n_heads);
    }
    assert_int_equal(probe.call.tries, kind == CALL_READ && code == ERR_UPSTREAM_RESET ? 3 : 1);
    assert_int_equal(probe.call.error.late, str_is(STR("/stall"), fault->path));
    assert_true(probe.call.may_have_left);
    assert_true(str_from(probe.call.error.text).len > 0);
}

static void every_fault_has_its_code_and_no_change_is_sent_twice(void **state)
{
    struct probe probe;

    (void)state;
    bench_open(&bench);
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        for (size_t kind = CALL_READ; kind <= CALL_CREATE; kind++) {
            meet_fault(&faults[i], (enum call_class)kind);
            probe_run_ok(&probe, &bench, "/ok", CALL_READ);
        }
    }
}

/* The platform resets a kept connection after reading, with a body and without. */
static void a_create_on_a_kept_connection_is_never_sent_twice(void **state)
{
    struct probe probe;

    (void)state;
    bench_open(&bench);
    for (unsigned i = 0; i < 20; i++) {
        unsigned n_whole = bench.platform.n_whole;

        probe_run(&probe, &bench, "/second", CALL_READ); /* the first of its connection */
        assert_int_equal(probe.code, ERR_OK);
        probe_init(&probe, &bench, "/second", CALL_CREATE);
        if (i % 2 == 1) {
            probe.call.request.body = STR_EMPTY;
        }
        probe_start(&probe);
        assert_true(bench_run(&bench, &probe.n_ends, 1));
        assert_int_equal(bench.platform.n_whole, n_whole + 2);
        assert_int_equal(probe.code, ERR_OUTCOME_UNKNOWN);
    }
}

static void reads_are_repeated_on_502_503_504_and_creates_are_not(void **state)
{
    static const char *const paths[] = {"/after/502/2", "/after/503/2", "/after/504/2"};
    struct probe probe;

    (void)state;
    bench_open(&bench);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        bench.platform.n_failures_given = 0;
        probe_run_ok(&probe, &bench, paths[i], CALL_READ);
        assert_int_equal(probe.status, 200);
        assert_int_equal(probe.call.tries, 3);
        for (size_t kind = CALL_CHANGE; kind <= CALL_CREATE; kind++) {
            bench.platform.n_failures_given = 0;
            probe_run_ok(&probe, &bench, paths[i], (enum call_class)kind);
            assert_int_equal(probe.status, 502 + (int)i);
            assert_int_equal(probe.call.tries, 1);
        }
    }
    bench.platform.n_failures_given = 0;
    probe_run(&probe, &bench, "/after/500/1", CALL_READ);
    assert_int_equal(probe.status, 500);
    assert_int_equal(probe.call.tries, 1);
    bench.platform.n_failures_given = 0;
    probe_run(&probe, &bench, "/after/503/9", CALL_READ);
    assert_int_equal(probe.status, 503);
    assert_int_equal(probe.call.tries, 3);
}

static void a_limited_read_waits_as_long_as_it_was_told(void **state)
{
    struct probe probe;
    uint64_t begin_ms = clock_now_ms();

    (void)state;
    bench_open(&bench);
    probe_run(&probe, &bench, "/limit", CALL_READ);
    assert_int_equal(probe.status, 200);
    assert_int_equal(probe.call.tries, 2);
    assert_true(clock_now_ms() - begin_ms >= 1000);
    /* Not inside the deadline: the refusal itself is the answer. */
    bench.platform.n_failures_given = 0;
    probe_init(&probe, &bench, "/limit/long", CALL_READ);
    probe.call.request.deadline_ms = BENCH_LIMIT_MS;
    probe_start(&probe);
    assert_true(bench_run(&bench, &probe.n_ends, 1));
    assert_int_equal(probe.status, 429);
    assert_int_equal(probe.call.reply.retry_after_s, 100);
    assert_int_equal(probe.call.tries, 1);
    /* A date is one of the platform's clock. */
    probe_run(&probe, &bench, "/limit/date", CALL_CREATE);
    assert_int_equal(probe.status, 429);
    assert_int_equal(probe.call.reply.retry_after_s, 7);
}

static void past_the_queue_a_call_is_refused_and_waiting_ones_keep_their_order(void **state)
{
    struct probe probes[6];
    struct error err = {0};

    (void)state;
    bench.options.max_active = 2;
    bench.options.max_waiting = 3;
    bench_open(&bench);
    for (size_t i = 0; i < 6; i++) {
        probe_init(&probes[i], &bench, "/slow/30", CALL_CREATE);
        if (i < 5) {
            probe_start(&probes[i]);
        }
    }
    assert_int_equal(upstream_n_active(bench.upstream), 2);
    assert_int_equal(upstream_n_waiting(bench.upstream), 3);
    assert_int_equal(upstream_start(bench.upstream, &probes[5].call, &err), ERR_OVERLOADED);
    assert_true(err.retry_after_s > 0);
    assert_false(upstream_is_running(&probes[5].call));
    for (size_t i = 0; i < 5; i++) {
        assert_true(bench_run(&bench, &probes[i].n_ends, 1));
        assert_int_equal(probes[i].code, ERR_OK);
        assert_true(i >= 3 || probes[4].n_ends == 0);
    }
    assert_true(probes[4].call.wait_us > probes[0].call.wait_us);
    assert_int_equal(probes[5].n_ends, 0);
}

static void a_deadline_ends_a_call_wherever_it_is(void **state)
{
    struct probe active;
    struct probe waiting;

    (void)state;
    bench.options.max_active = 1;
    bench.options.timeout_ms = 2 * BENCH_LIMIT_MS;
    bench_open(&bench);
    probe_init(&active, &bench, "/stall", CALL_CREATE);
    probe_init(&waiting, &bench, "/ok", CALL_CREATE);
    active.call.request.deadline_ms = BENCH_LIMIT_MS;
    waiting.call.request.deadline_ms = BENCH_LIMIT_MS / 2;
    probe_start(&active);
    probe_start(&waiting);
    assert_true(upstream_is_on_wire(&active.call));
    assert_false(upstream_is_on_wire(&waiting.call));
    bench_until(&bench, bench.platform.n_whole == 1);
    bench_pass(&bench, BENCH_LIMIT_MS / 2 + 1);
    assert_true(bench_run(&bench, &waiting.n_ends, 1));
    assert_int_equal(waiting.code, ERR_OVERLOADED);
    assert_false(waiting.call.may_have_left);
    assert_int_equal(active.n_ends, 0);
    bench_pass(&bench, BENCH_LIMIT_MS + 1);
    assert_true(bench_run(&bench, &active.n_ends, 1));
    assert_int_equal(active.code, ERR_OUTCOME_UNKNOWN);
    assert_int_equal(bench.platform.n_whole, 1);
}

/* With it the first delay of a retry is about nine tenths of the longest one. */
enum { LONG_DELAY_SEED = 13 };

static void cancel_works_at_every_stage(void **state)
{
    struct probe active;
    struct probe waiting;
    struct probe backing_off;

    (void)state;
    bench.options.max_active = 1;
    bench.options.retry_base_ms = 10000;
    bench_open(&bench);
    random_seed(LONG_DELAY_SEED);
    memset(&active, 0, sizeof(active));
    upstream_cancel(&active.call); /* zeroed */
    probe_init(&backing_off, &bench, "/after/503/1", CALL_READ);
    probe_start(&backing_off);
    bench_until(&bench, upstream_n_active(bench.upstream) == 0);
    assert_true(upstream_is_running(&backing_off.call));
    assert_int_equal(bench.platform.n_whole, 1);
    probe_init(&active, &bench, "/stall", CALL_READ);
    probe_init(&waiting, &bench, "/stall", CALL_READ);
    probe_start(&active);
    probe_start(&waiting);
    bench_until(&bench, bench.platform.n_whole == 2);
    upstream_cancel(&waiting.call);
    upstream_cancel(&backing_off.call);
    upstream_cancel(&active.call);
    upstream_cancel(&active.call);
    assert_int_equal(upstream_n_active(bench.upstream) + upstream_n_waiting(bench.upstream), 0);
    probe_run(&active, &bench, "/ok", CALL_READ);
    assert_int_equal(waiting.n_ends + backing_off.n_ends, 0);
    assert_int_equal(active.n_ends, 1);
}

/* Cancel right after start, and after one, two, ... turns, so that every state is met. */
static void cancel_after_any_number_of_turns_is_silent(void **state)
{
    static const char *const paths[] = {"/ok", "/big/300000", "/slow/2", "/reset", "/mid"};
    struct probe probe;

    (void)state;
    bench_open(&bench);
    for (size_t path = 0; path < ARRAY_LEN(paths); path++) {
        for (int turns = 0; turns < 12; turns++) {
            unsigned n_ends;

            probe_init(&probe, &bench, paths[path], turns % 2 == 0 ? CALL_READ : CALL_CREATE);
            probe_start(&probe);
            for (int i = 0; i < turns && probe.n_ends == 0; i++) {
                (void)loop_turn(&bench.loop, true);
            }
            n_ends = probe.n_ends;
            upstream_cancel(&probe.call);
            bench_settle(&bench);
            assert_int_equal(probe.n_ends, n_ends);
        }
    }
    probe_run_ok(&probe, &bench, "/ok", CALL_READ);
}

static void end_and_close(struct upstream_call *call, enum error_code code)
{
    struct probe *probe = (struct probe *)(void *)call;

    probe_ended(call, code);
    upstream_close(probe->bench->upstream, bench_on_closed, probe->bench);
}

static void closing_from_the_last_end_is_carried_out_afterwards(void **state)
{
    struct probe probe;

    (void)state;
    bench_open(&bench);
    probe_init(&probe, &bench, "/ok", CALL_READ);
    probe.call.on_done = end_and_close;
    probe_start(&probe);
    assert_true(bench_run(&bench, &probe.n_ends, 1));
    while (!bench.closed) {
        assert_true(loop_turn(&bench.loop, true));
    }
}

static void what_cannot_be_sent_as_it_stands_is_refused(void **state)
{
    static const char *const paths[] = {"",     "ok",         "/a b",     "/a?b",
                                        "/a#b", "/../x",      "/a/./b",   "/a/%2e%2E",
                                        "/..",  "/a\r\nX: y", "/\xc3\xa4"};
    static const struct upstream_header bad[] = {{STR_INIT("Host"), STR_INIT("evil")},
                                                 {STR_INIT("X-A"), STR_INIT("b\r\nX-C: d")},
                                                 {STR_INIT("X A"), STR_INIT("b")},
                                                 {STR_INIT(""), STR_INIT("b")},
                                                 {STR_INIT("Content-Length"), STR_INIT("5")}};
    struct secret bad_token = {0};
    struct probe probe;
    struct error err;

    (void)state;
    bench_open(&bench);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        probe_init(&probe, &bench, paths[i], CALL_READ);
        assert_int_equal(upstream_start(bench.upstream, &probe.call, &err), ERR_INVALID);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        probe_init(&probe, &bench, "/ok", CALL_READ);
        probe.call.request.headers = &bad[i];
        probe.call.request.n_headers = 1;
        assert_int_equal(upstream_start(bench.upstream, &probe.call, &err), ERR_INVALID);
    }
    probe_init(&probe, &bench, "/ok", CALL_READ);
    probe.call.request.token = NULL;
    probe.call.request.bearer = STR("a\r\nX: y");
    assert_int_equal(upstream_start(bench.upstream, &probe.call, &err), ERR_INVALID);
    /* what the operator got wrong is not told as the caller's mistake */
    secret_set(&bad_token, STR("tok\n"));
    probe_init(&probe, &bench, "/ok", CALL_READ);
    probe.call.request.token = &bad_token;
    assert_int_equal(upstream_start(bench.upstream, &probe.call, &err), ERR_UPSTREAM_AUTH);
    assert_int_equal(problem_row(ERR_UPSTREAM_AUTH)->status, 502);
    assert_false(str_contains(str_from(err.text), STR("tok\n")));
    secret_done(&bad_token);
    probe_run(&probe, &bench, "/...", CALL_READ); /* three dots are a name like any other */
    assert_int_equal(probe.code, ERR_OK);
}

/* Where it is there at all: behind Debian's libcurl. */
static void what_nobody_uses_does_not_start_by_itself(void **state)
{
    int (*skips)(void);

    (void)state;
    bench_open(&bench);
    *(void **)&skips = dlsym(RTLD_DEFAULT, "_gnutls_global_init_skip");
    assert_true(skips == NULL || skips() == 1);
}

static void bad_options_stop_the_start(void **state)
{
    static const struct {
        const char *url, *told;
    } urls[] = {
        {"", "not a URL"},
        {"nonsense://x/", "not a URL"},
        {"ftp://host/api", "must begin with http"},
        {"http://u:p@host/api", "holds a user"},
        {"http://host/api?x=1", "a query"},
        {"http://host/api#x", "a fragment"},
        {"http://a%20b/", "not a URL"},
        {"http://a%01b/", "not a URL"},
        {"http://b\xC3\xBCro.example/", "in its ASCII form"},
    };
    struct upstream *upstream = NULL;
    struct error err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        bench.options.base_url = str_from(urls[i].url);
        assert_int_equal(upstream_open(&bench.loop, &bench.options, &upstream, &err), ERR_CONFIG);
        assert_true(str_contains(str_from(err.text), str_from(urls[i].told)));
    }
    bench.options.base_url = str_from(bench.url);
    bench.options.ca_file = STR("/does/not/exist");
    assert_int_equal(upstream_open(&bench.loop, &bench.options, &upstream, &err), ERR_CONFIG);
    bench.options.ca_file = STR_EMPTY;
    bench.options.max_active = 0;
    assert_int_equal(upstream_open(&bench.loop, &bench.options, &upstream, &err), ERR_CONFIG);
    bench.options.max_active = 1;
    bench.options.client_id = STR("a\r\nb");
    assert_int_equal(upstream_open(&bench.loop, &bench.options, &upstream, &err), ERR_INVALID);
    bench.options.client_id = STR_EMPTY;
    bench.options.base_url = STR("http://a%7Fb/"); /* no host has such a name, and it is ASCII */
    bench_open(&bench);
}

/* Many calls at once, faults and cancels at random: each ends exactly once or was cancelled. */
enum { STORM_CALLS = 2000 };

static uint32_t dice_state = 12345;

static uint32_t dice(uint32_t n)
{
    dice_state ^= dice_state << 13; /* xorshift: the same storm each time */
    dice_state ^= dice_state >> 17;
    dice_state ^= dice_state << 5;
    return dice_state % n;
}

static void a_storm_of_calls_and_cancels_leaves_nothing_behind(void **state)
{
    static const char *const paths[] = {"/ok",    "/ok",     "/ok",    "/early",      "/reset",
                                        "/mid",   "/cut",    "/eof",   "/big/9000",   "/bomb",
                                        "/close", "/slow/3", "/stall", "/status/503", "/second"};
    struct probe *probes = mem_calloc(STORM_CALLS, sizeof(*probes));
    unsigned n_creates = 0;
    unsigned n_ended = 0;
    unsigned n_cancelled = 0;
    uint64_t until_ms = clock_now_ms() + (uint64_t)300000 * client_slowness();

    (void)state;
    bench.options.timeout_ms = 150;
    bench.options.retry_base_ms = 5;
    bench_open(&bench);
    for (size_t i = 0; i < STORM_CALLS; i++) {
        enum call_class class = (enum call_class)dice(3);

        probe_init(&probes[i], &bench, paths[dice(ARRAY_LEN(paths))], class);
        probe_start(&probes[i]);
        n_creates += class != CALL_READ ? 1 : 0;
        if (dice(4) == 0) {
            (void)loop_turn(&bench.loop, false);
        }
        if (dice(5) == 0) {
            struct probe *victim = &probes[i - dice(i < 30 ? (uint32_t)i + 1 : 30)];

            n_cancelled += upstream_is_running(&victim->call) ? 1 : 0;
            upstream_cancel(&victim->call);
        }
    }
    do {
        (void)loop_turn(&bench.loop, true);
        n_ended = 0;
        for (size_t i = 0; i < STORM_CALLS; i++) {
            assert_true(probes[i].n_ends <= 1);
            n_ended += probes[i].n_ends;
        }
    } while (n_ended + n_cancelled < STORM_CALLS && clock_now_ms() < until_ms);
    assert_int_equal(n_ended + n_cancelled, STORM_CALLS);
    assert_in_range(n_cancelled, 50, STORM_CALLS);
    assert_in_range(n_creates, 500, STORM_CALLS);
    assert_int_equal(upstream_n_active(bench.upstream) + upstream_n_waiting(bench.upstream), 0);
    mem_free(probes);
}

int test_upstream(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(a_call_brings_status_body_and_headers),
        T(the_promised_headers_reach_the_platform),
        T(a_post_without_a_body_says_so_and_is_no_form),
        T(a_reused_transfer_forgets_the_last_request),
        T(a_408_that_closes_a_kept_connection_is_no_answer_to_a_read),
        T(connections_are_kept_and_reused),
        T(a_kept_connection_that_the_platform_closed_is_replaced),
        T(a_refused_connection_is_tried_again_and_said_to_have_sent_nothing),
        T(every_fault_has_its_code_and_no_change_is_sent_twice),
        T(a_create_on_a_kept_connection_is_never_sent_twice),
        T(reads_are_repeated_on_502_503_504_and_creates_are_not),
        T(a_limited_read_waits_as_long_as_it_was_told),
        T(past_the_queue_a_call_is_refused_and_waiting_ones_keep_their_order),
        T(a_deadline_ends_a_call_wherever_it_is),
        T(cancel_works_at_every_stage),
        T(cancel_after_any_number_of_turns_is_silent),
        T(closing_from_the_last_end_is_carried_out_afterwards),
        T(what_cannot_be_sent_as_it_stands_is_refused),
        T(what_nobody_uses_does_not_start_by_itself),
        T(bad_options_stop_the_start),
        T(a_storm_of_calls_and_cancels_leaves_nothing_behind),
#undef T
    };

    return cmocka_run_group_tests_name("upstream", tests, NULL, NULL);
}
