/* Connections that we make: bytes written before the connection is there, nobody there, closed before it is made. */
#include "harness/cmocka.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "harness/blocking.h"
#include "harness/port.h"
#include "net/transport.h"

int test_connect(void);

enum { PATIENCE_MS = 120000 };

static struct {
    struct loop loop;
    struct transport transport;
    struct buf got;
    unsigned n_connected, n_ends, n_closed;
    bool clean;
} here;

static void on_bytes(struct transport *transport, struct str bytes)
{
    (void)transport;
    buf_str(&here.got, bytes);
}

static void on_writable(struct transport *transport)
{
    (void)transport;
}

static void on_end(struct transport *transport, bool clean)
{
    (void)transport;
    here.n_ends++;
    here.clean = clean;
}

static void on_closed(struct transport *transport)
{
    (void)transport;
    here.n_closed++;
}

static void on_connected(struct transport *transport)
{
    here.n_connected++;
    transport_read_start(transport);
}

static void turn_until(const unsigned *count)
{
    uint64_t limit_ms = clock_now_ms() + PATIENCE_MS;

    while (*count == 0) {
        assert_true(clock_now_ms() < limit_ms);
        (void)loop_turn(&here.loop, true);
    }
}

static void connect_to(uint16_t port)
{
    static const struct transport_events events = {.on_bytes = on_bytes,
                                                   .on_writable = on_writable,
                                                   .on_end = on_end,
                                                   .on_closed = on_closed,
                                                   .on_connected = on_connected};
    const struct address address = {.host = "127.0.0.1", .port = port};

    transport_connect(&here.transport, &here.loop, &address, &events);
    assert_int_equal(here.n_connected + here.n_ends, 0); /* never from inside */
}

static int begin(void **state)
{
    (void)state;
    memset(&here, 0, sizeof(here));
    loop_init(&here.loop);
    buf_init(&here.got, 1024);
    return 0;
}

static int end(void **state)
{
    (void)state;
    transport_close(&here.transport);
    turn_until(&here.n_closed);
    loop_done(&here.loop);
    buf_done(&here.got);
    assert_int_equal(here.n_closed, 1);
    return 0;
}

static void what_is_written_before_it_is_made_arrives(void **state)
{
    uint16_t port = 0;
    int listener = blocking_listen(&port);
    uint64_t limit_ms = clock_now_ms() + PATIENCE_MS;
    char bytes[16] = "";
    ssize_t n;
    int fd;

    (void)state;
    connect_to(port);
    transport_write(&here.transport, STR("early"));
    turn_until(&here.n_connected);
    fd = accept(listener, NULL, NULL);
    assert_true(fd >= 0);
    while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) < 0) {
        assert_true(errno == EAGAIN && clock_now_ms() < limit_ms);
        (void)loop_turn(&here.loop, true);
    }
    assert_int_equal(n, 5);
    assert_string_equal(bytes, "early");
    assert_true(blocking_write(fd, STR("late")));
    (void)close(fd);
    (void)close(listener);
    turn_until(&here.n_ends);
    assert_true(here.clean);
    assert_true(str_is(buf_view(&here.got), "late"));
}

static void nobody_is_there(void **state)
{
    (void)state;
    connect_to(port_free());
    transport_write(&here.transport, STR("early"));
    turn_until(&here.n_ends);
    assert_false(here.clean);
    assert_int_equal(here.n_connected, 0);
}

static void closed_before_it_is_made(void **state)
{
    uint16_t port = 0;
    int listener = blocking_listen(&port);

    (void)state;
    connect_to(port);
    transport_close(&here.transport);
    turn_until(&here.n_closed);
    assert_int_equal(here.n_connected + here.n_ends, 0);
    (void)close(listener);
}

int test_connect(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_before_it_is_made_arrives, begin, end),
        cmocka_unit_test_setup_teardown(nobody_is_there, begin, end),
        cmocka_unit_test_setup_teardown(closed_before_it_is_made, begin, end),
    };

    return cmocka_run_group_tests_name("connect", tests, NULL, NULL);
}
