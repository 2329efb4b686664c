/* The life of a connection: keep-alive, pipelining, clients that leave, drain and close. Each test ends with loop_done,
 * which CHECKs that no handle is left. */
#include "connection.h"

/* --- requests one after another */

static void a_connection_is_kept_and_requests_answered_in_order(void **state)
{
    struct stage *stage = *state;
    struct peer peer;

    peer_open(&peer, stage);
    for (int i = 0; i < 20; i++) {
        buf_clear(&peer.in);
        (void)peer_send_text(&peer, POST "Content-Length: 2\r\n\r\nhi");
        peer_read_until(&peer, "\r\n\r\nhi");
        assert_false(peer_has(&peer, "Connection: close"));
    }
    buf_clear(&peer.in);
    (void)peer_send_text(&peer, WAIT POST "Content-Length: 3\r\n\r\none" POST
                                          "Transfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"
                                          "HEAD /json HTTP/1.1\r\n" HOST "\r\n"
                                          "GET /204 HTTP/1.1\r\n" HOST
                                          "Connection: close\r\n\r\n" GET "\r\n");
    STAGE_UNTIL(stage, stage->held != NULL);
    stage_settle(stage);
    assert_int_equal(peer.in.len, 0);
    assert_int_equal(stage->n_heads, 21); /* the others wait: one at a time */
    answer(stage, "zero");
    peer_read_all(&peer);
    assert_int_equal(peer_count(&peer, "HTTP/1.1 "), 5);
    assert_true(str_find(buf_view(&peer.in), STR("zero")) <
                str_find(buf_view(&peer.in), STR("\r\n\r\none")));
    assert_true(str_find(buf_view(&peer.in), STR("\r\n\r\none")) <
                str_find(buf_view(&peer.in), STR("\r\n\r\ntwo")));
    assert_true(str_find(buf_view(&peer.in), STR("\r\n\r\ntwo")) <
                str_find(buf_view(&peer.in), STR("Content-Length: 3072\r\n")));
    assert_true(str_ends(buf_view(&peer.in), STR("\r\n\r\n")));
    peer_close(&peer);
}

static void old_clients_are_closed_unless_they_ask(void **state)
{
    struct stage *stage = *state;
    struct peer peer;

    peer_ask(&peer, stage, "GET /now HTTP/1.0\r\n\r\n", NULL);
    assert_true(peer_has(&peer, "Connection: close\r\n"));
    peer_close(&peer);
    peer_ask(&peer, stage, "GET /now HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "\r\n\r\n");
    assert_true(peer_has(&peer, "Connection: keep-alive\r\n"));
    (void)peer_send_text(&peer, "GET /now HTTP/1.0\r\n\r\n");
    peer_read_all(&peer);
    assert_int_equal(peer_count(&peer, "HTTP/1.1 200"), 2);
    peer_close(&peer);
    peer_ask(&peer, stage, "GET /break HTTP/1.0\r\n\r\n", NULL);
    assert_false(peer_has(&peer, "chunked"));
    peer_close(&peer);
    peer_ask(&peer, stage, GET "Connection: foo, Close\r\n\r\n", NULL);
    assert_true(peer_has(&peer, "Connection: close\r\n"));
    peer_close(&peer);
}

static void a_connection_has_its_number_of_requests(void **state)
{
    struct http_server_options options = stage_options();
    struct stage stage;
    struct peer peer;

    (void)state;
    options.max_requests_per_connection = 3;
    stage_open(&stage, &options);
    peer_ask(&peer, &stage, GET "\r\n" GET "\r\n" GET "\r\n" GET "\r\n", NULL);
    assert_int_equal(peer_count(&peer, "HTTP/1.1 200"), 3);
    assert_int_equal(peer_count(&peer, "Connection: close"), 1);
    peer_close(&peer);
    stage_close(&stage);
}

/* Whatever the splits, the server says the same. */
static void splits_do_not_matter_on_sockets(void **state)
{
    static const char text[] =
        "\r\n" POST "Content-Length: 3\r\nConnection: keep-alive\r\n\r\none"
        "POST /in HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"
        "GET /now HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n" GET "\r\n";
    struct stage *stage = *state;
    struct peer whole;
    struct peer split;
    char *at_id;

    peer_ask(&whole, stage, text, NULL);
    assert_int_equal(peer_count(&whole, "HTTP/1.1 "), 3);
    for (size_t at = 1; at < sizeof(text) - 1; at += 3) {
        buf_clear(&stage->got);
        peer_open(&split, stage);
        (void)peer_send(&split, str_sub(str_from(text), 0, at));
        stage_settle(stage);
        (void)peer_send(&split, str_sub(str_from(text), at, sizeof(text)));
        peer_read_all(&split);
        assert_int_equal(split.in.len, whole.in.len);
        /* request ids differ; statuses and bodies stand at the same places */
        at_id = memmem(split.in.ptr, split.in.len, "HTTP/1.1 400", 12);
        assert_non_null(at_id);
        assert_int_equal(at_id - split.in.ptr, str_find(buf_view(&whole.in), STR("HTTP/1.1 400")));
        assert_int_equal(peer_count(&split, "\r\n\r\none"), 1);
        assert_int_equal(peer_count(&split, "\r\n\r\ntwo"), 1);
        peer_close(&split);
    }
    peer_close(&whole);
}

/* --- clients that leave */

static void leave(struct peer *peer, int how)
{
    if (how == 0) {
        peer_close(peer);
    } else if (how == 1) {
        peer_reset(peer);
    } else {
        (void)shutdown(peer->fd, SHUT_WR);
    }
}

struct leaving {
    const char *bytes;
    unsigned n_aborts;
};

static void leave_at(struct stage *stage, const struct leaving *leaving, int how)
{
    unsigned before = stage->n_aborts;
    struct peer peer;

    peer_open_small(&peer, stage, 4096);
    (void)peer_send_text(&peer, leaving->bytes);
    stage_settle(stage);
    leave(&peer, how);
    STAGE_UNTIL(stage, http_server_n_exchanges(stage->server) == 0);
    STAGE_UNTIL(stage, http_server_n_connections(stage->server) == 0);
    if (stage->n_aborts - before != leaving->n_aborts) {
        fail_msg("left by %d at \"%s\": %u aborts", how, leaving->bytes, stage->n_aborts - before);
    }
    peer_close(&peer);
}

static void clients_may_leave_at_every_stage(void **state)
{
    static const struct leaving stages[] = {
        {"", 0},
        {"GET /no", 0},
        {GET "X-A: b\r\n", 0},
        {POST "Content-Length: 5\r\n\r\nhel", 1},
        {CHUNKED "3\r\nab", 1},
        {"POST /in HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhel", 1},
        {"POST /slow HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhel", 1},
        {WAIT, 1},
        {WAIT GET "\r\n", 1},
        {"GET /late HTTP/1.1\r\n" HOST "\r\n", 1},
        {"GET /out HTTP/1.1\r\n" HOST "\r\n", 1},
        {GET "\r\n", 0},
        {"POST /refuse HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\n", 0},
    };

    for (int how = 0; how < 3; how++) {
        for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
            leave_at(*state, &stages[i], how);
        }
    }
}

/* `printf ... | nc -N`: the request and the end of the client's side come together. */
static void a_complete_answer_reaches_who_has_closed_its_side(void **state)
{
    struct stage *stage = *state;
    struct peer peer;

    peer_open_small(&peer, stage, 4096);
    (void)send(peer.fd, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n", 30, MSG_NOSIGNAL);
    (void)shutdown(peer.fd, SHUT_WR);
    peer_read_all(&peer);
    assert_int_equal(peer_status(&peer), 200);
    assert_int_equal(peer_body(&peer).len, STAGE_BIG);
    STAGE_UNTIL(stage, http_server_n_connections(stage->server) == 0);
    peer_close(&peer);
}

static void work_goes_on_without_its_client(void **state)
{
    struct stage *stage = *state;
    struct peer peer;

    peer_ask(&peer, stage, DETACH, "");
    STAGE_UNTIL(stage, stage->held != NULL);
    peer_reset(&peer);
    STAGE_UNTIL(stage, http_server_n_connections(stage->server) == 0);
    assert_int_equal(http_server_n_exchanges(stage->server), 1);
    assert_int_equal(stage->n_aborts, 1);
    answer(stage, "nobody reads this");
    STAGE_UNTIL(stage, http_server_n_exchanges(stage->server) == 0);
    /* and as a stream */
    peer_ask(&peer, stage, DETACH, "");
    STAGE_UNTIL(stage, stage->held != NULL);
    peer_close(&peer);
    STAGE_UNTIL(stage, http_server_n_connections(stage->server) == 0);
    exchange_stream_begin(stage->held, 200, "text/plain", -1);
    assert_true(exchange_stream_write(stage->held, STR("nobody")));
    exchange_stream_end(stage->held);
    STAGE_UNTIL(stage, http_server_n_exchanges(stage->server) == 0);
    stage->held = NULL;
}

static void orphans_are_cancelled_at_the_end(void **state)
{
    const struct http_server_options options = stage_options();
    struct stage stage;
    struct peer peer;

    (void)state;
    stage_open(&stage, &options);
    peer_ask(&peer, &stage, DETACH, "");
    STAGE_UNTIL(&stage, stage.held != NULL);
    peer_close(&peer);
    STAGE_UNTIL(&stage, stage.n_aborts == 1);
    stage_close(&stage);
    assert_int_equal(stage.n_cancelled, 1);
    /* detached only because the server closes */
    stage_open(&stage, &options);
    peer_ask(&peer, &stage, DETACH, "");
    STAGE_UNTIL(&stage, stage.held != NULL);
    stage_close(&stage);
    assert_int_equal(stage.n_aborts, 1);
    assert_int_equal(stage.n_cancelled, 1);
    peer_close(&peer);
}

/* The orphan's answer and the end of the server are due in the same turn. */
static void an_orphan_answered_while_the_server_closes_ends_once(void **state)
{
    const struct http_server_options options = stage_options();
    struct stage stage;
    struct peer peer;

    (void)state;
    stage_open(&stage, &options);
    peer_ask(&peer, &stage, DETACH, "");
    STAGE_UNTIL(&stage, stage.held != NULL);
    peer_close(&peer);
    STAGE_UNTIL(&stage, http_server_n_connections(stage.server) == 0);
    http_server_drain(stage.server);
    stage_settle(&stage);
    answer(&stage, "x");
    stage_close(&stage);
    assert_int_equal(stage.n_cancelled, 0);
}

/* --- streams of the client */

static void a_body_in_pieces_waits_while_it_is_paused(void **state)
{
    struct stage *stage = *state;
    struct peer peer;

    peer_open(&peer, stage);
    (void)peer_send_text(&peer, "POST /slow HTTP/1.1\r\n" HOST
                                "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n"
                                "0\r\n\r\n" GET "\r\n");
    for (unsigned i = 1; i <= 3; i++) {
        stage_pass(stage, 60000); /* it is our pause: no deadline of the client runs */
        assert_int_equal(stage->n_chunks, i);
        assert_int_equal(stage->n_ends, 0);
        exchange_body_resume(stage->held);
        assert_int_equal(stage->n_chunks, i); /* not from inside */
    }
    peer_read_until(&peer, "\r\n\r\nabc");
    peer_read_until(&peer, "Content-Length: 0\r\n");
    assert_int_equal(stage->n_ends, 1);
    peer_close(&peer);
}

static void a_resumed_body_has_its_deadline_again(void **state)
{
    struct stage *stage = *state;
    struct peer peer;

    peer_ask(&peer, stage, "POST /slow HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\na", "");
    stage_pass(stage, 60000);
    exchange_body_resume(stage->held);
    stage_pass(stage, 5000);
    assert_int_equal(stage->n_aborts, 0);
    stage_pass(stage, 1001);
    peer_read_until(&peer, "\"status\":408");
    assert_int_equal(stage->n_aborts, 1);
    peer_close(&peer);
}

/* The answer is given outside of our callbacks, and more of the body comes in the same turn. */
static void an_early_answer_ends_once(void **state)
{
    struct stage *stage = *state;
    struct peer peer;

    for (int i = 0; i < 3; i++) {
        peer_open(&peer, stage);
        (void)peer_send_text(&peer, "POST /early HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc");
        STAGE_UNTIL(stage, stage->held != NULL);
        stage_settle(stage);
        if (i > 0) { /* more, or all, of the body is with the kernel when the answer is given */
            assert_int_equal(send(peer.fd, "defghi", i == 1 ? 3 : 6, MSG_NOSIGNAL), i == 1 ? 3 : 6);
        }
        answer(stage, "early");
        (void)shutdown(peer.fd, SHUT_WR);
        peer_read_all(&peer);
        assert_int_equal(peer_count(&peer, "HTTP/1.1 200"), 1);
        assert_true(str_is(peer_body(&peer), "early"));
        peer_close(&peer);
    }
}

/* --- connections, drain, close */

static void connections_over_the_limit_wait_for_their_turn(void **state)
{
    struct http_server_options options = stage_options();
    struct stage stage;
    struct peer peers[5];

    (void)state;
    options.max_connections = 3;
    stage_open(&stage, &options);
    for (size_t i = 0; i < ARRAY_LEN(peers); i++) {
        peer_open(&peers[i], &stage);
        (void)peer_send_text(&peers[i], GET "\r\n");
    }
    stage_settle(&stage);
    assert_int_equal(http_server_n_connections(stage.server), 3);
    assert_int_equal(stage.n_heads, 3);
    for (size_t i = 0; i < ARRAY_LEN(peers); i++) {
        peer_read_until(&peers[i], "HTTP/1.1 200");
        peer_close(&peers[i]);
    }
    assert_int_equal(stage.n_heads, 5);
    stage_close(&stage);
}

static void drain_lets_answers_finish(void **state)
{
    struct stage *stage = *state;
    struct peer idle;
    struct peer busy;
    struct peer slow;
    struct peer late;

    peer_ask(&idle, stage, GET "\r\n", "\r\n\r\n");
    peer_ask(&busy, stage, WAIT, "");
    STAGE_UNTIL(stage, stage->held != NULL);
    peer_open_small(&slow, stage, 4096);
    (void)peer_send_text(&slow, "GET /big HTTP/1.1\r\n" HOST "\r\n");
    stage_settle(stage);
    http_server_say_close(stage->server);
    peer_ask(&late, stage, GET "\r\n", NULL);
    assert_true(peer_has(&late, "Connection: close\r\n"));
    http_server_drain(stage->server);
    http_server_drain(stage->server);
    peer_read_all(&idle);
    peer_read_all(&slow);
    assert_int_equal(peer_body(&slow).len, STAGE_BIG);
    assert_int_equal(http_server_n_exchanges(stage->server), 1);
    answer(stage, "finished");
    peer_read_all(&busy);
    assert_true(str_is(peer_body(&busy), "finished"));
    assert_true(peer_has(&busy, "Connection: close\r\n"));
    peer_close(&idle);
    peer_close(&busy);
    peer_close(&slow);
    peer_close(&late);
    STAGE_UNTIL(stage, http_server_n_connections(stage->server) == 0);
}

/* The answer before the notice kept the connection, so the client may send on it; the answer after it ends it. */
static void who_was_not_told_to_close_may_send(void **state)
{
    struct stage *stage = *state;
    struct peer peer;

    peer_ask(&peer, stage, WAIT, "");
    STAGE_UNTIL(stage, stage->held != NULL);
    answer(stage, "kept");
    http_server_say_close(stage->server); /* between the answer and the turn that ends it */
    peer_read_until(&peer, "kept");
    assert_false(peer_has(&peer, "Connection: close\r\n"));
    stage_settle(stage);
    (void)peer_send_text(&peer, GET "\r\n");
    peer_read_all(&peer);
    assert_true(peer_has(&peer, "Connection: close\r\n"));
    peer_close(&peer);
    STAGE_UNTIL(stage, http_server_n_connections(stage->server) == 0);
}

static void close_ends_every_kind_of_connection(void **state)
{
    static const char *const stages[] = {
        "",
        "GET /no",
        POST "Content-Length: 5\r\n\r\nhel",
        "POST /slow HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhel",
        WAIT,
        "GET /out HTTP/1.1\r\n" HOST "\r\n",
        "POST /refuse HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\n",
        GET "\r\n",
    };
    const struct http_server_options options = stage_options();
    struct stage stage;
    struct peer peers[ARRAY_LEN(stages)];

    (void)state;
    stage_open(&stage, &options);
    for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
        peer_open_small(&peers[i], &stage, 4096);
        (void)peer_send_text(&peers[i], stages[i]);
    }
    stage_settle(&stage);
    stage_close(&stage);
    for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
        peer_close(&peers[i]);
    }
    stage_open(&stage, &options); /* and with nothing there at all */
    stage_close(&stage);
}

int test_connection(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STAGE(a_connection_is_kept_and_requests_answered_in_order),
        WITH_STAGE(old_clients_are_closed_unless_they_ask),
        cmocka_unit_test(a_connection_has_its_number_of_requests),
        WITH_STAGE(splits_do_not_matter_on_sockets),
        WITH_STAGE(clients_may_leave_at_every_stage),
        WITH_STAGE(a_complete_answer_reaches_who_has_closed_its_side),
        WITH_STAGE(work_goes_on_without_its_client),
        cmocka_unit_test(orphans_are_cancelled_at_the_end),
        cmocka_unit_test(an_orphan_answered_while_the_server_closes_ends_once),
        WITH_STAGE(a_body_in_pieces_waits_while_it_is_paused),
        WITH_STAGE(a_resumed_body_has_its_deadline_again),
        WITH_STAGE(an_early_answer_ends_once),
        cmocka_unit_test(connections_over_the_limit_wait_for_their_turn),
        WITH_STAGE(drain_lets_answers_finish),
        WITH_STAGE(who_was_not_told_to_close_may_send),
        cmocka_unit_test(close_ends_every_kind_of_connection),
    };

    return cmocka_run_group_tests_name("http connection", tests, NULL, NULL);
}
