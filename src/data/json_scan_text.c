/* Decodes JSON strings with escapes, with characters that are not ASCII, or with a fault, in their place. A string of
 * 1 MiB may consist of escapes, so an escape must cost few instructions. */
#include <string.h>

#include "base/json_plain.h"
#include "base/utf8.h"
#include "json_internal.h"

/* The value of a hexadecimal digit, plus 1; 0: it is no digit. */
static const unsigned char digits[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16};

static bool hex4(const struct json_scan *scan, size_t at, unsigned *out)
{
    const unsigned char *text = (const unsigned char *)scan->text.ptr + at;
    unsigned value = 0;

    for (size_t i = 0; i < 4; i++) {
        unsigned digit = at + i < scan->text.len ? digits[text[i]] : 0;

        if (digit == 0) {
            return false;
        }
        value = value * 16U + digit - 1U;
    }
    *out = value;
    return true;
}

/* Reads an escape from its 'u' on; writes the character to *to, and moves *to behind it. */
static enum error_code scan_unicode(struct json_scan *scan, char **to)
{
    unsigned first;
    unsigned second;

    if (!hex4(scan, scan->at + 1, &first)) {
        return json_scan_refuse(scan, "\\u needs four hexadecimal digits");
    }
    if (first == 0) {
        return json_scan_refuse(scan, "\\u0000 (NUL) cannot be part of a text here");
    }
    scan->at += 5;
    if (first < 0xD800 || first > 0xDFFF) {
        *to += utf8_encode(first, *to);
        return ERR_OK;
    }
    if (first > 0xDBFF || json_peek(scan) != '\\' || scan->at + 1 >= scan->text.len ||
        scan->text.ptr[scan->at + 1] != 'u' || !hex4(scan, scan->at + 2, &second) ||
        second < 0xDC00 || second > 0xDFFF) {
        return json_scan_refuse(
            scan, "half of a surrogate pair: characters above U+FFFF need both escapes");
    }
    scan->at += 6;
    *to += utf8_encode(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00), *to);
    return ERR_OK;
}

/* Reads several \u escapes, which often follow each other. */
static enum error_code scan_unicodes(struct json_scan *scan, char **to)
{
    enum error_code code = scan_unicode(scan, to);

    while (code == ERR_OK && scan->text.len - scan->at > 1 && scan->text.ptr[scan->at] == '\\' &&
           scan->text.ptr[scan->at + 1] == 'u') {
        scan->at++;
        code = scan_unicode(scan, to);
    }
    return code;
}

/* The meaning of a character behind a backslash; 0: the two are no escape. */
static const char meant[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};

/* Reads the escape at a backslash where take_short has stopped. */
static enum error_code scan_escape(struct json_scan *scan, char **to)
{
    scan->at++;
    if (json_peek(scan) == 'u') {
        return scan_unicodes(scan, to);
    }
    return json_scan_refuse(
        scan, "unknown escape; known are \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX");
}

/* Takes `n` bytes as they are. They must be moved to *to if an escape before them was longer than its character. */
static void take(struct json_scan *scan, size_t n, char **to)
{
    if (*to != scan->copy + scan->at) {
        memmove(*to, scan->copy + scan->at, n);
    }
    *to += n;
    scan->at += n;
}

/* Characters that are not ASCII; the encoding of the whole text has been checked. */
static void take_wide(struct json_scan *scan, char **to)
{
    struct str rest = str_sub(scan->text, scan->at, scan->text.len);
    size_t n = utf8_high_len(rest);

    scan->continuations += n - utf8_count(str_sub(rest, 0, n));
    take(scan, n, to);
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

enum { SHORT_RUN = 8 };

/* Takes escapes of two characters, and short runs of plain characters between them. Bytes are read from scan->text,
 * since decoded text may have overwritten those of the copy. */
static void take_short(struct json_scan *scan, char **to)
{
    const unsigned char *text = (const unsigned char *)scan->text.ptr;
    size_t at = scan->at;
    char *out = *to;
    size_t run = 0;

    while (at < scan->text.len) {
        if (run < SHORT_RUN && is_plain(text[at])) {
            *out++ = (char)text[at++];
            run++;
        } else if (text[at] == '\\' && at + 1 < scan->text.len && meant[text[at + 1]] != '\0') {
            *out++ = meant[text[at + 1]];
            at += 2;
            run = 0;
        } else {
            break;
        }
    }
    scan->at = at;
    *to = out;
}

static void take_plain(struct json_scan *scan, char **to)
{
    take(scan, json_plain_len(str_sub(scan->text, scan->at, scan->text.len)), to);
}

/* Refuses a text that has no end, or none in its line, at its opening quote. */
static enum error_code refuse_open(struct json_scan *scan, const char *from, size_t continuations)
{
    bool has_break = json_peek(scan) == '\n' || json_peek(scan) == '\r';

    scan->at = (size_t)(from - scan->copy) - 1;
    scan->continuations = continuations;
    return json_scan_refuse(scan, has_break
                                      ? "the text that begins here is not closed with a "
                                        "quote in its line; a line break in a text is "
                                        "written \\n"
                                      : "the text that begins here is not closed with a quote");
}

enum error_code json_scan_long_text(struct json_scan *scan, struct str *out)
{
    size_t continuations = scan->continuations;
    char *from = scan->copy + scan->at;
    char *to = from;

    for (;;) {
        enum error_code code = ERR_OK;
        unsigned char c;

        take_short(scan, &to);
        c = (unsigned char)json_peek(scan);
        if (json_at_end(scan) || c == '\n' || c == '\r' ||
            (c == '\\' && scan->at + 1 == scan->text.len)) {
            return refuse_open(scan, from, continuations);
        }
        if (c == '"') {
            scan->at++;
            *to = '\0'; /* never behind the place of the closing quote */
            *out = str_range(from, to);
            return ERR_OK;
        }
        if (c < 0x20) {
            return json_scan_refuse(
                scan,
                "a raw control character in a text; write it as an escape (\\n, \\t, \\u00XX)");
        }
        if (c == '\\') {
            code = scan_escape(scan, &to);
        } else if (c >= 0x80) {
            take_wide(scan, &to);
        } else if (c == 0x7F) {
            take(scan, 1, &to);
        } else {
            take_plain(scan, &to);
        }
        if (code != ERR_OK) {
            return code;
        }
    }
}
