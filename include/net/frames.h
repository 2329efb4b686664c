/* frames: messages between two processes of this program on one machine, over a Unix socket that one of them got
 * from the other. Each message stands behind its length (4 bytes, in the order of the machine).
 * Owner: whoever embeds it; frames_close, then on_closed, when its memory may go. Promise: on_frame, on_end and
 * on_closed come from the loop, never from inside a call; on_end comes once, when the other side is gone or
 * what it sent is no frame. Limits: a frame has 1 to max_bytes bytes; a sender that does not read is
 * noticed by frames_pending. */
#ifndef NET_FRAMES_H
#define NET_FRAMES_H

#include "base/buf.h"
#include "net/transport.h"

struct frames;

struct frames_events {
    void (*on_frame)(struct frames *frames, struct str frame); /* valid during the call */
    void (*on_end)(struct frames *frames);
    void (*on_closed)(struct frames *frames);
};

struct frames {
    struct transport transport;
    const struct frames_events *events;
    size_t max_bytes;
    struct buf in; /* what has come of frames that are not whole */
    bool ended;
    bool closing;
};

/* Takes over `fd`, one end of a socketpair. */
void frames_open(struct frames *frames, struct loop *loop, int fd, size_t max_bytes,
                 const struct frames_events *events);
/* False: it is too long, or the other side is gone. */
bool frames_send(struct frames *frames, struct str frame);
/* A frame of two parts. */
bool frames_send_parts(struct frames *frames, struct str head, struct str text);
size_t frames_pending(const struct frames *frames); /* bytes that the other side has not taken */
void frames_close(struct frames *frames);           /* idempotent */

#endif
