/* SHA-256 (FIPS 180-4) by libcrypto, HMAC by mbedTLS: API keys at rest, Idempotency-Key bodies, snapshot checksums. */
#ifndef CRYPTO_DIGEST_H
#define CRYPTO_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { DIGEST_BYTES = 32 };

struct digest {
    uint8_t bytes[DIGEST_BYTES];
};

static inline struct str digest_view(const struct digest *digest)
{
    return (struct str){(const char *)digest->bytes, DIGEST_BYTES};
}

void digest_of(struct str bytes, struct digest *out);
/* HMAC-SHA256 (RFC 2104). */
void digest_hmac(struct str key, struct str text, struct digest *out);
void digest_of_parts(const struct str *parts, size_t n_parts,
                     struct digest *out); /* each part after its length */
/* A digest of bytes that come piece by piece; digest_end frees the state. */
struct digest_state;
struct digest_state *digest_begin(void);
void digest_add(struct digest_state *state, struct str bytes);
void digest_end(struct digest_state *state, struct digest *out);
const char *digest_hex(const struct digest *digest, char out[65]); /* `out`; NUL-terminated */
bool digest_from_hex(struct str hex, struct digest *out) MUST_CHECK;
bool digest_equal(const struct digest *a, const struct digest *b); /* constant time */

#endif
