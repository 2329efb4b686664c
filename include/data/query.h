/* Query strings: pairs of name and value, percent-encoded, between '&'. */
#ifndef DATA_QUERY_H
#define DATA_QUERY_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/* The decoded value of `name` in a query string; false when it is not there (or is broken). */
bool query_find(struct arena *arena, struct str query, const char *name, struct str *out);
/* Walks `name=value` pairs, decoded; false at the end. */
bool query_next(struct arena *arena, struct str *rest, struct str *out_name, struct str *out_value);

#endif
