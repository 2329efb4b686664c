/* One client connection: its states, deadlines and ends. What is done with its bytes stands in
 * intake.c. */
#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "http_internal.h"
#include "observe/log.h"
#include "observe/metrics.h"

enum { REFUSED_LOG_MS = 1000 };

static void on_deadline(struct deadline *deadline);

/* ---- deadlines ---- */

void connection_arm(struct http_connection *connection, uint64_t wait_ms)
{
    if (wait_ms == 0) {
        deadline_clear(&connection->deadline);
        return;
    }
    deadline_set(&connection->server->loop->deadlines, &connection->deadline, wait_ms, on_deadline);
}

static void on_write_deadline(struct deadline *deadline)
{
    struct http_connection *connection =
        CONTAINER_OF(deadline, struct http_connection, write_deadline);

    if (transport_pending(&connection->transport) > 0 &&
        transport_taken(&connection->transport) == connection->taken_before) {
        connection_abort(connection); /* nothing was taken in all that time */
        return;
    }
    connection_wrote(connection);
}

void connection_wrote(struct http_connection *connection)
{
    unsigned wait_ms = connection->server->options.write_timeout_ms;

    if (transport_pending(&connection->transport) == 0 || wait_ms == 0) {
        deadline_clear(&connection->write_deadline);
        return;
    }
    connection->taken_before = transport_taken(&connection->transport);
    deadline_set(&connection->server->loop->deadlines, &connection->write_deadline, wait_ms,
                 on_write_deadline);
}

/* ---- ends ---- */

static void on_transport_closed(struct transport *transport)
{
    struct http_connection *connection = CONTAINER_OF(transport, struct http_connection, transport);
    struct http_server *server = connection->server;

    list_remove(&connection->link);
    parser_give(connection);
    buf_done(&connection->in);
    mem_free(connection);
    server_connection_gone(server);
}

void connection_close(struct http_connection *connection)
{
    if (connection->state == CONNECTION_CLOSING) {
        return;
    }
    CHECK(connection->exchange == NULL);
    connection->state = CONNECTION_CLOSING;
    skim_drop(connection);
    places_leave(&connection->server->places, &connection->place);
    deadline_clear(&connection->deadline);
    deadline_clear(&connection->write_deadline);
    later_remove(&connection->finish);
    later_remove(&connection->resume);
    transport_close(&connection->transport);
}

/* Parts the exchange from its client. False: it goes on as an orphan. */
static bool exchange_abort(struct http_connection *connection)
{
    struct exchange *exchange = connection->exchange;
    struct http_server *server = connection->server;
    bool is_told =
        exchange->known && !exchange->broken && (!exchange->replied || exchange->streaming);

    exchange->connection = NULL;
    deadline_clear(&exchange->deadline);
    later_remove(&connection->finish);
    if (!is_told) {
        return true;
    }
    exchange->aborted = true;
    if (server->service->on_abort(server->context, exchange) == HTTP_ABORT_ENDED) {
        return true;
    }
    list_append(&server->orphans, &exchange->link);
    server->n_orphans++;
    if (!server->closing) {
        return false;
    }
    server->service->on_cancel_orphan(server->context, exchange);
    list_remove(&exchange->link);
    server->n_orphans--;
    return true;
}

/* The client is gone (or is thrown out), perhaps before its answer was complete. */
void connection_abort(struct http_connection *connection)
{
    struct exchange *exchange = connection->exchange;

    if (exchange != NULL) {
        bool has_ended = exchange_abort(connection);

        connection->exchange = NULL;
        if (has_ended) {
            exchange_end(exchange, exchange->aborted ? 499 : exchange->status);
        }
    }
    connection_close(connection);
}

/* Reads and drops what the client still sends, so that it can read our last answer (RFC 9112
 * section 9.6). linger_ms begins when the kernel has the whole answer: until then the write deadline
 * holds. */
void connection_linger(struct http_connection *connection)
{
    bool is_sent = transport_pending(&connection->transport) == 0;

    if (is_sent && connection->peer_done) {
        connection_close(connection);
        return;
    }
    if (connection->state != CONNECTION_LINGER) {
        connection->state = CONNECTION_LINGER;
        connection->linger_bytes = 0;
        transport_shutdown(&connection->transport);
        transport_read_start(&connection->transport);
    }
    connection_arm(connection, is_sent ? connection->server->options.linger_ms : 0);
}

static void become_idle(struct http_connection *connection)
{
    connection->state = CONNECTION_IDLE;
    if (connection->n_requests > 0) {
        places_rest(&connection->server->places, &connection->place);
    }
    parser_give(connection);
    connection_arm(connection, connection->server->options.idle_timeout_ms);
    transport_read_start(&connection->transport);
}

/* The transport has the whole answer: the connection goes on to its next request, or ends. A client that was not told
 * of the end may send again: if say_close was set only after the head, the connection ends with its next answer. */
void connection_finish(struct http_connection *connection)
{
    struct exchange *exchange = connection->exchange;
    const struct http_server *server = connection->server;
    bool broken = exchange->broken;
    bool keep = connection->keep_alive && exchange->body_complete && !connection->close_after &&
                !broken && !server->draining && !connection->peer_done;

    connection->exchange = NULL;
    later_remove(&connection->finish); /* it may be due as well: an exchange ends once */
    later_remove(&connection->resume);
    deadline_clear(&exchange->deadline);
    exchange_end(exchange, exchange->status);
    if (broken) {
        connection_close(connection);
    } else if (keep) {
        become_idle(connection);
    } else {
        connection_linger(connection);
    }
}

static void on_finish(struct later_item *item)
{
    struct http_connection *connection = CONTAINER_OF(item, struct http_connection, finish);

    connection_finish(connection);
    intake_pump(connection);
}

void connection_replied(struct http_connection *connection)
{
    connection_wrote(connection);
    if (!connection->in_callback) {
        later_add(&connection->server->loop->later, &connection->finish, on_finish);
    }
}

/* ---- refusals that need no service ---- */

void connection_refuse(struct http_connection *connection, const struct error *err)
{
    connection->close_after = true;
    connection->in_callback = true;
    if (connection->server->options.count_metrics) {
        metric_add(M_REFUSED_REQUESTS, 0, 0, 0, 1);
    }
    if (connection->exchange == NULL) {
        intake_begin_refused(connection, buf_view(&connection->in));
    }
    connection->exchange->body_complete = false;
    exchange_problem(connection->exchange, err, NULL);
    connection->in_callback = false;
    connection_finish(connection);
}

/* The request cannot be completed (bad, too long, too slow). A service that gets its body in pieces
 * is at work already and must be told; a service that waits for the whole body has not begun. */
void connection_give_up(struct http_connection *connection, const struct error *err)
{
    struct exchange *exchange = connection->exchange;

    if (exchange == NULL || (!exchange->replied && !connection->stream_body)) {
        connection_refuse(connection, err);
        return;
    }
    if (exchange->replied) {
        connection_abort(connection);
        return;
    }
    if (!exchange_abort(connection)) {
        connection->exchange = NULL; /* the service goes on without a client */
        connection_close(connection);
        return;
    }
    exchange->aborted = false; /* the client is still there, and gets a problem as its answer */
    exchange->connection = connection;
    connection_refuse(connection, err);
}

static void time_out(struct http_connection *connection, const char *what)
{
    struct error err = {0};

    (void)error_set(&err, ERR_REQUEST_TIMEOUT, "%s", what);
    connection_give_up(connection, &err);
}

void connection_body_late(struct http_connection *connection)
{
    time_out(connection, "The request body did not arrive in time");
}

const char *connection_caller(const struct http_connection *connection)
{
    const struct transport *transport = &connection->transport;

    return transport->client != NULL ? transport->client : transport->peer;
}

/* --- the header of the PROXY protocol --- */

/* The server never guesses here: a client that connects past the balancer could claim any address. */
static void refuse_header(struct http_connection *connection, const char *reason)
{
    struct http_listener *listener = connection->listener;
    bool counts = connection->server->options.count_metrics;
    uint64_t now_ms = clock_now_ms();

    metric_add(M_PROXY_REFUSED, 0, 0, 0, counts ? 1 : 0);
    if (listener->header_told_ms == 0 || now_ms - listener->header_told_ms >= REFUSED_LOG_MS) {
        listener->header_told_ms = now_ms;
        log_event(LOG_WARN, "http.proxy_header_refused",
                  F_TEXT("listener", listener_name(listener)),
                  F_TEXT("peer", connection->transport.peer), F_TEXT("reason", reason));
    }
    connection_close(connection);
}

static bool may_send_header(const struct http_connection *connection)
{
    const struct http_listener *listener = connection->listener;
    struct str peer = str_from(connection->transport.peer);
    uint8_t address[16];

    if (str_is(peer, HTTP_UNIX_PEER)) { /* the mode of the socket says who may connect */
        return true;
    }
    for (size_t i = 0; ip_address_parse(peer, address) && i < listener->n_header_peers; i++) {
        if (ip_range_holds(&listener->header_peers[i], address)) {
            return true;
        }
    }
    return false;
}

static void on_deadline(struct deadline *deadline)
{
    struct http_connection *connection = CONTAINER_OF(deadline, struct http_connection, deadline);

    switch (connection->state) {
    case CONNECTION_HEAD:
        time_out(connection, "The request head did not arrive in time");
        break;
    case CONNECTION_SKIM:
        skim_end(connection);
        break;
    case CONNECTION_BODY:
        connection_body_late(connection);
        break;
    case CONNECTION_IDLE:
        if (transport_pending(&connection->transport) > 0) { /* the client still reads its answer */
            connection_arm(connection, connection->server->options.idle_timeout_ms);
            break;
        }
        connection_abort(connection);
        break;
    case CONNECTION_HEADER:
        refuse_header(connection, "none came in time");
        break;
    case CONNECTION_HANDSHAKE:
        transport_note_timeout(&connection->transport);
        connection_abort(connection);
        break;
    case CONNECTION_WORKING:
    case CONNECTION_LINGER:
        connection_abort(connection);
        break;
    case CONNECTION_CLOSING:
        break;
    }
}

/* ---- events ---- */

static void on_bytes(struct transport *transport, struct str bytes)
{
    intake_bytes(CONTAINER_OF(transport, struct http_connection, transport), bytes);
}

static void on_writable(struct transport *transport)
{
    struct http_connection *connection = CONTAINER_OF(transport, struct http_connection, transport);
    struct exchange *exchange = connection->exchange;

    connection_wrote(connection);
    if (connection->state == CONNECTION_LINGER) {
        connection_linger(connection);
        return;
    }
    if (exchange != NULL && exchange->streaming) {
        connection->in_callback = true;
        connection->server->service->on_writable(connection->server->context, exchange);
        connection->in_callback = false;
        if (exchange->replied && !exchange->streaming) {
            connection_finish(connection);
        }
    }
    intake_pump(connection);
}

/* A client that closes its side while its answer is worked on counts as gone, as with nginx: it is not
 * expected to read the answer. An answer that is complete is still sent. */
static void on_end(struct transport *transport, bool clean)
{
    struct http_connection *connection = CONTAINER_OF(transport, struct http_connection, transport);
    const struct exchange *exchange = connection->exchange;

    connection->peer_done = true;
    if (clean && connection->state == CONNECTION_SKIM) {
        skim_end(connection);
        return;
    }
    if (clean && exchange != NULL && exchange->replied && !exchange->streaming) {
        return; /* about to finish in the next turn */
    }
    if (clean && exchange == NULL && transport_pending(transport) > 0) {
        connection_linger(connection);
        return;
    }
    connection_abort(connection);
}

static void on_secured(struct transport *transport)
{
    struct http_connection *connection = CONTAINER_OF(transport, struct http_connection, transport);

    if (connection->state == CONNECTION_HANDSHAKE) {
        become_idle(connection);
    }
}

/* One line a second: scanners fail all day long, but an operator who asks for certificates wants to see which
 * client is refused. */
static void on_tls_failed(struct transport *transport, const struct error *err)
{
    const struct http_connection *connection =
        CONTAINER_OF(transport, struct http_connection, transport);
    struct http_listener *listener = connection->listener;
    uint64_t now_ms = clock_now_ms();

    if (listener->tls_told_ms == 0 || now_ms - listener->tls_told_ms >= REFUSED_LOG_MS) {
        listener->tls_told_ms = now_ms;
        log_event(LOG_INFO, "http.tls_failed", F_TEXT("listener", listener_name(listener)),
                  F_TEXT("peer", connection_caller(connection)), F_TEXT("error", err->text));
    }
}

static void on_refused_closed(uv_handle_t *handle)
{
    mem_free(CONTAINER_OF(handle, struct http_connection, transport.socket.handle));
}

/* `in` must hold what can wait: a whole head, or what is read ahead, and one more read (with TLS a
 * read may complete a record that was begun before). */
static size_t most_waiting(const struct http_server_options *options)
{
    size_t head = options->max_request_line + options->max_header_bytes + 16;

    return (head > options->max_pipeline_bytes ? head : options->max_pipeline_bytes) +
           (size_t)2 * LOOP_READ_BUFFER;
}

/* The address of the client is known: the connection takes its place. */
static void begin(struct http_connection *connection)
{
    if (!connection_take_place(connection)) {
        return;
    }
    if (connection->listener->tls != NULL) {
        connection->state = CONNECTION_HANDSHAKE;
        connection_arm(connection, connection->server->options.handshake_timeout_ms);
        transport_read_start(&connection->transport);
    } else {
        become_idle(connection);
    }
}

static void on_header(struct transport *transport, bool is_header)
{
    struct http_connection *connection = CONTAINER_OF(transport, struct http_connection, transport);

    places_leave(&connection->server->places, &connection->place);
    if (is_header) {
        begin(connection);
    } else {
        refuse_header(connection, "what came is no PROXY header");
    }
}

/* Until its PROXY header has come, a connection counts for no address; it leaves early, as without a head. */
static void await_header(struct http_connection *connection)
{
    if (!may_send_header(connection)) {
        refuse_header(connection, "this address may not send a PROXY header");
        return;
    }
    connection->state = CONNECTION_HEADER;
    places_await_head(&connection->server->places, &connection->place);
    connection_arm(connection, connection->server->options.handshake_timeout_ms);
    transport_read_start(&connection->transport);
}

void connection_open(struct http_listener *listener)
{
    static const struct transport_events events = {
        .on_bytes = on_bytes,
        .on_writable = on_writable,
        .on_end = on_end,
        .on_closed = on_transport_closed,
        .on_secured = on_secured,
        .on_header = on_header,
        .on_tls_failed = on_tls_failed,
    };
    struct http_server *server = listener->server;
    const struct transport_options options = {.tls = listener->tls,
                                              .handshakes = &server->handshakes,
                                              .wants_header = listener->wants_header};
    struct http_connection *connection = mem_zalloc(sizeof(*connection));

    if (!listener_accept(&listener->listener, &connection->transport.socket)) {
        uv_close(&connection->transport.socket.handle, on_refused_closed);
        return;
    }
    connection->server = server;
    connection->listener = listener;
    buf_init(&connection->in, most_waiting(&server->options));
    list_append(&server->connections, &connection->link);
    server->n_connections++;
    if (server->options.count_metrics) {
        metric_add(M_CONNECTIONS_TOTAL, 0, 0, 0, 1);
        metric_gauge_add(M_CONNECTIONS, 1);
    }
    transport_open(&connection->transport, server->loop, &options, &events);
    if (listener->wants_header) {
        await_header(connection);
    } else {
        begin(connection);
    }
}
