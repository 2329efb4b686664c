/* Plain and TLS bytes of one connection. What the kernel does not take at once waits in output.c. */
#include "net/transport.h"

#include "base/address.h"
#include "base/check.h"
#include "base/mem.h"
#include "crypto/tls.h"
#include "crypto/tls_peer.h"
#include "net/proxy_header.h"
#include "observe/metrics.h"
#include "transport_internal.h"

enum { PLAIN_MAX = 256 * 1024, EARLY_MAX = PROXY_HEADER_MAX + LOOP_READ_BUFFER };

static void start_make(struct transport *transport)
{
    if (transport->options.tls != NULL || transport->options.wants_header) {
        transport->start = mem_zalloc(sizeof(*transport->start));
        transport->start->transport = transport;
        if (transport->options.tls != NULL) { /* a reload may drop it before the handshake begins */
            transport->start->tls = tls_config_hold(transport->options.tls);
        }
        buf_init(&transport->start->early, EARLY_MAX);
    }
}

static void start_drop(struct transport *transport)
{
    if (transport->start != NULL) {
        buf_done(&transport->start->early);
        tls_config_free(transport->start->tls);
        mem_free(transport->start);
        transport->start = NULL;
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct transport *transport = CONTAINER_OF(handle, struct transport, socket.handle);

    output_drop(transport);
    mem_free(transport->client);
    transport->client = NULL;
    start_drop(transport);
    mem_free(transport->peer);
    transport->peer = NULL;
    tls_stream_free(transport->tls);
    transport->tls = NULL;
    transport->events->on_closed(transport);
}

void transport_close(struct transport *transport)
{
    if (transport->closing) {
        return;
    }
    transport->closing = true;
    transport->reading = false;
    list_remove(&transport->hold);
    later_remove(&transport->pump);
    handshake_ended(transport, RESULT_CANCELLED);
    uv_close(&transport->socket.handle, on_closed);
}

/* The end is told from the loop only, and once. */
static void on_end_later(struct later_item *item)
{
    struct transport *transport = CONTAINER_OF(item, struct transport, pump);

    transport->events->on_end(transport, false);
}

void transport_break(struct transport *transport)
{
    if (!transport->ended && !transport->closing) {
        transport->ended = true;
        later_add(&transport->loop->later, &transport->pump, on_end_later);
    }
}

static void end_now(struct transport *transport, bool clean)
{
    if (!transport->ended && !transport->closing) {
        transport->ended = true;
        transport->events->on_end(transport, clean);
    }
}

/* ---- writing ---- */

static void flush_tls(struct transport *transport)
{
    struct buf *output = tls_stream_output(transport->tls);
    struct str cipher = buf_view(output);

    if (output->len > 0) {
        output_write(transport, &cipher, 1);
        tls_stream_sent(transport->tls);
    }
}

void transport_write_parts(struct transport *transport, const struct str *parts, size_t n_parts)
{
    struct error err;

    if (transport->closing || transport->ended) {
        return;
    }
    if (transport->options.tls == NULL) {
        output_write(transport, parts, n_parts);
        return;
    }
    if (transport->tls == NULL) { /* no handshake, so no request to answer */
        transport_break(transport);
        return;
    }
    for (size_t i = 0; i < n_parts; i++) {
        if (!tls_stream_write(transport->tls, parts[i], &err)) {
            transport_break(transport);
            return;
        }
    }
    flush_tls(transport);
}

void transport_write(struct transport *transport, struct str bytes)
{
    if (bytes.len > 0) {
        transport_write_parts(transport, &bytes, 1);
    }
}

void transport_shutdown(struct transport *transport)
{
    if (transport->closing || transport->ended || transport->shutdown_asked) {
        return;
    }
    if (transport->tls != NULL) {
        tls_stream_close_notify(transport->tls);
        flush_tls(transport);
    }
    transport->shutdown_asked = true;
    output_make(transport);
    output_start(transport);
}

/* ---- reading ---- */

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer);

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct transport *transport = CONTAINER_OF(handle, struct transport, socket.handle);
    struct loop *loop = transport->loop;

    (void)suggested;
    *out = loop_may_read(loop, transport_makes_wait(transport))
               ? uv_buf_init(loop->read_buffer, LOOP_READ_BUFFER)
               : uv_buf_init(NULL, 0); /* libuv then reads nothing, and says ENOBUFS */
}

static bool is_open(const struct transport *transport)
{
    return !transport->closing && !transport->ended;
}

void transport_give_up(struct transport *transport)
{
    end_now(transport, false);
}

const struct tls_peer *transport_certificate(struct transport *transport,
                                             const struct tls_config *now)
{
    return now != NULL ? tls_stream_peer(transport->tls, now) : NULL;
}

void transport_note_timeout(struct transport *transport)
{
    if (transport->tls == NULL && transport->start != NULL &&
        !list_is_linked(&transport->start->shake)) {
        metric_add(M_HANDSHAKES, RESULT_TIMEOUT, 0, 0, 1); /* its hello never came */
    }
    handshake_ended(transport, RESULT_TIMEOUT);
}

static void tell_failure(struct transport *transport, const struct error *err)
{
    if (transport->events->on_tls_failed != NULL && is_open(transport)) {
        transport->events->on_tls_failed(transport, err);
    }
}

/* Goes on with the bytes that TLS was fed. */
static void read_tls(struct transport *transport)
{
    bool was_secured = tls_stream_is_secured(transport->tls);
    struct buf plain;
    struct error err = {0};
    enum tls_verdict verdict;

    buf_init(&plain, PLAIN_MAX);
    verdict = tls_stream_read(transport->tls, &plain, &err);
    flush_tls(transport);
    if (!was_secured && tls_stream_is_secured(transport->tls)) {
        handshake_ended(transport, RESULT_OK);
        transport->events->on_secured(transport);
    }
    if (plain.len > 0 && !transport->closing) {
        transport->events->on_bytes(transport, buf_view(&plain));
    }
    buf_done(&plain);
    if (verdict == TLS_FAILED) {
        tell_failure(transport, &err);
        handshake_ended(transport, RESULT_ERROR);
    }
    if (verdict == TLS_END || verdict == TLS_FAILED) {
        end_now(transport, verdict == TLS_END);
    }
}

void transport_shake(struct transport *transport)
{
    read_tls(transport);
    if (is_open(transport) && !tls_stream_is_secured(transport->tls)) {
        transport_read_start(transport);
    }
}

static void take_bytes(struct transport *transport, struct str bytes)
{
    if (transport->options.tls == NULL) {
        transport->events->on_bytes(transport, bytes);
    } else if (transport->tls == NULL || !tls_stream_is_secured(transport->tls)) {
        handshake_bytes(transport, bytes);
    } else {
        tls_stream_feed(transport->tls, bytes);
        read_tls(transport);
    }
}

/* What follows the header in the same read belongs to the connection. */
static void take_header(struct transport *transport, struct str bytes)
{
    struct proxy_header header;
    struct buf seen;

    buf_str(&transport->start->early, bytes);
    switch (proxy_header_read(buf_view(&transport->start->early), &header)) {
    case PROXY_MORE:
        return;
    case PROXY_BAD:
        transport->events->on_header(transport, false);
        return;
    case PROXY_DONE:
        break;
    }
    transport->options.wants_header = false;
    transport->has_read = false; /* the first bytes of the client are still to come */
    transport->client = header.client[0] != '\0' ? mem_strdup(header.client) : NULL;
    seen = transport->start->early;
    buf_init(&transport->start->early, EARLY_MAX);
    transport->events->on_header(transport, true);
    bytes = str_sub(buf_view(&seen), header.len, seen.len);
    if (bytes.len > 0 && is_open(transport)) {
        take_bytes(transport, bytes);
    }
    buf_done(&seen);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct transport *transport = CONTAINER_OF(stream, struct transport, socket.stream);
    struct str bytes;

    if (n == UV_ENOBUFS) {
        if (!transport_may_stay(transport)) {
            transport_hold(transport, output_is_empty(transport) && !transport->shutdown_asked);
        }
        return;
    }
    if (n == 0) {
        return;
    }
    transport->has_read = true;
    if (n < 0) {
        end_now(transport, n == UV_EOF);
        return;
    }
    bytes = (struct str){buffer->base, (size_t)n};
    if (transport->options.wants_header) {
        take_header(transport, bytes);
    } else {
        take_bytes(transport, bytes);
    }
}

void transport_poll(struct transport *transport)
{
    if (uv_read_start(&transport->socket.stream, on_alloc, on_read) != 0) {
        transport_break(transport);
    }
}

void transport_read_start(struct transport *transport)
{
    if (transport->reading || transport->closing || transport->ended) {
        return;
    }
    transport->reading = true;
    transport_poll(transport);
}

void transport_read_stop(struct transport *transport)
{
    if (transport->reading) {
        transport->reading = false;
        list_remove(&transport->hold);
        (void)uv_read_stop(&transport->socket.stream);
    }
}

static void name_peer(struct transport *transport)
{
    struct sockaddr_storage peer = {0};
    int len = sizeof(peer);
    char name[ADDRESS_NAME_MAX] = ""; /* the peer may be gone already: the read will tell */

    if (transport->socket.handle.type == UV_NAMED_PIPE) {
        str_copy(name, sizeof(name), STR("unix"));
    } else if (uv_tcp_getpeername(&transport->socket.tcp, (struct sockaddr *)&peer, &len) == 0) {
        (void)address_name(&peer, name);
    }
    mem_free(transport->peer);
    transport->peer = mem_strdup(name);
}

void transport_open(struct transport *transport, struct loop *loop,
                    const struct transport_options *options, const struct transport_events *events)
{
    transport->loop = loop;
    transport->events = events;
    transport->options = *options;
    transport->opened_ms = uv_now(&loop->uv);
    start_make(transport);
    if (transport->socket.handle.type == UV_TCP) {
        (void)uv_tcp_nodelay(&transport->socket.tcp, 1);
    }
    name_peer(transport);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct transport *transport =
        CONTAINER_OF(connect, struct transport_output, request.connect)->transport;

    if (transport->closing) {
        return;
    }
    if (status < 0) {
        end_now(transport, false);
        return;
    }
    name_peer(transport);
    transport->events->on_connected(transport);
}

void transport_connect(struct transport *transport, struct loop *loop,
                       const struct address *address, const struct transport_events *events)
{
    static const struct transport_options plain = {.tls = NULL};
    struct sockaddr_storage to = {0};
    int status = address->is_v6
                     ? uv_ip6_addr(address->host, address->port, (struct sockaddr_in6 *)&to)
                     : uv_ip4_addr(address->host, address->port, (struct sockaddr_in *)&to);

    CHECK(uv_tcp_init(&loop->uv, &transport->socket.tcp) == 0);
    transport_open(transport, loop, &plain, events);
    transport->is_proven = true; /* a peer that we call is not held back */
    if (status == 0) {
        output_make(transport);
        status = uv_tcp_connect(&transport->output->request.connect, &transport->socket.tcp,
                                (struct sockaddr *)&to, on_connected);
    }
    if (status != 0) {
        transport_break(transport);
    }
}
