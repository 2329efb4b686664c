/* Many clients that become ready at once are taken a few at a time, and none is forgotten. */
#include "stage.h"

#include "observe/metrics.h"

int test_storm(void);

enum {
    N_CLIENTS = 200,
    A_TURN = 50, /* more than a turn takes, and far fewer than there are */
    N_SHARE = 4
};

static struct peer peers[N_CLIENTS];

static void open_all(struct stage *stage)
{
    struct http_server_options options = stage_options();

    options.max_connections = N_CLIENTS + 10;
    stage_open(stage, &options);
    for (size_t i = 0; i < N_CLIENTS; i++) {
        peer_open(&peers[i], stage);
    }
}

static void close_all(struct stage *stage)
{
    for (size_t i = 0; i < N_CLIENTS; i++) {
        peer_close(&peers[i]);
    }
    stage_close(stage);
}

static void connections_are_taken_a_few_in_a_turn(void **state)
{
    struct stage stage;
    unsigned before = 0;

    (void)state;
    open_all(&stage);
    while (http_server_n_connections(stage.server) < N_CLIENTS) {
        (void)loop_turn(&stage.loop, true);
        assert_in_range(http_server_n_connections(stage.server) - before, 0, A_TURN);
        before = http_server_n_connections(stage.server);
    }
    close_all(&stage);
}

static void send_to_kernel(const char *text)
{
    for (size_t i = 0; i < N_CLIENTS; i++) {
        ssize_t len = (ssize_t)strlen(text);

        assert_int_equal(send(peers[i].fd, text, (size_t)len, MSG_NOSIGNAL), len);
    }
}

/* Their heads come in two pieces, the second ones all at once. One that is new, and sends a whole request,
 * does not stand behind them. */
static void slow_heads_are_read_a_few_in_a_turn(void **state)
{
    struct stage stage;
    struct peer quick;
    unsigned before = 0;
    static const char request[] = "GET /now HTTP/1.1\r\nHost: x\r\n\r\n";
    unsigned n_turns = 0;

    (void)state;
    open_all(&stage);
    STAGE_UNTIL(&stage, http_server_n_connections(stage.server) == N_CLIENTS)
    send_to_kernel("GET /now HT");
    for (int i = 0; i < N_CLIENTS; i++) {
        stage_settle(&stage);
    }
    assert_int_equal(stage.n_heads, 0);
    send_to_kernel("TP/1.1\r\nHost: x\r\n\r\n");
    peer_open(&quick, &stage);
    assert_true(send(quick.fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0);
    while (stage.n_heads < N_CLIENTS + 1) {
        (void)loop_turn(&stage.loop, true);
        assert_in_range(stage.n_heads - before, 0, A_TURN);
        before = stage.n_heads;
        n_turns++;
        if (n_turns == 8) { /* the others need at least thirteen */
            assert_true(peer_receive(&quick));
        }
    }
    assert_true(n_turns >= N_CLIENTS / A_TURN);
    for (size_t i = 0; i < N_CLIENTS; i++) {
        peer_read_until(&peers[i], "200 OK");
    }
    peer_close(&quick);
    close_all(&stage);
}

/* All three come in one turn and there are two places. What the second has sent is read before anybody
 * leaves; the first has sent nothing and leaves for the third. */
static void who_has_just_come_is_heard_before_it_leaves(void **state)
{
    static const char request[] = "GET /now HTTP/1.1\r\nHost: x\r\n\r\n";
    struct http_server_options options = stage_options();
    struct stage stage;

    (void)state;
    options.max_connections = 2;
    options.makes_room = true;
    stage_open(&stage, &options);
    for (size_t i = 0; i < 3; i++) {
        peer_open(&peers[i], &stage);
        if (i > 0) {
            assert_true(send(peers[i].fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0);
        }
    }
    peer_read_until(&peers[1], "200 OK");
    for (time_t limit = stage_limit(); stage.n_heads < 2;) {
        assert_true(stage_seconds() < limit);
        (void)loop_turn(&stage.loop, true); /* how long the first is there, is real time */
        stage_pass(&stage, 100);            /* the listener looks again */
    }
    peer_read_until(&peers[2], "200 OK");
    while (!peers[0].ended) {
        (void)peer_receive(&peers[0]);
    }
    assert_false(peers[1].ended);
    for (size_t i = 0; i < 3; i++) {
        peer_close(&peers[i]);
    }
    stage_close(&stage);
}

/* More than one leaves for the next that comes: the last two of its address stay. */
static void a_reload_makes_the_share_of_an_address_smaller(void **state)
{
    struct http_server_options options = stage_options();
    struct stage stage;

    (void)state;
    metrics_open();
    options.max_per_address = N_SHARE;
    options.counts_loopback = true;
    options.count_metrics = true;
    stage_open(&stage, &options);
    for (size_t i = 0; i < N_SHARE; i++) {
        peer_open(&peers[i], &stage);
        STAGE_UNTIL(&stage, http_server_n_connections(stage.server) == i + 1)
    }
    options.max_per_address = 2;
    http_server_configure(stage.server, &options);
    peer_ask(&peers[N_SHARE], &stage, "GET /now HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK");
    for (size_t i = 0; i < N_SHARE - 1; i++) {
        peer_read_all(&peers[i]);
    }
    assert_false(peer_receive(&peers[N_SHARE - 1]) || peers[N_SHARE - 1].ended);
    assert_int_equal(metric_sum(M_CONNECTIONS_SHARED), 1);
    for (size_t i = 0; i <= N_SHARE; i++) {
        peer_close(&peers[i]);
    }
    stage_close(&stage);
    metrics_done();
}

int test_storm(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_are_taken_a_few_in_a_turn),
        cmocka_unit_test(slow_heads_are_read_a_few_in_a_turn),
        cmocka_unit_test(who_has_just_come_is_heard_before_it_leaves),
        cmocka_unit_test(a_reload_makes_the_share_of_an_address_smaller),
    };

    return cmocka_run_group_tests_name("http/storm", tests, NULL, NULL);
}
