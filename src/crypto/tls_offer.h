/* What this server offers in TLS: AEAD with ECDHE only, X25519 and P-256 first, signatures with SHA-256
 * and better, HTTP/1.1 by ALPN. The lists are static, as mbedTLS keeps pointers to them. */
#ifndef CRYPTO_TLS_OFFER_H
#define CRYPTO_TLS_OFFER_H

#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include "base/str.h"

/* 0, or an error code of mbedTLS. */
int tls_offer(mbedtls_ssl_config *config);
/* Is the certificate for this host? A name of it may begin with "*.", which stands for one label
 * (RFC 6125). */
bool tls_name_fits(const mbedtls_x509_crt *certificate, struct str host);

#endif
