/* Answers that are late, doubled, broken off or can be read in two ways: what a call is told is its
 * own answer, whole, or an error; and nothing that may have happened is called a failure. */
#include "bench_up.h"

#include <poll.h>
#include <stdlib.h>

#include "upstream/upstream_internal.h"

int test_evil(void);

static struct bench bench;

#define OK200 "HTTP/1.1 200 OK\r\n"
#define OWN   OK200 "Content-Length: 3\r\n\r\nown"
#define STALE "HTTP/1.1 408 Request Time-out\r\nConnection: close\r\nContent-Length: 5\r\n\r\nstale"

static int begin(void **state)
{
    (void)state;
    bench_begin(&bench);
    return 0;
}

static int end(void **state)
{
    (void)state;
    clock_release();
    bench_end(&bench);
    return 0;
}

static void script(const struct script_row *rows, size_t n)
{
    bench.platform.script = rows;
    bench.platform.n_rows = n;
    bench.platform.at_row = 0;
    bench.platform.n_scripted = 0;
}

static void expect_ok(const char *path, int status, const char *body)
{
    struct probe probe;

    probe_run_ok(&probe, &bench, path, CALL_READ);
    assert_int_equal(probe.status, status);
    assert_string_equal(probe.body, body);
}

/* Until what the platform has said is there: also on loopback that may take some milliseconds. Then until the next millisecond: in the one
 * in which a connection came to rest the pool does not look at it. */
static void wait_until_it_arrived(void)
{
    struct list *first = list_first(&bench.upstream->resting);
    const struct upstream_connection *connection;
    struct pollfd watched = {.events = POLLIN};

    if (first == NULL) {
        return;
    }
    connection = CONTAINER_OF(first, struct upstream_connection, link);
    watched.fd = connection->fd;
    assert_int_equal(poll(&watched, 1, PATIENCE_MS), 1);
    while (clock_now_ms() == connection->rests_since_ms) {
        (void)poll(NULL, 0, 1);
    }
}

/* --- connections at rest --------------------------------------------------------------------- */

struct stale_row {
    struct script_row row;
    bool waits; /* until the platform has said its second part */
};

static void bytes_between_two_requests_are_no_answer(void **state)
{
    static const struct stale_row rows[] = {
        {{.first = STR_INIT(OWN), .pause_ms = 30, .second = STR_INIT(STALE), .then = THEN_CLOSE},
         true},
        {{.first = STR_INIT(OWN), .pause_ms = 30, .second = STR_INIT(STALE)}, true},
        {{.first = STR_INIT(OWN), .pause_ms = 30, .second = STR_INIT("x")}, true},
        {{.first = STR_INIT(OWN), .pause_ms = 30, .second = STR_INIT("\r\n")}, true},
        {{.first = STR_INIT(OWN), .pause_ms = 30, .then = THEN_CLOSE}, true},
        {{.first = STR_INIT(OWN), .pause_ms = 30, .then = THEN_RESET}, true},
        {{.first = STR_INIT(OWN STALE)}, false},
        {{.first = STR_INIT(OWN OWN), .then = THEN_CLOSE}, false},
        {{.first = STR_INIT(OWN "\r\n")}, false},
    };

    (void)state;
    bench_open(&bench);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned n_whole = bench.platform.n_whole;
        unsigned n_connections;
        struct probe probe;

        script(&rows[i].row, 1);
        expect_ok("/script", 200, "own");
        n_connections = bench.platform.n_connections;
        if (rows[i].waits) {
            assert_true(bench_run(&bench, &bench.platform.n_scripted, 1));
            wait_until_it_arrived();
        }
        probe_run_ok(&probe, &bench, "/echo", CALL_CREATE);
        if (probe.status != 200 || strcmp(probe.body, "{\"a\":1}") != 0 ||
            bench.platform.n_connections != n_connections + 1) {
            fail_msg("row %zu: %d \"%s\", %u connections", i, probe.status, probe.body,
                     bench.platform.n_connections - n_connections);
        }
        assert_int_equal(bench.platform.n_whole, n_whole + 2);
    }
}

/* The loop had no turn in which the epoll could have told. */
static void a_connection_is_looked_at_before_it_is_used_again(void **state)
{
    struct probe probe;
    struct platform_link *link;

    (void)state;
    bench_open(&bench);
    expect_ok("/ok", 200, "{\"success\":true,\"item\":{\"id\":1}}");
    link = CONTAINER_OF(list_first(&bench.platform.links), struct platform_link, link);
    link_write_now(link, STR(STALE));
    wait_until_it_arrived();
    clock_set(clock_now_ms(), clock_wall_ms());
    clock_advance(2);
    probe_init(&probe, &bench, "/echo", CALL_CREATE);
    probe_start(&probe);
    clock_release();
    assert_true(bench_run(&bench, &probe.n_ends, 1));
    assert_int_equal(probe.code, ERR_OK);
    assert_string_equal(probe.body, "{\"a\":1}");
    assert_int_equal(bench.platform.n_connections, 2);
}

/* Rests for `ms`; returns how many connections a call then needed more. */
static unsigned connections_after(uint64_t ms)
{
    unsigned before = bench.platform.n_connections;
    struct probe probe;

    clock_set(clock_now_ms(), clock_wall_ms());
    clock_advance(ms);
    probe_init(&probe, &bench, "/script", CALL_READ);
    probe_start(&probe);
    clock_release();
    assert_true(bench_run(&bench, &probe.n_ends, 1));
    assert_int_equal(probe.code, ERR_OK);
    return bench.platform.n_connections - before;
}

static void a_connection_rests_as_long_as_the_platform_keeps_it(void **state)
{
    static const struct script_row plain = {.first = STR_INIT(OWN)};
    static const struct script_row sixty = {
        .first = STR_INIT(OK200 "Keep-Alive: max=100, timeout=60\r\nContent-Length: 3\r\n\r\nown")};

    (void)state;
    bench_open(&bench);
    script(&plain, 1);
    expect_ok("/script", 200, "own");
    assert_int_equal(connections_after(100000), 0);
    assert_int_equal(connections_after(120000), 1);
    script(&sixty, 1);
    expect_ok("/script", 200, "own");
    assert_int_equal(connections_after(30000), 0);
    assert_int_equal(connections_after(60000), 1);
}

/* An answer that does not fit its request may be another one's, and its own may still come. */
static void a_doubted_connection_is_not_used_again(void **state)
{
    struct probe first;
    struct probe second;

    (void)state;
    bench_open(&bench);
    probe_run_ok(&first, &bench, "/ok", CALL_READ);
    upstream_doubt_answer(&first.call);
    probe_run_ok(&second, &bench, "/ok", CALL_READ);
    assert_int_equal(bench.platform.n_connections, 2);
    upstream_doubt_answer(&first.call); /* its connection is gone */
    probe_run_ok(&second, &bench, "/ok", CALL_READ);
    assert_int_equal(bench.platform.n_connections, 2);
}

static void what_was_sent_on_a_doubted_connection_takes_no_answer_of_it(void **state)
{
    (void)state;
    bench_open(&bench);
    for (int kind = CALL_READ; kind <= CALL_CREATE; kind++) {
        unsigned n_whole = bench.platform.n_whole;
        unsigned n_connections;
        struct probe first;
        struct probe second;

        probe_run_ok(&first, &bench, "/ok", CALL_READ);
        n_connections = bench.platform.n_connections;
        probe_init(&second, &bench, "/slow/20", (enum call_class)kind);
        probe_start(&second);
        upstream_doubt_answer(&first.call);
        assert_true(bench_run(&bench, &second.n_ends, 1));
        assert_int_equal(second.code, kind == CALL_READ ? ERR_OK : ERR_OUTCOME_UNKNOWN);
        assert_int_equal(bench.platform.n_whole, n_whole + (kind == CALL_READ ? 3 : 2));
        assert_int_equal(bench.platform.n_connections, n_connections + (kind == CALL_READ ? 1 : 0));
    }
}

struct framing_row {
    struct str answer;
    const char *body;
    int status;
    unsigned n_more; /* connections that the next call needs */
};

static void every_framing_is_read_and_the_connection_kept_where_it_may(void **state)
{
    static const struct framing_row rows[] = {
        {STR_INIT(OWN), "own", 200, 0},
        {STR_INIT("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" OWN), "own",
         200, 0},
        {STR_INIT(OK200 "Transfer-Encoding: chunked\r\n\r\n2;x=\"y\"\r\now\r\n1\r\nn\r\n0\r\n"
                        "X-Trailer: yes\r\n\r\n"),
         "own", 200, 0},
        {STR_INIT(OK200 "Connection: close\r\nContent-Length: 3\r\n\r\nown"), "own", 200, 1},
        {STR_INIT("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nown"), "own", 200, 1},
        {STR_INIT("HTTP/1.1 204 No\r\n\r\n"), "", 204, 0},
        {STR_INIT("HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\n"), "", 204, 1},
        {STR_INIT("HTTP/1.1 304 No\r\nContent-Length: 3\r\n\r\n"), "", 304, 0},
        {STR_INIT("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"), "", 500, 0},
        {STR_INIT(OK200 "Content-Encoding: deflate\r\nContent-Length: 5\r\n\r\n\xcb/\xcf\x03\0"),
         "own", 200, 0}, /* raw, without the head of zlib */
        {STR_INIT(OK200 "Content-Encoding: identity\r\nContent-Encoding: deflate\r\n"
                        "Content-Length: 5\r\n\r\n\xcb/\xcf\x03\0"),
         "own", 200, 0},
    };

    (void)state;
    bench_open(&bench);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct script_row row = {.first = rows[i].answer};
        unsigned n_connections;

        script(&row, 1);
        expect_ok("/script", rows[i].status, rows[i].body);
        n_connections = bench.platform.n_connections;
        expect_ok("/status/404", 404,
                  "{\"success\":false,\"error\":{\"code\":\"1\",\"message\":\"no\"}}");
        if (bench.platform.n_connections - n_connections != rows[i].n_more) {
            fail_msg("row %zu: %u connections more", i,
                     bench.platform.n_connections - n_connections);
        }
    }
}

static void a_body_may_run_until_the_close(void **state)
{
    static const struct script_row row = {.first = STR_INIT(OK200 "\r\now"),
                                          .pause_ms = 10,
                                          .second = STR_INIT("n"),
                                          .then = THEN_CLOSE};

    (void)state;
    bench_open(&bench);
    script(&row, 1);
    expect_ok("/script", 200, "own");
}

static void an_answer_to_head_has_no_body(void **state)
{
    static const struct script_row row = {.first = STR_INIT(OK200 "Content-Length: 3\r\n\r\n")};
    struct probe probe;

    (void)state;
    bench_open(&bench);
    script(&row, 1);
    for (int i = 0; i < 2; i++) {
        probe_init(&probe, &bench, "/script", CALL_READ);
        probe.call.request.method = STR("HEAD");
        probe_start(&probe);
        assert_true(bench_run(&bench, &probe.n_ends, 1));
        assert_int_equal(probe.code, ERR_OK);
        assert_int_equal(probe.body_bytes, 0);
    }
    assert_int_equal(bench.platform.n_connections, 1);
}

/* --- answers that are none ------------------------------------------------------------------- */

struct tap {
    struct probe probe; /* first */
    unsigned n_heads;
    size_t n_bytes;
};

static void on_head(struct upstream_call *call, int status, const struct upstream_header *headers,
                    size_t n)
{
    (void)status;
    (void)headers;
    (void)n;
    ((struct tap *)(void *)call)->n_heads++;
}

static bool on_data(struct upstream_call *call, struct str bytes)
{
    ((struct tap *)(void *)call)->n_bytes += bytes.len;
    return true;
}

static const struct upstream_stream down = {.on_head = on_head, .on_data = on_data};

struct broken_row {
    struct script_row row;
    enum error_code read;
    enum error_code create;
    unsigned n_heads; /* told of a stream */
};

static void expect_broken(const struct broken_row *row, enum call_class class, bool streams)
{
    unsigned n_whole = bench.platform.n_whole;
    enum error_code code = class == CALL_READ ? row->read : row->create;
    struct tap tap = {0};

    script(&row->row, 1);
    probe_init(&tap.probe, &bench, "/script", class);
    tap.probe.call.stream = streams ? &down : NULL;
    probe_start(&tap.probe);
    assert_true(bench_run(&bench, &tap.probe.n_ends, 1));
    if (tap.probe.code != code || tap.n_heads != (streams ? row->n_heads : 0)) {
        fail_msg("\"%.*s\" class %d%s: code %d (%s), %u heads", STR_ARG(row->row.first), (int)class,
                 streams ? " streamed" : "", (int)tap.probe.code, tap.probe.call.error.text,
                 tap.n_heads);
    }
    assert_true(tap.probe.call.may_have_left);
    assert_int_equal(bench.platform.n_whole, n_whole + 1);
}

static void expect_all_broken(const struct broken_row *rows, size_t n)
{
    bench.options.max_tries = 1;
    bench_open(&bench);
    for (size_t i = 0; i < n; i++) {
        for (int how = 0; how < 4; how++) {
            expect_broken(&rows[i], how % 2 == 0 ? CALL_READ : CALL_CREATE, how > 1);
        }
    }
}

static void an_answer_that_breaks_off_is_never_a_success(void **state)
{
    static const enum error_code lost = ERR_UPSTREAM_RESET;
    static const enum error_code unknown = ERR_OUTCOME_UNKNOWN;
    static const struct broken_row rows[] = {
        {{.then = THEN_CLOSE}, lost, unknown, 0},
        {{.then = THEN_RESET}, lost, unknown, 0},
        {{.first = STR_INIT("HTTP/1.1 200"), .then = THEN_CLOSE}, lost, unknown, 0},
        {{.first = STR_INIT(OK200 "Content-Ty"), .then = THEN_CLOSE}, lost, unknown, 0},
        {{.first = STR_INIT(OK200 "Content-Ty"), .then = THEN_RESET}, lost, unknown, 0},
        {{.first = STR_INIT(OK200 "Content-Type: x\r\n"), .then = THEN_CLOSE}, lost, unknown, 0},
        {{.first = STR_INIT("HTTP/1.1 100 Go\r\n\r\n"), .then = THEN_CLOSE}, lost, unknown, 0},
        {{.first = STR_INIT(OK200 "Content-Length: 3\r\n\r\n"), .then = THEN_CLOSE},
         lost,
         unknown,
         1},
        {{.first = STR_INIT(OK200 "Content-Length: 3\r\n\r\now"), .then = THEN_CLOSE},
         lost,
         unknown,
         1},
        {{.first = STR_INIT(OK200 "Transfer-Encoding: chunked\r\n\r\n3\r\nown\r\n"),
          .then = THEN_CLOSE},
         lost,
         unknown,
         1},
        {{.first = STR_INIT(OK200 "Transfer-Encoding: chunked\r\n\r\n3\r\nown\r\n0\r\n"),
          .pause_ms = 5,
          .then = THEN_CLOSE},
         lost,
         unknown,
         1},
        {{.first = STR_INIT(OK200 "\r\nuntil"), .pause_ms = 5, .then = THEN_RESET},
         lost,
         unknown,
         1},
    };

    (void)state;
    expect_all_broken(rows, ARRAY_LEN(rows));
}

static void an_answer_that_reads_two_ways_is_refused(void **state)
{
    static const char *const answers[] = {
        OK200 "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK200 "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        OK200 "Content-Length: 3\r\nContent-Length: 4\r\n\r\nown!",
        OK200 "Content-Length: 12345678901234567890123\r\n\r\nown",
        OK200 "Content-Length: three\r\n\r\nown",
        OK200 "Content-Length : 3\r\n\r\nown",
        OK200 "X: a\nContent-Length: 3\r\n\r\nown",
        "HTTP/1.1 200 OK\nContent-Length: 3\n\nown",
        OK200 "Transfer-Encoding: gzip\r\n\r\nown",
        OK200 "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nown",
        "HTTP/1.1 999 What\r\nContent-Length: 3\r\n\r\nown",
        "HTTP/3.0 200 OK\r\nContent-Length: 3\r\n\r\nown",
        "this is not HTTP at all\r\n\r\n",
        "{\"id\":1}",
    };
    struct broken_row rows[ARRAY_LEN(answers)];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        rows[i] = (struct broken_row){
            {.first = str_from(answers[i])}, ERR_UPSTREAM_SHAPE, ERR_OUTCOME_UNKNOWN, 0};
    }
    expect_all_broken(rows, ARRAY_LEN(rows));
}

static void a_head_without_end_is_refused(void **state)
{
    struct buf head;
    struct broken_row row = {.read = ERR_UPSTREAM_SHAPE, .create = ERR_OUTCOME_UNKNOWN};

    (void)state;
    buf_init(&head, 1 << 20);
    buf_text(&head, OK200 "X: ");
    while (head.len < 400000) {
        buf_text(&head, "0123456789");
    }
    buf_text(&head, "\r\nContent-Length: 0\r\n\r\n");
    row.row.first = buf_view(&head);
    expect_all_broken(&row, 1);
    buf_done(&head);
}

/* The framing is whole, the content is not. */
static void a_packed_body_that_is_cut_short_is_unreadable(void **state)
{
    static const size_t cuts[] = {1, 8, 9, 100};
    struct str packed = packed_bomb();
    struct probe probe;

    (void)state;
    bench.options.max_reply_bytes = 4 << 20;
    bench_open(&bench);
    for (size_t i = 0; i <= ARRAY_LEN(cuts); i++) {
        size_t len = packed.len - (i < ARRAY_LEN(cuts) ? cuts[i] : 0);
        struct script_row row = {0};
        struct buf answer;

        buf_init(&answer, 1 << 20);
        buf_printf(&answer, OK200 "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", len);
        buf_append(&answer, packed.ptr, len);
        row.first = buf_view(&answer);
        script(&row, 1);
        for (int kind = CALL_READ; kind <= CALL_CREATE; kind++) {
            probe_run(&probe, &bench, "/script", (enum call_class)kind);
            assert_int_equal(probe.code, i < ARRAY_LEN(cuts) ? ERR_UPSTREAM_SHAPE : ERR_OK);
            assert_true(i < ARRAY_LEN(cuts) || probe.body_bytes == 2 << 20);
        }
        buf_done(&answer);
    }
    assert_int_equal(bench.platform.n_connections, 1);
}

/* --- requests that end otherwise ------------------------------------------------------------- */

static void large_bodies_pass_both_ways(void **state)
{
    size_t len = 3 << 20;
    char *body = mem_alloc(len);
    struct probe probe;

    (void)state;
    memset(body, 'b', len);
    bench.options.max_reply_bytes = 4 << 20;
    bench_open(&bench);
    for (int i = 0; i < 2; i++) {
        uint64_t before = bench.platform.body_bytes;

        probe_init(&probe, &bench, i == 0 ? "/big/3145728" : "/chunked/3145728", CALL_CREATE);
        probe.call.request.body = (struct str){body, len};
        probe_start(&probe);
        assert_true(bench_run(&bench, &probe.n_ends, 1));
        assert_int_equal(probe.code, ERR_OK);
        assert_int_equal(probe.body_bytes, len);
        assert_int_equal(bench.platform.body_bytes - before, len);
    }
    assert_int_equal(bench.platform.n_connections, 1);
    mem_free(body);
}

struct counting {
    struct upstream_sieve sieve;
    size_t n_bytes;
    size_t n_answers;
};

/* A byte of each piece is kept. */
static void count_piece(struct upstream_sieve *sieve, size_t at, struct str piece, struct buf *kept)
{
    struct counting *counting = CONTAINER_OF(sieve, struct counting, sieve);

    counting->n_answers += at == 0 ? 1 : 0;
    counting->n_bytes = at == 0 ? 0 : counting->n_bytes;
    assert_int_equal(at, counting->n_bytes);
    counting->n_bytes += piece.len;
    buf_char(kept, 'k');
}

/* Of a long answer the sieve says what is kept, and the ceiling is one for what came. */
static void a_sieve_sees_all_of_a_long_answer(void **state)
{
    static const struct {
        const char *path;
        size_t max_bytes;
        size_t n_bytes; /* 0: too long */
        size_t n_kept;  /* 0: few */
    } rows[] = {
        {"/big/3145728", 4 << 20, 3145728, 0}, {"/chunked/3145728", 4 << 20, 3145728, 0},
        {"/bomb", 4 << 20, 2 << 20, 0},        {"/big/1000", 4 << 20, 0, 1000},
        {"/chunked/3145728", 1 << 20, 0, 0},   {"/bomb", 1 << 20, 0, 0},
    };

    (void)state;
    bench_open(&bench);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct counting counting = {.sieve = {.take = count_piece}};
        struct probe probe;

        probe_init(&probe, &bench, rows[i].path, CALL_READ);
        probe.call.request.sieve = &counting.sieve;
        probe.call.request.max_reply_bytes = rows[i].max_bytes;
        probe_start(&probe);
        assert_true(bench_run(&bench, &probe.n_ends, 1));
        if (rows[i].n_bytes == 0 && rows[i].n_kept == 0) {
            assert_int_equal(probe.code, ERR_UPSTREAM_TOO_BIG);
            continue;
        }
        assert_int_equal(probe.code, ERR_OK);
        assert_int_equal(counting.n_bytes, rows[i].n_bytes);
        assert_int_equal(counting.n_answers, rows[i].n_bytes > 0 ? 1 : 0);
        assert_in_range(probe.body_bytes, 1, rows[i].n_kept > 0 ? rows[i].n_kept : 4096);
        assert_true(rows[i].n_kept == 0 || probe.body_bytes == rows[i].n_kept);
    }
}

static void a_refusal_before_the_end_of_a_body_is_its_answer(void **state)
{
    size_t len = 3 << 20;
    char *body = mem_alloc(len);
    struct probe probe;

    (void)state;
    memset(body, 'b', len);
    bench_open(&bench);
    for (int i = 0; i < 5; i++) {
        probe_init(&probe, &bench, "/refuse", CALL_CREATE);
        probe.call.request.body = (struct str){body, len};
        probe_start(&probe);
        assert_true(bench_run(&bench, &probe.n_ends, 1));
        assert_int_equal(probe.code, ERR_OK);
        assert_int_equal(probe.status, 413);
        assert_string_equal(probe.body, "long");
        expect_ok("/status/200", 200,
                  "{\"success\":false,\"error\":{\"code\":\"1\",\"message\":\"no\"}}");
    }
    mem_free(body);
}

static void a_read_whose_kept_connection_dies_is_sent_once_more(void **state)
{
    struct probe probe;

    (void)state;
    bench.options.max_tries = 1;
    bench_open(&bench);
    probe_run_ok(&probe, &bench, "/second", CALL_READ);
    probe_run_ok(&probe, &bench, "/second", CALL_READ);
    assert_int_equal(probe.call.tries, 1);
    assert_int_equal(bench.platform.n_connections, 2);
    assert_int_equal(bench.platform.n_whole, 3);
    probe_run(&probe, &bench, "/reset", CALL_READ); /* kept, then a fresh one: no third time */
    assert_int_equal(probe.code, ERR_UPSTREAM_RESET);
    assert_int_equal(bench.platform.n_whole, 5);
    probe_run(&probe, &bench, "/reset", CALL_READ); /* a fresh one */
    assert_int_equal(probe.code, ERR_UPSTREAM_RESET);
    assert_int_equal(bench.platform.n_whole, 6);
}

/* The platform takes the second request of a connection, and ends it without an answer. */
static void a_second_request_that_is_cut_off_is_read_again_or_unknown(void **state)
{
    (void)state;
    bench_open(&bench);
    for (int i = 0; i < 4; i++) {
        const struct script_row rows[] = {{.first = STR_INIT(OWN)},
                                          {.then = i < 2 ? THEN_CLOSE : THEN_RESET},
                                          {.first = STR_INIT(OWN)}};
        enum call_class class = i % 2 == 0 ? CALL_READ : CALL_CREATE;
        unsigned n_whole = bench.platform.n_whole;
        struct probe probe;

        script(rows, ARRAY_LEN(rows));
        expect_ok("/script", 200, "own");
        probe_run(&probe, &bench, "/script", class);
        if (probe.code != (class == CALL_READ ? ERR_OK : ERR_OUTCOME_UNKNOWN)) {
            fail_msg("row %d: code %d (%s)", i, (int)probe.code, probe.call.error.text);
        }
        assert_int_equal(bench.platform.n_whole, n_whole + (class == CALL_READ ? 3 : 2));
        if (class == CALL_READ) {
            assert_string_equal(probe.body, "own");
        }
    }
}

/* --- through a proxy ------------------------------------------------------------------------- */

static void a_tunnel_that_fails_has_sent_nothing(void **state)
{
    char proxy[64];
    struct probe probe;

    (void)state;
    memcpy(proxy, bench.url, sizeof(proxy));
    *strstr(proxy, "/api") = '\0';
    assert_int_equal(setenv("https_proxy", proxy, 1), 0);
    assert_int_equal(unsetenv("no_proxy") + unsetenv("NO_PROXY"), 0);
    bench.options.base_url = STR("https://platform.invalid/api");
    bench_open(&bench);
    for (int i = 0; i < 2; i++) {
        bench.platform.n_tunnels = 0;
        bench.platform.refuses_tunnels = i == 1;
        probe_run(&probe, &bench, "/ok", CALL_CREATE);
        assert_int_equal(probe.code, ERR_UPSTREAM_CONNECT);
        assert_false(probe.call.may_have_left);
        assert_int_equal(probe.call.tries, 3);
        assert_int_equal(bench.platform.n_tunnels, i == 0 ? 3 : 0);
    }
    assert_int_equal(unsetenv("https_proxy"), 0);
}

/* --- an outage ------------------------------------------------------------------------------- */

static void an_outage_is_not_made_worse(void **state)
{
    enum { N_CALLS = 300 };

    unsigned n_tries = 0;

    (void)state;
    bench.options.retry_base_ms = 0;
    bench.options.retry_budget_percent = 10;
    bench_open(&bench);
    for (int i = 0; i < N_CALLS; i++) {
        struct probe probe;

        probe_run_ok(&probe, &bench, "/status/503", CALL_READ);
        n_tries += probe.call.tries;
    }
    assert_in_range(n_tries, N_CALLS + 10, N_CALLS + N_CALLS / 10);
    assert_int_equal(bench.platform.n_whole, n_tries);
}

int test_evil(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(bytes_between_two_requests_are_no_answer),
        T(a_connection_is_looked_at_before_it_is_used_again),
        T(a_connection_rests_as_long_as_the_platform_keeps_it),
        T(a_doubted_connection_is_not_used_again),
        T(what_was_sent_on_a_doubted_connection_takes_no_answer_of_it),
        T(every_framing_is_read_and_the_connection_kept_where_it_may),
        T(a_body_may_run_until_the_close),
        T(an_answer_to_head_has_no_body),
        T(an_answer_that_breaks_off_is_never_a_success),
        T(an_answer_that_reads_two_ways_is_refused),
        T(a_head_without_end_is_refused),
        T(a_packed_body_that_is_cut_short_is_unreadable),
        T(large_bodies_pass_both_ways),
        T(a_sieve_sees_all_of_a_long_answer),
        T(a_refusal_before_the_end_of_a_body_is_its_answer),
        T(a_read_whose_kept_connection_dies_is_sent_once_more),
        T(a_second_request_that_is_cut_off_is_read_again_or_unknown),
        T(a_tunnel_that_fails_has_sent_nothing),
        T(an_outage_is_not_made_worse),
#undef T
    };

    return cmocka_run_group_tests_name("upstream evil", tests, NULL, NULL);
}
