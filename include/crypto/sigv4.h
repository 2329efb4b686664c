/* The signature of a request to AWS: Signature Version 4 (AWS General Reference, "Create a signed AWS API
 * request"). Pure: the caller gives the time and all headers, and every one of these is signed. */
#ifndef CRYPTO_SIGV4_H
#define CRYPTO_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct sigv4_header {
    struct str name; /* in upper or lower case; each name once */
    struct str value;
};

enum { SIGV4_HEADERS_MAX = 32, SIGV4_PARAMETERS_MAX = 64, SIGV4_DATE_SIZE = 17 };

struct sigv4 {
    struct str method;
    struct str path; /* as it is sent: percent-encoded, begins with '/', without dot segments */
    struct str
        query; /* as it is sent, without '?'; a '+' in it is a plus; at most SIGV4_PARAMETERS_MAX */
    const struct sigv4_header
        *headers;            /* all of them are signed; host and x-amz-date are among them */
    size_t n_headers;        /* at most SIGV4_HEADERS_MAX */
    struct str payload_hash; /* SHA-256 of the body as hexadecimal digits */
    struct str region;       /* "eu-central-1" */
    struct str
        service; /* "s3": the path is signed as it is sent; for any other service it is encoded once more first */
    struct str key_id;
    struct str secret_key;
    struct str date; /* x-amz-date, as sigv4_date writes it */
};

/* "20150830T123600Z", NUL-terminated. */
void sigv4_date(int64_t wall_ms, char out[SIGV4_DATE_SIZE]);
/* Appends the value of Authorization. */
void sigv4_authorize(const struct sigv4 *request, struct buf *out);

#endif
