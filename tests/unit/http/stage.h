/* A server on the test's own loop, a service that does what the path says and counts how it is
 * called, and clients on raw non-blocking sockets: whoever waits turns the loop. Time is the test's
 * (clock_set); stage_pass lets some of it go by.
 *
 *   /now     answers on_body with the body        /slow    as /in, pauses after each piece
 *   /big     300 KiB                              /out     4 MiB in pieces, chunked
 *   /json    3 KiB of JSON                        /sized   as /out, with a length
 *   /204     no content                           /short   promises 10 bytes, gives 5
 *   /refuse  403 on the head                      /long    promises 5 bytes, gives 10
 *   /wait    holds the exchange: stage->held      /break   breaks within its answer
 *   /detach  as /wait, goes on when the client leaves
 *   /late    a deadline of 1 s
 *   /in      body in pieces into stage->got
 *   /early   body in pieces, stage->held may be answered at any time */
#ifndef TESTS_UNIT_HTTP_STAGE_H
#define TESTS_UNIT_HTTP_STAGE_H

#include "harness/cmocka.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "harness/client.h"
#include "harness/port.h"
#include "http/server.h"
#include "net/loop.h"

#define MAYBE_UNUSED __attribute__((unused))

enum {
    STAGE_BIG = 300 * 1024,
    STAGE_OUT = 4 * 1024 * 1024,
    STAGE_PIECE = 10000,
    STAGE_LONG = 65 * 1024 * 1024,
    STAGE_MAX_BODY = 64 * 1024,
    STAGE_LIMIT_S = 60 /* stretched by VP_SLOW */
};

struct stage {
    struct loop loop;
    struct http_server *server;
    struct http_server_options options;
    struct exchange *held;
    struct buf got;
    struct buf filler;
    size_t out_sent;
    unsigned n_heads;
    unsigned n_bodies;
    unsigned n_chunks;
    unsigned n_ends;
    unsigned n_aborts;
    unsigned n_deadlines;
    unsigned n_cancelled;
    bool closed;
};

struct peer {
    struct stage *stage;
    int fd;
    struct buf in;
    bool ended; /* EOF or reset */
};

/* --- the service ------------------------------------------------------------------------------ */

static inline bool stage_is(const struct exchange *exchange, const char *path)
{
    return str_is(exchange->request.path, path);
}

static inline struct stage *stage_of(void *context)
{
    return context;
}

static inline struct str stage_filler(struct stage *stage, size_t len)
{
    while (stage->filler.len < len) {
        buf_char(&stage->filler, (char)('a' + (char)(stage->filler.len % 23)));
    }
    return str_sub(buf_view(&stage->filler), 0, len);
}

static inline enum http_verdict stage_on_head(void *context, struct exchange *exchange,
                                              size_t *max_body)
{
    struct stage *stage = stage_of(context);
    struct error err = {0};

    stage->n_heads++;
    *max_body = STAGE_MAX_BODY;
    if (stage_is(exchange, "/refuse")) {
        (void)error_set(&err, ERR_FORBIDDEN, "No");
        exchange_problem(exchange, &err, NULL);
        return HTTP_REPLIED;
    }
    if (stage_is(exchange, "/late")) {
        exchange_set_deadline(exchange, 1000);
    }
    if (stage_is(exchange, "/in") || stage_is(exchange, "/slow")) {
        stage->held = exchange;
        return HTTP_BODY_STREAM;
    }
    if (stage_is(exchange, "/early")) {
        stage->held = exchange;
        return HTTP_BODY_STREAM;
    }
    return HTTP_BODY_BUFFER;
}

/* As much of /out and /sized as is taken now. */
static inline void stage_go_on(struct stage *stage, struct exchange *exchange)
{
    while (stage->out_sent < STAGE_OUT) {
        size_t n =
            STAGE_OUT - stage->out_sent < STAGE_PIECE ? STAGE_OUT - stage->out_sent : STAGE_PIECE;

        stage->out_sent += n;
        if (!exchange_stream_write(exchange, str_sub(stage_filler(stage, STAGE_PIECE), 0, n))) {
            return;
        }
    }
    exchange_stream_end(exchange);
}

static inline bool stage_streams(struct stage *stage, struct exchange *exchange)
{
    if (stage_is(exchange, "/out") || stage_is(exchange, "/sized")) {
        stage->out_sent = 0;
        exchange_stream_begin(exchange, 200, "text/plain",
                              stage_is(exchange, "/out") ? -1 : STAGE_OUT);
        stage_go_on(stage, exchange);
    } else if (stage_is(exchange, "/short")) {
        exchange_stream_begin(exchange, 200, "text/plain", 10);
        (void)exchange_stream_write(exchange, STR("12345"));
        exchange_stream_end(exchange);
    } else if (stage_is(exchange, "/long")) {
        exchange_stream_begin(exchange, 200, "text/plain", 5);
        (void)exchange_stream_write(exchange, STR("123"));
        (void)exchange_stream_write(exchange, STR("4567890"));
        exchange_stream_end(exchange);
    } else if (stage_is(exchange, "/break")) {
        exchange_stream_begin(exchange, 200, "text/plain", -1);
        (void)exchange_stream_write(exchange, STR("12345"));
        exchange_stream_abort(exchange);
    } else {
        return false;
    }
    return true;
}

static inline void stage_on_body(void *context, struct exchange *exchange)
{
    struct stage *stage = stage_of(context);

    stage->n_bodies++;
    if (stage_is(exchange, "/wait") || stage_is(exchange, "/detach") ||
        stage_is(exchange, "/late")) {
        stage->held = exchange;
    } else if (stage_is(exchange, "/big")) {
        exchange_reply(exchange, 200, "application/octet-stream", stage_filler(stage, STAGE_BIG));
    } else if (stage_is(exchange, "/json")) {
        exchange_reply(exchange, 200, "application/json", stage_filler(stage, 3072));
    } else if (stage_is(exchange, "/204")) {
        exchange_reply(exchange, 204, NULL, STR_EMPTY);
    } else if (!stage_streams(stage, exchange)) {
        exchange_reply(exchange, 200, "text/plain", exchange->request.body);
    }
}

static inline void stage_on_chunk(void *context, struct exchange *exchange, struct str bytes,
                                  bool last)
{
    struct stage *stage = stage_of(context);

    CHECK(last == (bytes.len == 0));
    stage->n_chunks += last ? 0 : 1;
    stage->n_ends += last ? 1 : 0;
    buf_str(&stage->got, bytes);
    if (stage_is(exchange, "/slow") && !last) {
        exchange_body_pause(exchange);
    }
    if (last && !stage_is(exchange, "/early")) {
        stage->held = NULL;
        exchange_reply(exchange, 200, "text/plain", buf_view(&stage->got));
    }
}

static inline void stage_on_writable(void *context, struct exchange *exchange)
{
    stage_go_on(stage_of(context), exchange);
}

static inline void stage_on_deadline(void *context, struct exchange *exchange)
{
    struct error err = {0};

    stage_of(context)->n_deadlines++;
    stage_of(context)->held = NULL;
    (void)error_set(&err, ERR_UPSTREAM_TIMEOUT, "Too late");
    exchange_problem(exchange, &err, NULL);
}

static inline enum http_abort_verdict stage_on_abort(void *context, struct exchange *exchange)
{
    struct stage *stage = stage_of(context);

    stage->n_aborts++;
    if (stage_is(exchange, "/detach")) {
        return HTTP_ABORT_DETACHED;
    }
    stage->held = NULL;
    return HTTP_ABORT_ENDED;
}

static inline void stage_on_cancel_orphan(void *context, struct exchange *exchange)
{
    (void)exchange;
    stage_of(context)->n_cancelled++;
    stage_of(context)->held = NULL;
}

/* --- the stage -------------------------------------------------------------------------------- */

static inline struct http_server_options stage_options(void)
{
    return (struct http_server_options){
        .listen = STR("127.0.0.1:0"),
        .name = "test",
        .security_headers = true,
        .max_connections = 64,
        .max_request_line = 8192,
        .max_header_bytes = 16384,
        .max_headers = 64,
        .max_pipeline_bytes = 16384,
        .head_timeout_ms = 5000,
        .body_timeout_ms = 6000,
        .idle_timeout_ms = 30000,
        .write_timeout_ms = 8000,
        .handshake_timeout_ms = 4000,
        .linger_ms = 2000,
        .linger_bytes = 65536,
        .gzip = true,
    };
}

static inline void stage_open(struct stage *stage, const struct http_server_options *options)
{
    static const struct http_service service = {
        .on_head = stage_on_head,
        .on_body = stage_on_body,
        .on_chunk = stage_on_chunk,
        .on_writable = stage_on_writable,
        .on_deadline = stage_on_deadline,
        .on_abort = stage_on_abort,
        .on_cancel_orphan = stage_on_cancel_orphan,
    };
    struct error err = {0};

    *stage = (struct stage){.options = *options};
    clock_set(1000000, 1700000000000);
    loop_init(&stage->loop);
    buf_init(&stage->got, (size_t)16 * 1024 * 1024);
    buf_init(&stage->filler, (size_t)16 * 1024 * 1024);
    if (http_server_open(&stage->loop, &stage->options, &service, stage, &stage->server, &err) !=
        ERR_OK) {
        fail_msg("%s", err.text);
    }
}

/* Real seconds, for limits that a frozen clock must not stop. */
static inline time_t stage_seconds(void)
{
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return now.tv_sec;
}

static inline time_t stage_limit(void)
{
    return stage_seconds() + (time_t)STAGE_LIMIT_S * client_slowness();
}

static inline void stage_on_closed(void *context)
{
    *(bool *)context = true;
}

/* loop_done CHECKs that nothing was left open. */
static inline void stage_close(struct stage *stage)
{
    time_t limit = stage_limit();

    http_server_close(stage->server, stage_on_closed, &stage->closed);
    while (!stage->closed && stage_seconds() < limit) {
        (void)loop_turn(&stage->loop, true);
    }
    assert_true(stage->closed);
    loop_done(&stage->loop);
    clock_release();
    buf_done(&stage->got);
    buf_done(&stage->filler);
}

/* One turn, unless the condition is met; fails when that takes too long. */
static inline bool stage_met(struct stage *stage, bool condition, time_t limit)
{
    if (!condition) {
        assert_true(stage_seconds() < limit);
        (void)loop_turn(&stage->loop, true);
    }
    return condition;
}

/* Turns until `condition` of the test's own is met. */
#define STAGE_UNTIL(stage, condition)                                                              \
    for (time_t limit_ = stage_limit(); !stage_met((stage), (condition), limit_);) {               \
    }

/* Whatever has been sent arrives and is dealt with: a few turns. */
static inline void stage_settle(struct stage *stage)
{
    for (int i = 0; i < 10; i++) {
        (void)loop_turn(&stage->loop, false);
    }
}

/* `ms` go by: the deadlines that are due run. */
static inline void stage_pass(struct stage *stage, uint64_t ms)
{
    stage_settle(stage);
    clock_advance(ms);
    (void)deadlines_run(&stage->loop.deadlines, clock_now_ms());
    stage_settle(stage);
}

/* --- clients ---------------------------------------------------------------------------------- */

static inline void peer_open_small(struct peer *peer, struct stage *stage, int receive_bytes)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port_of(http_server_address(stage->server))),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int on = 1;

    *peer = (struct peer){.stage = stage, .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_true(peer->fd >= 0);
    if (receive_bytes > 0) {
        assert_int_equal(
            setsockopt(peer->fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes)), 0);
    }
    assert_int_equal(connect(peer->fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
    buf_init(&peer->in, (size_t)64 * 1024 * 1024);
}

static inline void peer_open(struct peer *peer, struct stage *stage)
{
    peer_open_small(peer, stage, 0);
}

static inline void peer_close(struct peer *peer)
{
    if (peer->fd >= 0) {
        (void)close(peer->fd);
    }
    peer->fd = -1;
    buf_done(&peer->in);
}

static inline void peer_reset(struct peer *peer)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};

    assert_int_equal(setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    peer_close(peer);
}

/* As much as the server takes within the turns that it needs; false: it takes no more. */
static inline bool peer_send(struct peer *peer, struct str bytes)
{
    int idle_turns = 0;

    while (bytes.len > 0 && idle_turns < 200) {
        ssize_t n = send(peer->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno != EAGAIN) {
            return false;
        }
        idle_turns = n > 0 ? 0 : idle_turns + 1;
        bytes = str_sub(bytes, n > 0 ? (size_t)n : 0, bytes.len);
        (void)loop_turn(&peer->stage->loop, false);
    }
    return bytes.len == 0;
}

static inline bool peer_send_text(struct peer *peer, const char *text)
{
    return peer_send(peer, str_from(text));
}

/* Takes what is there; false: nothing was. */
static inline bool peer_receive(struct peer *peer)
{
    char *room = buf_reserve(&peer->in, 65536);
    ssize_t n;

    assert_non_null(room);
    n = recv(peer->fd, room, 65536, MSG_DONTWAIT);
    if (n > 0) {
        buf_grew(&peer->in, (size_t)n);
        return true;
    }
    peer->ended = peer->ended || n == 0 || errno != EAGAIN;
    return false;
}

/* Until the server closes; what it sent stays in peer->in. */
static inline void peer_read_all(struct peer *peer)
{
    time_t limit = stage_limit();

    while (!peer->ended && stage_seconds() < limit) {
        if (!peer_receive(peer) && !peer->ended) {
            (void)loop_turn(&peer->stage->loop, true);
        }
    }
    assert_true(peer->ended);
}

static inline void peer_read_until(struct peer *peer, const char *text)
{
    time_t limit = stage_limit();

    while (!peer->ended && !str_contains(buf_view(&peer->in), str_from(text)) &&
           stage_seconds() < limit) {
        if (!peer_receive(peer) && !peer->ended) {
            (void)loop_turn(&peer->stage->loop, true);
        }
    }
    if (!str_contains(buf_view(&peer->in), str_from(text))) {
        fail_msg("\"%s\" did not come, but:\n%.*s", text, (int)peer->in.len, peer->in.ptr);
    }
}

static inline bool peer_has(const struct peer *peer, const char *text)
{
    return str_contains(buf_view(&peer->in), str_from(text));
}

static inline size_t peer_count(const struct peer *peer, const char *text)
{
    struct str rest = buf_view(&peer->in);
    size_t n = 0;
    ptrdiff_t at;

    while ((at = str_find(rest, str_from(text))) >= 0) {
        n++;
        rest = str_sub(rest, (size_t)at + strlen(text), rest.len);
    }
    return n;
}

/* The status of the first answer in peer->in; 0: none. */
static inline int peer_status(const struct peer *peer)
{
    int64_t status = 0;

    if (!str_starts(buf_view(&peer->in), STR("HTTP/1.1 ")) ||
        !str_to_i64(str_sub(buf_view(&peer->in), 9, 3), 100, 599, &status)) {
        return 0;
    }
    return (int)status;
}

/* The bytes behind the first empty line. */
static inline struct str peer_body(const struct peer *peer)
{
    struct str all = buf_view(&peer->in);
    ptrdiff_t at = str_find(all, STR("\r\n\r\n"));

    return at < 0 ? STR_EMPTY : str_sub(all, (size_t)at + 4, all.len);
}

/* One request on a connection of its own, read until the server closes or `until` came. */
static inline void peer_ask(struct peer *peer, struct stage *stage, const char *bytes,
                            const char *until)
{
    peer_open(peer, stage);
    (void)peer_send_text(peer, bytes);
    if (until != NULL) {
        peer_read_until(peer, until);
    } else {
        peer_read_all(peer);
    }
}

#endif
