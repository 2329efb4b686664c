/* str: a view of bytes that it does not own. It need not end with a NUL, and is never freed. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_INIT(literal)                                                                          \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    } /* for static tables */
#define STR_EMPTY  ((struct str){"", 0})
#define STR_ARG(s) (int)(s).len, (s).ptr /* for "%.*s" */

/* ASCII only. */
static inline char char_lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static inline char char_upper(char c)
{
    return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

static inline bool char_is_alnum(char c)
{
    return (char_lower(c) >= 'a' && char_lower(c) <= 'z') || (c >= '0' && c <= '9');
}

/* The smallest functions are inline: each is called hundreds of times for one request, and the length of a
 * literal is then known at compile time. */

/* NULL becomes the empty str. */
static inline struct str str_from(const char *text)
{
    return text == NULL ? STR_EMPTY : (struct str){text, strlen(text)};
}

/* A part of `s`; `from` and `len` are cut to what `s` has. */
static inline struct str str_sub(struct str s, size_t from, size_t len)
{
    from = from < s.len ? from : s.len;
    len = len < s.len - from ? len : s.len - from;
    /* Adding 0 to NULL is undefined in C, and empty strs may have no bytes at all. */
    return (struct str){from > 0 ? s.ptr + from : s.ptr, len};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Equals a C string. */
static inline bool str_is(struct str s, const char *text)
{
    return str_eq(s, str_from(text));
}

static inline bool str_starts(struct str s, struct str prefix)
{
    return str_eq(str_sub(s, 0, prefix.len), prefix);
}

/* ASCII */
static inline bool str_eq_nocase(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool str_is_nocase(struct str s, const char *text)
{
    return str_eq_nocase(s, str_from(text));
}

static inline struct str str_range(const char *from, const char *to)
{
    return (struct str){from, (size_t)(to - from)};
}

/* -1: not there */
static inline ptrdiff_t str_find_char(struct str s, char c)
{
    const char *at = s.len > 0 ? memchr(s.ptr, c, s.len) : NULL;

    return at == NULL ? -1 : at - s.ptr;
}

int str_compare(struct str a, struct str b);
bool str_starts_nocase(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_ends_nocase(struct str s, struct str suffix);

enum { DIGITS_MAX = 24 };

struct str str_of_int(int64_t value, char digits[DIGITS_MAX]); /* the text lies in `digits` */
struct str str_trim(struct str s);                             /* ASCII white space on both sides */
struct str str_unquote(struct str s); /* without one pair of " or ' around it */
ptrdiff_t str_find(struct str s, struct str needle);
bool str_contains(struct str s, struct str needle);
struct str str_without_end(struct str s, char end); /* without any `end` characters at its end */
size_t str_behind_last(struct str s, char c); /* the place behind the last `c`; 0: none is there */

/* Cuts at the first `separator`: head before it, tail after it. False (head = s, tail empty) when
 * there is none. */
bool str_cut(struct str s, char separator, struct str *out_head, struct str *out_tail);
/* Walks the words of `*rest` separated by `separator`, skipping empty ones; false at the end. */
bool str_next(struct str *rest, char separator, struct str *out_word);
/* Writes the first `max` words of `text` to `words`; returns how many it wrote. */
size_t str_split(struct str text, char separator, struct str *words, size_t max);
/* True: `word` is one of the words of `words`. */
bool str_among(struct str word, struct str words, char separator);
bool str_among_nocase(struct str word, struct str words, char separator);
bool str_has_word(const char *words, struct str s); /* s is one of the words, between spaces */

/* True: s is empty or has only characters of the set, as "A-Za-z0-9_" or "a-f-" (a '-' at its end means itself). */
bool str_is_of(struct str s, const char *set);
bool str_is_only(struct str s, const char *set); /* the same, and not empty */
size_t str_span(struct str s, const char *set);  /* how many bytes at the front are of the set */
/* A token as headers have it (RFC 9110 section 5.6.2): letters, digits and !#$%&'*+-.^_`|~; at least one. */
bool str_is_token(struct str s);
size_t str_token_span(struct str s); /* how many bytes at the front could be of a token */
bool str_is_one_line(struct str s);  /* no control character of ASCII but tabs */
bool str_in(struct str s, const char *const *words, size_t n_words); /* s is one of the words */
bool str_in_nocase(struct str s, const char *const *words, size_t n_words);
bool str_starts_any_nocase(struct str s, const char *const *prefixes, size_t n_prefixes);
/* The row of a table by its name, which is its first member, a const char *; NULL: there is none. */
const void *row_named(struct str name, const void *rows, size_t n_rows, size_t row_bytes);
#define ROW_NAMED(name, rows) row_named(name, rows, ARRAY_LEN(rows), sizeof((rows)[0]))

/* "true", "yes", "on", "1", or "false", "no", "off", "0"; in any case. */
bool str_to_bool(struct str s, bool *out) MUST_CHECK;
/* Decimal, whole text, within [min, max]; a leading '-' is allowed where min < 0. */
bool str_to_i64(struct str s, int64_t min, int64_t max, int64_t *out) MUST_CHECK;

/* -1: not a hexadecimal digit. Inline, since a text of 1 MiB may hold half a million of them. */
static inline int str_hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A finite decimal number, whole text (used for configuration ratios only). */
bool str_to_double(struct str s, double *out) MUST_CHECK;
/* A NUL-terminated copy in `out`, cut to size - 1 bytes. */
void str_copy(char *out, size_t size, struct str s);
/* The same for two strs, one behind the other; returns the text in `room`. */
struct str str_join(char *room, size_t size, struct str first, struct str second);
char *str_dup(struct str s); /* NUL-terminated heap copy; mem_free */
uint64_t str_hash(struct str s, uint64_t seed);

#endif
