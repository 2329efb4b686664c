#include "harness/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "harness/cmocka.h"

enum { TIMEOUT_MS = 30000, MAX_HEAD = 1 << 20, MAX_BODY = 64 << 20, READ_BYTES = 65536 };

unsigned client_slowness(void)
{
    const char *text = getenv("VP_SLOW");
    int64_t factor = 1;

    if (text != NULL && !str_to_i64(str_from(text), 1, 100, &factor)) {
        fail_msg("VP_SLOW is not a number from 1 to 100: %s", text);
    }
    return (unsigned)factor;
}

uint64_t client_now_ms(void)
{
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t stalled_ms(const char *path)
{
    char line[256] = "";
    char *total;
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        return 0; /* the kernel does not count it */
    }
    total = fgets(line, sizeof(line), file) != NULL ? strstr(line, "total=") : NULL;
    (void)fclose(file);
    return total != NULL ? strtoull(total + strlen("total="), NULL, 10) / 1000 : 0;
}

uint64_t client_patience_ms(void)
{
    uint64_t now_ms = client_now_ms();
    uint64_t stalled =
        (stalled_ms("/proc/pressure/cpu") + stalled_ms("/proc/pressure/io")) / 10 * 9;

    return stalled < now_ms ? now_ms - stalled : now_ms;
}

uint64_t client_waited_ms(uint64_t from_ms)
{
    uint64_t now_ms = client_patience_ms();

    return now_ms > from_ms ? now_ms - from_ms : 0;
}

void client_pause_ms(unsigned ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static int connect_socket(uint16_t port, int receive_bytes)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    if (receive_bytes > 0) {
        assert_int_equal(
            setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes)), 0);
    }
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)close(fd);
        return -1;
    }
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
    return fd;
}

void client_open_small(struct client *client, uint16_t port, int receive_bytes)
{
    *client = (struct client){.timeout_ms = TIMEOUT_MS, .fd = connect_socket(port, receive_bytes)};
    if (client->fd < 0) {
        fail_msg("cannot connect to 127.0.0.1:%u: %s", (unsigned)port, strerror(errno));
    }
    buf_init(&client->in, MAX_HEAD + MAX_BODY);
}

void client_open(struct client *client, uint16_t port)
{
    client_open_small(client, port, 0);
}

void client_open_unix(struct client *client, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    str_copy(address.sun_path, sizeof(address.sun_path), str_from(path));
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        fail_msg("cannot connect to %s: %s", path, strerror(errno));
    }
    *client = (struct client){.timeout_ms = TIMEOUT_MS, .fd = fd};
    buf_init(&client->in, MAX_HEAD + MAX_BODY);
}

bool client_can_connect(uint16_t port)
{
    int fd = connect_socket(port, 0);

    if (fd >= 0) {
        (void)close(fd);
    }
    return fd >= 0;
}

void client_close(struct client *client)
{
    /* A zeroed client has never been opened: fd 0 is then not ours. */
    if (client->timeout_ms != 0 && client->fd >= 0) {
        (void)close(client->fd);
    }
    client->fd = -1;
    buf_done(&client->in);
}

void client_reset(struct client *client)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    assert_int_equal(setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    client_close(client);
}

void client_end(struct client *client)
{
    (void)shutdown(client->fd,
                   SHUT_WR); /* fails when the peer has reset: then it is ended anyway */
}

/* Waits for `events`; false when the time is over. */
static bool wait_for(const struct client *client, short events, uint64_t until_ms)
{
    for (;;) {
        uint64_t now = client_patience_ms();
        struct pollfd poll_fd = {.fd = client->fd, .events = events};
        int n = poll(&poll_fd, 1, until_ms > now ? (int)(until_ms - now) : 0);

        if (n > 0) {
            return true;
        }
        if (n == 0 && client_patience_ms() >= until_ms) {
            return false;
        }
        assert_true(n == 0 || errno == EINTR);
    }
}

bool client_can_read(const struct client *client)
{
    struct pollfd poll_fd = {.fd = client->fd, .events = POLLIN};

    return client->in.len > 0 || poll(&poll_fd, 1, 0) == 1;
}

static uint64_t deadline_of(const struct client *client)
{
    return client_patience_ms() + (uint64_t)client->timeout_ms * client_slowness();
}

bool client_send(struct client *client, struct str bytes)
{
    uint64_t until_ms = deadline_of(client);

    while (bytes.len > 0) {
        ssize_t n = send(client->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n > 0) {
            bytes = str_sub(bytes, (size_t)n, bytes.len - (size_t)n);
        } else if ((errno != EAGAIN && errno != EINTR) || !wait_for(client, POLLOUT, until_ms)) {
            return false;
        }
    }
    return true;
}

bool client_send_pieces(struct client *client, struct str bytes, size_t piece_bytes,
                        unsigned pause_ms)
{
    for (size_t at = 0; at < bytes.len; at += piece_bytes) {
        if (!client_send(client, str_sub(bytes, at, piece_bytes))) {
            return false;
        }
        client_pause_ms(pause_ms);
    }
    return true;
}

bool client_send_request(struct client *client, const char *method, const char *target,
                         const char *fields, struct str body)
{
    static const char *const with_body[] = {"POST", "PUT", "PATCH"};
    bool has_length = body.len > 0;
    struct buf out;

    for (size_t i = 0; i < ARRAY_LEN(with_body); i++) {
        has_length = has_length || strcmp(method, with_body[i]) == 0;
    }
    buf_init(&out, MAX_HEAD + MAX_BODY);
    buf_printf(&out, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n", method, target);
    buf_text(&out, fields == NULL ? "" : fields);
    if (has_length) {
        buf_printf(&out, "Content-Length: %zu\r\n", body.len);
    }
    buf_text(&out, "\r\n");
    buf_str(&out, body);
    assert_true(buf_ok(&out));

    bool sent = client_send(client, buf_view(&out));

    buf_done(&out);
    return sent;
}

/* Receives something more into client->in, or says why not. */
static enum client_result receive(struct client *client, uint64_t until_ms)
{
    while (!client->ended) {
        if (!wait_for(client, POLLIN, until_ms)) {
            return CLIENT_TIMEOUT;
        }
        char *room = buf_reserve(&client->in, READ_BYTES);
        assert_non_null(room);
        ssize_t n = recv(client->fd, room, READ_BYTES, MSG_DONTWAIT);
        if (n > 0) {
            buf_grew(&client->in, (size_t)n);
            return CLIENT_OK;
        }
        if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            client->ended = true;
            client->was_reset = n < 0;
        }
    }
    return client->in.len == 0 ? CLIENT_CLOSED : CLIENT_CUT;
}

/* Receives until client->in holds `needle`; *out_at is its offset. */
static enum client_result receive_until(struct client *client, struct str needle, size_t *out_at)
{
    uint64_t until_ms = deadline_of(client);

    for (;;) {
        ptrdiff_t at = str_find(buf_view(&client->in), needle);
        if (at >= 0) {
            *out_at = (size_t)at;
            return CLIENT_OK;
        }
        enum client_result result = receive(client, until_ms);
        if (result != CLIENT_OK) {
            return result;
        }
    }
}

static void take(struct client *client, size_t len, struct buf *out)
{
    buf_str(out, str_sub(buf_view(&client->in), 0, len));
    assert_true(buf_ok(out));
    buf_consume(&client->in, len);
}

/* Walks the header lines after the status line. */
static bool next_field(struct str *rest, struct str *out_name, struct str *out_value)
{
    struct str line;

    if (rest->len == 0) {
        return false;
    }
    (void)str_cut(*rest, '\n', &line, rest); /* the last line has no CRLF left */
    if (!str_cut(str_trim(line), ':', out_name, out_value)) {
        fail_msg("reply has a header line without a colon: %.*s", STR_ARG(line));
    }
    *out_value = str_trim(*out_value);
    return true;
}

static struct str fields_of(const struct reply *reply)
{
    struct str line;
    struct str rest;

    (void)str_cut(buf_view(&reply->head), '\n', &line, &rest);
    return rest;
}

struct str reply_field(const struct reply *reply, const char *name)
{
    struct str rest = fields_of(reply);
    struct str found;
    struct str value;

    while (next_field(&rest, &found, &value)) {
        if (str_is_nocase(found, name)) {
            return value;
        }
    }
    return STR_EMPTY;
}

size_t reply_count_fields(const struct reply *reply, const char *name)
{
    struct str rest = fields_of(reply);
    struct str found;
    struct str value;
    size_t n = 0;

    while (next_field(&rest, &found, &value)) {
        n += str_is_nocase(found, name) ? 1 : 0;
    }
    return n;
}

static enum client_result parse_head(struct reply *reply, bool to_head)
{
    struct str head = buf_view(&reply->head);
    struct str length = reply_field(reply, "content-length");
    int64_t status;
    int64_t left = 0;

    if (!str_starts(head, STR("HTTP/1.1 ")) ||
        !str_to_i64(str_sub(head, 9, 3), 100, 599, &status)) {
        return CLIENT_GARBLED;
    }
    reply->status = (int)status;
    reply->chunked = str_is_nocase(reply_field(reply, "transfer-encoding"), "chunked");
    reply->closes = str_is_nocase(reply_field(reply, "connection"), "close");
    if (reply_count_fields(reply, "content-length") > 1 ||
        (length.len > 0 && (reply->chunked || !str_to_i64(length, 0, INT64_MAX, &left)))) {
        return CLIENT_GARBLED;
    }
    reply->left_bytes = (uint64_t)left;
    if (to_head || status < 200 || status == 204 || status == 304) {
        reply->at_end = true;
    } else {
        reply->until_close = !reply->chunked && length.len == 0;
        reply->at_end = !reply->chunked && !reply->until_close && left == 0;
    }
    return CLIENT_OK;
}

enum client_result client_read_head(struct client *client, bool to_head, struct reply *reply)
{
    size_t at = 0;
    enum client_result result = receive_until(client, STR("\r\n\r\n"), &at);

    reply_done(reply);
    reply_init(reply);
    if (result != CLIENT_OK) {
        return result;
    }
    take(client, at, &reply->head);
    buf_consume(&client->in, 4);
    return parse_head(reply, to_head);
}

static bool hex_to_size(struct str text, size_t *out)
{
    size_t value = 0;

    for (size_t i = 0; i < text.len; i++) {
        ptrdiff_t digit = str_find_char(STR("0123456789abcdef"), (char)(text.ptr[i] | 0x20));
        if (digit < 0 || i == 7) {
            return false;
        }
        value = value * 16 + (size_t)digit;
    }
    *out = value;
    return text.len > 0;
}

static enum client_result receive_bytes(struct client *client, size_t len)
{
    uint64_t until_ms = deadline_of(client);

    while (client->in.len < len) {
        enum client_result result = receive(client, until_ms);
        if (result != CLIENT_OK) {
            return result == CLIENT_CLOSED ? CLIENT_CUT : result;
        }
    }
    return CLIENT_OK;
}

static enum client_result read_chunk(struct client *client, struct reply *reply)
{
    size_t at = 0;
    size_t len = 0;
    enum client_result result = receive_until(client, STR("\r\n"), &at);

    if (result != CLIENT_OK) {
        return result == CLIENT_CLOSED ? CLIENT_CUT : result;
    }
    if (!hex_to_size(str_sub(buf_view(&client->in), 0, at), &len)) {
        return CLIENT_GARBLED;
    }
    buf_consume(&client->in, at + 2);
    result = receive_bytes(client, len + 2);
    if (result != CLIENT_OK) {
        return result;
    }
    take(client, len, &reply->body);
    if (!str_starts(buf_view(&client->in), STR("\r\n"))) {
        return CLIENT_GARBLED; /* trailers are not something we send */
    }
    buf_consume(&client->in, 2);
    reply->at_end = len == 0;
    return CLIENT_OK;
}

enum client_result client_read_piece(struct client *client, struct reply *reply)
{
    assert_false(reply->at_end);
    if (reply->chunked) {
        return read_chunk(client, reply);
    }
    if (client->in.len == 0) {
        enum client_result result = receive(client, deadline_of(client));
        if (result == CLIENT_CLOSED && reply->until_close && !client->was_reset) {
            reply->at_end = true;
            return CLIENT_OK;
        }
        if (result != CLIENT_OK) {
            return result == CLIENT_CLOSED ? CLIENT_CUT : result;
        }
    }

    size_t len = client->in.len;

    if (!reply->until_close && len > reply->left_bytes) {
        len = (size_t)reply->left_bytes;
    }
    take(client, len, &reply->body);
    if (!reply->until_close) {
        reply->left_bytes -= len;
        reply->at_end = reply->left_bytes == 0;
    }
    return CLIENT_OK;
}

enum client_result client_read(struct client *client, bool to_head, struct reply *reply)
{
    enum client_result result;

    do {
        result = client_read_head(client, to_head, reply);
    } while (result == CLIENT_OK && reply->status < 200);
    while (result == CLIENT_OK && !reply->at_end) {
        result = client_read_piece(client, reply);
    }
    return result;
}

bool client_sees_close(struct client *client)
{
    return client->in.len == 0 && receive(client, deadline_of(client)) == CLIENT_CLOSED;
}

void client_ask(uint16_t port, const char *method, const char *target, const char *fields,
                struct str body, struct reply *reply)
{
    struct client client;

    client_open(&client, port);
    assert_true(client_send_request(&client, method, target, fields, body));

    enum client_result result = client_read(&client, strcmp(method, "HEAD") == 0, reply);

    if (result != CLIENT_OK) {
        fail_msg("%s %s: no whole reply (enum client_result %d)", method, target, (int)result);
    }
    client_close(&client);
}

bool client_probe(uint16_t port, const char *target, struct reply *reply)
{
    struct client client = {.timeout_ms = TIMEOUT_MS, .fd = connect_socket(port, 0)};
    bool ok;

    if (client.fd < 0) {
        return false;
    }
    buf_init(&client.in, MAX_HEAD + MAX_BODY);
    ok = client_send_request(&client, "GET", target, NULL, STR_EMPTY) &&
         client_read(&client, false, reply) == CLIENT_OK;
    client_close(&client);
    return ok;
}

void reply_init(struct reply *reply)
{
    *reply = (struct reply){0};
    buf_init(&reply->head, MAX_HEAD);
    buf_init(&reply->body, MAX_BODY);
}

void reply_done(struct reply *reply)
{
    buf_done(&reply->head);
    buf_done(&reply->body);
}

struct str reply_text(const struct reply *reply)
{
    return buf_view(&reply->body);
}

struct json *reply_json(const struct reply *reply, struct arena *arena)
{
    const struct json_limits limits = {.max_depth = 64, .max_nodes = 1000000};
    struct json *document = NULL;
    struct error err = {0};

    if (json_parse(arena, reply_text(reply), &limits, &document, &err) != ERR_OK) {
        fail_msg("status %d with a body that is not JSON (%s): %.*s", reply->status, err.text,
                 STR_ARG(reply_text(reply)));
    }
    return document;
}

int64_t number_at(const struct json *json, const char *pointer)
{
    const struct json *found = json_find(json, pointer);
    int64_t number = -1;

    return json_to_i64(found, &number) || str_to_i64(json_str(found), 0, INT64_MAX, &number)
               ? number
               : -1;
}
