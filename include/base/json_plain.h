/* Finds the first byte of a text that must be escaped or decoded in a JSON string. */
#ifndef BASE_JSON_PLAIN_H
#define BASE_JSON_PLAIN_H

#include "base/str.h"

#if defined(__SSE2__)
#include <emmintrin.h>

enum { JSON_PLAIN_AT_ONCE = 16 };

/* A bit for each byte that is a control character, quote, backslash, DEL or not ASCII. The bytes
 * are compared as signed, so those that are not ASCII are less than a blank, too. */
static inline unsigned json_not_plain(__m128i bytes)
{
    __m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(' '));
    __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7F));

    return (unsigned)_mm_movemask_epi8(
        _mm_or_si128(_mm_or_si128(low, quote), _mm_or_si128(backslash, del)));
}
#endif

size_t json_plain_len_any(struct str s);

/* As json_plain_len, and copies these bytes to `to`; up to JSON_COPY_SLACK bytes behind them are overwritten, too. */
enum { JSON_COPY_SLACK = 16 };

size_t json_copy_plain(char *to, struct str s);

/* How many bytes at the front mean the same inside and outside the quotes: ASCII without quote, backslash
 * and control characters. */
static inline size_t json_plain_len(struct str s)
{
#if defined(__SSE2__)
    if (s.len >= JSON_PLAIN_AT_ONCE) { /* most texts end within these bytes */
        unsigned found = json_not_plain(_mm_loadu_si128((const void *)s.ptr));

        if (found != 0) {
            return (size_t)__builtin_ctz(found);
        }
    }
#endif
    return json_plain_len_any(s);
}

#endif
