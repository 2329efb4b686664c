/* The certificate that a client showed in the TLS handshake: who it is for, and whether it is good now.
 * Owner: the stream. Texts are bytes of the certificate: never zero-terminated, and whoever prints one
 * escapes it. */
#ifndef CRYPTO_TLS_PEER_H
#define CRYPTO_TLS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct tls_config;
struct tls_stream;

enum { TLS_PEER_NAMES_MAX = 32, TLS_PEER_WRONG_MAX = 160 };

enum tls_name_kind { TLS_NAME_CN, TLS_NAME_DNS, TLS_NAME_URI };

struct tls_name {
    enum tls_name_kind
        kind;        /* the CN of the subject, if it has exactly one; a name of subjectAltName */
    struct str text; /* printable: names with other bytes, or more than 32, are left out */
};

struct tls_peer {
    bool
        is_good; /* signed by one of the listener's authorities, for clients, and valid when it was looked at */
    char wrong[TLS_PEER_WRONG_MAX]; /* else why not; no text of the certificate is in it */
    struct tls_name names[TLS_PEER_NAMES_MAX];
    size_t n_names;
    int64_t not_before_s,
        not_after_s; /* Unix; of all that were shown: a chain ends with its first */
};

/* Of a stream whose handshake is done; judged anew once `now`, what the listener has since a reload, is
 * another one than before. NULL: the client showed no certificate, or was not asked. */
const struct tls_peer *tls_stream_peer(struct tls_stream *stream, const struct tls_config *now);

#endif
