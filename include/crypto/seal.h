/* seal: encrypts a text that is kept where others may read it: AES-256-GCM (NIST SP 800-38D) by mbedTLS, with a random
 * nonce of 96 bits. `belongs_to` names the place of the text and is authenticated with it: a seal that was copied to
 * another place does not open there. */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/digest.h"

/* Base64 of nonce, cipher text and tag, appended to `out`. */
void seal_write(const struct digest *key, struct str belongs_to, struct str text, struct buf *out);
/* False: the key or belongs_to differs, or the sealed text was changed. */
bool seal_read(struct arena *arena, const struct digest *key, struct str belongs_to,
               struct str sealed, struct str *out) MUST_CHECK;

#endif
