/* transport: bytes in and out of one connection, accepted or made, plain or TLS, behind one small vtable.
 * Owner: the connection embeds it. Promise: on_bytes, on_writable, on_end and on_closed come from
 * the loop, never from inside transport_write or transport_close; after transport_close only
 * on_closed comes, exactly once, and the memory may be freed there. Backpressure: transport_write
 * takes everything (it buffers); transport_pending tells how much is not yet with the kernel,
 * on_writable says that it fell below the low-water mark. */
#ifndef NET_TRANSPORT_H
#define NET_TRANSPORT_H

#include <stdbool.h>
#include <uv.h>

#include "base/address.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "net/loop.h"
#include "net/socket.h"

struct transport;
struct tls_config; /* crypto/tls.h */
struct tls_peer;   /* crypto/tls_peer.h */
struct tls_stream;
struct handshakes; /* net/handshakes.h */

struct transport_events {
    void (*on_bytes)(struct transport *transport,
                     struct str bytes);               /* plain text; valid during the call */
    void (*on_writable)(struct transport *transport); /* pending fell below low water */
    void (*on_end)(struct transport *transport,
                   bool clean); /* EOF (clean) or error; no more on_bytes */
    void (*on_closed)(struct transport *transport);
    void (*on_secured)(
        struct transport *transport); /* the TLS handshake is done; never for a plain one */
    void (*on_connected)(struct transport *transport); /* after transport_connect only */
    /* Only where a PROXY header is wanted (else NULL): it has come. False: what came is no such header, and
     * the owner must close. */
    void (*on_header)(struct transport *transport, bool is_header);
    /* The handshake, or a record, is wrong; on_end comes next. May be NULL. */
    void (*on_tls_failed)(struct transport *transport, const struct error *err);
};

enum {
    TRANSPORT_LOW_WATER = 16 * 1024,
    TRANSPORT_HIGH_WATER = 256 * 1024,
    TRANSPORT_MAX_PARTS = 4
};

struct transport_options {
    struct tls_config *tls;        /* NULL: plain */
    struct handshakes *handshakes; /* NULL: handshakes are not bounded */
    bool wants_header;             /* of the PROXY protocol (net/proxy_header.h), before all else */
};

struct transport {
    struct loop *loop;
    const struct transport_events *events;
    struct transport_options options;
    union socket socket;
    struct transport_output *output; /* what the kernel has not taken; NULL: nothing waits */
    bool shutdown_asked;
    bool shutdown_sent;
    bool reading;
    bool closing;
    bool ended;
    bool is_proven; /* set by the owner: a whole request has come. See loop_may_read */
    bool has_read;
    uint8_t passed_turn;           /* low bits of loop.n_turns when the socket was passed over */
    struct list hold;              /* loop.held or .held_patient */
    uint64_t opened_ms;            /* by uv_now */
    uint64_t queued_bytes;         /* all that was ever given to be sent (cipher text with TLS) */
    struct tls_stream *tls;        /* NULL: plain, or its handshake has not begun */
    struct transport_start *start; /* of a PROXY header and a handshake; NULL: neither is wanted */
    struct later_item pump;
    char *peer;   /* "127.0.0.1:5234", "[::1]:5234" or "unix" */
    char *client; /* the client that the PROXY header named; NULL: it is the peer */
};

/* `transport->socket` is a connection that listener_accept has taken. */
void transport_open(struct transport *transport, struct loop *loop,
                    const struct transport_options *options, const struct transport_events *events);
/* Makes a plain connection to a TCP address. What is written meanwhile waits; on_connected tells that the
 * connection is made, on_end (not clean) that it failed. */
void transport_connect(struct transport *transport, struct loop *loop,
                       const struct address *address, const struct transport_events *events);
/* The client's certificate, judged by `now`, the listener's present configuration of TLS. NULL: the client
 * showed none, or `now` is NULL (plain). */
const struct tls_peer *transport_certificate(struct transport *transport,
                                             const struct tls_config *now);
/* The handshake took too long: counts it as a timeout. The close that follows counts nothing more. */
void transport_note_timeout(struct transport *transport);
void transport_read_start(struct transport *transport);
void transport_read_stop(struct transport *transport);
void transport_write(struct transport *transport, struct str bytes);
/* The same bytes in one system call where the kernel takes them; at most TRANSPORT_MAX_PARTS. */
void transport_write_parts(struct transport *transport, const struct str *parts, size_t n_parts);
size_t transport_pending(const struct transport *transport);
/* Bytes that the kernel has taken since the beginning: grows as long as the peer reads. */
uint64_t transport_taken(const struct transport *transport);
void transport_shutdown(
    struct transport *transport); /* sends what is pending, then FIN (close_notify first) */
void transport_close(struct transport *transport); /* idempotent */

#endif
