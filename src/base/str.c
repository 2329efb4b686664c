#include "base/str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"

/* Adding 0 to NULL is undefined in C, and empty strs may have no bytes at all. */
static const char *advance(const char *ptr, size_t n)
{
    return n > 0 ? ptr + n : ptr;
}

struct str str_of_int(int64_t value, char digits[DIGITS_MAX])
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    size_t at = DIGITS_MAX;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    for (; rest >= 100; rest /= 100) {
        at -= 2;
        memcpy(digits + at, pairs + rest % 100 * 2, 2);
    }
    digits[--at] = pairs[rest * 2 + 1];
    if (rest >= 10) {
        digits[--at] = pairs[rest * 2];
    }
    if (value < 0) {
        digits[--at] = '-';
    }
    return (struct str){digits + at, DIGITS_MAX - at};
}

int str_compare(struct str a, struct str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n > 0 ? memcmp(a.ptr, b.ptr, n) : 0;

    if (order != 0) {
        return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

bool str_starts_nocase(struct str s, struct str prefix)
{
    return str_eq_nocase(str_sub(s, 0, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq(str_sub(s, s.len - suffix.len, suffix.len), suffix);
}

bool str_ends_nocase(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq_nocase(str_sub(s, s.len - suffix.len, s.len), suffix);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_space(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_space(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

struct str str_unquote(struct str s)
{
    bool quoted =
        s.len >= 2 && (s.ptr[0] == '"' || s.ptr[0] == '\'') && s.ptr[s.len - 1] == s.ptr[0];

    return quoted ? str_sub(s, 1, s.len - 2) : s;
}

ptrdiff_t str_find(struct str s, struct str needle)
{
    const char *at;

    if (needle.len == 0) {
        return 0;
    }
    at = s.len > 0 ? memmem(s.ptr, s.len, needle.ptr, needle.len) : NULL;
    return at == NULL ? -1 : at - s.ptr;
}

size_t str_behind_last(struct str s, char c)
{
    const char *at = s.len > 0 ? memrchr(s.ptr, c, s.len) : NULL;

    return at == NULL ? 0 : (size_t)(at - s.ptr) + 1;
}

bool str_contains(struct str s, struct str needle)
{
    return str_find(s, needle) >= 0;
}

bool str_cut(struct str s, char separator, struct str *out_head, struct str *out_tail)
{
    const char *at = s.len > 0 ? memchr(s.ptr, separator, s.len) : NULL;

    if (at == NULL) {
        *out_head = s;
        *out_tail = (struct str){advance(s.ptr, s.len), 0};
        return false;
    }
    *out_head = str_range(s.ptr, at);
    *out_tail = str_range(at + 1, s.ptr + s.len);
    return true;
}

bool str_next(struct str *rest, char separator, struct str *out_word)
{
    while (rest->len > 0) {
        struct str word;

        (void)str_cut(*rest, separator, &word, rest);
        if (word.len > 0) {
            *out_word = word;
            return true;
        }
    }
    return false;
}

size_t str_split(struct str text, char separator, struct str *words, size_t max)
{
    size_t n = 0;

    while (n < max && str_next(&text, separator, &words[n])) {
        n++;
    }
    return n;
}

bool str_among(struct str word, struct str words, char separator)
{
    struct str one;

    while (str_next(&words, separator, &one)) {
        if (str_eq(one, word)) {
            return true;
        }
    }
    return false;
}

bool str_has_word(const char *words, struct str s)
{
    return str_among(s, str_from(words), ' ');
}

bool str_among_nocase(struct str word, struct str words, char separator)
{
    struct str one;

    while (str_next(&words, separator, &one)) {
        if (str_eq_nocase(one, word)) {
            return true;
        }
    }
    return false;
}

struct str str_without_end(struct str s, char end)
{
    while (s.len > 0 && s.ptr[s.len - 1] == end) {
        s.len--;
    }
    return s;
}

static bool is_of_set(char c, const char *set)
{
    for (; *set != '\0'; set++) {
        bool is_range = set[1] == '-' && set[2] != '\0';

        if (is_range ? c >= set[0] && c <= set[2] : c == set[0]) {
            return true;
        }
        set += is_range ? 2 : 0;
    }
    return false;
}

size_t str_span(struct str s, const char *set)
{
    size_t n = 0;

    while (n < s.len && is_of_set(s.ptr[n], set)) {
        n++;
    }
    return n;
}

bool str_is_of(struct str s, const char *set)
{
    return str_span(s, set) == s.len;
}

bool str_is_only(struct str s, const char *set)
{
    return s.len > 0 && str_is_of(s, set);
}

/* A table, since each name of each header is looked at. */
static bool is_token_char(char c)
{
    static const bool odd[128] = {
        ['!'] = true,  ['#'] = true, ['$'] = true, ['%'] = true, ['&'] = true,
        ['\''] = true, ['*'] = true, ['+'] = true, ['-'] = true, ['.'] = true,
        ['^'] = true,  ['_'] = true, ['`'] = true, ['|'] = true, ['~'] = true,
    };
    unsigned char letter = (unsigned char)c | 0x20U;

    return (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') ||
           ((unsigned char)c < ARRAY_LEN(odd) && odd[(unsigned char)c]);
}

size_t str_token_span(struct str s)
{
    size_t n = 0;

    while (n < s.len && is_token_char(s.ptr[n])) {
        n++;
    }
    return n;
}

bool str_is_token(struct str s)
{
    return s.len > 0 && str_token_span(s) == s.len;
}

bool str_is_one_line(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if ((c < ' ' && c != '\t') || c == 0x7F) {
            return false;
        }
    }
    return true;
}

bool str_in(struct str s, const char *const *words, size_t n_words)
{
    while (n_words > 0 && !str_is(s, words[n_words - 1])) {
        n_words--;
    }
    return n_words > 0;
}

bool str_in_nocase(struct str s, const char *const *words, size_t n_words)
{
    while (n_words > 0 && !str_is_nocase(s, words[n_words - 1])) {
        n_words--;
    }
    return n_words > 0;
}

bool str_starts_any_nocase(struct str s, const char *const *prefixes, size_t n_prefixes)
{
    while (n_prefixes > 0 && !str_starts_nocase(s, str_from(prefixes[n_prefixes - 1]))) {
        n_prefixes--;
    }
    return n_prefixes > 0;
}

struct str str_join(char *room, size_t size, struct str first, struct str second)
{
    str_copy(room, size, first);
    if (first.len < size) {
        str_copy(room + first.len, size - first.len, second);
    }
    return str_from(room);
}

const void *row_named(struct str name, const void *rows, size_t n_rows, size_t row_bytes)
{
    const char *row = rows;

    for (size_t i = 0; i < n_rows; i++, row += row_bytes) {
        const char *own;

        memcpy(&own, row, sizeof(own));
        if (str_is(name, own)) {
            return row;
        }
    }
    return NULL;
}

bool str_to_bool(struct str s, bool *out)
{
    static const char *const yes[] = {"true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};
    bool is_yes = str_in_nocase(s, yes, ARRAY_LEN(yes));

    if (!is_yes && !str_in_nocase(s, no, ARRAY_LEN(no))) {
        return false;
    }
    *out = is_yes;
    return true;
}

bool str_to_i64(struct str s, int64_t min, int64_t max, int64_t *out)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    int64_t value = 0;

    if (negative) {
        s = str_sub(s, 1, s.len);
    }
    if (s.len == 0) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        int digit = s.ptr[i] - '0';

        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value)) {
            return false;
        }
    }
    if (!negative && __builtin_sub_overflow(0, value, &value)) {
        return false;
    }
    if (value < min || value > max) {
        return false;
    }
    *out = value;
    return true;
}

bool str_to_double(struct str s, double *out)
{
    char text[64];
    char *end;
    double value;

    if (s.len == 0 || s.len >= sizeof(text) || is_space(s.ptr[0])) {
        return false;
    }
    str_copy(text, sizeof(text), s);
    if (strspn(text, "0123456789+-.eE") != s.len) {
        return false;
    }
    value = strtod(text, &end);
    if (*end != '\0' || !isfinite(value)) {
        return false;
    }
    *out = value;
    return true;
}

void str_copy(char *out, size_t size, struct str s)
{
    s = str_sub(s, 0, size - 1);
    mem_copy(out, s.ptr, s.len);
    out[s.len] = '\0';
}

char *str_dup(struct str s)
{
    char *copy = mem_alloc(s.len + 1);

    str_copy(copy, s.len + 1, s);
    return copy;
}

/* Wyhash-like mixing by 128-bit multiplication; seeded, so that collisions cannot be chosen. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t str_hash(struct str s, uint64_t seed)
{
    uint64_t hash = seed ^ 0xa0761d6478bd642fULL;

    for (size_t at = 0; at < s.len; at += 8) {
        uint64_t word = 0;
        size_t n = s.len - at < 8 ? s.len - at : 8;

        mem_copy(&word, s.ptr + at, n);
        hash = mix(hash ^ word, 0xe7037ed1a0b428dbULL ^ seed);
    }
    return mix(hash ^ s.len, 0x8ebc6af09c88c6e3ULL);
}
