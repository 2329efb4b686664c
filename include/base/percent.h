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
/* The decoded value of `name` in a query string; false when it is not there (or is broken). */
bool query_find(struct arena *arena, struct str query, const char *name, struct str *out);
/* Walks `name=value` pairs, decoded; false at the end. */
bool query_next(struct arena *arena, struct str *rest, struct str *out_name, struct str *out_value);

#endif
