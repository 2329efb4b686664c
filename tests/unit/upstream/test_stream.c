/* Direct access: bytes in pieces, both ways, in bounded memory. VP_STREAM_MIB sets the size of the
 * long transfers (default 64; 1024 is the promise and is run by hand, it takes long under
 * valgrind). */
#include "bench_up.h"

#include <stdlib.h>

#include "upstream/upstream_internal.h"

int test_stream(void);

static struct bench bench;

struct tap {
    struct probe probe; /* first */
    uint64_t got_bytes;
    uint64_t sent_bytes;
    uint64_t to_send;
    uint64_t pause_every; /* bytes; 0 never */
    uint64_t next_pause;
    size_t most_in_memory;
    struct later_item resume;
    int head_status;
    unsigned n_heads;
    unsigned n_headers;
    unsigned n_pauses;
    unsigned n_drains;
    bool cancel_on_head;
    bool cancel_on_data;
};

static int begin(void **state)
{
    (void)state;
    bench_begin(&bench);
    bench.options.max_reply_bytes = 1000;
    return 0;
}

static int end(void **state)
{
    (void)state;
    bench_end(&bench);
    return 0;
}

static uint64_t long_transfer_bytes(void)
{
    const char *text = getenv("VP_STREAM_MIB");
    int64_t mib = 64;

    if (text != NULL) {
        assert_true(str_to_i64(str_from(text), 1, 4096, &mib));
    }
    return (uint64_t)mib << 20;
}

static struct tap *tap_of(struct upstream_call *call)
{
    return (struct tap *)(void *)call;
}

static void watch_memory(struct tap *tap)
{
    const struct upstream_transfer *transfer = tap->probe.call.transfer;
    size_t held = transfer != NULL ? transfer->in.cap + transfer->out.cap + transfer->up.cap : 0;

    if (held > tap->most_in_memory) {
        tap->most_in_memory = held;
    }
}

static void on_head(struct upstream_call *call, int status, const struct upstream_header *headers,
                    size_t n)
{
    struct tap *tap = tap_of(call);

    assert_int_equal(tap->got_bytes, 0);
    tap->n_heads++;
    tap->head_status = status;
    tap->n_headers = (unsigned)n;
    for (size_t i = 0; i < n; i++) {
        assert_true(headers[i].name.len > 0);
    }
    if (tap->cancel_on_head) {
        upstream_cancel(call);
    }
}

static void go_on(struct later_item *item)
{
    struct tap *tap = CONTAINER_OF(item, struct tap, resume);

    upstream_resume(&tap->probe.call);
}

static bool on_data(struct upstream_call *call, struct str bytes)
{
    struct tap *tap = tap_of(call);

    assert_int_equal(tap->n_heads, 1);
    assert_true(bytes.len > 0);
    watch_memory(tap);
    tap->got_bytes += bytes.len;
    if (tap->cancel_on_data) {
        upstream_cancel(call);
        return true;
    }
    if (tap->pause_every == 0 || tap->got_bytes < tap->next_pause) {
        return true;
    }
    tap->next_pause = tap->got_bytes + tap->pause_every;
    tap->n_pauses++;
    later_add(&bench.loop.later, &tap->resume, go_on);
    return false;
}

static void send_more(struct tap *tap)
{
    static const char piece[40000];
    bool go = true;

    while (go && tap->sent_bytes < tap->to_send) {
        uint64_t left = tap->to_send - tap->sent_bytes;
        size_t n = left < sizeof(piece) ? (size_t)left : sizeof(piece);

        tap->sent_bytes += n;
        go = upstream_send(&tap->probe.call, (struct str){piece, n},
                           tap->sent_bytes == tap->to_send);
        watch_memory(tap);
    }
}

static void on_drain(struct upstream_call *call)
{
    struct tap *tap = tap_of(call);

    tap->n_drains++;
    send_more(tap);
}

static const struct upstream_stream down = {.on_head = on_head, .on_data = on_data};
static const struct upstream_stream up_chunked = {.on_head = on_head,
                                                  .on_data = on_data,
                                                  .on_drain = on_drain,
                                                  .streams_body = true,
                                                  .body_length = -1};

static void tap_init(struct tap *tap, const char *path, enum call_class class,
                     const struct upstream_stream *stream)
{
    memset(tap, 0, sizeof(*tap));
    probe_init(&tap->probe, &bench, path, class);
    tap->probe.call.stream = stream;
    tap->probe.call.request.body = STR_EMPTY;
}

static void make_path(char *path, size_t size, const char *name, uint64_t bytes)
{
    struct buf text;

    buf_init(&text, size - 1);
    buf_printf(&text, "/%s/%llu", name, (unsigned long long)bytes);
    memcpy(path, buf_cstr(&text), text.len + 1);
    buf_done(&text);
}

static void a_long_answer_passes_in_pieces_with_pauses_and_bounded_memory(void **state)
{
    static const char *const names[] = {"big", "chunked"};
    uint64_t bytes = long_transfer_bytes();
    struct tap tap;
    char path[64];

    (void)state;
    bench_open(&bench);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        make_path(path, sizeof(path), names[i], bytes);
        tap_init(&tap, path, CALL_READ, &down);
        tap.pause_every = 1 << 20;
        probe_start(&tap.probe);
        while (tap.probe.n_ends == 0 && loop_turn(&bench.loop, true)) {
        }
        assert_int_equal(tap.probe.code, ERR_OK);
        assert_int_equal(tap.head_status, 200);
        assert_int_equal(tap.n_headers, 2);
        assert_true(tap.got_bytes == bytes);
        assert_true(tap.n_pauses >= bytes / (2 << 20));
        assert_true(tap.most_in_memory <= (size_t)6 * STREAM_HIGH_WATER);
    }
}

static void a_paused_reader_holds_the_platform_back(void **state)
{
    struct tap tap;
    uint64_t sent_bytes;

    (void)state;
    /* Waiting for our own side is not silence of the platform. */
    bench_open(&bench);
    tap_init(&tap, "/big/50000000", CALL_READ, &down);
    tap.pause_every = 1;
    probe_start(&tap.probe);
    bench_until(&bench, tap.n_pauses > 0 || tap.probe.n_ends > 0);
    later_remove(&tap.resume);
    do {
        sent_bytes = bench.platform.sent_bytes;
        bench_settle(&bench);
    } while (bench.platform.sent_bytes != sent_bytes);
    bench_pass(&bench, BENCH_LIMIT_MS + 1);
    bench_settle(&bench);
    assert_int_equal(tap.probe.n_ends, 0);
    assert_int_equal(tap.n_pauses, 1);
    assert_true(bench.platform.sent_bytes == sent_bytes);
    assert_true(sent_bytes < 40000000);
    tap.pause_every = 0;
    upstream_resume(&tap.probe.call);
    assert_true(bench_run(&bench, &tap.probe.n_ends, 1));
    assert_int_equal(tap.probe.code, ERR_OK);
    assert_true(tap.got_bytes == 50000000);
}

static void a_long_body_passes_up_with_bounded_memory(void **state)
{
    struct upstream_stream up_fixed = up_chunked;
    struct tap tap;

    (void)state;
    bench_open(&bench);
    up_fixed.body_length = (int64_t)long_transfer_bytes();
    for (int i = 0; i < 2; i++) {
        uint64_t before = bench.platform.body_bytes;

        tap_init(&tap, "/ok", CALL_CREATE, i == 0 ? &up_fixed : &up_chunked);
        tap.to_send = long_transfer_bytes();
        probe_start(&tap.probe);
        send_more(&tap);
        while (tap.probe.n_ends == 0 && loop_turn(&bench.loop, true)) {
        }
        assert_int_equal(tap.probe.code, ERR_OK);
        assert_true(bench.platform.body_bytes - before == tap.to_send);
        assert_int_equal(tap.head_status, 200);
        assert_true(tap.n_drains > 10);
        assert_true(tap.most_in_memory <= (size_t)6 * STREAM_HIGH_WATER);
        assert_int_equal(bench.platform.n_whole, i + 1);
    }
}

static void a_body_that_comes_late_is_waited_for(void **state)
{
    struct tap tap;

    (void)state;
    bench_open(&bench);
    tap_init(&tap, "/echo", CALL_CREATE, &up_chunked);
    probe_start(&tap.probe);
    bench_until(&bench, bench.platform.n_heads == 1);
    bench_pass(&bench, BENCH_LIMIT_MS + 1);
    assert_int_equal(tap.probe.n_ends, 0);
    assert_true(upstream_send(&tap.probe.call, STR("one "), false));
    bench_settle(&bench);
    assert_true(upstream_send(&tap.probe.call, STR("two"), true));
    assert_true(bench_run(&bench, &tap.probe.n_ends, 1));
    assert_int_equal(tap.probe.code, ERR_OK);
    assert_int_equal(tap.got_bytes, 7);
    assert_true(str_is(buf_view(&bench.platform.last_body), "one two"));
}

static void an_empty_streamed_body_is_a_body(void **state)
{
    struct tap tap;

    (void)state;
    bench_open(&bench);
    tap_init(&tap, "/ok", CALL_CREATE, &up_chunked);
    probe_start(&tap.probe);
    assert_true(upstream_send(&tap.probe.call, STR_EMPTY, true));
    assert_true(bench_run(&bench, &tap.probe.n_ends, 1));
    assert_int_equal(tap.probe.code, ERR_OK);
    assert_int_equal(bench.platform.body_bytes, 0);
}

static void a_silent_platform_ends_a_stream(void **state)
{
    struct tap tap;

    (void)state;
    bench_open(&bench);
    tap_init(&tap, "/stall", CALL_READ, &down);
    probe_start(&tap.probe);
    bench_until(&bench, bench.platform.n_whole == 1);
    bench_pass(&bench, BENCH_LIMIT_MS + 1);
    assert_true(bench_run(&bench, &tap.probe.n_ends, 1));
    assert_int_equal(tap.probe.code, ERR_UPSTREAM_TIMEOUT);
    assert_int_equal(tap.n_heads, 0);
}

static void a_broken_stream_tells_what_came_and_then_the_error(void **state)
{
    struct tap tap;

    (void)state;
    bench_open(&bench);
    tap_init(&tap, "/mid", CALL_READ, &down);
    probe_start(&tap.probe);
    assert_true(bench_run(&bench, &tap.probe.n_ends, 1));
    assert_int_equal(tap.probe.code, ERR_UPSTREAM_RESET);
    assert_int_equal(tap.n_heads, 1);
    assert_int_equal(tap.got_bytes, 6);
}

static void statuses_and_empty_answers_pass_as_they_are(void **state)
{
    static const char *const paths[] = {"/204", "/status/503", "/status/404"};
    static const int statuses[] = {204, 503, 404};
    struct tap tap;

    (void)state;
    bench_open(&bench);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        tap_init(&tap, paths[i], CALL_READ, &down);
        probe_start(&tap.probe);
        assert_true(bench_run(&bench, &tap.probe.n_ends, 1));
        assert_int_equal(tap.probe.code, ERR_OK);
        assert_int_equal(tap.head_status, statuses[i]);
        assert_int_equal(tap.probe.call.tries, 1);
        assert_int_equal(bench.platform.n_whole, i + 1);
    }
}

/* A read of direct access meets it as any other read does. */
static void a_408_that_closes_a_kept_connection_is_not_told(void **state)
{
    static const struct script_row rows[] = {
        {.first = STR_INIT("HTTP/1.1 408 X\r\nConnection: close\r\nContent-Length: 4\r\n\r\nidle"),
         .then = THEN_CLOSE},
        {.first = STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nown")},
    };
    struct probe first;
    struct tap tap;

    (void)state;
    bench_open(&bench);
    bench.platform.script = rows;
    bench.platform.n_rows = ARRAY_LEN(rows);
    probe_run_ok(&first, &bench, "/ok", CALL_READ);
    tap_init(&tap, "/script", CALL_READ, &down);
    probe_start(&tap.probe);
    assert_true(bench_run(&bench, &tap.probe.n_ends, 1));
    assert_int_equal(tap.probe.code, ERR_OK);
    assert_int_equal(tap.n_heads, 1);
    assert_int_equal(tap.head_status, 200);
    assert_int_equal(tap.got_bytes, 3);
    bench.platform.at_row = 0;
    probe_run_ok(&first, &bench, "/script", CALL_READ); /* no stream, after one */
    assert_int_equal(first.status, 200);
}

static void a_stream_may_be_cancelled_from_its_own_callbacks(void **state)
{
    struct tap taps[40];

    (void)state;
    bench.options.max_active = 4;
    bench_open(&bench);
    for (size_t i = 0; i < ARRAY_LEN(taps); i++) {
        tap_init(&taps[i], "/big/400000", CALL_READ, &down);
        taps[i].cancel_on_head = i % 3 == 0;
        taps[i].cancel_on_data = i % 3 == 1;
        probe_start(&taps[i].probe);
    }
    for (size_t i = 2; i < ARRAY_LEN(taps); i += 3) {
        assert_true(bench_run(&bench, &taps[i].probe.n_ends, 1));
        assert_int_equal(taps[i].probe.code, ERR_OK);
        assert_int_equal(taps[i].got_bytes, 400000);
    }
    bench_settle(&bench);
    for (size_t i = 0; i < ARRAY_LEN(taps); i++) {
        assert_int_equal(taps[i].probe.n_ends, i % 3 == 2 ? 1 : 0);
        assert_false(upstream_is_running(&taps[i].probe.call));
    }
}

static void a_paused_stream_may_be_cancelled(void **state)
{
    struct tap tap;

    (void)state;
    bench_open(&bench);
    for (int i = 0; i < 2; i++) { /* the short one has ended on the wire by then */
        tap_init(&tap, i == 0 ? "/big/50000000" : "/big/1000", CALL_READ, &down);
        tap.pause_every = 1;
        probe_start(&tap.probe);
        while (tap.n_pauses == 0 && loop_turn(&bench.loop, true)) {
        }
        later_remove(&tap.resume);
        bench_settle(&bench);
        assert_true(upstream_is_running(&tap.probe.call));
        upstream_cancel(&tap.probe.call);
        bench_settle(&bench);
        assert_int_equal(tap.probe.n_ends, 0);
    }
}

int test_stream(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(a_long_answer_passes_in_pieces_with_pauses_and_bounded_memory),
        T(a_paused_reader_holds_the_platform_back),
        T(a_long_body_passes_up_with_bounded_memory),
        T(a_body_that_comes_late_is_waited_for),
        T(an_empty_streamed_body_is_a_body),
        T(a_silent_platform_ends_a_stream),
        T(a_broken_stream_tells_what_came_and_then_the_error),
        T(statuses_and_empty_answers_pass_as_they_are),
        T(a_408_that_closes_a_kept_connection_is_not_told),
        T(a_stream_may_be_cancelled_from_its_own_callbacks),
        T(a_paused_stream_may_be_cancelled),
#undef T
    };

    return cmocka_run_group_tests_name("upstream streams", tests, NULL, NULL);
}
