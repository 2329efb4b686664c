/* An exchange without a connection. Bytes of the answer wait in `answer` until the next turn, so that the
 * local caller is never called from inside the service. */
#include "http/local.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/sizes.h"
#include "http_internal.h"

enum { PIECE_BYTES = 64 * 1024 };

static void on_go_on(struct later_item *item);

static void go_on_later(struct http_local *local)
{
    later_add(&local->server->loop->later, &local->go_on, on_go_on);
}

/* ---- the end ---- */

static struct exchange *let_go(struct http_local *local)
{
    struct exchange *exchange = local->exchange;

    later_remove(&local->go_on);
    deadline_clear(&local->deadline);
    deadline_clear(&exchange->deadline);
    local->exchange = NULL;
    exchange->local = NULL;
    buf_done(&local->answer);
    buf_done(&local->lines);
    return exchange;
}

static void end(struct http_local *local)
{
    struct exchange *exchange = let_go(local);
    bool is_whole = !exchange->broken;

    exchange_end(exchange, exchange->status);
    local->events->on_end(local, is_whole);
}

void http_local_cancel(struct http_local *local)
{
    const struct http_service *service;
    struct exchange *exchange;

    if (local->exchange == NULL) {
        return;
    }
    CHECK(!local->in_callback);
    exchange = let_go(local);
    service = local->server->service;
    if (exchange->known && (!exchange->replied || exchange->streaming)) {
        exchange->aborted = true;
        if (service->on_abort(local->server->context, exchange) == HTTP_ABORT_DETACHED) {
            service->on_cancel_orphan(local->server->context, exchange);
        }
        deadline_clear(&exchange->deadline);
    }
    exchange_end(exchange, exchange->aborted ? 499 : exchange->status);
}

/* ---- the answer ---- */

static void tell_head(struct http_local *local)
{
    const struct exchange *exchange = local->exchange;
    const struct http_local_head head = {
        .status = exchange->status,
        .lines = buf_view(&local->lines),
        .has_body = response_sends_body(exchange),
        .principal = exchange->notes.principal,
    };

    local->head_told = true;
    local->events->on_head(local, &head);
}

/* The caller may cancel in any event, so local->exchange is looked at again after each. */
static void tell_answer(struct http_local *local)
{
    if (local->exchange->broken && !local->head_told) {
        buf_clear(&local->answer); /* no piece without a head */
    }
    if (!local->head_told && !local->exchange->broken) {
        tell_head(local);
    }
    if (local->exchange != NULL && local->answer.len > 0 && !local->held_back) {
        struct buf piece = local->answer; /* the service may write more from inside */

        buf_init(&local->answer, LONGEST_OUTPUT);
        local->held_back = !local->events->on_piece(local, buf_view(&piece));
        buf_done(&piece);
    }
    if (local->exchange == NULL || local->held_back) {
        return;
    }
    if (local->exchange->streaming) {
        local->in_callback = true;
        local->server->service->on_writable(local->server->context, local->exchange);
        local->in_callback = false;
    } else if (local->answer.len == 0) {
        end(local);
    } else {
        go_on_later(local);
    }
}

void local_begin_answer(struct http_local *local, struct str lines)
{
    buf_str(&local->lines, lines);
    go_on_later(local);
}

/* What is longer than can wait breaks the answer off, and nothing that is written behind the gap is told. */
bool local_write(struct http_local *local, struct str bytes)
{
    struct exchange *exchange = local->exchange;

    if (!exchange->broken) {
        exchange->response_bytes += bytes.len;
        buf_str(&local->answer, bytes);
        exchange->broken = !buf_ok(&local->answer);
    }
    go_on_later(local);
    return local->answer.len <= TRANSPORT_HIGH_WATER && !local->held_back;
}

void local_answered(struct http_local *local)
{
    go_on_later(local);
}

void http_local_writable(struct http_local *local)
{
    local->held_back = false;
    if (local->exchange != NULL) {
        go_on_later(local);
    }
}

/* ---- the request's body ---- */

static bool takes_more(const struct http_local *local)
{
    return !local->body_paused && !local->body_ended &&
           (!local->exchange->replied || local->exchange->streaming);
}

/* One piece a turn is enough: the body is in memory already. */
static void give_piece(struct http_local *local)
{
    struct http_server *server = local->server;
    struct str piece = str_sub(local->body, local->body_used, PIECE_BYTES);

    local->body_used += piece.len;
    local->body_ended = piece.len == 0;
    local->exchange->request_bytes += piece.len;
    local->exchange->body_complete = local->body_ended;
    server->service->on_chunk(server->context, local->exchange, piece, local->body_ended);
    if (takes_more(local)) {
        go_on_later(local);
    }
}

void local_body_pause(struct http_local *local)
{
    local->body_paused = true;
}

void local_body_resume(struct http_local *local)
{
    local->body_paused = false;
    go_on_later(local);
}

static void on_go_on(struct later_item *item)
{
    struct http_local *local = CONTAINER_OF(item, struct http_local, go_on);

    if (local->streams_body && takes_more(local)) {
        local->in_callback = true;
        give_piece(local);
        local->in_callback = false;
    }
    if (local->exchange->replied) {
        tell_answer(local);
    }
}

void local_after_head(struct http_local *local, enum http_verdict verdict, size_t max_body)
{
    struct exchange *exchange = local->exchange;

    if (verdict == HTTP_HEAD_WAITS || exchange->replied) {
        return;
    }
    local->streams_body = verdict == HTTP_BODY_STREAM;
    if (local->streams_body) {
        go_on_later(local);
    } else if (local->body.len > max_body) {
        struct error err = {0};

        (void)error_set(&err, ERR_TOO_BIG,
                        "The body is %zu bytes long; this route takes at most %zu", local->body.len,
                        max_body);
        exchange_problem(exchange, &err, NULL);
    } else {
        exchange->request.body = local->body;
        exchange->request_bytes += local->body.len;
        exchange->body_complete = true;
        local->server->service->on_body(local->server->context, exchange);
    }
}

/* ---- the request's head ---- */

static void on_late(struct deadline *deadline)
{
    struct http_local *local = CONTAINER_OF(deadline, struct http_local, deadline);
    struct http_server *server = local->server;

    if (!local->exchange->replied) {
        local->in_callback = true;
        server->service->on_deadline(server->context, local->exchange);
        local->in_callback = false;
    } else if (local->exchange->streaming) {
        local->events->on_late(local);
    }
}

static enum error_code take_head(struct http_local *local, struct str head, struct error *err)
{
    struct http_request *request = &local->exchange->request;
    struct http_parser parser = {0};
    struct str whole;
    size_t used = 0;

    parser_init(&parser, &local->server->options);
    switch (parser_next(&parser, head, &used, &whole, err)) {
    case PARSER_HEAD:
        break;
    case PARSER_BAD:
        return err->code;
    case PARSER_MORE:
    case PARSER_PIECE:
    case PARSER_END:
        return error_set(err, ERR_BAD_REQUEST, "The request head is not complete");
    }
    if (used != head.len) {
        return error_set(err, ERR_BAD_REQUEST, "The request head ends before its last line");
    }
    return parser_take_head(&parser, whole, request, err);
}

void http_local_begin(struct http_server *server, struct http_local *local)
{
    struct exchange *exchange = exchange_new(server, NULL);
    struct str head = arena_str(&exchange->arena, local->head);
    enum http_verdict verdict;
    struct error err = {0};
    size_t max_body = 0;

    local->server = server;
    local->exchange = exchange;
    buf_init(&local->answer, LONGEST_OUTPUT);
    buf_init(&local->lines, RESPONSE_LINES_MAX);
    exchange->local = local;
    exchange->request.peer = arena_str(&exchange->arena, local->peer);
    exchange->request.caller = local->caller;
    exchange->request.is_tls = local->is_tls;
    exchange->request_bytes = head.len;
    trace_begin(&exchange->trace, clock_now_us());
    if (local->within_ms > 0) {
        deadline_set(&server->loop->deadlines, &local->deadline, local->within_ms, on_late);
    }
    local->in_callback = true;
    if (take_head(local, head, &err) != ERR_OK) {
        head_peek(head, &exchange->request);
        intake_announce(exchange);
        exchange_problem(exchange, &err, NULL);
    } else {
        intake_announce(exchange);
        if (exchange->base.len == 0) {
            exchange->base = arena_str(&exchange->arena, local->base);
        }
        exchange->known = true;
        verdict = server->service->on_head(server->context, exchange, &max_body);
        local_after_head(local, verdict, max_body);
    }
    local->in_callback = false;
}

uint64_t exchange_left_ms(const struct exchange *exchange)
{
    const struct http_local *local = exchange->local;
    uint64_t now_ms = clock_now_ms();

    if (local == NULL || !deadline_is_set(&local->deadline)) {
        return UINT64_MAX;
    }
    return local->deadline.at_ms > now_ms ? local->deadline.at_ms - now_ms : 0;
}
