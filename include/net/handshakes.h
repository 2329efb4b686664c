/* handshakes: the TLS handshakes of one server. Each costs milliseconds of computing and tens of
 * kilobytes, so at most `max` are under way, and a turn of the loop computes them for two milliseconds.
 * Other connections wait, the longest wait first. A connection gets memory for TLS only when its first
 * record is whole and its turn has come. While a connection waits, a handshake that has been under way for
 * longer than `stall_ms` is ended, the oldest first.
 * Owner: the server embeds it. */
#ifndef NET_HANDSHAKES_H
#define NET_HANDSHAKES_H

#include <stdint.h>

#include "net/loop.h"
#include "net/transport.h"

struct handshakes {
    struct loop *loop;
    unsigned max;
    uint64_t stall_ms;
    unsigned n;
    struct list begun;   /* transports, the oldest first */
    struct list waiting; /* the longest wait first */
    struct list ready;   /* begun, and bytes have come for them */
    struct later_item turn;
    struct deadline stall;
};

void handshakes_init(struct handshakes *handshakes, struct loop *loop);
void handshakes_configure(struct handshakes *handshakes, unsigned max, uint64_t stall_ms);
void handshakes_done(struct handshakes *handshakes); /* no transport is open any more */

#endif
