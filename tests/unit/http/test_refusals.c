/* Malformed and oversized requests against a running server: the status, the closed connection, and
 * that the service never hears of them. */
#include "cases.h"
#include "stage.h"

static void expect_refusal(struct stage *stage, const struct refused_case *bad)
{
    struct peer peer;

    peer_open(&peer, stage);
    (void)peer_send(&peer, (struct str){bad->bytes, bad->len});
    (void)peer_send_text(&peer, GET "\r\n"); /* would be answered if it were taken for a request */
    (void)shutdown(peer.fd, SHUT_WR);
    peer_read_all(&peer);
    if (peer_status(&peer) != bad->status || peer_count(&peer, "\r\nDate: ") != 1 ||
        !peer_has(&peer, "\r\nConnection: close\r\n") ||
        !peer_has(&peer, "\r\nContent-Type: application/problem+json\r\n")) {
        fail_msg("%s: wanted one %d that closes, got\n%.*s", bad->what, bad->status,
                 (int)peer.in.len, peer.in.ptr);
    }
    peer_close(&peer);
}

static void the_service_never_hears_of_bad_heads(void **state)
{
    const struct http_server_options options = stage_options();
    struct stage stage;

    (void)state;
    stage_open(&stage, &options);
    for (size_t i = 0; i < ARRAY_LEN(refused_heads); i++) {
        expect_refusal(&stage, &refused_heads[i]);
    }
    assert_int_equal(stage.n_heads, 0);
    assert_int_equal(stage.n_aborts, 0);
    stage_close(&stage);
}

static void a_bad_body_is_never_given(void **state)
{
    const struct http_server_options options = stage_options();
    struct stage stage;

    (void)state;
    stage_open(&stage, &options);
    for (size_t i = 0; i < ARRAY_LEN(refused_bodies); i++) {
        expect_refusal(&stage, &refused_bodies[i]);
    }
    assert_int_equal(stage.n_heads, ARRAY_LEN(refused_bodies));
    assert_int_equal(stage.n_bodies, 0);
    stage_close(&stage);
}

/* A service that takes the body in pieces is told, and the client still gets its 400. */
static void a_bad_streamed_body_is_told(void **state)
{
    const struct http_server_options options = stage_options();
    struct stage stage;
    struct peer peer;

    (void)state;
    stage_open(&stage, &options);
    peer_ask(&peer, &stage,
             "POST /in HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
             "\"status\":400");
    assert_int_equal(peer_status(&peer), 400);
    assert_int_equal(stage.n_chunks, 1);
    assert_int_equal(stage.n_ends, 0);
    assert_int_equal(stage.n_aborts, 1);
    peer_close(&peer);
    stage_close(&stage);
}

static struct str long_request(struct buf *out, const char *before, size_t n, const char *after)
{
    buf_init(out, 1U << 20);
    buf_text(out, before);
    for (size_t i = 0; i < n; i++) {
        buf_char(out, 'a');
    }
    buf_text(out, after);
    return buf_view(out);
}

static void expect_long(struct stage *stage, struct str bytes, int status)
{
    struct peer peer;

    peer_open(&peer, stage);
    (void)peer_send(&peer, bytes);
    peer_read_until(&peer, "\r\n\r\n");
    assert_int_equal(peer_status(&peer), status);
    peer_close(&peer);
}

static void limits_have_their_status(void **state)
{
    const struct http_server_options options = stage_options();
    struct stage stage;
    struct buf text;

    (void)state;
    stage_open(&stage, &options);
    expect_long(&stage, long_request(&text, "GET /now?", 8000, " HTTP/1.1\r\n" HOST "\r\n"), 200);
    buf_done(&text);
    expect_long(&stage, long_request(&text, "GET /now?", 9000, " HTTP/1.1\r\n" HOST "\r\n"), 414);
    buf_done(&text);
    expect_long(&stage, long_request(&text, "GET /now?", 500000, ""), 414);
    buf_done(&text);
    expect_long(&stage, long_request(&text, GET "X: ", 16000, "\r\n\r\n"), 200);
    buf_done(&text);
    expect_long(&stage, long_request(&text, GET "X: ", 500000, ""), 431);
    buf_done(&text);
    expect_long(&stage, long_request(&text, POST "Content-Length: 65536\r\n\r\n", 65536, ""), 200);
    buf_done(&text);
    assert_int_equal(stage.n_bodies, 3);
    expect_long(&stage, STR(POST "Content-Length: 65537\r\n\r\n"), 413);
    expect_long(&stage, long_request(&text, CHUNKED "10001\r\n", 65537, "\r\n0\r\n\r\n"), 413);
    buf_done(&text);
    assert_int_equal(stage.n_bodies, 3);
    stage_close(&stage);
}

/* A limit of heads above what is read ahead must still lead to 431, not to a broken connection. */
static void large_head_limits_work(void **state)
{
    struct http_server_options options = stage_options();
    struct stage stage;
    struct buf text;

    (void)state;
    options.max_header_bytes = 300000;
    options.max_pipeline_bytes = 1024;
    stage_open(&stage, &options);
    expect_long(&stage, long_request(&text, GET "X: ", 299000, "\r\n\r\n"), 200);
    buf_done(&text);
    expect_long(&stage, long_request(&text, GET "X: ", 301000, "\r\n\r\n"), 431);
    buf_done(&text);
    stage_close(&stage);
}

/* The client goes on sending after the refusal and can still read it. */
static void a_refusal_can_be_read_by_who_still_sends(void **state)
{
    const struct http_server_options options = stage_options();
    struct stage stage;
    struct peer peer;
    struct buf text;

    (void)state;
    stage_open(&stage, &options);
    peer_open(&peer, &stage);
    (void)peer_send(&peer,
                    long_request(&text,
                                 "POST /refuse HTTP/1.1\r\n" HOST "Content-Length: 900000\r\n\r\n",
                                 900000, ""));
    peer_read_until(&peer, "\"status\":403");
    stage_settle(&stage);
    assert_false(peer_receive(&peer) || (peer.ended && errno == ECONNRESET));
    stage_pass(&stage, 2001);
    assert_int_equal(http_server_n_connections(stage.server), 0);
    assert_int_equal(stage.n_heads, 1);
    assert_int_equal(stage.n_bodies, 0);
    peer_close(&peer);
    buf_done(&text);
    stage_close(&stage);
}

static void expectations_are_met_or_refused(void **state)
{
    const struct http_server_options options = stage_options();
    struct stage stage;
    struct peer peer;

    (void)state;
    stage_open(&stage, &options);
    peer_ask(&peer, &stage, POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
             "HTTP/1.1 100 Continue\r\n\r\n");
    (void)peer_send_text(&peer, "hello");
    peer_read_until(&peer, "\r\n\r\nhello");
    peer_close(&peer);
    /* the head in two pieces */
    peer_open(&peer, &stage);
    (void)peer_send_text(&peer, "POST /now HTTP/1.1\r\nHost:");
    stage_settle(&stage);
    (void)peer_send_text(&peer, " x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    peer_read_until(&peer, "100 Continue");
    peer_close(&peer);
    /* the body is there already, or there is none, or it is refused: nobody is told to go on */
    peer_ask(&peer, &stage, POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
             "\r\n\r\nhi");
    assert_int_equal(peer_count(&peer, "100 Continue"), 0);
    peer_close(&peer);
    peer_ask(&peer, &stage, POST "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n", "\r\n\r\n");
    assert_int_equal(peer_status(&peer), 200);
    peer_close(&peer);
    peer_ask(&peer, &stage, POST "Expect: 100-continue\r\nContent-Length: 70000\r\n\r\n",
             "\r\n\r\n");
    assert_int_equal(peer_status(&peer), 413);
    peer_close(&peer);
    peer_ask(&peer, &stage,
             "POST /refuse HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
             "\r\n\r\n");
    assert_int_equal(peer_status(&peer), 403);
    peer_close(&peer);
    stage_close(&stage);
}

int test_refusals(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_service_never_hears_of_bad_heads),
        cmocka_unit_test(a_bad_body_is_never_given),
        cmocka_unit_test(a_bad_streamed_body_is_told),
        cmocka_unit_test(limits_have_their_status),
        cmocka_unit_test(large_head_limits_work),
        cmocka_unit_test(a_refusal_can_be_read_by_who_still_sends),
        cmocka_unit_test(expectations_are_met_or_refused),
    };

    return cmocka_run_group_tests_name("http refusals", tests, NULL, NULL);
}
