/* Several addresses to listen on, each with what is its own; and who calls, as balancers tell it. */
#include "harness/cmocka.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/mount.h"
#include "harness/wait.h"

enum { N_PORTS = 3, FIRST_PIECE = 9 };

#define V2_SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define GET_LIVE     "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static const char config_text[] =
    "sandbox: {enabled: true}\n"
    "drain: {notice_ms: 0}\n"
    "http: {handshake_timeout_ms: 12000}\n"
    "auth: {keys: [{name: a, key: key-of-a-test}]}\n"
    "limits: {per_address: 1, address_burst: 2}\n"
    "log: {format: json}\n"
    "server:\n"
    "  listen: 127.0.0.1:0\n"
    "  trusted_proxies: [198.51.100.0/24]\n"
    "  listeners:\n"
    "    - {name: balanced, listen: \"127.0.0.1:0\", proxy_protocol: true, proxy_from: [127.0.0.1]}\n"
    "    - {name: others, listen: \"127.0.0.1:0\", proxy_protocol: true, proxy_from: [192.0.2.1]}\n"
    "    - {name: local, listen: \"unix:%s\", mode: \"0660\"}\n";

static struct {
    struct mount mount;
    struct proxy proxy;
    uint16_t ports[N_PORTS];
    char path[64];
} here;

/* In the order in which they are told. */
static void read_ports(void)
{
    struct str rest;
    struct str line;
    struct buf text;
    size_t n = 0;

    buf_init(&text, 1U << 20);
    program_output(&here.proxy.program, &text);
    rest = buf_view(&text);
    while (str_next(&rest, '\n', &line) && n < N_PORTS) {
        struct str after;
        int64_t port;

        if (str_starts(line, STR("listening on http://127.0.0.1:"))) {
            after = str_sub(line, sizeof("listening on http://127.0.0.1:") - 1, line.len);
            assert_true(str_to_i64(after, 1, UINT16_MAX, &port));
            here.ports[n++] = (uint16_t)port;
        }
    }
    assert_int_equal(n, N_PORTS);
    buf_done(&text);
}

static bool has_told_all(void)
{
    return program_wrote(&here.proxy.program, "listening on unix:");
}

static int begin(void **state)
{
    char text[2048];

    (void)state;
    (void)snprintf(here.path, sizeof(here.path), "/tmp/virtuoso-listeners-%d", (int)getpid());
    (void)snprintf(text, sizeof(text), config_text, here.path);
    mount_open(&here.mount, text);
    mount_serve(&here.mount, &here.proxy);
    wait_until(has_told_all());
    read_ports();
    return 0;
}

static int end(void **state)
{
    (void)state;
    proxy_stop(&here.proxy);
    mount_close(&here.mount);
    assert_int_not_equal(access(here.path, F_OK), 0); /* the Unix socket went with the program */
    return 0;
}

/* The status of the answer to the bytes, which come in two pieces; 0: the connection was closed. */
static int send_bytes(uint16_t port, struct str bytes)
{
    struct client client;
    struct reply reply;
    int status = 0;

    client_open(&client, port);
    reply_init(&reply);
    (void)client_send(&client, str_sub(bytes, 0, FIRST_PIECE));
    proxy_settle(&here.proxy);
    (void)client_send(&client, str_sub(bytes, FIRST_PIECE, bytes.len));
    if (client_read(&client, false, &reply) == CLIENT_OK) {
        status = reply.status;
    }
    reply_done(&reply);
    client_close(&client);
    return status;
}

static void each_says_what_it_is(void **state)
{
    static const char *const texts[] = {
        "\"name\":\"balanced\",\"address\":\"127.0.0.1:", "\"proxy_protocol\":\"expected\"",
        "\"name\":\"local\",\"address\":\"unix:/tmp/"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        wait_until(program_wrote(&here.proxy.program, texts[i]));
    }
}

static void a_unix_socket_has_its_mode(void **state)
{
    struct client client;
    struct reply reply;
    struct stat status;

    (void)state;
    assert_int_equal(stat(here.path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0660);
    client_open_unix(&client, here.path);
    assert_true(client_send_request(&client, "GET", "/livez", NULL, STR_EMPTY));
    reply_init(&reply);
    assert_int_equal(client_read(&client, false, &reply), CLIENT_OK);
    assert_int_equal(reply.status, 200);
    reply_done(&reply);
    client_close(&client);
}

static void a_header_is_expected_or_refused(void **state)
{
    const struct {
        struct str bytes;
        int status;
    } cases[] = {
        {STR("PROXY TCP4 203.0.113.9 192.0.2.1 1234 80\r\n" GET_LIVE), 200},
        {STR("PROXY TCP6 2001:db8::7 2001:db8::1 1234 80\r\n" GET_LIVE), 200},
        {STR("PROXY UNKNOWN\r\n" GET_LIVE), 200},
        {STR(V2_SIGNATURE "\x20\x00\x00\x00" GET_LIVE), 200},
        {STR(V2_SIGNATURE "\x21\x11\x00\x13\xCB\x00\x71\x09\xC0\x00\x02\x01\x04\xD2\x00\x50"
                          "\x04\x00\x04"
                          "abcd" GET_LIVE),
         200},
        {STR(GET_LIVE), 0},
        {STR("PROXY TCP4 203.0.113.9 192.0.2.1 1234 80\n" GET_LIVE), 0},
        {STR("PROXY TCP4 203.0.113.9 192.0.2.1 1234 080\r\n" GET_LIVE), 0},
        {STR("PROXY TCP4 203.0.113.9 192.0.2.1 1234 99999\r\n" GET_LIVE), 0},
        {STR("PROXY TCP4 2001:db8::7 192.0.2.1 1234 80\r\n" GET_LIVE), 0},
        {STR("PROXY  TCP4 203.0.113.9 192.0.2.1 1234 80\r\n" GET_LIVE), 0},
        {STR("PROXY UDP4 203.0.113.9 192.0.2.1 1234 80\r\n" GET_LIVE), 0},
        {STR(V2_SIGNATURE
             "\x11\x11\x00\x0C\xCB\x00\x71\x09\xC0\x00\x02\x01\x04\xD2\x00\x50" GET_LIVE),
         0}, /* version 1 in the form of 2 */
        {STR(V2_SIGNATURE
             "\x21\x12\x00\x0C\xCB\x00\x71\x09\xC0\x00\x02\x01\x04\xD2\x00\x50" GET_LIVE),
         0},                                                                /* UDP */
        {STR(V2_SIGNATURE "\x21\x11\x00\x04\xCB\x00\x71\x09" GET_LIVE), 0}, /* too short */
        {STR(V2_SIGNATURE "\x21\x11\xFF\xFF\xCB\x00\x71\x09" GET_LIVE), 0}, /* too long */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int status = send_bytes(here.ports[1], cases[i].bytes);

        if (status != cases[i].status) {
            fail_msg("case %zu: %d instead of %d", i, status, cases[i].status);
        }
    }
    wait_until(program_wrote(&here.proxy.program, "http.proxy_header_refused"));
    assert_int_equal(send_bytes(here.ports[0], cases[0].bytes), 400); /* nobody guesses */
}

static void others_may_not_send_one(void **state)
{
    (void)state;
    assert_int_equal(
        send_bytes(here.ports[2], STR("PROXY TCP4 203.0.113.9 192.0.2.1 1234 80\r\n" GET_LIVE)), 0);
    wait_until(program_wrote(&here.proxy.program, "this address may not send a PROXY header"));
}

static void a_header_that_does_not_come_is_not_waited_for(void **state)
{
    struct client client;

    (void)state;
    client_open(&client, here.ports[1]);
    assert_true(client_send(&client, STR("PROXY TCP4 203.0.113.9 19")));
    assert_true(client_sees_close(&client));
    client_close(&client);
}

static int ask_as(const char *client, const char *fields)
{
    char text[512];

    (void)snprintf(text, sizeof(text),
                   "PROXY TCP4 %s 192.0.2.1 1234 80\r\n"
                   "GET /api/v1/sessions HTTP/1.1\r\nHost: x\r\n%sConnection: close\r\n\r\n",
                   client, fields);
    return send_bytes(here.ports[1], str_from(text));
}

/* An address has asked nothing before began_ms, and may come without a credential twice, and once more each second; then it
 * is 429: so the limit tells who is meant. */
static void use_up(const char *client, const char *fields, uint64_t began_ms, uint64_t burst)
{
    uint64_t n = 0;
    int status;

    while ((status = ask_as(client, fields)) == 401) {
        n++;
        assert_in_range(n, 0, burst + (client_now_ms() - began_ms) / 1000);
    }
    assert_int_equal(status, 429);
    assert_true(n >= burst);
}

static void who_calls_is_told_by_the_header(void **state)
{
    uint64_t began_ms = client_now_ms();

    (void)state;
    use_up("203.0.113.1", "", began_ms, 2);
    assert_int_equal(ask_as("203.0.113.2", ""), 401);
    wait_until(program_wrote(&here.proxy.program, "\"peer\":\"203.0.113.1:1234\""));
    /* What the caller itself says counts for nothing... */
    use_up("203.0.113.1", "X-Forwarded-For: 203.0.113.77\r\n", began_ms, 0);
    /* ...what a trusted proxy behind the balancer says does. */
    use_up("198.51.100.7", "X-Forwarded-For: 203.0.113.3\r\n", began_ms, 2);
    assert_int_equal(ask_as("198.51.100.7", "X-Forwarded-For: 203.0.113.4\r\n"), 401);
}

static void forwarded_is_read_where_it_is_said(void **state)
{
    char text[2048];
    struct str config;
    uint64_t began_ms;

    (void)state;
    (void)snprintf(text, sizeof(text), config_text, here.path);
    config = arena_printf(&here.proxy.arena, "%s  forwarded: rfc7239\n", text);
    mount_write(&here.mount, config.ptr);
    wait_until(program_wrote(&here.proxy.program, "config.reloaded"));
    began_ms = client_now_ms();
    use_up("198.51.100.8",
           "X-Forwarded-For: 203.0.113.88\r\n"
           "Forwarded: for=203.0.113.99, for=\"203.0.113.5:4711\"\r\n"
           "Forwarded: for=198.51.100.9;proto=https\r\n",
           began_ms, 2);
    use_up("198.51.100.9", "Forwarded: for=203.0.113.5\r\n", began_ms, 0);
    assert_int_equal(ask_as("198.51.100.9", "Forwarded: for=203.0.113.6\r\n"), 401);
}

/* Sockets stay where they are; that is told, and the rest of the list waits with them. */
static void other_addresses_wait_for_the_next_start(void **state)
{
    struct str config;
    char text[2048];

    (void)state;
    (void)snprintf(text, sizeof(text), config_text, here.path);
    config = arena_printf(&here.proxy.arena, "%s    - {name: one more, listen: \"127.0.0.1:0\"}\n",
                          text);
    mount_write(&here.mount, config.ptr);
    wait_until(program_wrote(&here.proxy.program, "\"needs_restart\":\"server.listeners\""));
    assert_int_equal(
        send_bytes(here.ports[1], STR("PROXY TCP4 203.0.113.9 192.0.2.1 1234 80\r\n" GET_LIVE)),
        200);
    assert_int_equal(
        send_bytes(here.ports[2], STR("PROXY TCP4 203.0.113.9 192.0.2.1 1234 80\r\n" GET_LIVE)), 0);
    assert_int_equal(send_bytes(here.ports[0], STR(GET_LIVE)), 200);
}

/* Lines of the log that hold the text. */
static size_t n_told(const char *what)
{
    struct str rest;
    struct str line;
    struct buf text;
    size_t n = 0;

    buf_init(&text, 16U << 20);
    program_errors(&here.proxy.program, &text);
    rest = buf_view(&text);
    while (str_next(&rest, '\n', &line)) {
        n += str_contains(line, str_from(what)) ? 1 : 0;
    }
    buf_done(&text);
    return n;
}

/* What clients send on any listener, good or bad, is in no line of the log. */
static void nothing_that_was_sent_is_in_the_log(void **state)
{
    static const char *const bad[] = {
        "PROXY TCP4 canary-in-a-header 192.0.2.1 1234 80\r\n" GET_LIVE,
        "GET /livez?canary=in-a-query HTTP/1.1\r\nAuthorization: Bearer canary-as-a-token\r\n"
        "Host: x\r\n\r\n",
    };
    static const char asks[] = "GET /api/v1/routes?canary=in-a-query HTTP/1.1\r\nHost: x\r\n"
                               "Authorization: Bearer canary-as-a-token\r\n"
                               "X-API-Key: canary-as-a-token\r\n"
                               "X-Forwarded-For: canary-as-an-address\r\n"
                               "Forwarded: for=canary-as-an-address\r\nConnection: close\r\n\r\n";
    struct buf good;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        size_t before = n_told("http.proxy_header_refused");

        /* one line a second is written */
        wait_until(send_bytes(here.ports[1], str_from(bad[i])) == 0 &&
                   n_told("http.proxy_header_refused") > before);
    }
    buf_init(&good, 4096);
    buf_text(&good, "PROXY TCP4 203.0.113.9 192.0.2.1 1234 80\r\n");
    buf_text(&good, asks);
    assert_true(send_bytes(here.ports[1], buf_view(&good)) >= 400);
    assert_true(send_bytes(here.ports[0], str_from(asks)) >= 400);
    buf_done(&good);
    /* The last that is told of a request is its access line. */
    wait_until(n_told("\"path\":\"/api/v1/routes") == 2);
    assert_false(program_wrote(&here.proxy.program, "canary"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_says_what_it_is),
        cmocka_unit_test(a_unix_socket_has_its_mode),
        cmocka_unit_test(a_header_is_expected_or_refused),
        cmocka_unit_test(others_may_not_send_one),
        cmocka_unit_test(a_header_that_does_not_come_is_not_waited_for),
        cmocka_unit_test(who_calls_is_told_by_the_header),
        cmocka_unit_test(forwarded_is_read_where_it_is_said),
        cmocka_unit_test(nothing_that_was_sent_is_in_the_log),
        cmocka_unit_test(other_addresses_wait_for_the_next_start),
    };

    return cmocka_run_group_tests_name("listeners", tests, begin, end);
}
