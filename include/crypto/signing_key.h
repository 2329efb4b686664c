/* Signs with a private RSA key of ours (that of a Google service account): RS256 (RFC 7518 section 3.3).
 * Cost on one core of today: 2 ms a signature with 2048 bits. */
#ifndef CRYPTO_SIGNING_KEY_H
#define CRYPTO_SIGNING_KEY_H

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

struct signing_key; /* heap; signing_key_free */

enum { SIGNATURE_BYTES_MAX = 512 };

/* PEM (PKCS #8 or PKCS #1) without a password; RSA of 2048 to 4096 bits. `err` does not quote the key. */
enum error_code signing_key_read(struct str pem, struct signing_key **out,
                                 struct error *err) MUST_CHECK;
/* Appends the signature of the text; ERR_INVALID: the key is damaged. */
enum error_code signing_key_rs256(struct signing_key *key, struct str text, struct buf *out,
                                  struct error *err) MUST_CHECK;
void signing_key_free(struct signing_key *key); /* NULL is fine */

#endif
