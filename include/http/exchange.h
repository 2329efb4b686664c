/* exchange: one HTTP request and its answer. What the service above sees of HTTP; it never sees the
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

/* Who came over a Unix socket. */
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
    uint64_t name_lengths;  /* a bit for each length (mod 64) that a name has; 0: not noted */
    int64_t content_length; /* -1: chunked; 0: none */
    bool has_body;
    bool keep_alive;
    bool expects_continue;
    struct str body; /* whole, after on_body (HTTP_BODY_BUFFER) */
    struct str peer; /* who calls: "127.0.0.1:5234", or HTTP_UNIX_PEER */
    struct str
        hop; /* whose socket it is, if a PROXY header named another one as `peer`; else empty */
    struct str
        caller; /* who calls, where whoever gave the request knows (http/local.h); else empty */
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
    bool is_told;      /* what it did is told by facts of its own: commands */
    bool is_probe;     /* of health: while all is well its access line is one of level debug */
    struct str report; /* JSON: what a plan had done when the client went away */
};

struct exchange {
    struct arena arena;
    struct trace trace;
    struct exchange_notes notes;

    /* Members more for a problem document, beside those of RFC 9457; name NULL: none. */
    struct {
        const char *name;
        struct str json; /* trusted JSON text, arena */
    } problem_more[3];

    /* What stands before our paths for the client: "", "/prefix" or "https://host/prefix". Set by
     * the service in on_begin. */
    struct str base;
    void *task;                         /* the service's own; http never looks into it */
    struct http_connection *connection; /* NULL: local, or orphan (the client is gone) */
    struct http_local *local;           /* who gave the request without a connection; or NULL */
    /* private to http from here on */
    struct list link; /* of the server's orphans */
    struct http_server *server;
    struct deadline deadline;
    struct buf head;      /* response headers set by the service, serialised */
    struct buf body;      /* of the request, HTTP_BODY_BUFFER */
    unsigned headers_set; /* bits of the headers that the service set itself */
    int status;
    uint64_t answered_us; /* 0: not yet */
    uint64_t response_bytes;
    uint64_t request_bytes;
    int64_t stream_left; /* of a streamed answer with a length; -1 chunked or until close */
    bool known;          /* on_head was called: the service is told if the client leaves */
    bool replied;        /* an answer was given (whole or begun) */
    bool streaming;
    bool chunked;
    bool no_compress; /* the service forbids compression of this answer */
    bool body_complete;
    bool aborted;
    bool broken;                 /* we broke off a streamed answer */
    struct packer *packer;       /* of a streamed answer that is packed; NULL: it is not */
    struct http_request request; /* the last member: its headers are not zeroed for each exchange */
};

/* The first header of that name; NULL: there is none. */
const struct http_header *exchange_find_header(const struct exchange *exchange, struct str name);

/* False: no header has that name. A request is asked for thirty names, most of which it has not; the
 * length of a literal is known when this is compiled. */
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

/* The certificate that the client showed, judged by what the listener takes now; NULL: none, or nobody is
 * there any more. Valid until the next turn of the loop. */
struct tls_peer; /* crypto/tls_peer.h */
const struct tls_peer *exchange_certificate(const struct exchange *exchange);

/* Answering. Exactly one of exchange_reply, exchange_problem, or stream begin..end per exchange;
 * after it the service must not touch the exchange any more (it may be freed). HEAD and 204/304 are
 * handled here: give the same body as for GET. */
/* Left out when the value holds a control character, or when all of them pass 16 KiB. Not for
 * Content-Length, Transfer-Encoding, Connection and Date: those are written here. */
void exchange_set_header(struct exchange *exchange, const char *name, struct str value);
/* The clock, read when its answer is about to be given: once, since each look costs as much as 300 instructions. */
uint64_t exchange_answered_us(struct exchange *exchange);

/* Whole lines with their CRLF, each made by us or by header_line. `holds`: which of the fields that http would
 * write itself, or not write, are among them; 0: none. */
enum { HEADER_CACHE_CONTROL = 1, HEADER_CONTENT_ENCODING = 2 };

void exchange_add_lines(struct exchange *exchange, unsigned holds, struct str lines);
/* "NAME: VALUE" as a line; nothing if the value holds a control character. Returns what it holds, as above. */
unsigned header_line(struct buf *out, struct str name, struct str value);
void exchange_reply(struct exchange *exchange, int status, const char *content_type,
                    struct str body);
/* RFC 9457 problem+json; `errors` may be NULL. Sets Retry-After, WWW-Authenticate, Allow via
 * headers set before. */
void exchange_problem(struct exchange *exchange, const struct error *err,
                      const struct error_list *errors);

/* Streaming. length -1: chunked (or close-delimited on HTTP/1.0). write returns false when more
 * than TRANSPORT_HIGH_WATER is pending: stop until on_writable. Of a stream with a length, bytes
 * past it are dropped, and an end before it breaks the connection (the client must see that). */
void exchange_stream_begin(struct exchange *exchange, int status, const char *content_type,
                           int64_t length);
/* Chunked, with gzip if the client accepts it and the type is worth it: for long answers, which are packed as
 * they are written, so that none holds up the loop. */
void exchange_stream_begin_packed(struct exchange *exchange, int status, const char *content_type);
bool exchange_stream_write(struct exchange *exchange, struct str bytes);
void exchange_stream_end(struct exchange *exchange);
/* Breaks the connection, so that the client sees it; also instead of an answer. */
void exchange_stream_abort(struct exchange *exchange);
/* HTTP_BODY_STREAM requests: stop and go on reading the body from the client. After pause no
 * on_chunk comes; after resume it comes from the loop, never from inside the call. */
void exchange_body_pause(struct exchange *exchange);
void exchange_body_resume(struct exchange *exchange);

/* The body has been read: the memory of a large one is given back. */
void exchange_drop_body(struct exchange *exchange);

/* The deadline of the answer's beginning (0: none); on expiry service->on_deadline runs. While a
 * buffered body is still arriving it is the client who is late: then http answers 408 itself. */
void exchange_set_deadline(struct exchange *exchange, uint64_t wait_ms);
/* What is left of the time that whoever gave the request allows, whatever deadline is set;
 * UINT64_MAX: that is not known. */
uint64_t exchange_left_ms(const struct exchange *exchange);

#endif
