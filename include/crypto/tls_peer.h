/* The certificate that a client showed in the TLS handshake: whose it is, and whether it is good now.
 * Owner: the stream. Texts are bytes of the certificate: never zero-terminated, and to be escaped where they
 * are printed. */
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
        kind;        /* CN: the subject's, if it has exactly one. Else a name of subjectAltName */
    struct str text; /* printable: names with other bytes, or more than 32, are left out */
};

struct tls_peer {
    bool
        is_good; /* signed by an authority of the listener, meant for clients, and valid when it was judged */
    char wrong[TLS_PEER_WRONG_MAX]; /* why it is not good; no text of the certificate */
    struct tls_name names[TLS_PEER_NAMES_MAX];
    size_t n_names;
    int64_t not_before_s,
        not_after_s; /* Unix; when all certificates of the shown chain are valid */
};

/* For a stream whose handshake is done. `now` is the listener's present config: if a reload has replaced the config by
 * which the certificate was judged, it is judged anew. NULL: the client showed no certificate, or was not asked. */
const struct tls_peer *tls_stream_peer(struct tls_stream *stream, const struct tls_config *now);

#endif
