/* Spans of time as people write them: "2s", "500 ms", "1.5 min". Units in any case: ms, s, min, h
 * and their longer names. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include "base/str.h"

/* Splits a number (up to ten digits, up to three more behind a dot) from the text behind it, which may be
 * empty. False: the text does not begin with a digit. */
bool span_split(struct str text, int64_t *out_thousandths, struct str *out_unit);
bool span_unit(struct str name, int64_t *out_ms);
struct str span_unit_nearest(struct str name); /* empty: none is near */
/* False: the product is no whole number of milliseconds, or does not fit. */
bool span_ms(int64_t thousandths, int64_t unit_ms, int64_t *out_ms) MUST_CHECK;
/* A number with its unit, in whole milliseconds. */
bool span_read(struct str text, int64_t *out_ms) MUST_CHECK;
/* The same, or a whole number without unit, in milliseconds. The result is from 0 to max_ms. */
bool span_or_ms(struct str text, int64_t max_ms, int64_t *out_ms) MUST_CHECK;

#endif
