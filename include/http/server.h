/* An HTTP/1.1 server (RFC 9110, 9112): its listeners, their connections, and a service that
 * answers.
 *
 *   on_begin: always, once, then
 *   on_head ──► HTTP_BODY_BUFFER ─► (body arrives) ─► on_body ─► ... exchange_reply
 *          ├──► HTTP_BODY_STREAM ─► on_chunk*, last=true once ─► ...
 *          ├──► HTTP_HEAD_WAITS ─► http_head_done says which of the others it is, later
 *          └──► HTTP_REPLIED (refused on the head: the body is never buffered; the connection
 *                             lingers, then closes)
 *
 * Promise to the service: callbacks of one exchange never nest. None comes after its answer, and after
 * on_abort only on_cancel_orphan may come. on_abort comes at most once, only after on_head and before
 * the answer is complete; HTTP_ABORT_ENDED means the service has let go (its calls are
 * cancelled), HTTP_ABORT_DETACHED means that it will still answer the (now orphaned) exchange.
 * Malformed and oversized heads never reach the service. A buffered body that is refused (400, 408,
 * 413) never reaches on_body, and the service is not told: so between on_head and on_body it holds
 * nothing outside the exchange's arena. For a streamed one it is told by on_abort.
 * The service itself answers 411 (in on_head, where `has_body` is false and Content-Length absent): only it
 * knows whether the route wants a body; a POST without one is well-formed (RFC 9110, 8.6).
 * Owner: http_server_open/close; on_closed comes when the last connection and the last orphan are gone.
 * The caller must not call http_server_close from inside a callback of the service, and must have ended or
 * cancelled all local exchanges before. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "base/error.h"
#include "http/exchange.h"

struct loop;
struct tls_config;
struct http_server;

enum http_verdict { HTTP_BODY_BUFFER, HTTP_BODY_STREAM, HTTP_HEAD_WAITS, HTTP_REPLIED };

enum http_abort_verdict { HTTP_ABORT_ENDED, HTTP_ABORT_DETACHED };

struct http_service {
    /* Called first, before on_head, and also before a refusal without on_head (the request then has
     * the headers that could be read). Sets exchange->base and the headers that every answer has.
     * NULL: nothing to set. */
    void (*on_begin)(void *context, struct exchange *exchange);
    /* Head complete. Set *max_body for HTTP_BODY_BUFFER (bytes; a longer one is answered 413 by
     * http). */
    enum http_verdict (*on_head)(void *context, struct exchange *exchange, size_t *max_body);
    void (*on_body)(void *context, struct exchange *exchange);
    void (*on_chunk)(void *context, struct exchange *exchange, struct str bytes, bool last);
    void (*on_writable)(void *context, struct exchange *exchange);
    void (*on_deadline)(void *context, struct exchange *exchange); /* must answer (504) */
    enum http_abort_verdict (*on_abort)(void *context, struct exchange *exchange);
    /* For a detached exchange only, when the server closes or a local caller cancels: the service
     * lets go of it now. */
    void (*on_cancel_orphan)(void *context, struct exchange *exchange);
};

/* One address to listen on, with its own settings. */
struct http_listen {
    const char *name;       /* log lines; NULL: its address */
    struct str address;     /* "127.0.0.1:8000" or "unix:/path" */
    int socket;             /* instead of `address`: a socket that is bound already; 0: none */
    unsigned mode;          /* of a Unix socket; 0: only the process's own user may connect */
    struct tls_config *tls; /* NULL: plain */
    bool
        wants_header; /* each connection begins with a header of the PROXY protocol, or is refused */
    const struct str *header_peers; /* address ranges that may send one; copied */
    size_t n_header_peers;
};

struct http_server_options {
    struct str listen;      /* if there is one address: "127.0.0.1:8000"; empty, and no listeners:
                                          * requests come only by http_local_begin */
    struct tls_config *tls; /* NULL: plain */
    const struct http_listen *listeners; /* several addresses, instead of `listen` and `tls` */
    size_t n_listeners;
    const char *name; /* "proxy" or "sandbox": log lines */
    bool access_log;
    bool notes_facts;   /* requests that may change something, or were refused (observe/fact.h) */
    bool count_metrics; /* the sandbox does not */
    bool security_headers;
    unsigned hsts_s; /* Strict-Transport-Security, over TLS alone; 0: not sent */
    unsigned max_connections;
    bool makes_room;          /* when full, connections without a request leave for new ones */
    unsigned max_per_address; /* connections of one address (IPv6: /64); 0: no limit */
    bool counts_loopback;     /* the limit holds for loopback, too */
    const struct str *exempt; /* address ranges without that limit; copied */
    size_t n_exempt;
    size_t max_request_line;       /* bytes; 414 (target) */
    size_t max_header_bytes;       /* 431 */
    unsigned max_headers;          /* 431; at most HTTP_MAX_HEADERS */
    size_t max_pipeline_bytes;     /* read ahead during an exchange; then reading stops */
    unsigned head_timeout_ms;      /* first byte to complete head: 408 */
    unsigned body_timeout_ms;      /* no bytes in this time, or below 256 B/s after it: 408 */
    unsigned idle_timeout_ms;      /* between requests: close */
    unsigned write_timeout_ms;     /* without progress: close */
    unsigned handshake_timeout_ms; /* for the header of the PROXY protocol, too */
    unsigned max_handshakes;       /* of TLS under way at once; others wait; 0: 1 */
    unsigned linger_ms;            /* after a refusal: read and drop, then close */
    size_t linger_bytes;           /* as much is read then; more is left in the kernel */
    unsigned max_requests_per_connection; /* 0: no limit */
    bool gzip; /* for clients that accept it: whole replies of 1 to 256 KiB, and packed streams */
};

enum error_code http_server_open(struct loop *loop, const struct http_server_options *options,
                                 const struct http_service *service, void *context,
                                 struct http_server **out, struct error *err) MUST_CHECK;
/* After HTTP_HEAD_WAITS the service says here, in a later turn of the loop, HTTP_BODY_BUFFER or
 * HTTP_BODY_STREAM. Until then no byte of the body is used. Not to be called after on_abort, or when the
 * service has answered instead. */
void http_head_done(struct exchange *exchange, enum http_verdict verdict, size_t max_body);
/* Takes over the options for what begins from now on; of each listener the certificate, and the peers that may
 * send a PROXY header. max_connections, the name, the addresses, wants_header, and whether a listener has TLS,
 * stay as they are. There must be as many listeners as before. */
void http_server_configure(struct http_server *server, const struct http_server_options *options);
size_t http_server_n_listeners(const struct http_server *server);
/* "127.0.0.1:8000" as bound, "unix:/path". */
const char *http_server_address_at(const struct http_server *server, size_t index);
bool http_server_is_tls_at(const struct http_server *server, size_t index);
/* The address of the first listener. */
const char *http_server_address(const struct http_server *server);
unsigned http_server_n_connections(const struct http_server *server);
unsigned
http_server_n_exchanges(const struct http_server *server); /* in flight, orphans included */

/* Stops accepting; idle connections close now, busy ones after their answer (Connection: close). */
void http_server_drain(struct http_server *server);
/* From now on answers carry Connection: close (drain notice), the listener stays open. */
void http_server_say_close(struct http_server *server);
/* Breaks off all that is left; then the server frees itself, and on_closed is called. */
void http_server_close(struct http_server *server, void (*on_closed)(void *context), void *context);

#endif
