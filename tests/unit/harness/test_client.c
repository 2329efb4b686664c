/* The test client against a peer that says exactly what the test wants: a listening socket whose
 * accepted end is written beforehand (the kernel buffers it), so no second thread is needed. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/client.h"
#include "harness/cmocka.h"
#include "harness/port.h"

struct peer {
    int listener;
    int fd;
    struct client client;
    struct reply reply;
};

static void open_peer(struct peer *peer)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);

    *peer = (struct peer){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(peer->listener, 1), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &len), 0);
    client_open(&peer->client, ntohs(address.sin_port));
    peer->client.timeout_ms = 200;
    peer->fd = accept(peer->listener, NULL, NULL);
    assert_true(peer->fd >= 0);
}

static void say(const struct peer *peer, const char *text)
{
    assert_int_equal(send(peer->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void hang_up(struct peer *peer)
{
    assert_int_equal(close(peer->fd), 0);
    peer->fd = -1;
}

static void close_peer(struct peer *peer)
{
    reply_done(&peer->reply);
    client_close(&peer->client);
    if (peer->fd >= 0) {
        hang_up(peer);
    }
    assert_int_equal(close(peer->listener), 0);
}

static enum client_result read_reply(struct peer *peer)
{
    return client_read(&peer->client, false, &peer->reply);
}

static void reads_two_pipelined_replies_one_by_one(void **state)
{
    struct peer peer;
    (void)state;

    open_peer(&peer);
    say(&peer,
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\nX-A:  b \r\n\r\nhi"
        "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    assert_int_equal(read_reply(&peer), CLIENT_OK);
    assert_int_equal(peer.reply.status, 200);
    assert_true(str_is(reply_text(&peer.reply), "hi"));
    assert_true(str_is(reply_field(&peer.reply, "x-a"), "b"));
    assert_false(peer.reply.closes);
    assert_int_equal(read_reply(&peer), CLIENT_OK);
    assert_int_equal(peer.reply.status, 204);
    assert_true(peer.reply.closes);
    hang_up(&peer);
    assert_true(client_sees_close(&peer.client));
    close_peer(&peer);
}

static void joins_chunks_and_refuses_broken_ones(void **state)
{
    struct peer peer;
    (void)state;

    open_peer(&peer);
    say(&peer,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n"
        "0\r\n\r\n");
    assert_int_equal(read_reply(&peer), CLIENT_OK);
    assert_true(str_is(reply_text(&peer.reply), "abc0123456789"));
    say(&peer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n");
    assert_int_equal(read_reply(&peer), CLIENT_GARBLED);
    close_peer(&peer);
}

static void a_reply_to_head_has_no_body(void **state)
{
    struct peer peer;
    (void)state;

    open_peer(&peer);
    say(&peer, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nHTTP/1.1 404 Not Found\r\n"
               "Content-Length: 0\r\n\r\n");
    assert_int_equal(client_read(&peer.client, true, &peer.reply), CLIENT_OK);
    assert_int_equal(read_reply(&peer), CLIENT_OK);
    assert_int_equal(peer.reply.status, 404);
    close_peer(&peer);
}

static void tells_closed_cut_silent_and_garbled_apart(void **state)
{
    struct peer peer;
    (void)state;

    open_peer(&peer);
    assert_int_equal(read_reply(&peer), CLIENT_TIMEOUT);
    say(&peer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc");
    hang_up(&peer);
    assert_int_equal(read_reply(&peer), CLIENT_CUT);
    assert_int_equal(read_reply(&peer), CLIENT_CLOSED);
    assert_false(client_send_pieces(&peer.client, STR("some bytes for nobody"), 1, 1));
    close_peer(&peer);

    open_peer(&peer);
    say(&peer, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na");
    assert_int_equal(read_reply(&peer), CLIENT_GARBLED);
    close_peer(&peer);
}

static void a_body_without_length_ends_with_the_connection_but_not_with_a_reset(void **state)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    struct peer peer;
    (void)state;

    open_peer(&peer);
    say(&peer, "HTTP/1.1 200 OK\r\n\r\nall there is");
    hang_up(&peer);
    assert_int_equal(read_reply(&peer), CLIENT_OK);
    assert_true(str_is(reply_text(&peer.reply), "all there is"));
    close_peer(&peer);

    open_peer(&peer);
    say(&peer, "HTTP/1.1 200 OK\r\n\r\n");
    assert_int_equal(client_read_head(&peer.client, false, &peer.reply), CLIENT_OK);
    assert_int_equal(setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    hang_up(&peer);
    assert_int_equal(client_read_piece(&peer.client, &peer.reply), CLIENT_CUT);
    assert_true(peer.client.was_reset);
    close_peer(&peer);
}

static void sends_requests_as_they_should_be(void **state)
{
    const char *expected =
        "POST /x HTTP/1.1\r\nHost: 127.0.0.1\r\nA: b\r\nContent-Length: 2\r\n\r\nhi"
        "GET /y HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    char got[256] = "";
    struct peer peer;
    (void)state;

    open_peer(&peer);
    assert_true(client_send_request(&peer.client, "POST", "/x", "A: b\r\n", STR("hi")));
    assert_true(client_send_request(&peer.client, "GET", "/y", NULL, STR_EMPTY));
    client_end(&peer.client);
    assert_int_equal(recv(peer.fd, got, sizeof(got), MSG_WAITALL), strlen(expected));
    assert_string_equal(got, expected);
    close_peer(&peer);
}

static void nobody_listens_on_a_free_port(void **state)
{
    (void)state;
    assert_false(client_can_connect(port_free()));
}

int test_client(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_two_pipelined_replies_one_by_one),
        cmocka_unit_test(joins_chunks_and_refuses_broken_ones),
        cmocka_unit_test(a_reply_to_head_has_no_body),
        cmocka_unit_test(tells_closed_cut_silent_and_garbled_apart),
        cmocka_unit_test(a_body_without_length_ends_with_the_connection_but_not_with_a_reset),
        cmocka_unit_test(sends_requests_as_they_should_be),
        cmocka_unit_test(nobody_listens_on_a_free_port),
    };

    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
