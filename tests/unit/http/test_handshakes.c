/* TLS handshakes of many clients: how many are under way, who waits, who leaves, and what is counted. */
#include "stage.h"

#include "crypto/tls.h"
#include "harness/tls_client.h"
#include "observe/metrics.h"

int test_handshakes(void);

#define TLS_DIR VP_SOURCE_DIR "/tests/harness/tls"

enum { HANDSHAKE_MS = 4000, STALL_MS = HANDSHAKE_MS / 10, N_WAITING = 20 };

static struct tls_config *tls;

static struct http_server_options secured(unsigned max_handshakes)
{
    struct http_server_options options = stage_options();
    struct error err = {0};

    assert_int_equal(tls_config_new(TLS_DIR "/cert.pem", TLS_DIR "/key.pem", &tls, &err), ERR_OK);
    options.tls = tls;
    options.handshake_timeout_ms = HANDSHAKE_MS;
    options.max_handshakes = max_handshakes;
    return options;
}

static void open_secured(struct stage *stage, unsigned max_handshakes)
{
    struct http_server_options options = secured(max_handshakes);

    metrics_open();
    stage_open(stage, &options);
}

static void close_secured(struct stage *stage)
{
    stage_close(stage);
    tls_config_free(tls);
    assert_int_equal(metric_value(M_HANDSHAKES_ACTIVE), 0);
    assert_int_equal(metric_value(M_HANDSHAKES_WAITING), 0);
    metrics_done();
}

/* Moves what is there in both directions. */
static void pass(struct peer *peer, struct tls_client *client, struct buf *plain)
{
    struct buf *out = tls_client_output(client);

    (void)peer_send(peer, buf_view(out));
    buf_clear(out);
    while (peer_receive(peer)) {
    }
    tls_client_feed(client, buf_view(&peer->in));
    buf_clear(&peer->in);
    (void)tls_client_read(client, plain);
}

static void assert_serves(struct stage *stage, struct peer *peer, struct tls_client *client)
{
    time_t limit = stage_limit();
    bool has_asked = false;
    struct buf plain;

    buf_init(&plain, 1U << 20);
    while (!str_contains(buf_view(&plain), STR("200 OK")) && stage_seconds() < limit) {
        pass(peer, client, &plain);
        has_asked =
            has_asked || tls_client_write(client, STR("GET /now HTTP/1.1\r\nHost: x\r\n\r\n"));
        stage_settle(stage);
    }
    assert_true(str_contains(buf_view(&plain), STR("200 OK")));
    buf_done(&plain);
}

static void begin_handshake(struct peer *peer, struct tls_client **client, struct stage *stage)
{
    struct buf plain;

    buf_init(&plain, 1024);
    *client = tls_client_new();
    peer_open(peer, stage);
    (void)tls_client_read(*client, &plain); /* its hello */
    (void)peer_send(peer, buf_view(tls_client_output(*client)));
    buf_clear(tls_client_output(*client));
    stage_settle(stage);
    buf_done(&plain);
}

/* The server has answered its hello, and waits for what comes next. */
static void answer_hello(struct peer *peer, struct stage *stage)
{
    STAGE_UNTIL(stage, peer_receive(peer))
}

static void who_is_slow_leaves_for_who_waits(void **state)
{
    struct tls_client *clients[2];
    struct stage stage;
    struct peer slow;
    struct peer quick;

    (void)state;
    open_secured(&stage, 1);
    begin_handshake(&slow, &clients[0], &stage);
    answer_hello(&slow, &stage);
    assert_int_equal(metric_value(M_HANDSHAKES_ACTIVE), 1);
    begin_handshake(&quick, &clients[1], &stage);
    assert_int_equal(metric_value(M_HANDSHAKES_WAITING), 1);
    assert_false(peer_receive(&quick)); /* nothing is computed for it yet */
    stage_pass(&stage, STALL_MS - 1);
    assert_false(peer_receive(&slow) || slow.ended);
    stage_pass(&stage, 1);
    peer_read_all(&slow);
    assert_serves(&stage, &quick, clients[1]);
    assert_int_equal(metric_sum(M_HANDSHAKES), 2); /* refused, ok */
    tls_client_free(clients[0]);
    tls_client_free(clients[1]);
    peer_close(&quick);
    peer_close(&slow);
    close_secured(&stage);
}

static void a_slow_one_alone_has_its_whole_time(void **state)
{
    struct tls_client *client;
    struct stage stage;
    struct peer slow;

    (void)state;
    open_secured(&stage, 1);
    begin_handshake(&slow, &client, &stage);
    answer_hello(&slow, &stage);
    stage_pass(&stage, HANDSHAKE_MS - 1);
    assert_false(peer_receive(&slow) || slow.ended);
    stage_pass(&stage, 1);
    peer_read_all(&slow);
    tls_client_free(client);
    peer_close(&slow);
    close_secured(&stage);
}

static void a_hello_that_is_not_whole_takes_no_turn(void **state)
{
    struct tls_client *client;
    struct peer halves[N_WAITING];
    struct stage stage;
    struct peer quick;

    (void)state;
    open_secured(&stage, 1);
    for (size_t i = 0; i < N_WAITING; i++) {
        peer_open(&halves[i], &stage);
        assert_true(peer_send(&halves[i], STR("\x16\x03\x01\x02\x00\x01")));
    }
    stage_settle(&stage);
    assert_int_equal(metric_value(M_HANDSHAKES_ACTIVE), 0);
    begin_handshake(&quick, &client, &stage);
    assert_serves(&stage, &quick, client);
    stage_pass(&stage, HANDSHAKE_MS);
    for (size_t i = 0; i < N_WAITING; i++) {
        peer_read_all(&halves[i]);
        peer_close(&halves[i]);
    }
    assert_int_equal(metric_sum(M_HANDSHAKES), N_WAITING + 1);
    tls_client_free(client);
    peer_close(&quick);
    close_secured(&stage);
}

/* Those that leave while they wait, or in the middle, take nothing with them. */
static void who_waits_is_served_in_turn_or_leaves(void **state)
{
    struct tls_client *clients[N_WAITING];
    struct peer peers[N_WAITING];
    struct stage stage;

    (void)state;
    open_secured(&stage, 2);
    for (size_t i = 0; i < N_WAITING; i++) {
        begin_handshake(&peers[i], &clients[i], &stage);
    }
    assert_true(metric_value(M_HANDSHAKES_ACTIVE) <= 2);
    assert_true(metric_value(M_HANDSHAKES_WAITING) > 0);
    for (size_t i = 0; i < N_WAITING; i += 2) {
        peer_reset(&peers[i]);
    }
    stage_pass(&stage, STALL_MS);
    for (size_t i = 1; i < N_WAITING; i += 2) {
        stage_settle(&stage);
        if (i + 1 < N_WAITING) { /* the last one alone has to be there still */
            peer_close(&peers[i]);
            stage_pass(&stage, 1);
        }
    }
    assert_serves(&stage, &peers[N_WAITING - 1], clients[N_WAITING - 1]);
    peer_close(&peers[N_WAITING - 1]);
    for (size_t i = 0; i < N_WAITING; i++) {
        tls_client_free(clients[i]);
    }
    close_secured(&stage);
}

/* One has sent nothing yet, one waits for its turn: each has the certificate that was there when it came. */
static void a_reload_leaves_those_that_have_not_begun_their_certificate(void **state)
{
    struct http_server_options options;
    struct tls_client *clients[3];
    struct tls_config *before;
    struct stage stage;
    struct peer peers[3];
    struct buf plain;

    (void)state;
    open_secured(&stage, 1);
    begin_handshake(&peers[0], &clients[0], &stage);
    begin_handshake(&peers[1], &clients[1], &stage);
    assert_int_equal(metric_value(M_HANDSHAKES_WAITING), 1);
    peer_open(&peers[2], &stage);
    stage_settle(&stage);
    before = tls;
    options = secured(1);
    http_server_configure(stage.server, &options);
    peer_close(&peers[0]);
    tls_config_free(before);
    assert_serves(&stage, &peers[1], clients[1]);
    buf_init(&plain, 1024);
    clients[2] = tls_client_new();
    (void)tls_client_read(clients[2], &plain);
    assert_serves(&stage, &peers[2], clients[2]);
    buf_done(&plain);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        tls_client_free(clients[i]);
    }
    peer_close(&peers[1]);
    peer_close(&peers[2]);
    close_secured(&stage);
}

int test_handshakes(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reload_leaves_those_that_have_not_begun_their_certificate),
        cmocka_unit_test(who_is_slow_leaves_for_who_waits),
        cmocka_unit_test(a_slow_one_alone_has_its_whole_time),
        cmocka_unit_test(a_hello_that_is_not_whole_takes_no_turn),
        cmocka_unit_test(who_waits_is_served_in_turn_or_leaves),
    };

    return cmocka_run_group_tests_name("http/handshakes", tests, NULL, NULL);
}
