/* exchange: one HTTP request and its answer. The service above sees nothing else of HTTP, and never the
 * connection. See http/server.h for who calls whom.
 * Owner: the connection, until the answer is written; or the server's orphan list, when on_abort
 * said HTTP_ABORT_DETACHED (the client is gone, the work goes on, the answer goes nowhere).
 * Everything made for an exchange is allocated in its arena and dies with it (arena_defer for
 * cleanups). */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/deadline.h"
#include "base/error.h"
#include "base/list.h"
#include "base/str.h"
#include "observe/trace.h"

struct http_connection; /* private */
struct http_local;

enum { HTTP_MAX_HEADERS = 64 };

/* The `peer` of a client that came over a Unix socket. */
#define HTTP_UNIX_PEER "unix"

struct http_header {
    struct str name;  /* as sent; compare with str_eq_nocase */
    struct str value; /* trimmed */
};

struct http_request {
    struct str method; /* "GET"; a token that llhttp knows */
    struct str target; /* as sent: origin-form; absolute-form is reduced to it */
    struct str host;   /* HOST or HOST:PORT of the absolute-form, else of Host; may be empty */
    struct str path;   /* target before '?', not decoded */
    struct str query;  /* after '?', not decoded */
    size_t n_headers;
    uint64_t name_lengths;  /* bit N % 64: some header's name has N bytes; 0: not noted */
    int64_t content_length; /* -1: chunked; 0: none */
    bool has_body;
    bool keep_alive;
    bool expects_continue;
    struct str body; /* whole, after on_body (HTTP_BODY_BUFFER) */
    struct str peer; /* who calls: "127.0.0.1:5234", or HTTP_UNIX_PEER */
    struct str hop;  /* the socket's own address, if a PROXY header named the `peer`; else empty */
    struct str caller; /* who calls, if a local caller has said it (http/local.h); else empty */
    bool is_tls;
    int minor_version;                            /* 0 or 1 */
    struct http_header headers[HTTP_MAX_HEADERS]; /* the last member: see struct exchange */
};

/* For the access line and the metrics; filled by the service as it learns them. Strings must live
 * as long as the exchange (arena) or for ever (tables). */
struct exchange_notes {
    struct str route;     /* pattern, never the raw path; empty: "unmatched" */
    size_t route_label;   /* metrics index */
    struct str principal; /* key name */
    const uint8_t *owner; /* FACT_OWNER_BYTES: whose the request is; NULL: not known */
    struct str command;
    struct str session;
    int upstream_status; /* last one; 0 none */
    unsigned upstream_calls;
    struct str error_slug;
    bool is_told;      /* a command: facts of its own tell what the request did */
    bool is_probe;     /* of health: while all is well, its access line has level debug */
    struct str report; /* JSON: what a plan had done when the client went away */
};

struct exchange {
    struct arena arena;
    struct trace trace;
    struct exchange_notes notes;

    /* Additional members of a problem document, beside those of RFC 9457; name NULL: unused. */
    struct {
        const char *name;
        struct str json; /* trusted JSON text, arena */
    } problem_more[3];

    /* What the client must write before a path of this program: "", "/prefix" or
     * "https://host/prefix". The service sets it in on_begin. */
    struct str base;
    void *task;                         /* the service's own state; http never looks into it */
    struct http_connection *connection; /* NULL: local, or orphan (the client is gone) */
    struct http_local *local;           /* the local caller (http/local.h); NULL: there is none */
    /* private to http from here on */
    struct list link; /* in the server's orphans or spares */
    struct http_server *server;
    struct deadline deadline;
    struct buf head;      /* response headers set by the service, serialised */
    struct buf body;      /* of the request, HTTP_BODY_BUFFER */
    unsigned headers_set; /* bits of the headers that the service set itself */
    int status;
    uint64_t answered_us; /* 0: not yet */
    uint64_t response_bytes;
    uint64_t request_bytes;
    int64_t stream_left; /* bytes still due of a streamed answer; -1: chunked or until close */
    bool known;          /* on_head was called: the service is told if the client leaves */
    bool replied;        /* an answer was given (whole or begun) */
    bool streaming;
    bool chunked;
    bool no_compress; /* the service forbids compression of this answer */
    bool body_complete;
    bool aborted;
    bool broken;                 /* we broke off a streamed answer */
    struct packer *packer;       /* compresses a streamed answer; NULL: it is sent as it is */
    struct http_request request; /* the last member: its headers are not zeroed for each exchange */
};

/* The first header of that name; NULL: there is none. */
const struct http_header *exchange_find_header(const struct exchange *exchange, struct str name);

/* False: no header has that name, because none has a name of that length. A request is asked for thirty names,
 * most of which it does not have; the compiler knows the length of a literal. */
static inline bool exchange_may_have(const struct exchange *exchange, const char *name)
{
    uint64_t lengths = exchange->request.name_lengths;

    return lengths == 0 || (lengths >> (strlen(name) % 64) & 1) != 0;
}

/* The first header of that name, trimmed; empty when absent. */
static inline struct str exchange_header(const struct exchange *exchange, const char *name)
{
    const struct http_header *header =
        exchange_may_have(exchange, name) ? exchange_find_header(exchange, str_from(name)) : NULL;

    return header != NULL ? header->value : STR_EMPTY;
}

static inline bool exchange_has_header(const struct exchange *exchange, const char *name)
{
    return exchange_may_have(exchange, name) &&
           exchange_find_header(exchange, str_from(name)) != NULL;
}

size_t exchange_count_found(const struct exchange *exchange, struct str name);

static inline size_t exchange_count_headers(const struct exchange *exchange, const char *name)
{
    return exchange_may_have(exchange, name) ? exchange_count_found(exchange, str_from(name)) : 0;
}

/* All lines of that name, joined by commas (RFC 9110 section 5.3), in the arena; empty: none. */
struct str exchange_join_headers(struct exchange *exchange, const char *name);

static inline struct str exchange_header_lines(struct exchange *exchange, const char *name)
{
    return exchange_may_have(exchange, name) ? exchange_join_headers(exchange, name) : STR_EMPTY;
}

/* What Accept-Encoding says (RFC 9110 section 12.5.3): gzip is named there, by itself or by "*", and not with q=0;
 * and an answer without a coding is not forbidden. Without the field an answer goes out as it is. */
bool exchange_takes_gzip(struct exchange *exchange);
bool exchange_takes_plain(struct exchange *exchange);

/* The certificate that the client showed, judged by what the listener takes now. NULL: the client showed none,
 * or it is gone. Valid until the next turn of the loop. */
struct tls_peer; /* crypto/tls_peer.h */
const struct tls_peer *exchange_certificate(const struct exchange *exchange);

/* Answering. Exactly one of exchange_reply, exchange_problem, or stream begin..end per exchange;
 * after it the service must not touch the exchange any more (it may be freed). HEAD and 204/304 are
 * handled here: give the same body as for GET. */
/* A header is left out if its value holds a control character, or if all headers together would pass
 * 16 KiB. Not for Content-Length, Transfer-Encoding, Connection and Date: http writes those itself. */
void exchange_set_header(struct exchange *exchange, const char *name, struct str value);
/* Reads the clock just before the answer is given, and keeps the time for the end of the exchange: one look is
 * enough, and each costs as much as 300 instructions. */
uint64_t exchange_answered_us(struct exchange *exchange);

/* Whole lines with their CRLF, each a constant or made by header_line. `holds`: which of the fields below are
 * among the lines; http then writes no Cache-Control of its own, or does not compress. 0: neither. */
enum { HEADER_CACHE_CONTROL = 1, HEADER_CONTENT_ENCODING = 2 };

void exchange_add_lines(struct exchange *exchange, unsigned holds, struct str lines);
/* Appends "NAME: VALUE" as a line, or nothing if the value holds a control character. Returns the bit of the
 * field for `holds`, or 0. */
unsigned header_line(struct buf *out, struct str name, struct str value);
void exchange_reply(struct exchange *exchange, int status, const char *content_type,
                    struct str body);
/* RFC 9457 problem+json; `errors` may be NULL. Sets Retry-After from the error; the service has set
 * WWW-Authenticate and Allow before. */
void exchange_problem(struct exchange *exchange, const struct error *err,
                      const struct error_list *errors);

/* Streaming. length -1: chunked (or close-delimited on HTTP/1.0). write returns false when more
 * than TRANSPORT_HIGH_WATER is pending: stop until on_writable. If a length was given, bytes past it
 * are dropped, and an end before it breaks the connection (the client must see that). */
void exchange_stream_begin(struct exchange *exchange, int status, const char *content_type,
                           int64_t length);
/* Chunked, with gzip if the client accepts it and the type is worth it. For long answers: each piece is
 * compressed when it is written, so that the whole does not hold up the loop. */
void exchange_stream_begin_packed(struct exchange *exchange, int status, const char *content_type);
bool exchange_stream_write(struct exchange *exchange, struct str bytes);
void exchange_stream_end(struct exchange *exchange);
/* Breaks the connection, so that the client sees the failure; also when no answer has begun. */
void exchange_stream_abort(struct exchange *exchange);
/* For HTTP_BODY_STREAM: stops reading the body from the client, and goes on. After pause no
 * on_chunk comes; after resume it comes from the loop, never from inside the call. */
void exchange_body_pause(struct exchange *exchange);
void exchange_body_resume(struct exchange *exchange);

/* The service needs the body no more: the memory of a large one is given back. */
void exchange_drop_body(struct exchange *exchange);

/* The time until the answer must begin (0: no limit); when it is over, service->on_deadline runs. While
 * a buffered body still arrives, the client is late, not the service: then http answers 408 itself. */
void exchange_set_deadline(struct exchange *exchange, uint64_t wait_ms);
/* What is left of within_ms, the limit of a local caller (http/local.h), whatever deadline is set;
 * UINT64_MAX: there is no such limit. */
uint64_t exchange_left_ms(const struct exchange *exchange);

#endif
