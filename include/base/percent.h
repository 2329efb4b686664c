/* Percent encoding (RFC 3986 section 2). */
#ifndef BASE_PERCENT_H
#define BASE_PERCENT_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/* Everything but unreserved characters is encoded. */
void percent_encode(struct buf *out, struct str s);
/* False: a broken escape. With plus_is_space '+' decodes to a space (query strings). */
bool percent_decode(struct arena *arena, struct str s, bool plus_is_space,
                    struct str *out) MUST_CHECK;

#endif
