/* Direct access: a call whose bytes pass through in pieces, both ways, in bounded memory.
 *
 *   platform -> transfer_read -> in ----(dispatch)----> on_data -> owner     in  <= 64 KiB + a read
 *   owner -> upstream_send -> up -> out -> platform                          each <= 64 KiB + a piece
 *
 * The owner is called from dispatch only, where it may start, send, resume and cancel as it likes.
 * While the owner takes nothing, nothing is read, so the platform has to wait. A stream that waits
 * for its owner, in either direction, has no deadline of ours. */
#include "base/check.h"
#include "upstream_internal.h"

enum { IN_MAX = STREAM_HIGH_WATER + RECV_BYTES, FRAME_MAX = 32 };

void stream_set_up(struct upstream_transfer *transfer)
{
    const struct upstream_stream *stream = transfer->call->stream;

    transfer->streaming = true;
    buf_init(&transfer->in, IN_MAX);
    buf_init(&transfer->up, STREAM_HIGH_WATER + UPSTREAM_SEND_MAX + FRAME_MAX);
    transfer->up_left = stream->streams_body ? stream->body_length : 0;
    transfer->head_told = false;
    transfer->wire_done = false;
    transfer->owner_paused = false;
    transfer->owner_slow = false;
    transfer->held_back = false;
    transfer->up_last = false;
    transfer->owner_waits = false;
}

void stream_tear_down(struct upstream_transfer *transfer)
{
    list_remove(&transfer->touch);
    buf_done(&transfer->in);
    buf_done(&transfer->up);
    transfer->streaming = false;
}

void stream_touch(struct upstream_transfer *transfer)
{
    if (!list_is_linked(&transfer->touch)) {
        list_append(&transfer->upstream->touched, &transfer->touch);
    }
    upstream_dispatch_later(transfer->upstream);
}

static size_t pending_up(const struct upstream_transfer *transfer)
{
    return transfer->out.len - transfer->out_at + transfer->up.len;
}

static bool waits_for_body(const struct upstream_transfer *transfer)
{
    return transfer->call->stream->streams_body && !transfer->up_last && pending_up(transfer) == 0;
}

/* Called at each progress: the platform has options.timeout_ms from now for its next byte. */
static void arm_silence(struct upstream_transfer *transfer)
{
    bool waits_for_us = transfer->owner_paused || waits_for_body(transfer);

    if (transfer->trying && transfer->call->request.timeout_ms == 0) {
        transfer_set_deadline(transfer, waits_for_us ? 0 : transfer->upstream->options.timeout_ms);
    }
}

static void tell_head(struct upstream_transfer *transfer)
{
    const struct http_answer *answer = transfer->answer;
    struct upstream_call *call = transfer->call;
    struct upstream_header headers[HTTP_ANSWER_MAX_HEADERS];
    size_t n = upstream_headers(answer, headers);

    transfer->head_told = true;
    if (call->stream->on_head != NULL) {
        call->stream->on_head(call, http_answer_status(answer), headers, n);
    }
}

/* The bytes are taken out of the transfer first: the owner may start or cancel calls meanwhile, and
 * then this very transfer may move on or be gone. */
static void tell_data(struct upstream_transfer *transfer, struct upstream_call *call)
{
    unsigned serial = transfer->serial;
    struct buf bytes = transfer->in;
    bool go_on;

    buf_init(&transfer->in, IN_MAX);
    go_on = call->stream->on_data == NULL || call->stream->on_data(call, buf_view(&bytes));
    if (transfer->call != call || transfer->serial != serial) {
        buf_done(&bytes);
        return;
    }
    if (transfer->in.len == 0) {
        buf_done(&transfer->in);
        buf_clear(&bytes);
        transfer->in = bytes;
    } else {
        buf_done(&bytes);
    }
    transfer->owner_paused = transfer->owner_paused || !go_on;
    transfer->owner_slow = transfer->owner_slow || !go_on;
}

/* True: the answer is a failure, and the call may go on at another address: its head is not told yet. */
static bool holds_head(const struct upstream_transfer *transfer)
{
    return transfer->upstream->endpoints != NULL && !transfer->wire_done &&
           transfer->in.len < STREAM_LOW_WATER &&
           breaker_is_failure(ERR_OK, http_answer_status(transfer->answer)) &&
           endpoints_has_other(transfer->upstream);
}

/* Tells the owner all that is new of one stream. Each of its callbacks may end the call; then nothing more is told. */
void stream_deliver(struct upstream_transfer *transfer)
{
    struct upstream_call *call = transfer->call;
    unsigned serial = transfer->serial;

    if (http_answer_has_head(transfer->answer) && !transfer->head_told && !holds_head(transfer)) {
        tell_head(transfer);
    }
    if (transfer->call == call && transfer->serial == serial && transfer->head_told &&
        !transfer->owner_paused && transfer->in.len > 0) {
        tell_data(transfer, call);
    }
    if (transfer->call != call || transfer->serial != serial) {
        return;
    }
    /* Bytes that the TLS library holds already make no event, so they are read at once. */
    if (transfer->trying && transfer->held_back && !transfer->owner_paused &&
        transfer->in.len < STREAM_LOW_WATER) {
        transfer_read(transfer);
    }
    if (transfer->wire_done) {
        bool all_told = transfer->in.len == 0 || !transfer->head_told;

        if (all_told && (!transfer->owner_paused || call->end_code != ERR_OK)) {
            upstream_end_later(call);
        } else if (!transfer->owner_paused) {
            stream_touch(transfer);
        }
        return;
    }
    arm_silence(transfer);
    if (transfer->owner_waits && pending_up(transfer) < STREAM_LOW_WATER) {
        transfer->owner_waits = false;
        if (call->stream->on_drain != NULL) {
            call->stream->on_drain(call);
        }
    }
}

void upstream_resume(struct upstream_call *call)
{
    struct upstream_transfer *transfer = call->transfer;

    if (transfer == NULL || !transfer->streaming || !transfer->owner_paused) {
        return;
    }
    transfer->owner_paused = false;
    stream_touch(transfer);
}

/* Adds a piece of the body, in the framing that the head of the request announced. */
static void add_body(struct upstream_transfer *transfer, struct str bytes, bool last)
{
    struct buf *up = &transfer->up;

    if (transfer->call->stream->body_length >= 0) {
        CHECK((uint64_t)transfer->up_left >= bytes.len); /* more would be another request */
        transfer->up_left -= (int64_t)bytes.len;
        buf_str(up, bytes);
        return;
    }
    if (bytes.len > 0) {
        buf_printf(up, "%zx\r\n", bytes.len);
        buf_str(up, bytes);
        buf_str(up, STR("\r\n"));
    }
    if (last) {
        buf_str(up, STR("0\r\n\r\n"));
    }
}

bool upstream_send(struct upstream_call *call, struct str bytes, bool last)
{
    struct upstream_transfer *transfer = call->transfer;

    if (transfer == NULL || !transfer->streaming || transfer->wire_done) {
        return true; /* ended meanwhile: on_done says how */
    }
    CHECK(bytes.len <= UPSTREAM_SEND_MAX && !transfer->up_last);
    add_body(transfer, bytes, last);
    CHECK(buf_ok(&transfer->up)); /* else the owner sent on although it was told to wait */
    transfer->up_last = last;
    if (transfer->connection != NULL && transfer->connection->fd != CURL_SOCKET_BAD &&
        !transfer->send_failed) {
        transfer_send(transfer);
    }
    transfer->owner_waits = !last && pending_up(transfer) >= STREAM_HIGH_WATER;
    return !transfer->owner_waits;
}
