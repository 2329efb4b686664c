/* The bytes of one connection as a series of events: head, pieces of body, end. Pulled, not pushed:
 * the caller asks for the next event and decides what to do with it, so it can stop anywhere.
 * Promise: how the bytes are split does not matter; whole, byte by byte or at any place they give
 * the same events (pieces of body joined) and the same refusal. Two readers look at everything:
 * the guard (head.c, and the framing of chunks here), which leaves one reading only, and llhttp.
 * No sockets, no clock, no service here: tests and the fuzzer feed it from memory. */
#ifndef HTTP_PARSER_INTERNAL_H
#define HTTP_PARSER_INTERNAL_H

#include <llhttp.h>

#include "http/server.h"

enum parser_event {
    PARSER_MORE,  /* nothing more can be said without more bytes */
    PARSER_HEAD,  /* out_piece is a whole head: copy it, then parser_take_head */
    PARSER_PIECE, /* out_piece is content */
    PARSER_END,   /* of the body; the next byte begins a new request */
    PARSER_BAD    /* refused; nothing after this may be read as a request */
};

/* How far an incomplete head has been looked at; offsets from its first byte. */
struct head_scan {
    size_t at;        /* bytes before it need not be looked at again */
    size_t line;      /* where the line in hand begins */
    size_t begin;     /* where the request line begins, behind empty lines */
    size_t first_end; /* where the request line ends; 0 while it is incomplete */
};

struct http_parser {
    struct list link; /* in the server's spare parsers */
    const struct http_server_options *options;
    llhttp_t llhttp;
    struct head_scan scan;
    struct str piece; /* content that the running call of llhttp has found */
    uint64_t content_bytes;
    uint64_t framing_bytes; /* of a chunked body: all that is not content */
    uint64_t body_began_ms; /* for the connection: moved on by the time that the server paused */
    uint64_t paused_at_ms;
    bool in_body;
    bool complete;
    bool after_cr; /* the framing byte before was CR */
};

void parser_init(struct http_parser *parser, const struct http_server_options *options);
/* No byte of an incomplete head is used: give the same bytes again with more behind them. In a body
 * call again after each PARSER_PIECE even if no bytes are left (the end may be due). */
enum parser_event parser_next(struct http_parser *parser, struct str bytes, size_t *out_used,
                              struct str *out_piece, struct error *err);
/* Reads a whole head, whose memory must live as long as the request, and turns to its body, if it has
 * one. */
enum error_code parser_take_head(struct http_parser *parser, struct str head,
                                 struct http_request *out, struct error *err) MUST_CHECK;

/* ---- head.c: the guard, and the reading of a head ---- */

/* No control character but tabs: the value can stand in a header line. */
bool is_field_value(struct str value);

/* PARSER_MORE, PARSER_HEAD (out_piece: the head without empty lines before it) or PARSER_BAD. */
enum parser_event head_scan_next(struct head_scan *scan, const struct http_server_options *options,
                                 struct str bytes, struct str *out_piece, struct error *err);
enum error_code head_parse(const struct http_server_options *options, struct str head,
                           struct http_request *out, struct error *err) MUST_CHECK;
/* Reads from a refused head the fields that its answer depends on (Origin, X-Request-Id), as far as
 * their lines are complete in `bytes`, and adds them to those that `out` has already. */
void head_peek(struct str bytes, struct http_request *out);

#endif
