/* The guard and llhttp together, fed from memory. */
#include "harness/cmocka.h"

#include <string.h>

#include "base/mem.h"
#include "cases.h"
#include "http/problem.h"
#include "wire.h"

static const struct http_server_options options = {
    .max_request_line = 8192, .max_header_bytes = 16384, .max_headers = 64};

/* Small enough that limits are met in the middle of short inputs. */
static const struct http_server_options tight = {
    .max_request_line = 40, .max_header_bytes = 60, .max_headers = 3};

static void expect_same(const struct wire *whole, const struct wire *split, const char *what,
                        size_t at)
{
    if (!str_eq(buf_view(&whole->events), buf_view(&split->events))) {
        fail_msg("%s, split at %zu:\n%.*s\nwhole:\n%.*s", what, at,
                 STR_ARG(buf_view(&split->events)), STR_ARG(buf_view(&whole->events)));
    }
}

/* Whole, byte by byte, by three and by seven, and in two parts at each place. */
static void expect_invariance(const struct http_server_options *limits, struct str bytes,
                              const char *what)
{
    static const size_t steps[] = {1, 2, 3, 7};
    struct wire whole;
    struct wire split;

    wire_run(&whole, limits, bytes, 0, 0);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        wire_run(&split, limits, bytes, 0, steps[i]);
        expect_same(&whole, &split, what, steps[i]);
        wire_done(&split);
    }
    for (size_t at = 1; at < bytes.len; at++) {
        wire_run(&split, limits, bytes, at, 0);
        expect_same(&whole, &split, what, at);
        wire_done(&split);
    }
    wire_done(&whole);
}

static const char *const good[] = {
    GET "\r\n",
    "\r\n" GET "\r\n",
    "\r\n\r\n" GET "\r\n",
    GET "X-Empty:\r\nX-Blank:  \t a b \t\r\nX-\x21#$: \xc3\xa9\r\n\r\n",
    "GET /now?a=b&c=%20 HTTP/1.0\r\n\r\n",
    "GET /now HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
    "GET http://host:8000/now?q HTTP/1.1\r\n" HOST "\r\n",
    "GET https://host HTTP/1.1\r\n" HOST "\r\n",
    "GET http://a.org?x=1 HTTP/1.1\r\n" HOST "\r\n",
    "GET HTTP://[::1]:80?x HTTP/1.1\r\n" HOST "\r\n",
    "OPTIONS http://a.org HTTP/1.1\r\n" HOST "\r\n",
    "GET /now HTTP/1.1\r\nHost: a:\r\n\r\n",
    "GET /now HTTP/1.1\r\nHost: a-b.c_d~:65535\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\n" HOST "\r\n",
    "GET /now HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
    "GET /now HTTP/1.1\r\nHost:\r\n\r\n",
    GET "Connection: close\r\n\r\n",
    GET "Connection: foo, Close\r\n\r\n",
    GET "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    GET "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" GET "\r\n",
    POST "Content-Length: 0\r\n\r\n",
    POST "\r\n",
    POST "Content-Length: 5\r\n\r\nhello",
    POST "Content-Length: 0005\r\n\r\nhello",
    POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
    POST "Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello" GET "\r\n",
    POST "Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    CHUNKED "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n",
    CHUNKED "5;a=b\r\nhello\r\n000;x\r\n\r\n", /* 8.1 takes one extension a chunk, no quotes */
    CHUNKED "A\r\n0123456789\r\n0\r\nX-Trailer: a\r\nContent-MD5: b\r\n\r\n",
    CHUNKED "0\r\n\r\n",
    CHUNKED "2\r\n\r\n\r\n0\r\n\r\n",
    GET "\r\n" GET "\r\n" POST "Content-Length: 3\r\n\r\nabc" GET "\r\n",
    CHUNKED "3\r\nabc\r\n0\r\n\r\n" CHUNKED "0\r\n\r\n" GET "\r\n",
    POST "Content-Length: 30\r\n\r\nGET /now HTTP/1.1\r\nHost: a\r\n\r\n" GET "\r\n",
};

static void splits_do_not_matter(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        expect_invariance(&options, str_from(good[i]), good[i]);
        expect_invariance(&tight, str_from(good[i]), good[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(refused_heads); i++) {
        const struct refused_case *bad = &refused_heads[i];

        expect_invariance(&options, (struct str){bad->bytes, bad->len}, bad->what);
        expect_invariance(&tight, (struct str){bad->bytes, bad->len}, bad->what);
    }
    for (size_t i = 0; i < ARRAY_LEN(refused_bodies); i++) {
        const struct refused_case *bad = &refused_bodies[i];

        expect_invariance(&options, (struct str){bad->bytes, bad->len}, bad->what);
    }
}

static void good_requests_pass(void **state)
{
    struct wire wire;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        wire_run(&wire, &options, str_from(good[i]), 0, 0);
        if (wire.refused || wire.waiting.len > 0 || wire.in_body || wire.n_requests == 0) {
            fail_msg("%s\n%.*s", good[i], STR_ARG(buf_view(&wire.events)));
        }
        wire_done(&wire);
    }
}

static void expect_refusals(const struct refused_case *cases, size_t n)
{
    struct wire wire;

    for (size_t i = 0; i < n; i++) {
        wire_run(&wire, &options, (struct str){cases[i].bytes, cases[i].len}, 0, 0);
        if (!wire.refused || problem_row(wire.err.code)->status != cases[i].status ||
            wire.n_requests > 0) {
            fail_msg("%s: wanted %d, got\n%.*s", cases[i].what, cases[i].status,
                     STR_ARG(buf_view(&wire.events)));
        }
        wire_done(&wire);
    }
}

static void bad_requests_get_their_status(void **state)
{
    (void)state;
    expect_refusals(refused_heads, ARRAY_LEN(refused_heads));
    expect_refusals(refused_bodies, ARRAY_LEN(refused_bodies));
}

static void expect_events(const char *bytes, const char *events)
{
    struct wire wire;

    wire_run(&wire, &options, str_from(bytes), 0, 0);
    assert_string_equal(buf_cstr(&wire.events), events);
    wire_done(&wire);
}

static void requests_are_read_as_they_are_meant(void **state)
{
    (void)state;
    expect_events("GET /a/b?c=d&e HTTP/1.1\r\nhost: x\r\nX-A:  b c \t\r\nX-B:\r\n\r\n",
                  "head GET /a/b|c=d&e 1.1 keep host=x X-A=b c X-B= (0)\n");
    expect_events("GET http://h:80/a?b HTTP/1.1\r\nHost: x\r\n\r\n",
                  "head GET /a|b 1.1 keep Host=x (0)\n");
    expect_events("GET HTTPS://h HTTP/1.1\r\nHost: x\r\n\r\n", "head GET /| 1.1 keep Host=x (0)\n");
    expect_events("GET http://a.org?x=1 HTTP/1.1\r\nHost: x\r\n\r\n",
                  "head GET /|x=1 1.1 keep Host=x (0)\n");
    expect_events("OPTIONS http://a.org HTTP/1.1\r\nHost: x\r\n\r\n",
                  "head OPTIONS *| 1.1 keep Host=x (0)\n");
    expect_events("OPTIONS http://a.org/ HTTP/1.1\r\nHost: x\r\n\r\n",
                  "head OPTIONS /| 1.1 keep Host=x (0)\n");
    expect_events("GET / HTTP/1.0\r\n\r\n", "head GET /| 1.0 close (0)\n");
    expect_events("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
                  "head GET /| 1.0 keep Connection=keep-alive (0)\n");
    expect_events("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n1",
                  "head POST /| 1.0 close Expect=100-continue Content-Length=1 (1)\n1\nend\n");
    expect_events("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "2;e\r\nab\r\n1\r\nc\r\n0\r\nT: u\r\n\r\nHEAD / HTTP/1.0\r\n\r\n",
                  "head PUT /| 1.1 keep Host=x Transfer-Encoding=chunked (-1)\nabc\nend\n"
                  "head HEAD /| 1.0 close (0)\n");
}

/* `n` times `unit`, between two texts. */
static struct str repeated(struct buf *out, const char *before, const char *unit, size_t n,
                           const char *after)
{
    buf_init(out, WIRE_MAX);
    buf_text(out, before);
    for (size_t i = 0; i < n; i++) {
        buf_text(out, unit);
    }
    buf_text(out, after);
    assert_true(buf_ok(out));
    return buf_view(out);
}

static int status_of(const struct http_server_options *limits, struct str bytes, size_t step)
{
    struct wire wire;
    int status;

    wire_run(&wire, limits, bytes, 0, step);
    status = wire.refused ? problem_row(wire.err.code)->status : 0;
    wire_done(&wire);
    return status;
}

static void expect_status(const char *before, const char *unit, size_t n, const char *after,
                          int status)
{
    struct buf text;
    struct str bytes = repeated(&text, before, unit, n, after);

    assert_int_equal(status_of(&options, bytes, 0), status);
    assert_int_equal(status_of(&options, bytes, 1000), status);
    buf_done(&text);
}

static void limits_hold_to_the_byte(void **state)
{
    (void)state;
    expect_status("GET /", "a", 8192 - 14, " HTTP/1.1\r\n" HOST "\r\n", 0);
    expect_status("GET /", "a", 8192 - 13, " HTTP/1.1\r\n" HOST "\r\n", 414);
    expect_status("GET /", "a", 100000, "", 414);
    expect_status("", "A", 8195, "", 414);
    expect_status(GET "X: ", "a", 16384 - 14, "\r\n\r\n", 0);
    expect_status(GET "X: ", "a", 16384 - 13, "\r\n\r\n", 431);
    expect_status(GET "X: ", "a", 100000, "", 431);
    expect_status(GET, "X: a\r\n", 63, "\r\n", 0);
    expect_status(GET, "X: a\r\n", 64, "\r\n", 431);
    expect_status(CHUNKED "5;x=", "a", 60000, "\r\nhello\r\n0\r\n\r\n", 0);
    expect_status(CHUNKED "5;x=", "a", 70000, "\r\nhello\r\n0\r\n\r\n", 413);
    expect_status(CHUNKED "0\r\n", "X: a\r\n", 20000, "\r\n", 413);
    expect_status(CHUNKED, "1\r\na\r\n", 100000, "0\r\n\r\n", 0);
    expect_status(CHUNKED, "1;abcdefghijkl\r\na\r\n", 20000, "0\r\n\r\n", 413);
}

/* A long body behind much framing must not make good, later, what was too much before. */
static void framing_is_judged_where_it_stands(void **state)
{
    struct buf text;
    struct str bytes;

    (void)state;
    (void)repeated(&text, CHUNKED "1;", "a", 70000, "\r\nb\r\n");
    buf_text(&text, "10000\r\n");
    for (int i = 0; i < 65536; i++) {
        buf_char(&text, 'c');
    }
    buf_text(&text, "\r\n0\r\n\r\n");
    bytes = buf_view(&text);
    assert_int_equal(status_of(&options, bytes, 0), 413);
    assert_int_equal(status_of(&options, bytes, 1), 413);
    assert_int_equal(status_of(&options, bytes, 65536), 413);
    buf_done(&text);
}

/* Two faults in one request: the first one counts, however much of it came at once. */
static void the_first_fault_counts(void **state)
{
    static const char *const faults[] = {
        "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\nX: a\rb\r\n\r\n",
        "GET /a HTTP/1.1\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\rb\r\n\r\n",
        "GET /a HTTP/1.1\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nY\n",
        "GET /a HTTP/1.1\r\nX: a\rb aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n",
        "GET /a HTTP/1.1\r\n b\r\nX: a\rb\r\n\r\n",
        "\r\n\r\nGET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\nX: a\n",
        "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\rX: a\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        expect_invariance(&tight, str_from(faults[i]), faults[i]);
    }
}

int test_parser(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_requests_pass),
        cmocka_unit_test(bad_requests_get_their_status),
        cmocka_unit_test(requests_are_read_as_they_are_meant),
        cmocka_unit_test(splits_do_not_matter),
        cmocka_unit_test(the_first_fault_counts),
        cmocka_unit_test(limits_hold_to_the_byte),
        cmocka_unit_test(framing_is_judged_where_it_stands),
    };

    return cmocka_run_group_tests_name("http parser", tests, NULL, NULL);
}
