#include "net/frames.h"

#include <string.h>

#include "base/check.h"

enum { HEAD_BYTES = sizeof(uint32_t) };

static void end_now(struct frames *frames)
{
    if (!frames->ended) {
        frames->ended = true;
        transport_read_stop(&frames->transport);
        frames->events->on_end(frames);
    }
}

/* The next whole frame in `bytes`; empty: there is none yet. */
static struct str next_frame(struct frames *frames, struct str bytes)
{
    uint32_t len;

    if (bytes.len < HEAD_BYTES) {
        return STR_EMPTY;
    }
    memcpy(&len, bytes.ptr, HEAD_BYTES);
    if (len == 0 || len > frames->max_bytes) {
        end_now(frames);
        return STR_EMPTY;
    }
    return bytes.len - HEAD_BYTES < len ? STR_EMPTY : str_sub(bytes, HEAD_BYTES, len);
}

static void on_bytes(struct transport *transport, struct str bytes)
{
    struct frames *frames = CONTAINER_OF(transport, struct frames, transport);
    bool held = frames->in.len > 0;
    size_t used = 0;
    struct str frame;

    if (held) {
        buf_str(&frames->in, bytes);
        bytes = buf_view(&frames->in);
    }
    while (!frames->ended && !frames->closing &&
           (frame = next_frame(frames, str_sub(bytes, used, bytes.len))).len > 0) {
        used += HEAD_BYTES + frame.len;
        frames->events->on_frame(frames, frame);
    }
    if (held) {
        buf_consume(&frames->in, used);
    } else {
        buf_str(&frames->in, str_sub(bytes, used, bytes.len));
    }
}

static void on_writable(struct transport *transport)
{
    (void)transport;
}

static void on_end(struct transport *transport, bool clean)
{
    (void)clean;
    end_now(CONTAINER_OF(transport, struct frames, transport));
}

static void on_closed(struct transport *transport)
{
    struct frames *frames = CONTAINER_OF(transport, struct frames, transport);

    buf_done(&frames->in);
    frames->events->on_closed(frames);
}

static const struct transport_events own_events = {
    .on_bytes = on_bytes, .on_writable = on_writable, .on_end = on_end, .on_closed = on_closed};

void frames_open(struct frames *frames, struct loop *loop, int fd, size_t max_bytes,
                 const struct frames_events *events)
{
    static const struct transport_options plain = {.tls = NULL};

    *frames = (struct frames){.events = events, .max_bytes = max_bytes};
    /* Room for a frame that is not whole, and for what one read brings behind it. */
    buf_init(&frames->in, HEAD_BYTES + max_bytes + LOOP_READ_BUFFER);
    CHECK(uv_pipe_init(&loop->uv, &frames->transport.socket.pipe, 0) == 0);
    CHECK(uv_pipe_open(&frames->transport.socket.pipe, fd) == 0);
    transport_open(&frames->transport, loop, &plain, &own_events);
    frames->transport.is_proven = true; /* our own process does not make us wait */
    transport_read_start(&frames->transport);
}

bool frames_send_parts(struct frames *frames, struct str head, struct str text)
{
    uint32_t len = (uint32_t)(head.len + text.len);
    const struct str parts[] = {{(const char *)&len, HEAD_BYTES}, head, text};

    if (frames->ended || frames->closing || len == 0 || head.len + text.len > frames->max_bytes) {
        return false;
    }
    transport_write_parts(&frames->transport, parts, ARRAY_LEN(parts));
    return true;
}

bool frames_send(struct frames *frames, struct str frame)
{
    return frames_send_parts(frames, frame, STR_EMPTY);
}

size_t frames_pending(const struct frames *frames)
{
    return transport_pending(&frames->transport);
}

void frames_close(struct frames *frames)
{
    if (!frames->closing) {
        frames->closing = true;
        transport_close(&frames->transport);
    }
}
