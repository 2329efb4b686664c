/* Many clients that become ready at once are taken a few at a time, and none is forgotten. */
#include "stage.h"

int test_storm(void);

enum { N_CLIENTS = 200, A_TURN = 50 /* more than a turn takes, and far fewer than there are */ };

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
        if (n_turns == 3) {
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

int test_storm(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_are_taken_a_few_in_a_turn),
        cmocka_unit_test(slow_heads_are_read_a_few_in_a_turn),
    };

    return cmocka_run_group_tests_name("http/storm", tests, NULL, NULL);
}
