/* frames: messages between two processes of this program on one machine, over a Unix socket that one process got
 * from the other. The length of a message precedes it (4 bytes, in the byte order of the machine).
 * Owner: the caller embeds the struct; after frames_close and on_closed its memory may go. Promise: on_frame,
 * on_end and on_closed come from the loop, never from inside a call; on_end comes once, when the other side is
 * gone or has sent what is no frame. Limits: a frame has 1 to max_bytes bytes; frames_pending shows that the
 * other side does not read. */
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
    struct buf in; /* the bytes so far of a frame that is not whole */
    bool ended;
    bool closing;
};

/* Takes over `fd`, one end of a socketpair. */
void frames_open(struct frames *frames, struct loop *loop, int fd, size_t max_bytes,
                 const struct frames_events *events);
/* False: the frame is empty or too long, or the connection has ended. */
bool frames_send(struct frames *frames, struct str frame);
/* A frame of two parts. */
bool frames_send_parts(struct frames *frames, struct str head, struct str text);
size_t frames_pending(const struct frames *frames); /* bytes that the other side has not taken */
void frames_close(struct frames *frames);           /* idempotent */

#endif
