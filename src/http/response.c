/* Answers: one writer for whole replies (head and body in one write), streams, and problems. */
#include "base/check.h"
#include "base/clock.h"
#include "http/answer.h"
#include "http_internal.h"

enum { COPIED_MAX = 2048 };

static bool status_has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

static bool is_head(const struct exchange *exchange)
{
    return str_is(exchange->request.method, "HEAD");
}

static void put_line(struct buf *out, const char *name, const char *value)
{
    buf_text(out, name);
    buf_text(out, value);
    buf_text(out, "\r\n");
}

static void put_security(struct buf *out, const struct http_server *server)
{
    if (server->options.security_headers) {
        buf_text(
            out,
            "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\n");
    }
}

/* Most answers have the same status and second as the answer before: then its first lines are used again. */
static void put_begin(struct buf *out, struct http_server *server, int status)
{
    int64_t second = clock_turn_wall_ms() / 1000;
    struct http_begin *begin = &server->begin;

    if (begin->status != status || begin->second != second) {
        struct buf text;

        buf_init_on(&text, begin->text, sizeof(begin->text), sizeof(begin->text) - 1);
        buf_text(&text, "HTTP/1.1 ");
        buf_int(&text, status);
        buf_char(&text, ' ');
        buf_text(&text, reason_of(status));
        buf_text(&text, "\r\nDate: ");
        clock_format_imf(&text, second * 1000);
        buf_text(&text, "\r\n");
        put_security(&text, server);
        CHECK(buf_ok(&text) && text.borrowed);
        begin->len = text.len;
        begin->status = status;
        begin->second = second;
    }
    buf_append(out, begin->text, begin->len);
}

/* The lines that follow those of put_security. */
static void put_fixed(struct buf *out, const struct exchange *exchange, int status,
                      const char *content_type)
{
    const struct http_server *server = exchange->server;

    if (exchange->trace.request_id[0] != '\0') {
        put_line(out, "X-Request-Id: ", exchange->trace.request_id);
    }
    if (server->options.security_headers) {
        if (exchange->request.is_tls && server->options.hsts_s > 0) {
            buf_text(out, "Strict-Transport-Security: max-age=");
            buf_int(out, server->options.hsts_s);
            buf_text(out, "\r\n");
        }
        if ((exchange->headers_set & HEADER_CACHE_CONTROL) == 0) {
            buf_text(out, "Cache-Control: no-store\r\n");
        }
    }
    if (content_type != NULL && status_has_body(status)) {
        put_line(out, "Content-Type: ", content_type);
    }
}

static bool will_close(const struct exchange *exchange)
{
    const struct http_connection *connection = exchange->connection;

    return !connection->keep_alive || connection->close_after || connection->peer_done ||
           exchange->server->draining || exchange->server->say_close || !exchange->body_complete;
}

/* The head in the server's scratch buffer; length -1: chunked, -2: until close, -3: no body at
 * all. */
static struct buf *build_head(struct exchange *exchange, int status, const char *content_type,
                              int64_t length)
{
    struct buf *out = &exchange->server->scratch;
    struct http_connection *connection = exchange->connection;

    buf_clear(out);
    put_begin(out, exchange->server, status);
    put_fixed(out, exchange, status, content_type);
    if (length >= 0) {
        buf_text(out, "Content-Length: ");
        buf_int(out, length);
        buf_text(out, "\r\n");
    } else if (length == -1) {
        buf_text(out, "Transfer-Encoding: chunked\r\n");
    }
    if (length == -2) {
        connection->close_after = true;
    }
    if (will_close(exchange)) {
        connection->keep_alive = false;
        buf_text(out, "Connection: close\r\n");
    } else if (exchange->request.minor_version == 0) {
        buf_text(out, "Connection: keep-alive\r\n");
    }
    buf_str(out, buf_view(&exchange->head));
    buf_text(out, "\r\n");
    CHECK(buf_ok(out));
    return out;
}

static void put(struct exchange *exchange, const struct str *parts, size_t n_parts)
{
    for (size_t i = 0; i < n_parts; i++) {
        exchange->response_bytes += parts[i].len;
    }
    transport_write_parts(&exchange->connection->transport, parts, n_parts);
}

/* A copy of a short body costs less than a write of two parts. */
static void put_whole(struct exchange *exchange, struct buf *head, struct str body)
{
    bool is_one = body.len <= COPIED_MAX;

    if (is_one) {
        buf_str(head, body);
    }
    put(exchange, (const struct str[]){buf_view(head), body}, is_one ? 1 : 2);
}

/* The end of an exchange whose client has gone: its answer goes nowhere. */
struct orphan_end {
    struct later_item later;
    struct exchange *exchange;
};

static void on_orphan_later(struct later_item *item)
{
    struct exchange *exchange = CONTAINER_OF(item, struct orphan_end, later)->exchange;
    struct http_server *server = exchange->server;

    deadline_clear(&exchange->deadline);
    list_remove(&exchange->link);
    server->n_orphans--;
    exchange_end(exchange, 499);
    server_maybe_closed(server);
}

/* There is no connection. A local caller takes the answer; without one it is dropped. */
static void unconnected_replied(struct exchange *exchange)
{
    if (exchange->local != NULL) {
        local_answered(exchange->local);
    } else {
        /* In the next turn, so that the function that answers can finish first. */
        struct orphan_end *end = arena_zalloc(&exchange->arena, sizeof(*end));

        end->exchange = exchange;
        later_add(&exchange->server->loop->later, &end->later, on_orphan_later);
    }
}

static void begin_local(struct exchange *exchange, int status, const char *content_type)
{
    struct buf *lines = &exchange->server->scratch;

    buf_clear(lines);
    put_security(lines, exchange->server);
    put_fixed(lines, exchange, status, content_type);
    buf_str(lines, buf_view(&exchange->head));
    CHECK(buf_ok(lines));
    local_begin_answer(exchange->local, buf_view(lines));
}

/* Puts the compressed body into *packed, if the client accepts it and it is smaller. */
static struct str pack(struct exchange *exchange, const char *content_type, struct str body,
                       struct buf *packed)
{
    if (!compress_is_worth(exchange, content_type, body.len)) {
        return body;
    }
    exchange_set_header(exchange, "Vary", STR("Accept-Encoding"));
    if (!exchange_takes_gzip(exchange) ||
        !compress_gzip(&exchange->server->compressor, body, packed)) {
        return body;
    }
    exchange_set_header(exchange, "Content-Encoding", STR("gzip"));
    return buf_view(packed);
}

static void reply_unconnected(struct exchange *exchange, const char *content_type, struct str body)
{
    bool has_body = status_has_body(exchange->status);
    struct buf packed;

    buf_init(&packed, body.len + 1);
    if (exchange->local != NULL) {
        if (has_body) {
            body = pack(exchange, content_type, body, &packed);
        }
        begin_local(exchange, exchange->status, content_type);
        if (response_sends_body(exchange)) {
            (void)local_write(exchange->local, body);
        }
    }
    unconnected_replied(exchange);
    buf_done(&packed);
}

void exchange_reply(struct exchange *exchange, int status, const char *content_type,
                    struct str body)
{
    bool has_body = status_has_body(status);
    struct buf packed;

    CHECK(!exchange->replied);
    exchange->replied = true;
    exchange->status = status;
    deadline_clear(&exchange->deadline);
    if (exchange->connection == NULL) {
        reply_unconnected(exchange, content_type, body);
        return;
    }
    buf_init(&packed, body.len + 1);
    if (has_body) {
        body = pack(exchange, content_type, body, &packed);
    }
    struct buf *head =
        build_head(exchange, status, content_type, has_body ? (int64_t)body.len : -3);

    put_whole(exchange, head, has_body && !is_head(exchange) ? body : STR_EMPTY);
    buf_done(&packed);
    connection_replied(exchange->connection);
}

void exchange_problem(struct exchange *exchange, const struct error *err,
                      const struct error_list *errors)
{
    struct buf text;
    int status;

    buf_init(&text, PROBLEM_MAX);
    status = problem_write(&text, exchange, err, errors);
    if (exchange->notes.error_slug.len == 0) {
        exchange->notes.error_slug = str_from(error_slug(err->code));
    }
    if (err->retry_after_s > 0) {
        exchange_set_header(exchange, "Retry-After",
                            arena_printf(&exchange->arena, "%u", err->retry_after_s));
    }
    exchange_reply(exchange, status, "application/problem+json", buf_view(&text));
    buf_done(&text);
}

/* ---- streams ---- */

void exchange_stream_begin(struct exchange *exchange, int status, const char *content_type,
                           int64_t length)
{
    int64_t framing = length;

    CHECK(!exchange->replied);
    exchange->replied = true;
    exchange->streaming = true;
    exchange->status = status;
    exchange->stream_left = length;
    if (exchange->connection == NULL) {
        if (exchange->local != NULL) {
            begin_local(exchange, status, content_type);
        }
        return;
    }
    if (!status_has_body(status)) {
        framing = -3;
    } else if (length < 0) {
        framing = exchange->request.minor_version == 0 ? -2 : -1;
    }
    exchange->chunked = framing == -1;
    struct str head = buf_view(build_head(exchange, status, content_type, framing));

    put(exchange, &head, 1);
    connection_wrote(exchange->connection);
}

void exchange_stream_begin_packed(struct exchange *exchange, int status, const char *content_type)
{
    if (exchange->connection != NULL && compress_is_worth(exchange, content_type, SIZE_MAX)) {
        exchange_set_header(exchange, "Vary", STR("Accept-Encoding"));
        if (exchange_takes_gzip(exchange)) {
            exchange->packer = packer_new(&exchange->arena);
        }
    }
    if (exchange->packer != NULL) {
        exchange_set_header(exchange, "Content-Encoding", STR("gzip"));
    }
    exchange_stream_begin(exchange, status, content_type, -1);
}

static void put_chunk(struct exchange *exchange, struct str bytes)
{
    struct buf *size = &exchange->server->scratch;

    buf_clear(size);
    buf_printf(size, "%zx\r\n", bytes.len);
    const struct str parts[] = {buf_view(size), bytes, STR("\r\n")};

    put(exchange, parts, ARRAY_LEN(parts));
}

bool response_sends_body(const struct exchange *exchange)
{
    return status_has_body(exchange->status) && !is_head(exchange);
}

static void put_piece(struct exchange *exchange, struct str bytes)
{
    if (exchange->chunked) {
        put_chunk(exchange, bytes);
    } else {
        put(exchange, &bytes, 1);
    }
}

bool exchange_stream_write(struct exchange *exchange, struct str bytes)
{
    struct http_connection *connection = exchange->connection;

    CHECK(exchange->streaming);
    if (exchange->stream_left >= 0) { /* bytes past the length would begin the next answer */
        bytes = str_sub(bytes, 0, (size_t)exchange->stream_left);
        exchange->stream_left -= (int64_t)bytes.len;
    }
    if (bytes.len == 0 || !response_sends_body(exchange)) {
        return true;
    }
    if (connection == NULL) {
        return exchange->local == NULL || local_write(exchange->local, bytes);
    }
    if (exchange->packer != NULL) {
        packer_write(exchange->packer, bytes, false, put_piece, exchange);
    } else {
        put_piece(exchange, bytes);
    }
    if (!deadline_is_set(&connection->write_deadline)) {
        connection_wrote(connection);
    }
    return transport_pending(&connection->transport) <= TRANSPORT_HIGH_WATER;
}

void exchange_stream_end(struct exchange *exchange)
{
    const struct str last = STR_INIT("0\r\n\r\n");

    CHECK(exchange->streaming);
    exchange->streaming = false;
    deadline_clear(&exchange->deadline);
    exchange->broken =
        exchange->broken || (exchange->stream_left > 0 && response_sends_body(exchange));
    if (exchange->connection == NULL) {
        unconnected_replied(exchange);
        return;
    }
    if (exchange->packer != NULL && response_sends_body(exchange)) {
        packer_write(exchange->packer, STR_EMPTY, true, put_piece, exchange);
    }
    if (!exchange->broken && exchange->chunked && response_sends_body(exchange)) {
        put(exchange, &last, 1);
    }
    connection_replied(exchange->connection);
}

void exchange_stream_abort(struct exchange *exchange)
{
    CHECK(exchange->streaming || !exchange->replied);
    if (!exchange->replied) {
        exchange->status = 500; /* only the access line shows it */
    }
    exchange->replied = true;
    exchange->streaming = false;
    exchange->broken = true;
    deadline_clear(&exchange->deadline);
    if (exchange->connection == NULL) {
        unconnected_replied(exchange);
        return;
    }
    connection_replied(exchange->connection);
}

void exchange_body_pause(struct exchange *exchange)
{
    if (exchange->connection != NULL) {
        intake_pause_body(exchange->connection);
    } else if (exchange->local != NULL) {
        local_body_pause(exchange->local);
    }
}

void exchange_body_resume(struct exchange *exchange)
{
    if (exchange->connection != NULL) {
        intake_resume_body(exchange->connection);
    } else if (exchange->local != NULL) {
        local_body_resume(exchange->local);
    }
}

/* ---- the deadline of the whole answer ---- */

static void on_deadline(struct deadline *deadline)
{
    struct exchange *exchange = CONTAINER_OF(deadline, struct exchange, deadline);
    struct http_server *server = exchange->server;
    struct http_connection *connection = exchange->connection;

    if (exchange->replied) {
        return;
    }
    if (connection != NULL && connection->state == CONNECTION_BODY && !connection->stream_body) {
        connection_body_late(connection);
        return;
    }
    server->service->on_deadline(server->context, exchange);
}

void exchange_set_deadline(struct exchange *exchange, uint64_t wait_ms)
{
    if (wait_ms == 0) {
        deadline_clear(&exchange->deadline);
        return;
    }
    deadline_set(&exchange->server->loop->deadlines, &exchange->deadline, wait_ms, on_deadline);
}
