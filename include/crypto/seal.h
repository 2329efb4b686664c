/* seal: a text that stands where others may read it, for those who have the key: AES-256-GCM (NIST SP 800-38D) by
 * mbedTLS, with a random nonce of 96 bits. What it belongs to is part of the seal: it opens nowhere else. */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/digest.h"

/* Base64 of nonce, cipher text and tag, appended to `out`. */
void seal_write(const struct digest *key, struct str belongs_to, struct str text, struct buf *out);
/* False: another key, another place, or not as it was written. */
bool seal_read(struct arena *arena, const struct digest *key, struct str belongs_to,
               struct str sealed, struct str *out) MUST_CHECK;

#endif
