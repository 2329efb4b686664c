/* One client connection: states, deadlines, and what to do with bytes in each state. The service is
 * called from here only; while it is (in_callback), an answer is noted and carried out after it has
 * returned. */
#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "http_internal.h"
#include "observe/metrics.h"

enum { IN_FREE_ABOVE = 4096 };

static size_t use_bytes(struct http_connection *connection, struct str bytes);
static void pump(struct http_connection *connection);
static void on_deadline(struct deadline *deadline);

/* --- deadlines
 * --------------------------------------------------------------------------------------- */

static void arm(struct http_connection *connection, enum deadline_kind kind, unsigned wait_ms)
{
    if (wait_ms == 0) {
        deadline_clear(&connection->deadline);
        return;
    }
    deadline_set(&connection->server->loop->deadlines, &connection->deadline, kind, wait_ms,
                 on_deadline);
}

static void on_write_deadline(struct deadline *deadline)
{
    struct http_connection *connection =
        CONTAINER_OF(deadline, struct http_connection, write_deadline);
    size_t pending = transport_pending(&connection->transport);

    if (pending > 0 && pending >= connection->write_seen) {
        connection_abort(connection); /* nothing was taken in all that time */
        return;
    }
    connection_wrote(connection);
}

void connection_wrote(struct http_connection *connection)
{
    size_t pending = transport_pending(&connection->transport);
    unsigned wait_ms = connection->server->options.write_timeout_ms;

    connection->write_seen = pending;
    if (pending == 0 || wait_ms == 0) {
        deadline_clear(&connection->write_deadline);
        return;
    }
    deadline_set(&connection->server->loop->deadlines, &connection->write_deadline, DEADLINE_WRITE,
                 wait_ms, on_write_deadline);
}

/* --- ends
 * -------------------------------------------------------------------------------------------- */

static void on_transport_closed(struct transport *transport)
{
    struct http_connection *connection = CONTAINER_OF(transport, struct http_connection, transport);
    struct http_server *server = connection->server;

    list_remove(&connection->link);
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
    deadline_clear(&connection->deadline);
    deadline_clear(&connection->write_deadline);
    later_remove(&connection->finish);
    transport_close(&connection->transport);
}

/* The client is gone (or is thrown out) before its answer was complete. */
static void exchange_abort(struct http_connection *connection)
{
    struct exchange *exchange = connection->exchange;
    struct http_server *server = connection->server;
    bool was_replied = exchange->replied && !exchange->streaming;
    enum http_abort_verdict verdict = HTTP_ABORT_ENDED;

    connection->exchange = NULL;
    exchange->connection = NULL;
    exchange->aborted = !was_replied;
    deadline_clear(&exchange->deadline);
    if (was_replied || exchange->broken) {
        exchange_end(exchange, exchange->status);
        return;
    }
    if (exchange->task != NULL) {
        verdict = server->service->on_abort(server->context, exchange);
    }
    if (verdict == HTTP_ABORT_ENDED) {
        exchange_end(exchange, 499);
        return;
    }
    list_append(&server->orphans, &exchange->link);
    server->n_orphans++;
    if (server->closing) {
        server->service->on_cancel_orphan(server->context, exchange);
        list_remove(&exchange->link);
        server->n_orphans--;
        exchange_end(exchange, 499);
    }
}

void connection_abort(struct http_connection *connection)
{
    if (connection->exchange != NULL) {
        exchange_abort(connection);
    }
    connection_close(connection);
}

/* Reads and drops what the client still sends, so that it can read our last answer (RFC 9112
 * section 9.6). */
static void linger(struct http_connection *connection)
{
    connection->state = CONNECTION_LINGER;
    connection->linger_bytes = 0;
    transport_shutdown(&connection->transport);
    transport_read_start(&connection->transport);
    if (connection->peer_done && transport_pending(&connection->transport) == 0) {
        arm(connection, DEADLINE_LINGER, 1);
        return;
    }
    arm(connection, DEADLINE_LINGER, connection->server->options.linger_ms);
}

static void become_idle(struct http_connection *connection)
{
    connection->state = CONNECTION_IDLE;
    connection->scanned = 0;
    if (connection->in.len == 0 && connection->in.cap > IN_FREE_ABOVE) {
        size_t max = connection->in.max;

        buf_done(&connection->in);
        buf_init(&connection->in, max);
    }
    arm(connection, DEADLINE_IDLE, connection->server->options.idle_timeout_ms);
    transport_read_start(&connection->transport);
}

/* The answer is complete and handed to the transport: on to the next request, or out. */
static void finish_exchange(struct http_connection *connection)
{
    struct exchange *exchange = connection->exchange;
    const struct http_server *server = connection->server;
    bool body_left = !exchange->body_complete;
    bool keep = connection->keep_alive && !body_left && !connection->close_after &&
                !exchange->broken && !server->draining && !server->say_close &&
                !connection->peer_done;
    bool broken = exchange->broken;

    later_remove(&connection->finish); /* it may be queued for the next turn: this is its end */
    connection->exchange = NULL;
    deadline_clear(&exchange->deadline);
    exchange_end(exchange, exchange->status);
    if (broken) {
        connection_close(connection);
    } else if (keep) {
        become_idle(connection);
    } else {
        linger(connection);
    }
}

static void on_finish(struct later_item *item)
{
    struct http_connection *connection = CONTAINER_OF(item, struct http_connection, finish);

    finish_exchange(connection);
    pump(connection);
}

void connection_replied(struct http_connection *connection)
{
    connection_wrote(connection);
    if (!connection->in_callback) {
        later_add(&connection->server->loop->later, &connection->finish, on_finish);
    }
}

/* --- refusals that need no service
 * ------------------------------------------------------------------- */

static void refuse(struct http_connection *connection, const struct error *err)
{
    bool was_callback = connection->in_callback;

    connection->close_after = true;
    connection->in_callback = true;
    if (connection->server->options.count_metrics) {
        metric_add(M_REFUSED_REQUESTS, 0, 0, 0, 1);
    }
    if (connection->exchange == NULL) {
        connection->exchange = exchange_new(connection->server, connection);
    }
    connection->exchange->notes.error_slug = str_from(error_row(err->code)->slug);
    connection->exchange->body_complete = false;
    exchange_problem(connection->exchange, err, NULL);
    connection->in_callback = was_callback;
    if (!was_callback) {
        finish_exchange(connection);
    }
}

static void time_out(struct http_connection *connection, const char *what)
{
    struct error err;

    (void)error_set(&err, ERR_REQUEST_TIMEOUT, "%s", what);
    if (connection->exchange != NULL &&
        (connection->stream_body || connection->exchange->replied)) {
        connection_abort(connection);
    } else {
        refuse(connection, &err);
    }
}

static void on_deadline(struct deadline *deadline)
{
    struct http_connection *connection = CONTAINER_OF(deadline, struct http_connection, deadline);

    switch (connection->state) {
    case CONNECTION_HEAD:
        time_out(connection, "The request head did not arrive in time");
        break;
    case CONNECTION_BODY:
        time_out(connection, "The request body did not arrive in time");
        break;
    case CONNECTION_HANDSHAKE:
    case CONNECTION_IDLE:
    case CONNECTION_WORKING:
    case CONNECTION_LINGER:
        connection_abort(connection);
        break;
    case CONNECTION_CLOSING:
        break;
    }
}

/* --- the request
 * ------------------------------------------------------------------------------------- */

static void call_body(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    struct exchange *exchange = connection->exchange;

    connection->state = CONNECTION_WORKING;
    deadline_clear(&connection->deadline);
    trace_add(&exchange->trace, TRACE_BODY,
              clock_now_us() - exchange->trace.begin_us - exchange->trace.stage_us[TRACE_HEAD]);
    connection->in_callback = true;
    if (connection->stream_body) {
        server->service->on_chunk(server->context, exchange, STR_EMPTY, true);
    } else {
        exchange->request.body = buf_view(&exchange->body);
        server->service->on_body(server->context, exchange);
    }
    connection->in_callback = false;
    if (exchange->replied && !exchange->streaming) {
        finish_exchange(connection);
    }
}

static void expect_body(struct http_connection *connection)
{
    struct exchange *exchange = connection->exchange;

    connection->state = CONNECTION_BODY;
    arm(connection, DEADLINE_BODY, connection->server->options.body_timeout_ms);
    if (exchange->request.expects_continue && !connection->body_at_hand) {
        transport_write(&connection->transport, STR("HTTP/1.1 100 Continue\r\n\r\n"));
    }
}

static bool refuse_large_body(struct http_connection *connection, size_t max_body)
{
    const struct http_request *request = &connection->exchange->request;
    struct error err;

    buf_init(&connection->exchange->body, max_body);
    if (request->content_length < 0 || (uint64_t)request->content_length <= max_body) {
        return false;
    }
    (void)error_set(&err, ERR_TOO_BIG, "The body is %lld bytes long; this route takes at most %zu",
                    (long long)request->content_length, max_body);
    refuse(connection, &err);
    return true;
}

static void after_head(struct http_connection *connection, enum http_verdict verdict,
                       size_t max_body)
{
    struct exchange *exchange = connection->exchange;

    if (verdict == HTTP_REPLIED || exchange->replied) {
        CHECK(exchange->replied);
        if (!exchange->streaming) {
            finish_exchange(connection);
        }
        return;
    }
    connection->stream_body = verdict == HTTP_BODY_STREAM;
    if (!connection->stream_body && refuse_large_body(connection, max_body)) {
        return;
    }
    if (exchange->body_complete) {
        call_body(connection);
    } else {
        expect_body(connection);
    }
}

static void begin_exchange(struct http_connection *connection, struct str head)
{
    struct http_server *server = connection->server;
    struct exchange *exchange = exchange_new(server, connection);
    struct error err = {0};
    struct str copy = arena_str(&exchange->arena, head);
    enum http_verdict verdict;
    size_t max_body = 0;

    connection->exchange = exchange;
    connection->n_requests++;
    connection->stream_body = false;
    connection->body_paused = false;
    deadline_clear(&connection->deadline);
    trace_begin(&exchange->trace, connection->head_began_us);
    exchange->request_bytes = head.len;
    body_begin(connection);
    if (head_parse(&server->options, copy, &exchange->request, &err) != ERR_OK ||
        body_feed_head(connection, copy, &err) != ERR_OK) {
        trace_adopt(&exchange->trace, STR_EMPTY, STR_EMPTY);
        refuse(connection, &err);
        return;
    }
    trace_adopt(&exchange->trace, exchange_header(exchange, "traceparent"),
                exchange_header(exchange, "X-Request-Id"));
    trace_add(&exchange->trace, TRACE_HEAD, clock_now_us() - connection->head_began_us);
    connection->keep_alive = exchange->request.keep_alive &&
                             (server->options.max_requests_per_connection == 0 ||
                              connection->n_requests < server->options.max_requests_per_connection);
    connection->state = CONNECTION_WORKING;
    connection->in_callback = true;
    verdict = server->service->on_head(server->context, exchange, &max_body);
    connection->in_callback = false;
    after_head(connection, verdict, max_body);
}

static size_t use_head(struct http_connection *connection, struct str bytes)
{
    struct error err = {0};
    size_t len = 0;

    if (connection->state == CONNECTION_IDLE) {
        connection->state = CONNECTION_HEAD;
        connection->head_began_us = clock_now_us();
        arm(connection, DEADLINE_HEAD, connection->server->options.head_timeout_ms);
    }
    switch (head_scan(&connection->server->options, bytes, &connection->scanned, &len, &err)) {
    case HEAD_MORE:
        return 0;
    case HEAD_COMPLETE:
        connection->scanned = 0;
        connection->body_at_hand = bytes.len > len;
        begin_exchange(connection, str_sub(bytes, 0, len));
        return len;
    case HEAD_BAD:
        break;
    }
    connection->exchange = exchange_new(connection->server, connection);
    trace_begin(&connection->exchange->trace, connection->head_began_us);
    trace_adopt(&connection->exchange->trace, STR_EMPTY, STR_EMPTY);
    refuse(connection, &err);
    return bytes.len;
}

void connection_body_bytes(struct http_connection *connection, struct str bytes)
{
    struct exchange *exchange = connection->exchange;
    struct http_server *server = connection->server;

    exchange->request_bytes += bytes.len;
    if (exchange->replied && !exchange->streaming) {
        return;
    }
    if (!connection->stream_body) {
        buf_str(&exchange->body, bytes);
        return;
    }
    connection->in_callback = true;
    server->service->on_chunk(server->context, exchange, bytes, false);
    connection->in_callback = false;
}

static size_t use_body(struct http_connection *connection, struct str bytes)
{
    struct exchange *exchange = connection->exchange;
    struct error err = {0};
    size_t used = bytes.len;

    if (connection->body_paused) {
        return 0;
    }
    arm(connection, DEADLINE_BODY, connection->server->options.body_timeout_ms);
    if (body_feed(connection, bytes, &used, &err) == ERR_OK && !buf_ok(&exchange->body)) {
        (void)error_set(&err, ERR_TOO_BIG,
                        "The body is longer than the %zu bytes that this route takes",
                        exchange->body.max);
    }
    if (err.code != ERR_OK) {
        if (connection->stream_body || exchange->replied) {
            connection_abort(connection);
        } else {
            refuse(connection, &err);
        }
        return bytes.len;
    }
    if (exchange->replied &&
        !exchange->streaming) { /* a streaming service answered before the end */
        finish_exchange(connection);
    } else if (exchange->body_complete) {
        call_body(connection);
    }
    return used;
}

static size_t use_bytes(struct http_connection *connection, struct str bytes)
{
    switch (connection->state) {
    case CONNECTION_HANDSHAKE:
    case CONNECTION_IDLE:
    case CONNECTION_HEAD:
        return use_head(connection, bytes);
    case CONNECTION_BODY:
        return use_body(connection, bytes);
    case CONNECTION_WORKING:
        return 0;
    case CONNECTION_LINGER:
        connection->linger_bytes += bytes.len;
        if (connection->linger_bytes > connection->server->options.linger_bytes) {
            connection_close(connection);
        }
        return bytes.len;
    case CONNECTION_CLOSING:
        return bytes.len;
    }
    return bytes.len;
}

/* Uses bytes until they are gone or nothing more can be done with them now; returns how many. */
static size_t use_all(struct http_connection *connection, struct str bytes)
{
    size_t total = 0;

    while (total < bytes.len && connection->state != CONNECTION_CLOSING) {
        size_t used = use_bytes(connection, str_sub(bytes, total, bytes.len));

        if (used == 0) {
            break;
        }
        total += used;
        /* A slow reader does not get more work done for it than it takes answers. */
        if (transport_pending(&connection->transport) > TRANSPORT_HIGH_WATER &&
            connection->state == CONNECTION_IDLE) {
            break;
        }
    }
    return total;
}

static void stop_reading_when_full(struct http_connection *connection)
{
    if (connection->state == CONNECTION_CLOSING) {
        return;
    }
    if (connection->in.len >= connection->server->options.max_pipeline_bytes &&
        (connection->state == CONNECTION_WORKING || connection->body_paused)) {
        transport_read_stop(&connection->transport);
    } else {
        transport_read_start(&connection->transport);
    }
}

static void pump(struct http_connection *connection)
{
    size_t used;

    if (connection->state == CONNECTION_CLOSING || connection->in.len == 0) {
        return;
    }
    used = use_all(connection, buf_view(&connection->in));
    if (connection->state != CONNECTION_CLOSING) {
        buf_consume(&connection->in, used);
        stop_reading_when_full(connection);
    }
}

static void on_bytes(struct transport *transport, struct str bytes)
{
    struct http_connection *connection = CONTAINER_OF(transport, struct http_connection, transport);
    size_t used = 0;

    if (connection->in.len == 0) {
        used = use_all(connection, bytes);
        bytes = str_sub(bytes, used, bytes.len);
    }
    if (bytes.len == 0 || connection->state == CONNECTION_CLOSING) {
        return;
    }
    buf_str(&connection->in, bytes);
    if (!buf_ok(&connection->in)) {
        connection_abort(connection);
        return;
    }
    if (used == 0) {
        pump(connection);
    }
    stop_reading_when_full(connection);
}

void connection_resume_body(struct http_connection *connection)
{
    connection->body_paused = false;
    if (connection->state == CONNECTION_BODY) {
        arm(connection, DEADLINE_BODY, connection->server->options.body_timeout_ms);
    }
    if (!connection->in_callback) {
        pump(connection);
        stop_reading_when_full(connection);
    }
}

/* --- events
 * ------------------------------------------------------------------------------------------ */

static void on_writable(struct transport *transport)
{
    struct http_connection *connection = CONTAINER_OF(transport, struct http_connection, transport);
    struct exchange *exchange = connection->exchange;

    connection_wrote(connection);
    if (exchange != NULL && exchange->streaming) {
        connection->in_callback = true;
        connection->server->service->on_writable(connection->server->context, exchange);
        connection->in_callback = false;
        if (exchange->replied && !exchange->streaming) {
            finish_exchange(connection);
        }
    }
    pump(connection);
}

/* A half-closed client counts as gone while its answer is worked on, as with nginx: nobody would
 * read it. */
static void on_end(struct transport *transport, bool clean)
{
    struct http_connection *connection = CONTAINER_OF(transport, struct http_connection, transport);
    const struct exchange *exchange = connection->exchange;

    connection->peer_done = true;
    if (clean && exchange == NULL && connection->state == CONNECTION_LINGER &&
        transport_pending(transport) > 0) {
        return; /* it only shut its side down: let it have the rest, the write deadline watches */
    }
    if (clean && exchange != NULL && exchange->replied && !exchange->streaming) {
        return; /* about to finish in the next turn */
    }
    connection_abort(connection);
}

static void on_secured(struct transport *transport)
{
    struct http_connection *connection = CONTAINER_OF(transport, struct http_connection, transport);

    connection->state = CONNECTION_IDLE;
    arm(connection, DEADLINE_IDLE, connection->server->options.idle_timeout_ms);
}

static const struct transport_events events = {
    .on_bytes = on_bytes,
    .on_writable = on_writable,
    .on_end = on_end,
    .on_closed = on_transport_closed,
    .on_secured = on_secured,
};

static void on_refused_closed(uv_handle_t *handle)
{
    mem_free(CONTAINER_OF(handle, struct http_connection, transport.tcp));
}

void connection_open(struct http_server *server)
{
    struct http_connection *connection = mem_zalloc(sizeof(*connection));

    if (!listener_accept(&server->listener, &connection->transport.tcp)) {
        uv_close((uv_handle_t *)&connection->transport.tcp, on_refused_closed);
        return;
    }
    connection->server = server;
    buf_init(&connection->in, server->options.max_pipeline_bytes + LOOP_READ_BUFFER);
    list_append(&server->connections, &connection->link);
    server->n_connections++;
    if (server->options.count_metrics) {
        metric_add(M_CONNECTIONS_TOTAL, 0, 0, 0, 1);
        metric_gauge_add(M_CONNECTIONS, 1);
    }
    transport_open(&connection->transport, server->loop, server->options.tls, &events);
    if (server->options.tls != NULL) {
        connection->state = CONNECTION_HANDSHAKE;
        arm(connection, DEADLINE_HANDSHAKE, server->options.handshake_timeout_ms);
    } else {
        connection->state = CONNECTION_IDLE;
        arm(connection, DEADLINE_IDLE, server->options.idle_timeout_ms);
    }
    transport_read_start(&connection->transport);
}
