/* HTTP/1.1 on the connections of connect.c.
 *
 *   begin --a connection rests?--> send --> read the answer --> pool, or close
 *     +------none: open one-------> send ...
 *     +------none, and OPENS_A_TURN were opened in this turn: wait for the next turn, in order
 *
 * On a plain connection it is known to the byte how much of a request may have reached the platform. With
 * TLS a record may be on its way although libcurl says "again", so there the request counts as sent from
 * the first attempt on.
 *
 * A connection that the platform closes between two requests is found dead only by using it. If
 * nothing of the request left, or the request is a read and no byte of an answer came, it is sent
 * once more on a fresh connection; so is a read that meets a 408 with which the platform closes. A create of which
 * anything left is never sent again.
 *
 * upstream_on_try_end reports the end of a try, only from events, deadlines and connect_drive. A send that
 * fails within upstream_start is not reported there: the next turn finds the descriptor writable or broken,
 * and until then the platform may have said why it does not want the rest (413). */
#include "upstream_internal.h"

#include <sys/epoll.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"

enum { STATUS_REQUEST_TIMEOUT = 408 };

/* --- sending */
static struct str next_bytes(struct upstream_transfer *transfer)
{
    struct buf sent = transfer->out;

    if (transfer->out_at < transfer->out.len) {
        return str_sub(buf_view(&transfer->out), transfer->out_at, transfer->out.len);
    }
    if (transfer->rest_of_body.len > 0 || !transfer->streaming || transfer->up.len == 0) {
        return transfer->rest_of_body;
    }
    /* The two buffers change places; bytes are not moved, since libcurl needs them at the same address. */
    mem_wipe(sent.ptr, sent.len);
    sent.len = 0;
    sent.max = transfer->up.max;
    transfer->out = transfer->up;
    transfer->up = sent;
    transfer->out_at = 0;
    return buf_view(&transfer->out);
}

static bool has_unsent(const struct upstream_transfer *transfer)
{
    return transfer->out_at < transfer->out.len || transfer->rest_of_body.len > 0 ||
           (transfer->streaming && transfer->up.len > 0);
}

static bool transfer_is_sent(const struct upstream_transfer *transfer)
{
    const struct upstream_stream *stream = transfer->call->stream;

    return !has_unsent(transfer) && (stream == NULL || !stream->streams_body || transfer->up_last);
}

static void watch(struct upstream_transfer *transfer)
{
    uint32_t mask = transfer->held_back ? 0 : EPOLLIN;

    if ((transfer->send_failed && !transfer->held_back) || transfer->forbidden ||
        (has_unsent(transfer) && !transfer->send_failed)) {
        mask |= EPOLLOUT;
    }
    wire_watch(transfer->connection, mask);
}

void transfer_send(struct upstream_transfer *transfer)
{
    struct upstream_connection *connection = transfer->connection;
    enum io io = IO_OK;
    struct str next;

    if (request_is_forbidden(transfer)) { /* the try ends with the next event */
        watch(transfer);
        return;
    }
    while (io == IO_OK && (next = next_bytes(transfer)).len > 0) {
        size_t n = 0;

        io = upstream_connection_send(connection, next, &n);
        transfer->may_have_left = transfer->may_have_left || n > 0 || transfer->upstream->tls;
        if (transfer->out_at < transfer->out.len) {
            transfer->out_at += n;
        } else {
            transfer->rest_of_body = str_sub(transfer->rest_of_body, n, transfer->rest_of_body.len);
        }
    }
    transfer->send_failed = io == IO_FAILED;
    if (transfer->streaming) {
        stream_touch(transfer);
    }
    watch(transfer);
}

/* --- ends */
static const char *words_of(struct upstream_connection *connection)
{
    return connect_why(connection, "the platform closed the connection");
}

static void end_try(struct upstream_transfer *transfer, enum try_end end, const char *why)
{
    str_copy(transfer->why, sizeof(transfer->why), str_from(why));
    upstream_on_try_end(transfer, end);
}

/* Over TLS a close does not prove that the answer is complete: libcurl 7.88 reports a close without the peer's
 * close_notify, which a machine on the way can cause, as an ordinary end. */
static unsigned how_to_read(const struct upstream_transfer *transfer)
{
    unsigned how = transfer->upstream->tls ? HTTP_ANSWER_NO_CLOSE : 0;

    return how | (str_is(transfer->call->request.method, "HEAD") ? HTTP_ANSWER_TO_HEAD : 0U);
}

/* Forgets what this connection has brought of an answer: the next one brings a whole answer. */
static void forget_answer(struct upstream_transfer *transfer)
{
    buf_clear(&transfer->body);
    transfer->n_sifted = 0;
    if (!transfer->head_told) { /* what a stream has been told of stays */
        buf_clear(&transfer->in);
    }
    http_answer_begin(transfer->answer, how_to_read(transfer));
}

static void rewind_request(struct upstream_transfer *transfer)
{
    struct str body = transfer->call->request.body;

    forget_answer(transfer);
    transfer->out_at = 0;
    transfer->rest_of_body = body.len > COPIED_BODY_BYTES ? body : STR_EMPTY;
    transfer->may_have_left = false;
    transfer->send_failed = false;
}

/* --- may it be sent again? */
/* A server that gives up waiting for the next request of a kept connection may say so (408, and close) just when a
 * request is on its way. For a read that is a silent close, with words (RFC 9110 section 15.5.9). */
static bool is_late_close(const struct upstream_transfer *transfer)
{
    return transfer->connection != NULL && transfer->connection->n_answers > 0 &&
           http_answer_status(transfer->answer) == STATUS_REQUEST_TIMEOUT &&
           !http_answer_keeps_connection(transfer->answer) && !transfer->repeated &&
           transfer->call->request.class == CALL_READ &&
           !(transfer->streaming && transfer->head_told);
}

static bool has_told(const struct upstream_transfer *transfer)
{
    return transfer->head_told ||
           (!is_late_close(transfer) && transfer->upstream->endpoints == NULL &&
            http_answer_has_head(transfer->answer));
}

bool upstream_can_repeat(const struct upstream_call *call)
{
    return call->stream == NULL ||
           (!call->stream->streams_body && (call->transfer == NULL || !has_told(call->transfer)));
}

/* May the request of this try be sent once more? Takes from the retry budget if a part of it was sent. */
static bool may_repeat(struct upstream_transfer *transfer)
{
    struct upstream_call *call = transfer->call;

    if (!transfer->may_have_left) {
        return true;
    }
    if (call->request.class != CALL_READ || !upstream_can_repeat(call) ||
        !budget_take(&call->upstream->budget)) {
        return false;
    }
    call->may_have_left = true;
    count_one(call->upstream, M_UPSTREAM_RETRIES);
    return true;
}

static void repeat(struct upstream_transfer *transfer)
{
    transfer->repeated = true;
    transfer->answered = false;
    upstream_connection_close(transfer->connection);
    rewind_request(transfer);
    pool_open(transfer);
}

/* The connection is of no use any more: repeats the request on a new one, or ends the try. */
static void lose_connection(struct upstream_transfer *transfer, const char *why)
{
    if (transfer->connection->n_answers > 0 && !transfer->answered && !transfer->repeated &&
        may_repeat(transfer)) {
        repeat(transfer);
        return;
    }
    end_try(transfer, TRY_BROKEN, why);
}

static void on_late(struct deadline *deadline)
{
    struct upstream_transfer *transfer = CONTAINER_OF(deadline, struct upstream_transfer, deadline);
    struct upstream *upstream = transfer->upstream;

    end_try(transfer, TRY_LATE, "the time limit was reached");
    connect_drive(upstream);
}

void transfer_set_deadline(struct upstream_transfer *transfer, unsigned wait_ms)
{
    if (wait_ms == 0) {
        deadline_clear(&transfer->deadline);
        return;
    }
    deadline_set(&transfer->upstream->loop->deadlines, &transfer->deadline, wait_ms, on_late);
}

/* --- reading */
static void end_answered(struct upstream_transfer *transfer, bool is_clean)
{
    enum error_code code = transfer->streaming ? ERR_OK : content_decode(transfer);

    if (is_late_close(transfer) && may_repeat(transfer)) {
        repeat(transfer);
        return;
    }
    transfer->may_rest = is_clean && http_answer_keeps_connection(transfer->answer);
    if (code == ERR_OK) {
        end_try(transfer, TRY_ANSWERED, "");
    } else if (code == ERR_UPSTREAM_TOO_BIG) {
        end_try(transfer, TRY_TOO_BIG, "");
    } else {
        end_try(transfer, TRY_UNREADABLE, "its content does not match its Content-Encoding");
    }
}

/* True: the try goes on. */
static bool take_bytes(struct upstream_transfer *transfer, struct str bytes)
{
    struct http_answer *answer = transfer->answer;
    enum http_answer_event event;
    struct str piece;
    size_t used;

    transfer->answered = true;
    if (transfer->streaming) {
        stream_touch(transfer);
    }
    do {
        event = http_answer_next(answer, bytes, &used, &piece);
        bytes = str_sub(bytes, used, bytes.len);
        if (event == HTTP_ANSWER_PIECE && !content_keep(transfer, piece)) {
            end_try(transfer, TRY_TOO_BIG, "");
            return false;
        }
    } while (event == HTTP_ANSWER_PIECE);
    if (event == HTTP_ANSWER_END) {
        end_answered(transfer, bytes.len == 0);
    } else if (event == HTTP_ANSWER_BAD) {
        end_try(transfer, TRY_UNREADABLE, http_answer_fault(answer));
    }
    return event == HTTP_ANSWER_MORE;
}

static void take_close(struct upstream_transfer *transfer)
{
    if (http_answer_close(transfer->answer) == HTTP_ANSWER_END) {
        end_answered(transfer, false);
    } else {
        lose_connection(transfer, transfer->answered
                                      ? "the platform closed the connection within its answer"
                                      : "the platform closed the connection");
    }
}

void transfer_read(struct upstream_transfer *transfer)
{
    struct upstream *upstream = transfer->upstream;
    enum io io = IO_OK;
    size_t n = RECV_BYTES;

    if (pool_doubts(transfer->connection)) {
        /* The bytes that come may be the answer to an earlier request. */
        transfer->answered = false;
        forget_answer(transfer);
        lose_connection(transfer, "an earlier answer on this connection did not fit its request");
        return;
    }

    /* A full read may have left something, and the TLS library may hold a record. */
    while (io == IO_OK && (n == RECV_BYTES || upstream->tls || transfer->send_failed)) {
        transfer->held_back = transfer->streaming && transfer->in.len >= STREAM_HIGH_WATER;
        if (transfer->held_back) {
            break;
        }
        io = upstream_connection_receive(transfer->connection, upstream->recv_bytes, &n);
        if (io == IO_FAILED) {
            lose_connection(transfer, words_of(transfer->connection));
            return;
        }
        if (io == IO_CLOSED) {
            take_close(transfer);
            return;
        }
        if (io == IO_OK && !take_bytes(transfer, (struct str){upstream->recv_bytes, n})) {
            return;
        }
    }
    if (io == IO_AGAIN && transfer->send_failed) { /* the bytes that had come are read */
        lose_connection(transfer, words_of(transfer->connection));
    } else {
        watch(transfer);
    }
}

/* --- events */
void transfer_on_event(struct upstream_transfer *transfer, uint32_t events)
{
    if (transfer->forbidden) {
        end_try(transfer, TRY_FORBIDDEN, "it waited too long; nothing was sent");
        return;
    }
    if ((events & EPOLLOUT) != 0 && has_unsent(transfer) && !transfer->send_failed) {
        transfer_send(transfer);
    }
    if ((events & EPOLLIN) != 0 || transfer->send_failed) {
        transfer_read(transfer);
    }
}

void transfer_on_connected(struct upstream_transfer *transfer)
{
    transfer->connected_us = clock_now_us();
    guard_note_connected(transfer->call, transfer->connected_us);
    if (pool_hears(transfer->connection)) {
        end_try(transfer, TRY_BROKEN,
                connect_why(transfer->connection,
                            "the platform spoke, or closed, before it was asked"));
        return;
    }
    if (transfer->call->connects_only) {
        transfer->may_rest = true;
        end_try(transfer, TRY_ANSWERED, "");
        return;
    }
    transfer_send(transfer);
    if (transfer->send_failed && !transfer->may_have_left) {
        end_try(transfer, TRY_BROKEN, words_of(transfer->connection));
    }
}

void transfer_on_unconnected(struct upstream_transfer *transfer, const char *why)
{
    if (transfer->connection->is_starved) {
        why = "this process has as many connections as the system allows (ulimit -n); nothing was "
              "sent";
        guard_note_starved(transfer->call, why);
        end_try(transfer, TRY_STARVED, why);
        return;
    }
    end_try(transfer, TRY_UNCONNECTED, why);
}

/* --- one try */
void transfer_begin(struct upstream_transfer *transfer, unsigned timeout_ms)
{
    const struct upstream_request *request = &transfer->call->request;
    struct upstream *upstream = transfer->upstream;

    forget_answer(transfer);
    transfer->body.max =
        request->max_reply_bytes > 0 ? request->max_reply_bytes : upstream->options.max_reply_bytes;
    if (!transfer->call->connects_only) {
        request_write(transfer);
    }
    transfer->why[0] = '\0';
    transfer->may_have_left = false;
    transfer->send_failed = false;
    transfer->repeated = false;
    transfer->answered = false;
    transfer->may_rest = false;
    transfer->held_back = false;
    transfer->trying = true;
    transfer_set_deadline(transfer, timeout_ms);
    transfer->connected_us = 0;
    pool_connect(transfer);
}

void transfer_leave(struct upstream_transfer *transfer)
{
    upstream_fill_reply(transfer);
    transfer->call->was_kept = transfer->connection != NULL && transfer->connection->n_answers > 0;
    deadline_clear(&transfer->deadline);
    transfer->trying = false;
    if (transfer->connection == NULL) {
        list_remove(&transfer->link); /* it waited for a connection */
    } else if (transfer->may_rest && transfer_is_sent(transfer)) {
        pool_give(transfer->connection);
    } else {
        upstream_connection_close(transfer->connection);
    }
    request_forget(transfer);
}

/* --- at rest */
static struct upstream_transfer *transfer_new(struct upstream *upstream)
{
    struct upstream_transfer *transfer = mem_zalloc(sizeof(*transfer));

    transfer->upstream = upstream;
    transfer->answer = http_answer_new();
    buf_init(&transfer->out, 0);
    buf_init(&transfer->body, upstream->options.max_reply_bytes);
    upstream->n_transfers++;
    return transfer;
}

static void transfer_free(struct upstream_transfer *transfer)
{
    transfer->upstream->n_transfers--;
    http_answer_free(transfer->answer);
    buf_done(&transfer->out);
    buf_done(&transfer->body);
    mem_free(transfer);
}

struct upstream_transfer *transfer_take(struct upstream *upstream, struct upstream_call *call)
{
    struct list *link = list_take_first(&upstream->transfers);
    struct upstream_transfer *transfer =
        link != NULL ? CONTAINER_OF(link, struct upstream_transfer, link) : transfer_new(upstream);

    transfer->call = call;
    transfer->serial++;
    call->transfer = transfer;
    if (call->stream != NULL) {
        stream_set_up(transfer);
    }
    return transfer;
}

static void rest_buf(struct buf *buf)
{
    if (buf->cap > KEEP_BODY_BYTES) {
        buf_done(buf);
    }
    buf_clear(buf);
}

void transfer_give(struct upstream_transfer *transfer)
{
    struct upstream *upstream = transfer->upstream;

    CHECK(!transfer->trying && transfer->connection == NULL);
    request_forget(transfer);
    if (transfer->streaming) {
        stream_tear_down(transfer);
    }
    transfer->call = NULL;
    rest_buf(&transfer->body);
    rest_buf(&transfer->out);
    list_prepend(&upstream->transfers, &transfer->link); /* the warmest first */
}

/* Not called from transfer_give: a stream that has just given its transfer back may still read
 * it. */
void transfers_trim(struct upstream *upstream, unsigned n_keep)
{
    struct list *link;

    while (upstream->n_transfers > n_keep &&
           (link = list_take_first(&upstream->transfers)) != NULL) {
        transfer_free(CONTAINER_OF(link, struct upstream_transfer, link));
    }
}
