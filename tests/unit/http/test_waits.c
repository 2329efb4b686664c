/* What a connection waits for, and how long: bodies in drips, idle clients, readers that are slow. Each test ends with
 * loop_done, which CHECKs that no handle is left. */
#include "connection.h"

int test_waits(void);

/* --- time */

static void every_wait_has_its_end(void **state)
{
    static const struct {
        const char *bytes;
        uint64_t ms;
        int status; /* 0: closed without a word */
    } waits[] = {
        {"", 30000, 0},
        {"GET /no", 5000, 408},
        {POST "Content-Length: 5\r\n\r\nhel", 6000, 408},
        {"GET /late HTTP/1.1\r\n" HOST "\r\n", 1000, 504},
        {"POST /late HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhel", 1000, 408},
    };
    struct stage *stage = *state;
    struct peer peer;

    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        peer_ask(&peer, stage, waits[i].bytes, "");
        stage_pass(stage, waits[i].ms - 1);
        assert_false(peer_receive(&peer));
        assert_false(peer.ended);
        stage_pass(stage, 2);
        stage_pass(stage, 2001); /* linger */
        (void)peer_receive(&peer);
        (void)peer_receive(&peer);
        assert_int_equal(peer_status(&peer), waits[i].status);
        assert_true(peer.ended || waits[i].status == 504);
        peer_close(&peer);
    }
    assert_int_equal(stage->n_deadlines, 1);
}

static void an_idle_connection_is_kept_for_its_time(void **state)
{
    struct stage *stage = *state;
    struct peer peer;

    peer_ask(&peer, stage, GET "\r\n", "\r\n\r\n");
    stage_pass(stage, 29999);
    assert_int_equal(http_server_n_connections(stage->server), 1);
    (void)peer_send_text(&peer, GET "\r\n");
    stage_pass(stage, 29999);
    assert_int_equal(http_server_n_connections(stage->server), 1);
    stage_pass(stage, 2);
    peer_read_all(&peer);
    assert_int_equal(peer_count(&peer, "HTTP/1.1 "), 2);
    peer_close(&peer);
}

/* One byte now and then keeps no connection: progress must also have a rate. */
static void a_body_in_drips_is_cut_off(void **state)
{
    struct stage *stage = *state;
    struct peer peer;
    unsigned n = 0;

    peer_ask(&peer, stage, POST "Content-Length: 60000\r\n\r\n", "");
    while (n < 100 && !peer_receive(&peer)) {
        (void)peer_send_text(&peer, "a");
        stage_pass(stage, 1000);
        n++;
    }
    assert_int_equal(peer_status(&peer), 408);
    assert_in_range(n, 5, 10);
    peer_close(&peer);
}

/* --- slow readers */

static void a_slow_reader_gets_all_of_its_answer(void **state)
{
    struct stage *stage = *state;
    struct peer peer;
    size_t before = 0;

    peer_open_small(&peer, stage, 4096);
    (void)peer_send_text(&peer, "GET /big HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    stage_settle(stage);
    while (!peer.ended) { /* reads a little every 3.5 s; linger_ms is 2 s, write_timeout_ms 8 s */
        stage_pass(stage, 3500);
        /* The kernel may take its own time to carry bytes through a small window. */
        STAGE_UNTIL(stage, peer_receive(&peer) || peer.ended);
        assert_true(peer.in.len > before || peer.ended);
        before = peer.in.len;
    }
    assert_int_equal(peer_body(&peer).len, STAGE_BIG);
    peer_close(&peer);
}

static void who_reads_nothing_is_cut_off(void **state)
{
    struct stage *stage = *state;
    struct peer peer;

    /* large enough that the kernel cannot hold it */
    peer_open_small(&peer, stage, 4096);
    (void)peer_send_text(&peer, "GET /out HTTP/1.1\r\n" HOST "\r\n");
    stage_settle(stage);
    assert_int_equal(http_server_n_exchanges(stage->server), 1);
    assert_true(stage->out_sent < STAGE_OUT);
    stage_pass(stage, 7999);
    assert_int_equal(http_server_n_connections(stage->server), 1);
    stage_pass(stage, 8001);
    stage_pass(stage, 8001);
    assert_int_equal(http_server_n_connections(stage->server), 0);
    assert_int_equal(stage->n_aborts, 1);
    peer_close(&peer);
}

static void streams_wait_for_their_reader(void **state)
{
    static const char *const targets[] = {"/out", "/sized"};
    struct stage *stage = *state;
    struct peer peer;

    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        peer_open_small(&peer, stage, 16384);
        (void)peer_send_text(&peer,
                             i == 0 ? "GET /out HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"
                                    : "GET /sized HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
        stage_settle(stage);
        /* what the kernel takes, the high-water mark, and one piece */
        assert_true(stage->out_sent < STAGE_OUT);
        peer_read_all(&peer);
        assert_int_equal(stage->out_sent, STAGE_OUT);
        assert_true(i == 1 ? peer_body(&peer).len == STAGE_OUT
                           : str_ends(buf_view(&peer.in), STR("\r\n0\r\n\r\n")));
        peer_close(&peer);
    }
}

/* Requests are not worked on for who does not take the answers, however they arrive. */
static void pipelined_requests_wait_for_a_slow_reader(void **state)
{
    struct stage *stage = *state;
    struct peer peer;
    unsigned answered;

    peer_open_small(&peer, stage, 65536);
    for (int i = 0; i < 40; i++) {
        (void)peer_send_text(&peer, "GET /big HTTP/1.1\r\n" HOST "\r\n");
    }
    stage_settle(stage);
    answered = stage->n_bodies;
    assert_in_range(answered, 1, 30);
    for (int i = 0; i < 100 && peer_send_text(&peer, GET "X-A: aaaaaaaaaaaaaaaaaaaaaa\r\n\r\n");
         i++) {
        stage_settle(stage);
    }
    assert_int_equal(stage->n_bodies, answered);
    while (stage->n_bodies < 40) {
        if (!peer_receive(&peer)) {
            assert_false(peer.ended);
            (void)loop_turn(&stage->loop, true);
        }
    }
    peer_close(&peer);
}

static void what_is_read_ahead_is_bounded(void **state)
{
    struct stage *stage = *state;
    struct buf text;
    struct peer peer;

    buf_init(&text, (size_t)16 * 1024 * 1024);
    for (int i = 0; i < 300000; i++) {
        buf_text(&text, GET "\r\n");
    }
    peer_open(&peer, stage);
    (void)peer_send_text(&peer, WAIT);
    STAGE_UNTIL(stage, stage->held != NULL);
    assert_false(peer_send(&peer, buf_view(&text))); /* 9 MB: more than all buffers hold */
    answer(stage, "done");
    peer_read_until(&peer, "done");
    peer_reset(&peer);
    buf_done(&text);
}

static void a_very_long_answer_arrives_whole(void **state)
{
    const struct str zeros = {mem_calloc(1, STAGE_LONG), STAGE_LONG};
    struct stage *stage = *state;
    struct peer peer;

    peer_open(&peer, stage);
    buf_done(&peer.in);
    buf_init(&peer.in, (size_t)2 * STAGE_LONG);
    (void)peer_send_text(&peer, "GET /wait HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    STAGE_UNTIL(stage, stage->held != NULL);
    exchange_reply(stage->held, 200, "application/octet-stream", zeros);
    peer_read_all(&peer);
    assert_int_equal(peer_body(&peer).len, STAGE_LONG);
    peer_close(&peer);
    mem_free(unconst(zeros.ptr));
}

int test_waits(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STAGE(every_wait_has_its_end),
        WITH_STAGE(an_idle_connection_is_kept_for_its_time),
        WITH_STAGE(a_body_in_drips_is_cut_off),
        WITH_STAGE(a_slow_reader_gets_all_of_its_answer),
        WITH_STAGE(a_very_long_answer_arrives_whole),
        WITH_STAGE(who_reads_nothing_is_cut_off),
        WITH_STAGE(streams_wait_for_their_reader),
        WITH_STAGE(pipelined_requests_wait_for_a_slow_reader),
        WITH_STAGE(what_is_read_ahead_is_bounded),
    };

    return cmocka_run_group_tests_name("http waits", tests, NULL, NULL);
}
