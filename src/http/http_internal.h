/* What the files of room http share: the connection and the server behind the exchange. */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include "base/later.h"
#include "http/local.h"
#include "http/problem.h"
#include "http/server.h"
#include "net/handshakes.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/transport.h"
#include "parser.h"
#include "places.h"

/* IDLE ─► HEAD ─► BODY ─► WORKING ─► (answer) ─► IDLE ...
 *            └────┴── refused ─► LINGER ─► CLOSING
 *            └── too long ─► SKIM ─► refused */
enum connection_state {
    CONNECTION_HEADER, /* of the PROXY protocol */
    CONNECTION_HANDSHAKE,
    CONNECTION_IDLE,
    CONNECTION_HEAD,
    CONNECTION_SKIM,
    CONNECTION_BODY,
    CONNECTION_WORKING,
    CONNECTION_LINGER,
    CONNECTION_CLOSING
};

struct skim;

/* One of the server's listeners. */
struct http_listener {
    struct listener listener;
    struct http_server *server;
    char *name; /* NULL: its address */
    struct tls_config *tls;
    bool wants_header;
    struct ip_range *header_peers;
    size_t n_header_peers;
    uint64_t header_told_ms; /* the last line about a header that was refused */
    uint64_t tls_told_ms;    /* the last line about TLS that failed */
    bool open;
};

struct http_connection {
    struct transport transport;
    struct list link;
    struct place place;
    struct http_server *server;
    struct http_listener *listener;
    enum connection_state state;
    struct exchange *exchange;  /* NULL while idle */
    struct http_parser *parser; /* from the first byte of a request to its answer; else NULL */
    struct buf in;              /* bytes not yet used: an incomplete head, or pipelined requests */
    struct deadline deadline;   /* of the state */
    struct deadline write_deadline;
    uint64_t taken_before;    /* bytes the kernel had taken when the write deadline was set */
    struct later_item finish; /* ends, in the next turn, an exchange that was answered outside
                               * of a callback */
    struct later_item resume; /* the body goes on in the next turn: the service is still busy */
    unsigned n_requests;
    uint64_t head_began_us;
    size_t linger_bytes;
    struct skim *skim; /* only while the rest of a head that is too long is read */
    bool in_callback;  /* the service is being called: it may answer, we go on afterwards */
    bool keep_alive;
    bool stream_body;
    bool body_paused;
    bool body_moved; /* bytes have come since its deadline was set */
    bool peer_done;  /* the client has closed its side */
    bool close_after;
};

enum { HTTP_SPARES_MAX = 256 }; /* of each kind, about 3 MiB in all */

/* The first lines of an answer: status line, Date, security headers. They are kept, because they are the same in all
 * answers of one status within one second. */
struct http_begin {
    int status;
    int64_t second;
    size_t len;
    char text[256];
};

struct http_server {
    struct loop *loop;
    struct http_server_options options;
    char *name;
    const struct http_service *service;
    void *context;
    struct http_listener *listeners;
    size_t n_listeners;
    struct listener_places doors; /* of all listeners */
    struct handshakes handshakes;
    struct list connections;
    struct places places;
    uint64_t full_told_ms; /* the last line that says: the server is full */
    struct list orphans;
    struct list spares; /* exchanges with warm memory, for the next requests */
    unsigned n_spares;
    struct list spare_parsers; /* as many as there are spare exchanges, at most */
    unsigned n_spare_parsers;
    struct arena_bin bin; /* of exchanges that took much memory */
    unsigned n_connections;
    unsigned n_orphans;
    unsigned n_exchanges; /* orphans included */
    bool say_close;
    bool draining;
    bool closing;
    void (*on_closed)(void *context);
    void *closed_context;
    struct later_item closed_later;
    struct buf scratch;            /* response heads are built here */
    struct compressor *compressor; /* NULL until the first reply that is compressed */
    struct http_begin begin;
    /* Why the head in hand is refused; zeroed: it is not. On the stack it would be zeroed for each request. */
    struct error fault;
};

/* ---- skim.c: the rest of a head that is too long ---- */
bool skim_is_for(const struct error *err);
/* `bytes` are what has come of the head. It is refused with `err` at its end, after 200 ms, or when it is
 * longer than linger_bytes. */
void skim_begin(struct http_connection *connection, struct str bytes, const struct error *err);
void skim_take(struct http_connection *connection, struct str bytes);
void skim_end(struct http_connection *connection);  /* refuses now */
void skim_drop(struct http_connection *connection); /* idempotent */

/* ---- connection.c: states, deadlines, ends ---- */
void connection_open(struct http_listener *listener);
void connection_close(struct http_connection *connection);
void connection_abort(struct http_connection *connection); /* exchange first, then the socket */
const char *connection_caller(const struct http_connection *connection); /* "192.0.2.7:5234" */
/* ---- evict.c ---- */
/* False: its address has all its places, and the connection was closed. */
bool connection_take_place(struct http_connection *connection);
/* There is no place for another connection: some without a request may leave. */
void connections_make_room(struct http_server *server);
void connection_linger(struct http_connection *connection);
void connection_finish(struct http_connection *connection); /* the answer is complete */
void connection_refuse(struct http_connection *connection, const struct error *err);
void connection_give_up(struct http_connection *connection, const struct error *err);
void connection_body_late(struct http_connection *connection);
void connection_replied(
    struct http_connection *connection); /* the answer is complete in the transport */
void connection_wrote(struct http_connection *connection); /* arms the write deadline */
void connection_arm(struct http_connection *connection, uint64_t wait_ms);

/* ---- spares.c ---- */
void parser_take(struct http_connection *connection); /* for the request that begins */
void parser_give(struct http_connection *connection); /* no parser is fine */
void parsers_free_spares(struct http_server *server);

/* ---- intake.c: bytes of the client, and the calls of the service that they lead to ---- */
void intake_bytes(struct http_connection *connection, struct str bytes);
void intake_pump(struct http_connection *connection); /* goes on with bytes that waited */
/* Begins an exchange for a request that is refused before its head was complete; `bytes` are what came. */
void intake_begin_refused(struct http_connection *connection, struct str bytes);
/* exchange->request has the head, or what could be read of it: takes the trace and the ids from its headers, and
 * calls on_begin of the service. */
void intake_announce(struct exchange *exchange);
void intake_pause_body(struct http_connection *connection);
void intake_resume_body(struct http_connection *connection);

/* ---- exchange.c ---- */
struct exchange *exchange_new(struct http_server *server, struct http_connection *connection);
void exchange_end(struct exchange *exchange, int status); /* access line, metrics, memory */
void exchange_free_spares(struct http_server *server);

/* ---- response.c ---- */
const char *reason_of(int status); /* reason.c */

enum { RESPONSE_LINES_MAX = 64 * 1024 };

/* False: the answer has no body (HEAD, 204, 304). */
bool response_sends_body(const struct exchange *exchange);

/* ---- local.c: the answer of an exchange without a connection ---- */
void local_begin_answer(struct http_local *local, struct str lines);
bool local_write(struct http_local *local, struct str bytes);
void local_answered(struct http_local *local); /* nothing more comes */
void local_after_head(struct http_local *local, enum http_verdict verdict, size_t max_body);
void local_body_pause(struct http_local *local);
void local_body_resume(struct http_local *local);

/* ---- compress.c ---- */
/* True if a client could get this reply compressed; it then varies by Accept-Encoding. */
bool compress_is_worth(const struct exchange *exchange, const char *content_type, size_t len);

/* gzip of a streamed answer: 270 KB until its exchange ends. */
struct packer;
struct packer *packer_new(struct arena *arena); /* NULL: it cannot be packed */
/* Packs all of `bytes`; `last`: there is no more. What is ready goes to `sink`, piece by piece. */
void packer_write(struct packer *packer, struct str bytes, bool last,
                  void (*sink)(struct exchange *exchange, struct str piece),
                  struct exchange *exchange);

/* ---- server.c ---- */
const char *listener_name(const struct http_listener *listener);
void server_connection_gone(struct http_server *server);
void server_maybe_closed(struct http_server *server);

#endif
