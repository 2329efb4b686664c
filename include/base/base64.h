/* Base64 (RFC 4648), strictly: a sequence of bytes has exactly one valid text. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/* The alphabet for URLs, without padding (section 5). False: a byte outside the alphabet, padding, or left-over
 * bits that are not zero. */
bool base64url_decode(struct arena *arena, struct str text, struct str *out) MUST_CHECK;
void base64url_encode(struct buf *out, struct str bytes);
/* The usual alphabet, with padding (section 4), as strictly. */
bool base64_decode(struct arena *arena, struct str text, struct str *out) MUST_CHECK;
void base64_encode(struct buf *out, struct str bytes);

#endif
