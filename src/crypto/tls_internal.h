/* What the files of TLS share. */
#ifndef CRYPTO_TLS_INTERNAL_H
#define CRYPTO_TLS_INTERNAL_H

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>

#include "crypto/tls.h"
#include "crypto/tls_peer.h"

struct tls_certificate {
    struct tls_certificate *next;
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
};

struct tls_config {
    mbedtls_ssl_config ssl;
    struct tls_certificate *certificates; /* the last in the list is for names that no other has */
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_ssl_ticket_context tickets;
    mbedtls_x509_crt authorities; /* of client certificates */
    mbedtls_x509_crl revoked;     /* revoked by these authorities */
    bool asks_client;             /* clients are asked for a certificate */
    unsigned number;              /* unique in this process */
    unsigned n_holders;
};

struct tls_stream {
    struct tls_config *config;
    mbedtls_ssl_context ssl;
    struct buf input;       /* cipher text from the peer */
    size_t input_used;      /* bytes of `input` that were read already */
    struct buf output;      /* cipher text for the peer */
    struct peer_kept *peer; /* NULL: no certificate was asked for, or none was shown */
    bool secured;
    bool failed;
};

enum error_code tls_fail(struct error *err, const char *what, const char *name, int status);
int64_t tls_unix_of(const mbedtls_x509_time *time); /* seconds */
/* tls_peer.c: reads and judges the client's certificate, after the handshake. */
void tls_peer_read(struct tls_stream *stream);
void tls_peer_free(struct peer_kept *peer); /* NULL is fine */

#endif
