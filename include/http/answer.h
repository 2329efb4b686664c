/* The bytes of an HTTP/1.1 answer, read by a client: pieces of content, then the end or a refusal.
 * Pulled, not pushed: the caller asks for the next event and may stop anywhere.
 *
 * Owner: the caller; http_answer_new, http_answer_free. One answer serves many calls, one at a
 * time: http_answer_begin makes it forget the last one.
 * Promise: how the bytes are split does not change the result, except that of two faults either one may
 * be told. An answer that can be read in two ways is refused: a body with two framings or two lengths, a
 * coding other than chunked, an unknown version, a change of protocol (101). Interim answers (1xx) are
 * passed over. A body that ends before its framing says so is never complete.
 * Limits: HTTP_ANSWER_HEAD_MAX for all heads of one answer, HTTP_ANSWER_MAX_HEADERS headers, and a
 * chunked body whose chunks are mostly framing is refused. The caller itself limits the content. */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

enum { HTTP_ANSWER_HEAD_MAX = 64 * 1024, HTTP_ANSWER_MAX_HEADERS = 128 };

enum http_answer_event {
    HTTP_ANSWER_MORE,  /* all bytes are used; the answer goes on */
    HTTP_ANSWER_PIECE, /* out_piece is content, inside the given bytes */
    HTTP_ANSWER_END,   /* complete; bytes that are left do not belong to this answer */
    HTTP_ANSWER_BAD    /* refused; http_answer_fault says why */
};

struct http_answer; /* private */

struct http_answer_header {
    struct str name; /* as sent */
    struct str value;
};

struct http_answer *http_answer_new(void);
void http_answer_free(struct http_answer *answer); /* NULL is fine */

enum {
    HTTP_ANSWER_TO_HEAD = 1, /* the request was HEAD: no body, whatever the head says */
    /* A body that only the close would end is refused: where a close proves nothing, a body that was cut
     * off would look whole. */
    HTTP_ANSWER_NO_CLOSE = 2
};

void http_answer_begin(struct http_answer *answer, unsigned how);

/* Call again after each PIECE, even if no bytes are left: the end may be due. */
enum http_answer_event http_answer_next(struct http_answer *answer, struct str bytes,
                                        size_t *out_used, struct str *out_piece);
/* The connection was closed: END if the body runs until there, else BAD. */
enum http_answer_event http_answer_close(struct http_answer *answer);
const char *http_answer_fault(const struct http_answer *answer);

/* True once the whole head is read; before that the answer has no status and no header. The strings
 * below point into the answer and live until the next begin. */
bool http_answer_has_head(const struct http_answer *answer);
int http_answer_status(const struct http_answer *answer); /* 0: no head yet */
size_t http_answer_n_headers(const struct http_answer *answer);
struct http_answer_header http_answer_header_at(const struct http_answer *answer, size_t index);
/* The first header of that name; empty when absent. */
struct str http_answer_header(const struct http_answer *answer, const char *name);
int64_t http_answer_length(const struct http_answer *answer); /* Content-Length; -1: not given */
/* After END: the connection may carry a further request. */
bool http_answer_keeps_connection(const struct http_answer *answer);

/* Content codings (RFC 9110 section 8.4.1). `coding` is a Content-Encoding: gzip, x-gzip, deflate
 * (zlib or raw), identity or empty, or a list in which at most one is not identity. Appends the decoded
 * body to *out. ERR_UPSTREAM_TOO_BIG: past the ceiling of *out; ERR_UPSTREAM_SHAPE: unknown coding, or a body
 * that is damaged, cut short, or followed by bytes that do not belong to it. *decoder is made at the first use
 * and serves all later ones. */
struct http_decoder;
enum error_code http_decode(struct http_decoder **decoder, struct str coding, struct str body,
                            struct buf *out) MUST_CHECK;
/* The same, but the decoded content need not be kept: take_it is called after each step, and may empty *out.
 * False from take_it: the content is too much (ERR_UPSTREAM_TOO_BIG). */
typedef bool (*http_decoded_fn)(void *context, struct buf *out);
enum error_code http_decode_piecewise(struct http_decoder **decoder, struct str coding,
                                      struct str body, struct buf *out, http_decoded_fn take_it,
                                      void *context) MUST_CHECK;
void http_decoder_free(struct http_decoder *decoder); /* NULL is fine */

/* gzip of a whole body; level 4. False: it would not become smaller, or it is longer than 256 KiB.
 * *compressor is made at the first use and serves all later ones. */
struct compressor;
bool compress_gzip(struct compressor **compressor, struct str body, struct buf *out);
void compressor_free(struct compressor *compressor); /* NULL is fine */

#endif
