/* What the files of room http share: the connection and the server behind the exchange. */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include <llhttp.h>

#include "base/later.h"
#include "http/problem.h"
#include "http/server.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/transport.h"

/* IDLE ─► HEAD ─► BODY ─► WORKING ─► (answer) ─► IDLE ...
 *            └────┴── refused ─► LINGER ─► CLOSING */
enum connection_state {
    CONNECTION_HANDSHAKE,
    CONNECTION_IDLE,
    CONNECTION_HEAD,
    CONNECTION_BODY,
    CONNECTION_WORKING,
    CONNECTION_LINGER,
    CONNECTION_CLOSING
};

struct http_connection {
    struct transport transport;
    struct list link;
    struct http_server *server;
    enum connection_state state;
    struct exchange *exchange; /* NULL while idle */
    llhttp_t parser;           /* of the request in hand: framing of its body */
    struct buf in;             /* bytes not yet used: an incomplete head, or pipelined requests */
    size_t scanned;            /* of `in` or the bytes at hand: head lines already looked at */
    struct deadline deadline;  /* of the state */
    struct deadline write_deadline;
    size_t write_seen;        /* pending bytes when the write deadline was set */
    struct later_item finish; /* an answer given outside our callbacks ends in the next turn */
    unsigned n_requests;
    uint64_t body_overhead; /* framing bytes of a chunked body */
    uint64_t body_bytes;
    size_t linger_bytes;
    uint64_t head_began_us;
    bool in_callback; /* the service is being called: it may answer, we go on afterwards */
    bool keep_alive;
    bool stream_body;
    bool body_paused;
    bool body_at_hand; /* bytes of the body came with its head: nobody waits for 100 Continue */
    bool peer_done;    /* the client has closed its side */
    bool discard_body; /* the request was refused: its body is read and dropped */
    bool close_after;
};

struct http_server {
    struct loop *loop;
    struct http_server_options options;
    char *name;
    const struct http_service *service;
    void *context;
    struct listener listener;
    bool listener_open;
    struct list connections;
    struct list orphans;
    unsigned n_connections;
    unsigned n_orphans;
    bool say_close;
    bool draining;
    bool closing;
    void (*on_closed)(void *context);
    void *closed_context;
    struct later_item closed_later;
    struct buf scratch; /* response heads are built here */
    int64_t date_s;     /* of `date` */
    char date[32];
};

/* --- head.c: the guard and the request head
 * ---------------------------------------------------------- */
enum head_verdict { HEAD_MORE, HEAD_COMPLETE, HEAD_BAD };

/* Looks at new lines of `bytes` (from *scanned on). HEAD_COMPLETE: *out_len bytes are the head. */
enum head_verdict head_scan(const struct http_server_options *options, struct str bytes,
                            size_t *scanned, size_t *out_len, struct error *err);
/* Reads a complete head (stable memory) into the request. */
enum error_code head_parse(const struct http_server_options *options, struct str head,
                           struct http_request *out, struct error *err) MUST_CHECK;

/* --- body.c
 * ------------------------------------------------------------------------------------------ */
void body_begin(struct http_connection *connection);
/* Feeds the parser with the head it has to know, then with body bytes. *out_used of them were this
 * message's. */
enum error_code body_feed_head(struct http_connection *connection, struct str head,
                               struct error *err) MUST_CHECK;
enum error_code body_feed(struct http_connection *connection, struct str bytes, size_t *out_used,
                          struct error *err) MUST_CHECK;

/* --- connection.c
 * ------------------------------------------------------------------------------------ */
void connection_open(struct http_server *server);
void connection_close(struct http_connection *connection);
void connection_abort(struct http_connection *connection); /* exchange first, then the socket */
void connection_replied(
    struct http_connection *connection); /* the answer is complete in the transport */
void connection_wrote(struct http_connection *connection); /* arms the write deadline */
void connection_body_bytes(struct http_connection *connection,
                           struct str bytes); /* from the parser */
void connection_resume_body(struct http_connection *connection);

/* --- exchange.c
 * -------------------------------------------------------------------------------------- */
struct exchange *exchange_new(struct http_server *server, struct http_connection *connection);
void exchange_end(struct exchange *exchange, int status); /* access line, metrics, memory */

/* --- response.c
 * -------------------------------------------------------------------------------------- */
enum { HEADER_CACHE_CONTROL = 1, HEADER_VARY = 2, HEADER_CONTENT_ENCODING = 4 };

/* --- compress.c
 * -------------------------------------------------------------------------------------- */
bool compress_wanted(const struct exchange *exchange, const char *content_type, size_t len);
bool compress_gzip(struct str body, struct buf *out);

/* --- server.c
 * ---------------------------------------------------------------------------------------- */
void server_connection_gone(struct http_server *server);
void server_maybe_closed(struct http_server *server);

#endif
