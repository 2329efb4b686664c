/* Checks the signatures of others with their public keys, by mbedTLS (2.28 and 3.6). SHA-256 only.
 * Cost on one core of today: RSA-2048 0.1 ms, RSA-4096 0.3 ms, P-256 1 to 2 ms. */
#ifndef CRYPTO_SIGNATURE_H
#define CRYPTO_SIGNATURE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"
#include "crypto/digest.h"

/* The names are those of JWA (RFC 7518 section 3.1). */
enum signature_kind {
    SIGNATURE_RS256, /* RSASSA-PKCS1-v1_5 */
    SIGNATURE_PS256, /* RSASSA-PSS, MGF1 with SHA-256, salt of 32 bytes */
    SIGNATURE_ES256  /* ECDSA on P-256; r and s as 32 bytes each */
};

struct public_key; /* heap; public_key_free */

/* Both functions below take numbers as big-endian bytes. ERR_INVALID: `err` says why the key is not taken. */
/* RSA of 2048 to 4096 bits; the exponent is odd, 3 to 2^32-1. */
enum error_code public_key_rsa(struct str modulus, struct str exponent, struct public_key **out,
                               struct error *err) MUST_CHECK;
/* A point of P-256; 32 bytes each. */
enum error_code public_key_p256(struct str x, struct str y, struct public_key **out,
                                struct error *err) MUST_CHECK;
void public_key_free(struct public_key *key); /* NULL is fine */
/* True: a key of this kind can make such signatures. */
bool public_key_fits(const struct public_key *key, enum signature_kind kind);
/* False also if the key does not fit the kind, or the length of the signature is not the one of its kind and key. */
bool public_key_verify(struct public_key *key, enum signature_kind kind,
                       const struct digest *digest, struct str signature) MUST_CHECK;

#endif
