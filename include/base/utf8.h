/* UTF-8 (RFC 3629): validation and stepping; and classes of characters that can mislead a
 * reader. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct buf;

bool utf8_valid(struct str s);
/* Offset of the first invalid byte, or s.len. */
size_t utf8_valid_prefix(struct str s);
/* How many bytes at the front are whole valid characters that are not ASCII. */
size_t utf8_wide_len(struct str s);
/* The same of a text that is known to be valid. */
size_t utf8_high_len(struct str s);
/* Decodes one code point at the front of `*s` and moves past it; an invalid byte gives U+FFFD. */
uint32_t utf8_next(struct str *s);
size_t utf8_count(struct str s); /* code points */
/* How many bytes the first n code points of a valid text take; s.len if it has fewer. */
size_t utf8_offset(struct str s, size_t n);
size_t utf8_encode(uint32_t code_point, char out[4]);
bool utf8_is_bidi_or_zero_width(uint32_t code_point);
/* True: a terminal acts on the character instead of showing it, or the character hides or reorders text. */
bool utf8_is_unsafe(uint32_t code_point);
/* Appends `s` in a form that is safe for a terminal: control characters and those that hide or reorder text
 * become escapes such as \u001B. They are written as in JSON, so that printed JSON stays JSON. Characters in
 * `keep` stay as they are. */
void utf8_put_safe(struct buf *out, struct str s, const char *keep);
/* The longest prefix of at most `max_bytes` that does not cut a character. */
struct str utf8_clip(struct str s, size_t max_bytes);

#endif
