#include "base/json_writer.h"

#include <endian.h>
#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/utf8.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { DEPTH_MAX = 32 };

void jw_init(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){.out = out};
}

static uint32_t bit(const struct json_writer *w)
{
    return w->depth == 0 ? 0 : UINT32_C(1) << (w->depth - 1);
}

/* The comma before a value or a key. */
static void before_value(struct json_writer *w)
{
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    CHECK((w->is_object & bit(w)) == 0 || w->depth == 0);
    if ((w->has_member & bit(w)) != 0) {
        buf_char(w->out, ',');
    }
    w->has_member |= bit(w);
}

static void open_container(struct json_writer *w, char bracket, bool object)
{
    before_value(w);
    CHECK(w->depth < DEPTH_MAX);
    buf_char(w->out, bracket);
    w->depth++;
    w->has_member &= ~bit(w);
    w->is_object = object ? w->is_object | bit(w) : w->is_object & ~bit(w);
}

void jw_object(struct json_writer *w)
{
    open_container(w, '{', true);
}

void jw_array(struct json_writer *w)
{
    open_container(w, '[', false);
}

void jw_end(struct json_writer *w)
{
    CHECK(w->depth > 0 && !w->after_key);
    buf_char(w->out, (w->is_object & bit(w)) != 0 ? '}' : ']');
    w->depth--;
}

static void before_key(struct json_writer *w)
{
    CHECK(w->depth > 0 && (w->is_object & bit(w)) != 0 && !w->after_key);
    if ((w->has_member & bit(w)) != 0) {
        buf_char(w->out, ',');
    }
    w->has_member |= bit(w);
    w->after_key = true;
}

void jw_key_str(struct json_writer *w, struct str key)
{
    before_key(w);
    json_quote(w->out, key);
    buf_char(w->out, ':');
}

void jw_key(struct json_writer *w, const char *key)
{
    struct str name = str_from(key);
    char *room;

    before_key(w);
    room = buf_room(w->out, name.len + 3);
    if (room != NULL) {
        room[0] = '"';
        mem_copy(room + 1, name.ptr, name.len);
        room[name.len + 1] = '"';
        room[name.len + 2] = ':';
        w->out->len += name.len + 3;
    }
}

void jw_str(struct json_writer *w, struct str value)
{
    before_value(w);
    json_quote(w->out, value);
}

void jw_text(struct json_writer *w, const char *value)
{
    if (value == NULL) {
        jw_null(w);
    } else {
        jw_str(w, str_from(value));
    }
}

void jw_int(struct json_writer *w, int64_t value)
{
    before_value(w);
    buf_int(w->out, value);
}

void jw_double(struct json_writer *w, double value)
{
    if (!isfinite(value)) {
        jw_null(w);
        return;
    }
    before_value(w);
    buf_printf(w->out, "%.15g", value);
}

void jw_bool(struct json_writer *w, bool value)
{
    before_value(w);
    buf_text(w->out, value ? "true" : "false");
}

void jw_null(struct json_writer *w)
{
    before_value(w);
    buf_text(w->out, "null");
}

void jw_raw(struct json_writer *w, struct str json)
{
    before_value(w);
    buf_str(w->out, json);
}

void jw_kv_str(struct json_writer *w, const char *key, struct str value)
{
    jw_key(w, key);
    jw_str(w, value);
}

void jw_kv_text(struct json_writer *w, const char *key, const char *value)
{
    jw_key(w, key);
    jw_text(w, value);
}

void jw_kv_int(struct json_writer *w, const char *key, int64_t value)
{
    jw_key(w, key);
    jw_int(w, value);
}

void jw_kv_bool(struct json_writer *w, const char *key, bool value)
{
    jw_key(w, key);
    jw_bool(w, value);
}

void jw_kv_raw(struct json_writer *w, const char *key, struct str json)
{
    jw_key(w, key);
    jw_raw(w, json);
}

/* 0: it is none of those with a form of two characters. */
static const char short_forms[128] = {['"'] = '"',  ['\\'] = '\\', ['\n'] = 'n', ['\r'] = 'r',
                                      ['\t'] = 't', ['\b'] = 'b',  ['\f'] = 'f'};

static bool is_escaped(unsigned char c)
{
    return c == '"' || c == '\\' || c < 0x20 || c == 0x7F;
}

enum { LONG_FORM = 6, ESCAPED_AT_ONCE = 16 };

static size_t write_long_form(char *to, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";

    memcpy(to, "\\u00", 4);
    to[4] = digits[c >> 4];
    to[5] = digits[c & 0x0FU];
    return LONG_FORM;
}

/* The next characters that are ASCII, a few at once: where one is to be escaped others stand near by, as in the
 * text of a JSON text. */
static size_t escape_some(struct buf *out, struct str s)
{
    char forms[ESCAPED_AT_ONCE * LONG_FORM];
    size_t most = s.len < ESCAPED_AT_ONCE ? s.len : ESCAPED_AT_ONCE;
    size_t len = 0;
    size_t n = 0;

    for (; n < most && (unsigned char)s.ptr[n] < 0x80; n++) {
        unsigned char c = (unsigned char)s.ptr[n];

        if (!is_escaped(c)) {
            forms[len++] = (char)c;
        } else if (short_forms[c] != '\0') {
            forms[len++] = '\\';
            forms[len++] = short_forms[c];
        } else {
            len += write_long_form(forms + len, c);
        }
    }
    buf_append(out, forms, len);
    return n;
}

/* The first `n` (up to 8) bytes, the first one lowest, and zeros. */
static uint64_t first_bytes(const char *at, size_t n)
{
    const unsigned char *bytes = (const unsigned char *)at;
    uint64_t word = 0;
    uint32_t low;
    uint32_t high;

    if (n == sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        return le64toh(word);
    }
    if (n >= sizeof(low)) { /* two that overlap */
        memcpy(&low, at, sizeof(low));
        memcpy(&high, at + n - sizeof(high), sizeof(high));
        return le32toh(low) | (uint64_t)le32toh(high) << (8 * (n - sizeof(high)));
    }
    if (n > 0) {
        word = bytes[0] | (uint64_t)bytes[n / 2] << (8 * (n / 2)) |
               (uint64_t)bytes[n - 1] << (8 * (n - 1));
    }
    return word;
}

/* Where control characters, quotes, backslashes, DEL and what is not ASCII stand among the next bytes of a
 * text: find_not_plain gives a number whose lowest bit belongs to the first such byte. Zeros behind the end
 * of the text are not plain. */
#if defined(__SSE2__)
enum { AT_ONCE = 16 };

typedef __m128i block;

static block load(const char *at, size_t n)
{
    if (n >= AT_ONCE) {
        return _mm_loadu_si128((const void *)at);
    }
    if (n >= sizeof(uint64_t)) {
        return _mm_set_epi64x((long long)first_bytes(at + sizeof(uint64_t), n - sizeof(uint64_t)),
                              (long long)first_bytes(at, sizeof(uint64_t)));
    }
    return _mm_set_epi64x(0, (long long)first_bytes(at, n));
}

/* The comparison is one of signed bytes: what is not ASCII is less than a blank as well. */
static unsigned find_not_plain(block bytes)
{
    block low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(' '));
    block quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    block backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    block del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7F));

    return (unsigned)_mm_movemask_epi8(
        _mm_or_si128(_mm_or_si128(low, quote), _mm_or_si128(backslash, del)));
}

static size_t place_of(unsigned found)
{
    return (size_t)__builtin_ctz(found);
}
#else
#define EACH_BYTE UINT64_C(0x0101010101010101)

enum { AT_ONCE = 8 };

typedef uint64_t block;

static block load(const char *at, size_t n)
{
    return first_bytes(at, n < AT_ONCE ? n : AT_ONCE);
}

/* The top bit of each byte of `word` that is less than `limit` (1 to 128), and of some bytes above such a
 * byte; none at all where no byte is. So the lowest one is right. */
static uint64_t less(uint64_t word, unsigned limit)
{
    return (word - EACH_BYTE * limit) & ~word & EACH_BYTE * 0x80;
}

static uint64_t equal(uint64_t word, unsigned char c)
{
    return less(word ^ (EACH_BYTE * c), 1);
}

static uint64_t find_not_plain(block bytes)
{
    return (bytes & EACH_BYTE * 0x80) | less(bytes, 0x20) | equal(bytes, '"') | equal(bytes, '\\') |
           equal(bytes, 0x7F);
}

static size_t place_of(uint64_t found)
{
    return (size_t)__builtin_ctzll(found) / 8;
}
#endif

size_t json_plain_len(struct str s)
{
    for (size_t n = 0;; n += AT_ONCE) {
        block bytes = load(n > 0 ? s.ptr + n : s.ptr, s.len - n);

        if (find_not_plain(bytes) != 0) {
            return n + place_of(find_not_plain(bytes));
        }
    }
}

/* U+FFFD for a byte that is not UTF-8. */
static size_t replace_byte(struct buf *out)
{
    buf_text(out, "\xEF\xBF\xBD");
    return 1;
}

void json_escape(struct buf *out, struct str s)
{
    while (s.len > 0) {
        unsigned char c = (unsigned char)s.ptr[0];
        size_t n;

        if (is_escaped(c)) {
            n = escape_some(out, s);
        } else {
            n = c < 0x80 ? json_plain_len(s) : utf8_wide_len(s);
            buf_append(out, s.ptr, n);
            n = n > 0 ? n : replace_byte(out);
        }
        s = str_sub(s, n, s.len);
    }
}

void json_quote(struct buf *out, struct str s)
{
    bool is_plain = json_plain_len(s) == s.len;
    char *room = is_plain ? buf_room(out, s.len + 2) : NULL;

    if (room != NULL) {
        room[0] = '"';
        mem_copy(room + 1, s.ptr, s.len);
        room[s.len + 1] = '"';
        out->len += s.len + 2;
        return;
    }
    buf_char(out, '"');
    json_escape(out, s);
    buf_char(out, '"');
}
