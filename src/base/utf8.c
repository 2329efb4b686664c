#include "base/utf8.h"

#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/mem.h"

enum { REPLACEMENT = 0xFFFD };

#define HIGH_BITS UINT64_C(0x8080808080808080)

static inline bool goes_on(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

/* Length of the valid sequence at the front of `left` bytes (RFC 3629 section 4). 0: there is none (not the shortest
 * form, a surrogate, above U+10FFFF). Each length has code of its own for speed: large texts go through here. */
static inline size_t sequence(const char *at, size_t left, uint32_t *out)
{
    const unsigned char *c = (const unsigned char *)at;
    uint32_t point;

    if (left == 0) {
        return 0;
    }
    if (c[0] < 0x80) {
        *out = c[0];
        return 1;
    }
    if (c[0] < 0xE0) {
        if (c[0] < 0xC2 || left < 2 || !goes_on(c[1])) {
            return 0;
        }
        *out = (c[0] & 0x1FU) << 6 | (c[1] & 0x3FU);
        return 2;
    }
    if (c[0] < 0xF0) {
        if (left < 3 || !goes_on(c[1]) || !goes_on(c[2])) {
            return 0;
        }
        point = (c[0] & 0x0FU) << 12 | (c[1] & 0x3FU) << 6 | (c[2] & 0x3FU);
        *out = point;
        return point >= 0x800 && (point < 0xD800 || point > 0xDFFF) ? 3 : 0;
    }
    if (c[0] > 0xF4 || left < 4 || !goes_on(c[1]) || !goes_on(c[2]) || !goes_on(c[3])) {
        return 0;
    }
    point = (c[0] & 0x07U) << 18 | (c[1] & 0x3FU) << 12 | (c[2] & 0x3FU) << 6 | (c[3] & 0x3FU);
    *out = point;
    return point >= 0x10000 && point <= 0x10FFFF ? 4 : 0;
}

/* How many bytes from `at` on are ASCII. Looks at eight at a time, so it may count up to seven too few. */
static size_t ascii_len(struct str s, size_t at)
{
    size_t from = at;
    uint64_t word;

    for (; s.len - at >= sizeof(word); at += sizeof(word)) {
        mem_copy(&word, s.ptr + at, sizeof(word));
        if ((word & HIGH_BITS) != 0) {
            break;
        }
    }
    return at - from;
}

size_t utf8_wide_len(struct str s)
{
    size_t at = 0;
    size_t n;
    uint32_t ignored;

    do {
        n = at < s.len && (unsigned char)s.ptr[at] >= 0x80
                ? sequence(s.ptr + at, s.len - at, &ignored)
                : 0;
        at += n;
    } while (n > 0);
    return at;
}

size_t utf8_high_len(struct str s)
{
    size_t at = 0;

    while (s.len - at >= sizeof(uint64_t)) {
        uint64_t word;

        mem_copy(&word, s.ptr + at, sizeof(word));
        if ((word & HIGH_BITS) != HIGH_BITS) {
            break;
        }
        at += sizeof(word);
    }
    while (at < s.len && (unsigned char)s.ptr[at] >= 0x80) {
        at++;
    }
    return at;
}

size_t utf8_valid_prefix(struct str s)
{
    size_t at = ascii_len(s, 0);

    while (at < s.len) {
        size_t n;

        if ((unsigned char)s.ptr[at] < 0x80) {
            at++;
            continue;
        }
        n = utf8_wide_len(str_sub(s, at, s.len));
        if (n == 0) {
            return at;
        }
        at += n;
        at += ascii_len(s, at);
    }
    return at;
}

bool utf8_valid(struct str s)
{
    return utf8_valid_prefix(s) == s.len;
}

uint32_t utf8_next(struct str *s)
{
    uint32_t point = REPLACEMENT;
    size_t n = sequence(s->ptr, s->len, &point);

    *s = str_sub(*s, n > 0 ? n : 1, s->len);
    return n > 0 ? point : REPLACEMENT;
}

/* Counts all bytes but continuation bytes (10xxxxxx), eight at a time. */
size_t utf8_count(struct str s)
{
    static const uint64_t ones = UINT64_C(0x0101010101010101);
    size_t n = s.len;
    size_t i = 0;

    for (; i + sizeof(uint64_t) <= s.len; i += sizeof(uint64_t)) {
        uint64_t bytes;

        memcpy(&bytes, s.ptr + i, sizeof(bytes));
        n -= (size_t)((((bytes >> 7) & (~bytes >> 6) & ones) * ones) >> 56);
    }
    for (; i < s.len; i++) {
        n -= ((unsigned char)s.ptr[i] & 0xC0) == 0x80 ? 1 : 0;
    }
    return n;
}

size_t utf8_offset(struct str s, size_t n)
{
    size_t at = 0;

    while (n > 0 && at < s.len) {
        size_t n_ascii = ascii_len(str_sub(s, at, n), 0);

        if (n_ascii > 0) {
            at += n_ascii;
            n -= n_ascii;
            continue;
        }
        do {
            at++;
        } while (at < s.len && goes_on((unsigned char)s.ptr[at]));
        n--;
    }
    return at;
}

size_t utf8_encode(uint32_t point, char out[4])
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xC0 | (point >> 6));
        out[1] = (char)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xE0 | (point >> 12));
        out[1] = (char)(0x80 | ((point >> 6) & 0x3F));
        out[2] = (char)(0x80 | (point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | (point >> 18));
    out[1] = (char)(0x80 | ((point >> 12) & 0x3F));
    out[2] = (char)(0x80 | ((point >> 6) & 0x3F));
    out[3] = (char)(0x80 | (point & 0x3F));
    return 4;
}

bool utf8_is_bidi_or_zero_width(uint32_t point)
{
    static const uint32_t ranges[][2] = {
        {0x00AD, 0x00AD}, {0x061C, 0x061C}, {0x180E, 0x180E}, {0x200B, 0x200F},   {0x202A, 0x202E},
        {0x2060, 0x2064}, {0x2066, 0x206F}, {0xFEFF, 0xFEFF}, {0xE0000, 0xE007F},
    };

    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        if (point >= ranges[i][0] && point <= ranges[i][1]) {
            return true;
        }
    }
    return false;
}

bool utf8_is_unsafe(uint32_t point)
{
    return point < 0x20 || (point >= 0x7F && point < 0xA0) || utf8_is_bidi_or_zero_width(point) ||
           point == 0x2028 || point == 0x2029;
}

void utf8_put_safe(struct buf *out, struct str s, const char *keep)
{
    while (s.len > 0) {
        uint32_t point = utf8_next(&s);
        char piece[4];

        if (!utf8_is_unsafe(point) ||
            (point < 0x80 && str_find_char(str_from(keep), (char)point) >= 0)) {
            buf_append(out, piece, utf8_encode(point, piece));
        } else if (point > 0xFFFF) { /* a surrogate pair */
            buf_printf(out, "\\u%04X\\u%04X", 0xD800U + ((point - 0x10000) >> 10),
                       0xDC00U + ((point - 0x10000) & 0x3FF));
        } else {
            buf_printf(out, "\\u%04X", point);
        }
    }
}

struct str utf8_clip(struct str s, size_t max_bytes)
{
    if (s.len <= max_bytes) {
        return s;
    }
    s.len = max_bytes;
    while (s.len > 0 && ((unsigned char)s.ptr[s.len] & 0xC0) == 0x80) {
        s.len--;
    }
    return s;
}
