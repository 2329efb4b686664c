/* Listener and transport over loopback: an echo server on the test's own loop, and clients on plain
 * non-blocking sockets. Whoever waits turns the loop. */
#include "harness/cmocka.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/address.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "crypto/tls.h"
#include "harness/client.h"
#include "harness/tls_client.h"
#include "net/listener.h"
#include "net/transport.h"

int test_transport(void);

#define TLS_DIR VP_SOURCE_DIR "/tests/harness/tls"

enum { PATIENCE_MS = 120000, MANY_BYTES = 3000000, LIMIT = 2 };

/* What was told of one connection. */
struct echo {
    struct transport transport;
    struct list link;
    size_t n_bytes;
    unsigned n_secured;
    unsigned n_ends;
    unsigned n_writable;
    bool clean;
};

static struct {
    struct loop loop;
    struct listener listener;
    struct listener_places places;
    struct tls_config *tls;
    struct transport_options options;
    struct list echoes;
    unsigned n_open;
    unsigned n_closed;
    bool listener_closed;
    bool echoes_back;
    struct echo last; /* a copy of the one that closed last */
} here;

static void on_bytes(struct transport *transport, struct str bytes)
{
    struct echo *echo = CONTAINER_OF(transport, struct echo, transport);

    echo->n_bytes += bytes.len;
    if (here.echoes_back) {
        transport_write(transport, bytes);
    }
}

static void on_writable(struct transport *transport)
{
    CONTAINER_OF(transport, struct echo, transport)->n_writable++;
}

static void on_end(struct transport *transport, bool clean)
{
    struct echo *echo = CONTAINER_OF(transport, struct echo, transport);

    echo->n_ends++;
    echo->clean = clean;
    transport_close(transport);
    transport_close(transport); /* idempotent */
}

static void on_closed(struct transport *transport)
{
    struct echo *echo = CONTAINER_OF(transport, struct echo, transport);

    here.last = *echo;
    here.n_open--;
    here.n_closed++;
    list_remove(&echo->link);
    mem_free(echo);
    listener_connection_ended(&here.places);
}

static void on_secured(struct transport *transport)
{
    CONTAINER_OF(transport, struct echo, transport)->n_secured++;
}

static const struct transport_events transport_events = {.on_bytes = on_bytes,
                                                         .on_writable = on_writable,
                                                         .on_end = on_end,
                                                         .on_closed = on_closed,
                                                         .on_secured = on_secured};

static void on_connection(struct listener *listener)
{
    struct echo *echo = mem_zalloc(sizeof(*echo));

    if (!listener_accept(listener, &echo->transport.socket)) {
        mem_free(echo);
        return;
    }
    here.n_open++;
    list_append(&here.echoes, &echo->link);
    here.options.tls = here.tls;
    transport_open(&echo->transport, &here.loop, &here.options, &transport_events);
    transport_read_start(&echo->transport);
}

static void on_listener_closed(struct listener *listener)
{
    (void)listener;
    here.listener_closed = true;
}

static const struct listener_events listener_events = {.on_connection = on_connection,
                                                       .on_closed = on_listener_closed};

static void turn(uint64_t limit_ms, const char *what)
{
    if (clock_now_ms() >= limit_ms) {
        fail_msg("waited in vain for: %s", what);
    }
    (void)loop_turn(&here.loop, true);
}

#define UNTIL(condition)                                                                           \
    for (uint64_t limit_ms_ = clock_now_ms() + (uint64_t)PATIENCE_MS * client_slowness();          \
         !(condition);) {                                                                          \
        turn(limit_ms_, #condition);                                                               \
    }

static enum error_code open_listener(struct listener *listener, struct str address,
                                     struct error *err)
{
    const struct listener_options options = {.address = address, .places = &here.places};

    return listener_open(listener, &here.loop, &options, &listener_events, err);
}

static void open_here(struct str address, bool secured)
{
    struct error err = {0};

    memset(&here, 0, sizeof(here));
    here.echoes_back = true;
    list_init(&here.echoes);
    loop_init(&here.loop);
    if (secured) {
        assert_int_equal(tls_config_new(TLS_DIR "/cert.pem", TLS_DIR "/key.pem", &here.tls, &err),
                         ERR_OK);
    }
    listener_places_init(&here.places, LIMIT);
    assert_int_equal(open_listener(&here.listener, address, &err), ERR_OK);
}

static int begin_plain(void **state)
{
    (void)state;
    open_here(STR("127.0.0.1:0"), false);
    return 0;
}

static int begin_secured(void **state)
{
    (void)state;
    open_here(STR("127.0.0.1:0"), true);
    return 0;
}

static char unix_path[64];
static char unix_text[80];

/* Not in the scratch folder, whose path may be too long for a socket. */
static void name_unix_path(void)
{
    (void)snprintf(unix_path, sizeof(unix_path), "/tmp/virtuoso-transport-%d", (int)getpid());
    (void)snprintf(unix_text, sizeof(unix_text), "unix:%s", unix_path);
}

static int begin_unix(void **state)
{
    (void)state;
    name_unix_path();
    open_here(str_from(unix_text), false);
    return 0;
}

static int end(void **state)
{
    struct list *link;
    struct list *after;

    (void)state;
    LIST_FOREACH_SAFE (link, after, &here.echoes) {
        transport_close(&CONTAINER_OF(link, struct echo, link)->transport);
    }
    listener_close(&here.listener);
    listener_close(&here.listener);
    UNTIL(here.listener_closed && here.n_open == 0)
    loop_done(&here.loop); /* CHECKs that no handle is left */
    tls_config_free(here.tls);
    return 0;
}

static struct echo *first_echo(void)
{
    struct list *first = list_first(&here.echoes);

    CHECK(first != NULL);
    return CONTAINER_OF(first, struct echo, link);
}

static int dial(void)
{
    struct address where = {.port = 0};
    enum error_code code = address_read(str_from(here.listener.address), &where, NULL);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(where.port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0 && code == ERR_OK);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static int dial_unix(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    str_copy(address.sun_path, sizeof(address.sun_path), str_from(unix_path));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void say(int fd, struct str bytes)
{
    assert_int_equal(send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT), bytes.len);
}

/* Appends what is there; false: the peer has ended. */
static bool hear(int fd, struct buf *out)
{
    char *room = buf_reserve(out, 65536);
    ssize_t n;

    assert_non_null(room);
    n = recv(fd, room, 65536, MSG_DONTWAIT);
    buf_grew(out, n > 0 ? (size_t)n : 0);
    return n > 0 || (n < 0 && errno == EAGAIN);
}

static void bytes_come_back_and_an_end_is_told_once(void **state)
{
    struct buf heard;
    int fd = dial();

    (void)state;
    buf_init(&heard, 1 << 20);
    say(fd, STR("hello"));
    UNTIL(hear(fd, &heard) && heard.len == 5)
    assert_true(str_is(buf_view(&heard), "hello"));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    UNTIL(here.n_closed == 1)
    assert_int_equal(here.last.n_ends, 1);
    assert_true(here.last.clean);
    assert_int_equal(here.last.n_secured, 0); /* it is plain */
    assert_int_equal(close(fd), 0);
    buf_done(&heard);
}

static void a_reset_is_not_a_clean_end(void **state)
{
    const struct linger at_once = {.l_onoff = 1};
    int fd = dial();

    (void)state;
    say(fd, STR("x"));
    UNTIL(here.n_open == 1)
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    assert_int_equal(close(fd), 0);
    UNTIL(here.n_closed == 1)
    assert_int_equal(here.last.n_ends, 1);
    assert_false(here.last.clean);
}

/* The peer reads nothing for a while: all is taken, nothing is lost, and the end of the shortage is
 * told. */
static void what_the_kernel_does_not_take_waits(void **state)
{
    char *bytes = mem_alloc(MANY_BYTES);
    struct transport *transport;
    struct buf heard;
    int send_buffer = 8192;
    int fd = dial();

    (void)state;
    for (size_t i = 0; i < MANY_BYTES; i++) {
        bytes[i] = (char)(i % 251);
    }
    UNTIL(here.n_open == 1)
    transport = &first_echo()->transport;
    assert_int_equal(uv_send_buffer_size(&transport->socket.handle, &send_buffer), 0);
    for (size_t at = 0; at < MANY_BYTES; at += 100000) {
        transport_write(transport, str_sub((struct str){bytes, MANY_BYTES}, at, 100000));
    }
    assert_true(transport_pending(transport) > TRANSPORT_HIGH_WATER);
    buf_init(&heard, (size_t)MANY_BYTES + 65536);
    UNTIL(hear(fd, &heard) && heard.len == MANY_BYTES)
    assert_memory_equal(heard.ptr, bytes, MANY_BYTES);
    UNTIL(transport_pending(transport) == 0)
    assert_true(CONTAINER_OF(transport, struct echo, transport)->n_writable > 0);
    assert_int_equal(transport_taken(transport), MANY_BYTES);
    transport_shutdown(transport);
    UNTIL(!hear(fd, &heard))
    assert_int_equal(close(fd), 0);
    buf_done(&heard);
    mem_free(bytes);
}

static void past_the_limit_connections_wait_for_one_to_end(void **state)
{
    int fds[LIMIT + 1];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = dial();
    }
    UNTIL(here.n_open == LIMIT)
    for (int i = 0; i < 20; i++) {
        (void)loop_turn(&here.loop, false);
    }
    assert_int_equal(here.n_open, LIMIT);
    assert_int_equal(close(fds[0]), 0);
    UNTIL(here.n_closed == 1 && here.n_open == LIMIT)
    for (size_t i = 1; i < ARRAY_LEN(fds); i++) {
        assert_int_equal(close(fds[i]), 0);
    }
    UNTIL(here.n_open == 0)
}

static void reading_stops_and_goes_on(void **state)
{
    struct echo *echo;
    int fd = dial();

    (void)state;
    here.echoes_back = false;
    UNTIL(here.n_open == 1)
    echo = first_echo();
    transport_read_stop(&echo->transport);
    say(fd, STR("later"));
    for (int i = 0; i < 20; i++) {
        (void)loop_turn(&here.loop, false);
    }
    assert_int_equal(echo->n_bytes, 0);
    transport_read_start(&echo->transport);
    UNTIL(echo->n_bytes == 5)
    assert_int_equal(close(fd), 0);
}

static void addresses_that_cannot_be_bound_are_named(void **state)
{
    static const char *const bad[] = {"nonsense", "127.0.0.1:99999", "1.2.3.4.5:80",
                                      "203.0.113.7:8000"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct listener listener = {0};
        struct error err = {0};

        assert_int_not_equal(open_listener(&listener, str_from(bad[i]), &err), ERR_OK);
        assert_true(str_contains(str_from(err.text), str_from(bad[i])));
    }
}

/* Moves cipher text between the socket and the client's side of TLS. */
static bool pass(int fd, struct tls_client *client, struct buf *plain)
{
    struct buf *out = tls_client_output(client);
    struct buf in;
    bool open;

    buf_init(&in, 1 << 20);
    if (out->len > 0) {
        say(fd, buf_view(out));
        buf_clear(out);
    }
    open = hear(fd, &in);
    tls_client_feed(client, buf_view(&in));
    buf_done(&in);
    assert_true(tls_client_read(client, plain));
    return open;
}

static void the_same_over_tls(void **state)
{
    struct tls_client *client = tls_client_new();
    struct buf plain;
    int fd = dial();

    (void)state;
    buf_init(&plain, 1 << 20);
    assert_true(tls_client_read(client, &plain)); /* its hello */
    UNTIL(pass(fd, client, &plain) && here.n_open == 1 && first_echo()->n_secured == 1)
    assert_true(tls_client_write(client, STR("through the tunnel")));
    UNTIL(pass(fd, client, &plain) && plain.len == 18)
    assert_true(str_is(buf_view(&plain), "through the tunnel"));
    tls_client_end(client);
    (void)pass(fd, client, &plain);
    UNTIL(here.n_closed == 1)
    assert_true(here.last.clean);
    assert_int_equal(here.last.n_bytes, 18);
    assert_int_equal(close(fd), 0);
    buf_done(&plain);
    tls_client_free(client);
}

static void plain_bytes_on_a_secured_port_end_it(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, STR("GET /health HTTP/1.1\r\nHost: x\r\n\r\n"));
    UNTIL(here.n_closed == 1)
    assert_int_equal(here.last.n_secured, 0);
    assert_int_equal(here.last.n_bytes, 0);
    assert_false(here.last.clean);
    assert_int_equal(close(fd), 0);
}

static void the_same_over_a_unix_socket(void **state)
{
    struct stat status;
    struct buf heard;
    int fd = dial_unix();

    (void)state;
    buf_init(&heard, 1 << 20);
    assert_int_equal(stat(unix_path, &status), 0);
    assert_int_equal(status.st_mode & 0777U, 0600);
    assert_string_equal(here.listener.address, unix_text);
    say(fd, STR("hello"));
    UNTIL(hear(fd, &heard) && heard.len == 5)
    assert_string_equal(first_echo()->transport.peer, "unix");
    assert_int_equal(close(fd), 0);
    UNTIL(here.n_closed == 1)
    assert_true(here.last.clean);
    buf_done(&heard);
}

/* A second listener at the path of a living one is refused, and takes nothing away from it. */
static void a_unix_socket_in_use_stays(void **state)
{
    struct listener listener = {0};
    struct error err = {0};
    int fd;

    (void)state;
    assert_int_equal(open_listener(&listener, str_from(unix_text), &err), ERR_IO);
    assert_true(str_contains(str_from(err.text), STR("in use")));
    fd = dial_unix();
    UNTIL(here.n_open == 1)
    assert_int_equal(close(fd), 0);
}

static void a_unix_socket_that_was_left_behind_is_replaced(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int left = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int fd;

    name_unix_path();
    (void)unlink(unix_path); /* of a test that was killed, with the same process id */
    str_copy(address.sun_path, sizeof(address.sun_path), str_from(unix_path));
    assert_int_equal(bind(left, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(close(left), 0); /* as a killed process leaves it */
    (void)begin_unix(state);
    fd = dial_unix();
    UNTIL(here.n_open == 1)
    assert_int_equal(close(fd), 0);
    (void)end(state);
    assert_int_equal(access(address.sun_path, F_OK), -1);
}

static void a_file_at_the_path_of_a_unix_socket_stays(void **state)
{
    struct listener_options options = {.places = &here.places};
    struct listener listener = {0};
    struct error err = {0};
    struct loop loop;
    FILE *file;

    (void)state;
    name_unix_path();
    (void)unlink(unix_path); /* of a test that was killed, with the same process id */
    file = fopen(unix_path, "we");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    loop_init(&loop);
    options.address = str_from(unix_text);
    assert_int_equal(listener_open(&listener, &loop, &options, &listener_events, &err), ERR_IO);
    loop_done(&loop);
    assert_int_equal(unlink(unix_path), 0);
}

int test_transport(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin_plain, end)
    const struct CMUnitTest tests[] = {
        T(bytes_come_back_and_an_end_is_told_once),
        T(a_reset_is_not_a_clean_end),
        T(what_the_kernel_does_not_take_waits),
        T(past_the_limit_connections_wait_for_one_to_end),
        T(reading_stops_and_goes_on),
        T(addresses_that_cannot_be_bound_are_named),
        cmocka_unit_test_setup_teardown(the_same_over_tls, begin_secured, end),
        cmocka_unit_test_setup_teardown(plain_bytes_on_a_secured_port_end_it, begin_secured, end),
        cmocka_unit_test_setup_teardown(the_same_over_a_unix_socket, begin_unix, end),
        cmocka_unit_test_setup_teardown(a_unix_socket_in_use_stays, begin_unix, end),
        cmocka_unit_test(a_unix_socket_that_was_left_behind_is_replaced),
        cmocka_unit_test(a_file_at_the_path_of_a_unix_socket_stays),
    };
#undef T

    return cmocka_run_group_tests_name("net: transport", tests, NULL, NULL);
}
