/* Direct access: a call whose bytes pass through in pieces, both ways, in bounded memory.
 *
 *   platform -> on_body -> in ----(dispatch)----> on_data -> owner        in  <= 64 KiB + a piece
 *   owner -> upstream_send -> out -> read_body -> platform                out <= 64 KiB + a piece
 *
 * libcurl's callbacks only fill and empty the two bufs (or tell libcurl to pause); the owner is
 * called from dispatch, where it may start, send, resume and cancel as it likes. A stream that is
 * paused by its owner, or waits for its owner's bytes, has no deadline of ours. */
#include "upstream_internal.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

enum { IN_MAX = STREAM_HIGH_WATER + CURL_MAX_WRITE_SIZE };

void stream_set_up(struct upstream_handle *handle)
{
    handle->streaming = true;
    buf_init(&handle->in, IN_MAX);
    buf_init(&handle->out, STREAM_HIGH_WATER + UPSTREAM_SEND_MAX);
    handle->out_at = 0;
    handle->status_seen = 0;
    handle->head_complete = false;
    handle->head_told = false;
    handle->wire_done = false;
    handle->owner_paused = false;
    handle->recv_paused = false;
    handle->send_paused = false;
    handle->out_last = false;
    handle->owner_waits = false;
}

void stream_tear_down(struct upstream_handle *handle)
{
    list_remove(&handle->touch);
    deadline_clear(&handle->silence);
    buf_done(&handle->in);
    buf_done(&handle->out);
    handle->streaming = false;
}

void stream_touch(struct upstream_handle *handle)
{
    if (!list_is_linked(&handle->touch)) {
        list_append(&handle->upstream->touched, &handle->touch);
    }
}

/* The callbacks. */
/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's type */
size_t stream_on_header(char *bytes, size_t size, size_t n, void *context)
{
    struct upstream_handle *handle = context;
    struct str line = {bytes, size * n};
    struct str version;
    struct str rest;
    int64_t status = 0;

    if (str_starts(line, STR("HTTP/")) && str_cut(line, ' ', &version, &rest) &&
        str_to_i64(str_sub(rest, 0, 3), 100, 999, &status)) {
        handle->status_seen = (int)status;
    }
    if (str_trim(line).len == 0 && handle->status_seen >= 200) {
        handle->head_complete = true;
        stream_touch(handle);
    }
    return n;
}

size_t stream_on_body(char *bytes, size_t n, struct upstream_handle *handle)
{
    stream_touch(handle);
    if (handle->in.len > 0 && handle->in.len + n > STREAM_HIGH_WATER) {
        handle->recv_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    buf_append(&handle->in, bytes, n);
    return buf_ok(&handle->in) ? n : CURL_WRITEFUNC_ERROR;
}

size_t stream_read_body(char *out, size_t room, struct upstream_handle *handle)
{
    struct str rest = str_sub(buf_view(&handle->out), handle->out_at, room);

    stream_touch(handle);
    if (rest.len == 0) {
        handle->send_paused = !handle->out_last;
        return handle->out_last ? 0 : CURL_READFUNC_PAUSE;
    }
    memcpy(out, rest.ptr, rest.len);
    handle->out_at += rest.len;
    if (handle->out_at == handle->out.len) {
        buf_clear(&handle->out);
        handle->out_at = 0;
    }
    return rest.len;
}

/* Tells libcurl which directions may move; it may call back at once, which only fills bufs. */
static void apply_pauses(struct upstream_handle *handle)
{
    int mask =
        (handle->recv_paused ? CURLPAUSE_RECV : 0) | (handle->send_paused ? CURLPAUSE_SEND : 0);

    /* An error shows again as the result of the transfer. */
    (void)curl_easy_pause(handle->easy, mask);
    upstream_dispatch_later(handle->upstream);
}

static void on_silence(struct deadline *deadline)
{
    struct upstream_handle *handle = CONTAINER_OF(deadline, struct upstream_handle, silence);

    upstream_abort_try(handle->call, ERR_UPSTREAM_TIMEOUT);
}

/* Called at each progress: the platform has options.timeout_ms from now for its next byte. */
static void arm_silence(struct upstream_handle *handle)
{
    bool waits_for_us = handle->owner_paused || handle->send_paused;

    if (!handle->in_multi || waits_for_us) {
        deadline_clear(&handle->silence);
        return;
    }
    deadline_set(&handle->upstream->loop->deadlines, &handle->silence, DEADLINE_UPSTREAM,
                 handle->upstream->options.timeout_ms, on_silence);
}

static void tell_head(struct upstream_handle *handle)
{
    struct upstream_call *call = handle->call;
    struct upstream_header headers[UPSTREAM_MAX_HEADERS];
    struct curl_header *header = NULL;
    size_t n = 0;

    handle->head_told = true;
    while (n < UPSTREAM_MAX_HEADERS &&
           (header = curl_easy_nextheader(handle->easy, CURLH_HEADER, -1, header)) != NULL) {
        headers[n].name = str_from(header->name);
        headers[n].value = str_from(header->value);
        n++;
    }
    if (call->stream->on_head != NULL) {
        call->stream->on_head(call, handle->status_seen, headers, n);
    }
}

/* The bytes are taken out of the handle first: the owner may start or cancel calls meanwhile, and
 * then this very transfer may move on or be gone. */
static void tell_data(struct upstream_handle *handle, struct upstream_call *call)
{
    unsigned serial = handle->serial;
    struct buf bytes = handle->in;
    bool go_on;

    buf_init(&handle->in, IN_MAX);
    go_on = call->stream->on_data == NULL || call->stream->on_data(call, buf_view(&bytes));
    if (handle->call != call || handle->serial != serial) {
        buf_done(&bytes);
        return;
    }
    if (handle->in.len == 0) {
        buf_done(&handle->in);
        buf_clear(&bytes);
        handle->in = bytes;
    } else {
        buf_done(&bytes);
    }
    handle->owner_paused = handle->owner_paused || !go_on;
}

static size_t pending_out(const struct upstream_handle *handle)
{
    return handle->out.len - handle->out_at;
}

static void go_on_receiving(struct upstream_handle *handle)
{
    if (!handle->owner_paused && handle->recv_paused && handle->in.len < STREAM_LOW_WATER &&
        handle->in_multi) {
        handle->recv_paused = false;
        apply_pauses(handle);
    }
}

/* Everything there is to tell about one stream. Each call up may end the call; then stop. */
void stream_deliver(struct upstream_handle *handle)
{
    struct upstream_call *call = handle->call;
    unsigned serial = handle->serial;

    if (handle->head_complete && !handle->head_told) {
        tell_head(handle);
    }
    if (handle->call == call && handle->serial == serial && handle->head_told &&
        !handle->owner_paused && handle->in.len > 0) {
        tell_data(handle, call);
    }
    if (handle->call != call || handle->serial != serial) {
        return;
    }
    go_on_receiving(handle);
    if (handle->wire_done) {
        bool all_told = handle->in.len == 0 || !handle->head_told;

        if (all_told && (!handle->owner_paused || call->end_code != ERR_OK)) {
            upstream_end_later(call);
        } else if (!handle->owner_paused) {
            stream_touch(handle);
        }
        return;
    }
    arm_silence(handle);
    if (handle->owner_waits && pending_out(handle) < STREAM_LOW_WATER) {
        handle->owner_waits = false;
        if (call->stream->on_drain != NULL) {
            call->stream->on_drain(call);
        }
    }
}

void upstream_resume(struct upstream_call *call)
{
    struct upstream_handle *handle = call->handle;

    if (handle == NULL || !handle->streaming || !handle->owner_paused) {
        return;
    }
    handle->owner_paused = false;
    stream_touch(handle);
    upstream_dispatch_later(handle->upstream);
}

bool upstream_send(struct upstream_call *call, struct str bytes, bool last)
{
    struct upstream_handle *handle = call->handle;

    if (handle == NULL || !handle->streaming || handle->wire_done) {
        return true; /* ended meanwhile: on_done says how */
    }
    CHECK(bytes.len <= UPSTREAM_SEND_MAX && !handle->out_last);
    if (handle->out_at > 0) {
        buf_consume(&handle->out, handle->out_at);
        handle->out_at = 0;
    }
    buf_str(&handle->out, bytes);
    CHECK(buf_ok(&handle->out)); /* the owner sent on although it was told to wait */
    handle->out_last = last;
    if (handle->send_paused && handle->in_multi && (bytes.len > 0 || last)) {
        handle->send_paused = false;
        apply_pauses(handle);
    }
    handle->owner_waits = !last && pending_out(handle) >= STREAM_HIGH_WATER;
    return !handle->owner_waits;
}
