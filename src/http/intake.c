/* What is done with the bytes of a client in each state, and the calls of the service that they
 * lead to. While the service is called (in_callback), an answer is only noted; it is carried out
 * after the service has returned, so nothing of the connection changes under its feet. */
#include "base/check.h"
#include "base/clock.h"
#include "http_internal.h"
#include "observe/metrics.h"
#include "observe/span.h"

/* A client below this rate, over the whole body, is not slow: it holds the connection on purpose (slow POST). */
enum { MIN_RATE_BYTES_PER_S = 256 };

/* ---- the body ---- */

static void call_body(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    struct exchange *exchange = connection->exchange;

    connection->state = CONNECTION_WORKING;
    deadline_clear(&connection->deadline);
    trace_add(&exchange->trace, TRACE_BODY,
              clock_turn_us() - exchange->trace.begin_us - exchange->trace.stage_us[TRACE_HEAD]);
    connection->in_callback = true;
    if (connection->stream_body) {
        server->service->on_chunk(server->context, exchange, STR_EMPTY, true);
    } else {
        exchange->request.body = buf_view(&exchange->body);
        server->service->on_body(server->context, exchange);
    }
    connection->in_callback = false;
    if (exchange->replied && !exchange->streaming) {
        connection_finish(connection);
    }
}

/* Bytes must come within body_timeout_ms, and the body as a whole not below the lowest rate. */
static void arm_body(struct http_connection *connection)
{
    uint64_t wait_ms = connection->server->options.body_timeout_ms;
    uint64_t most_ms = wait_ms + connection->parser->content_bytes * 1000 / MIN_RATE_BYTES_PER_S;
    uint64_t spent_ms = clock_now_ms() - connection->parser->body_began_ms;
    uint64_t left_ms = most_ms > spent_ms ? most_ms - spent_ms : 1;

    if (wait_ms > 0) {
        connection_arm(connection, left_ms < wait_ms ? left_ms : wait_ms);
    }
}

/* Sets no deadline yet: bytes that have come are used first, and most bodies are complete then. */
static void expect_body(struct http_connection *connection, bool has_begun)
{
    connection->state = CONNECTION_BODY;
    connection->parser->body_began_ms = clock_turn_ms();
    connection->parser->paused_at_ms = connection->parser->body_began_ms;
    connection->body_moved = true;
    if (connection->exchange->request.expects_continue && !has_begun) {
        transport_write(&connection->transport, STR("HTTP/1.1 100 Continue\r\n\r\n"));
    }
}

static void take_piece(struct http_connection *connection, struct str piece)
{
    struct exchange *exchange = connection->exchange;
    struct http_server *server = connection->server;
    struct error err = {0};

    exchange->request_bytes += piece.len;
    if (exchange->replied && !exchange->streaming) {
        return; /* answered early; the rest is dropped */
    }
    if (connection->stream_body) {
        connection->in_callback = true;
        server->service->on_chunk(server->context, exchange, piece, false);
        connection->in_callback = false;
        return;
    }
    buf_str(&exchange->body, piece);
    if (!buf_ok(&exchange->body)) {
        (void)error_set(&err, ERR_TOO_BIG,
                        "The body is longer than the %zu bytes that this route takes",
                        exchange->body.max);
        connection_give_up(connection, &err);
    }
}

/* True: go on. */
static bool use_body(struct http_connection *connection, struct str bytes, size_t *out_used)
{
    struct exchange *exchange = connection->exchange;
    struct error err = {0};
    struct str piece;

    if (connection->body_paused) {
        return false;
    }
    switch (parser_next(connection->parser, bytes, out_used, &piece, &err)) {
    case PARSER_PIECE:
        connection->body_moved = true;
        take_piece(connection, piece);
        break;
    case PARSER_END:
        exchange->body_complete = true;
        if (!exchange->replied || exchange->streaming) {
            call_body(connection);
            return true;
        }
        break;
    case PARSER_BAD:
        *out_used = bytes.len; /* nothing behind it may be read as a request */
        connection_give_up(connection, &err);
        return true;
    case PARSER_MORE:
    case PARSER_HEAD:
        if (connection->body_moved) {
            connection->body_moved = false;
            arm_body(connection);
        }
        return false;
    }
    if (connection->exchange == exchange && exchange->replied && !exchange->streaming) {
        connection_finish(connection); /* a service that streams answered before the end */
    }
    return true;
}

/* ---- the head ---- */

static void after_head(struct http_connection *connection, enum http_verdict verdict,
                       size_t max_body, bool has_begun)
{
    struct exchange *exchange = connection->exchange;

    if (verdict == HTTP_HEAD_WAITS) {
        return; /* WORKING: what comes meanwhile waits in `in`, and a client that leaves is seen */
    }
    if (verdict == HTTP_REPLIED || exchange->replied) {
        CHECK(exchange->replied);
        if (!exchange->streaming) {
            connection_finish(connection);
        }
        return;
    }
    connection->stream_body = verdict == HTTP_BODY_STREAM;
    if (!connection->stream_body) {
        int64_t length = exchange->request.content_length;

        exchange->body.max = max_body;
        if (length >= 0 && (uint64_t)length > max_body) {
            struct error err = {0};

            (void)error_set(&err, ERR_TOO_BIG,
                            "The body is %lld bytes long; this route takes at most %zu",
                            (long long)length, max_body);
            connection_refuse(connection, &err);
            return;
        }
    }
    if (exchange->body_complete) {
        call_body(connection);
    } else {
        expect_body(connection, has_begun);
    }
}

/* A header that stands twice counts as absent: nothing tells which value is the caller's. */
static struct str sole_header(const struct exchange *exchange, const char *name)
{
    return exchange_count_headers(exchange, name) == 1 ? exchange_header(exchange, name)
                                                       : STR_EMPTY;
}

void intake_announce(struct exchange *exchange)
{
    const struct http_server *server = exchange->server;

    trace_adopt(&exchange->trace, sole_header(exchange, "traceparent"),
                sole_header(exchange, "X-Request-Id"));
    if (!exchange->trace.has_w3c_parent) {
        trace_adopt_cloud(&exchange->trace, sole_header(exchange, "X-Amzn-Trace-Id"),
                          sole_header(exchange, "X-Cloud-Trace-Context"));
    }
    trace_adopt_state(&exchange->trace, exchange_header_lines(exchange, "tracestate"));
    if (exchange->trace.parent_span_id[0] == '\0') {
        spans_sample(&exchange->trace);
    }
    if (server->service->on_begin != NULL) {
        server->service->on_begin(server->context, exchange);
    }
}

static struct exchange *new_exchange(struct http_connection *connection)
{
    struct exchange *exchange = exchange_new(connection->server, connection);

    connection->exchange = exchange;
    connection->transport.is_proven = true;
    places_work(&connection->place);
    connection->n_requests++;
    connection->stream_body = false;
    connection->body_paused = false;
    deadline_clear(&connection->deadline);
    trace_begin(&exchange->trace, connection->head_began_us);
    return exchange;
}

void intake_begin_refused(struct http_connection *connection, struct str bytes)
{
    struct exchange *exchange = new_exchange(connection);
    struct http_request *request = &exchange->request;

    head_peek(bytes, request);
    for (size_t i = 0; i < request->n_headers; i++) {
        request->headers[i].name = arena_str(&exchange->arena, request->headers[i].name);
        request->headers[i].value = arena_str(&exchange->arena, request->headers[i].value);
    }
    intake_announce(exchange);
}

static void refuse_fault(struct http_connection *connection)
{
    struct error err = connection->server->fault;

    connection->server->fault = (struct error){0};
    connection_refuse(connection, &err);
}

static void begin_exchange(struct http_connection *connection, struct str head, bool has_begun)
{
    struct http_server *server = connection->server;
    struct exchange *exchange = new_exchange(connection);
    unsigned most = server->options.max_requests_per_connection;
    enum http_verdict verdict;
    size_t max_body = 0;

    exchange->request_bytes = head.len;
    head = arena_str(&exchange->arena, head);
    if (parser_take_head(connection->parser, head, &exchange->request, &server->fault) != ERR_OK) {
        head_peek(head, &exchange->request);
        intake_announce(exchange);
        refuse_fault(connection);
        return;
    }
    exchange->body_complete = !exchange->request.has_body;
    intake_announce(exchange);
    trace_add(&exchange->trace, TRACE_HEAD, clock_turn_us() - connection->head_began_us);
    connection->keep_alive =
        exchange->request.keep_alive && (most == 0 || connection->n_requests < most);
    connection->state = CONNECTION_WORKING;
    connection->in_callback = true;
    exchange->known = true;
    verdict = server->service->on_head(server->context, exchange, &max_body);
    connection->in_callback = false;
    after_head(connection, verdict, max_body, has_begun);
}

static void refuse_head(struct http_connection *connection, struct str bytes)
{
    struct http_server *server = connection->server;

    if (skim_is_for(&server->fault)) {
        skim_begin(connection, bytes, &server->fault);
        server->fault = (struct error){0};
    } else {
        intake_begin_refused(connection, bytes);
        refuse_fault(connection);
    }
}

/* True: go on. */
static bool use_head(struct http_connection *connection, struct str bytes, size_t *out_used)
{
    bool begins = connection->state == CONNECTION_IDLE;
    struct error *fault = &connection->server->fault;
    struct str head;

    if (begins) {
        connection->state = CONNECTION_HEAD;
        connection->head_began_us = clock_turn_us();
        parser_take(connection);
    }
    switch (parser_next(connection->parser, bytes, out_used, &head, fault)) {
    case PARSER_HEAD:
        begin_exchange(connection, head, *out_used < bytes.len);
        return true;
    case PARSER_BAD:
        *out_used = bytes.len;
        refuse_head(connection, bytes);
        return true;
    case PARSER_MORE:
    case PARSER_PIECE:
    case PARSER_END:
        break;
    }
    if (begins) { /* most heads come in one piece */
        connection_arm(connection, connection->server->options.head_timeout_ms);
    }
    if (begins && connection->n_requests > 0) {
        places_await_head(&connection->server->places, &connection->place);
    }
    return false;
}

void http_head_done(struct exchange *exchange, enum http_verdict verdict, size_t max_body)
{
    struct http_connection *connection = exchange->connection;

    if (connection == NULL) {
        local_after_head(exchange->local, verdict, max_body);
        return;
    }
    CHECK(connection->state == CONNECTION_WORKING && !connection->in_callback &&
          !exchange->replied);
    after_head(connection, verdict, max_body, connection->in.len > 0);
    intake_pump(connection);
}

/* ---- all of it ---- */

/* Past linger_bytes the server reads no more, so that the client stops sending and reads the answer. */
static bool lingered_enough(const struct http_connection *connection)
{
    return connection->state == CONNECTION_LINGER &&
           connection->linger_bytes > connection->server->options.linger_bytes;
}

/* A client that does not read its answers gets no further request served until it does. */
static bool is_behind(const struct http_connection *connection)
{
    return connection->state == CONNECTION_IDLE &&
           transport_pending(&connection->transport) > TRANSPORT_HIGH_WATER;
}

/* One step; true: go on with the next. */
static bool use_bytes(struct http_connection *connection, struct str bytes, size_t *out_used)
{
    if (connection->state == CONNECTION_BODY) {
        return use_body(connection, bytes, out_used);
    }
    if (bytes.len == 0 || is_behind(connection)) {
        return false;
    }
    switch (connection->state) {
    case CONNECTION_IDLE:
    case CONNECTION_HEAD:
        return use_head(connection, bytes, out_used);
    case CONNECTION_SKIM:
        *out_used = bytes.len;
        skim_take(connection, bytes);
        return false;
    case CONNECTION_LINGER:
        connection->linger_bytes += bytes.len;
        *out_used = bytes.len;
        return false;
    case CONNECTION_HEADER:
    case CONNECTION_HANDSHAKE:
    case CONNECTION_BODY:
    case CONNECTION_WORKING:
    case CONNECTION_CLOSING:
        break;
    }
    return false;
}

/* Uses bytes until they are gone or nothing more can be done with them now; returns how many. */
static size_t use_all(struct http_connection *connection, struct str bytes)
{
    size_t total = 0;
    bool go_on;

    do {
        size_t used = 0;

        go_on = use_bytes(connection, str_sub(bytes, total, bytes.len), &used);
        total += used;
    } while (go_on);
    return total;
}

/* Reading goes on during an exchange, to see the client leave, until what waits is too much. */
static void stop_reading_when_full(struct http_connection *connection)
{
    bool must_wait =
        connection->state == CONNECTION_WORKING || connection->body_paused || is_behind(connection);

    if (connection->state == CONNECTION_CLOSING) {
        return;
    }
    if (lingered_enough(connection) ||
        (must_wait && connection->in.len >= connection->server->options.max_pipeline_bytes)) {
        transport_read_stop(&connection->transport);
    } else {
        transport_read_start(&connection->transport);
    }
}

void intake_pump(struct http_connection *connection)
{
    size_t used = use_all(connection, buf_view(&connection->in));
    size_t max = connection->in.max;

    buf_consume(&connection->in, used);
    if (connection->in.len == 0 && connection->in.cap > 0) {
        buf_done(&connection->in); /* most connections are idle: they hold no buffer */
        buf_init(&connection->in, max);
    }
    stop_reading_when_full(connection);
}

void intake_bytes(struct http_connection *connection, struct str bytes)
{
    if (connection->in.len == 0) {
        size_t used = use_all(connection, bytes);

        buf_str(&connection->in, str_sub(bytes, used, bytes.len));
        stop_reading_when_full(connection);
        return;
    }
    buf_str(&connection->in, bytes);
    if (buf_ok(&connection->in)) {
        intake_pump(connection);
    } else { /* cannot be: reading stops far below the ceiling */
        connection_abort(connection);
    }
}

void intake_pause_body(struct http_connection *connection)
{
    later_remove(&connection->resume);
    if (connection->body_paused) {
        return;
    }
    connection->body_paused = true;
    connection->parser->paused_at_ms = clock_now_ms();
    if (connection->state == CONNECTION_BODY) {
        deadline_clear(&connection->deadline); /* it is our pause, not the client's */
    }
}

static void resume(struct http_connection *connection)
{
    connection->body_paused = false;
    if (connection->state == CONNECTION_BODY) {
        connection->parser->body_began_ms += clock_now_ms() - connection->parser->paused_at_ms;
        arm_body(connection);
    }
}

static void on_resume(struct later_item *item)
{
    struct http_connection *connection = CONTAINER_OF(item, struct http_connection, resume);

    resume(connection);
    intake_pump(connection);
}

/* Outside of a callback the next piece comes in the next turn: it may end the exchange, while the caller
 * is still at work with it. */
void intake_resume_body(struct http_connection *connection)
{
    if (!connection->body_paused) {
        return;
    }
    if (connection->in_callback) {
        resume(connection);
    } else {
        later_add(&connection->server->loop->later, &connection->resume, on_resume);
    }
}
