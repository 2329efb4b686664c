/* What transport.c and handshakes.c share. */
#ifndef NET_TRANSPORT_INTERNAL_H
#define NET_TRANSPORT_INTERNAL_H

#include "net/handshakes.h"
#include "net/transport.h"

/* Only for a connection that begins with a PROXY header or a TLS handshake. */
struct transport_start {
    struct transport *transport;
    struct tls_config *tls; /* held; NULL: plain */
    struct buf early;       /* bytes before the handshake begins */
    struct list shake;      /* handshakes.begun or .waiting */
    struct list ready;      /* handshakes.ready */
    uint64_t shake_began_ms;
};

struct transport_output {
    struct transport *transport;
    uv_write_t write;

    union {
        uv_connect_t connect;   /* at the beginning of the transport */
        uv_shutdown_t shutdown; /* at its end */
    } request;

    struct buf bufs[2]; /* one with the kernel, one filling */
    int filling;
    bool in_flight; /* libuv has a write */
};

/* output.c: what waits to be sent. */
void output_make(struct transport *transport);
void output_drop(struct transport *transport);
bool output_is_empty(const struct transport *transport); /* all that was written has left */
void output_write(struct transport *transport, const struct str *parts, size_t n_parts);
void output_start(struct transport *transport); /* sends what waits; needs output_make before */

/* handshakes.c */
void handshake_bytes(struct transport *transport,
                     struct str cipher); /* the handshake is not done yet */
void handshake_ended(struct transport *transport, unsigned result); /* RESULT_*; idempotent */

/* hold.c */
bool transport_makes_wait(const struct transport *transport);
/* True: a socket that is not read in this turn may be left as it is. */
bool transport_may_stay(struct transport *transport);
/* Takes the socket out of the poll until a later turn. `only_reads`: it is not polled for room to write. */
void transport_hold(struct transport *transport, bool only_reads);

/* transport.c: one step of the handshake, with what has been fed to it. */
void transport_shake(struct transport *transport);
void transport_poll(struct transport *transport);    /* libuv tells again what can be read */
void transport_give_up(struct transport *transport); /* tells the owner that it has ended */
void transport_break(struct transport *transport);   /* tells the owner so in a later turn */

#endif
