/* Texts of JSON with escapes, with characters that are not ASCII, or with a fault: decoded in their place. A text of a
 * MiB may consist of them, so that each has few instructions. */
#include <string.h>

#include "base/json_writer.h"
#include "base/utf8.h"
#include "json_internal.h"

static bool hex4(const struct json_scan *scan, size_t at, unsigned *out)
{
    int value = 0;

    if (at + 4 > scan->text.len) {
        return false;
    }
    for (size_t i = 0; i < 4; i++) {
        int digit = str_hex_digit(scan->text.ptr[at + i]);

        if (digit < 0) {
            return false;
        }
        value = value * 16 + digit;
    }
    *out = (unsigned)value;
    return true;
}

/* At the 'u' of an escape; the character goes to *to, which moves behind it. */
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

static enum error_code scan_escape(struct json_scan *scan, char **to)
{
    static const char meant[128] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    unsigned char c;

    scan->at++;
    if (json_at_end(scan)) {
        return json_scan_refuse(scan, "the text is not closed with a quote");
    }
    c = (unsigned char)json_peek(scan);
    if (c == 'u') {
        return scan_unicode(scan, to);
    }
    if (c > 0x7F || meant[c] == '\0') {
        return json_scan_refuse(
            scan, "unknown escape; known are \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX");
    }
    *(*to)++ = meant[c];
    scan->at++;
    return ERR_OK;
}

/* `n` bytes as they are, moved to *to where an escape before them took more room than its character. */
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

/* At a character that is ASCII and stands for itself: how many of them. Between two escapes there is often one. */
static size_t plain_len(const struct json_scan *scan)
{
    struct str rest = str_sub(scan->text, scan->at, scan->text.len);

    if (rest.ptr[0] == 0x7F || (rest.len > 1 && rest.ptr[1] == '\\')) {
        return 1;
    }
    return json_plain_len(rest);
}

enum error_code json_scan_long_text(struct json_scan *scan, struct str *out)
{
    char *from = scan->copy + scan->at;
    char *to = from;

    for (;;) {
        enum error_code code = ERR_OK;
        unsigned char c;

        if (json_at_end(scan)) {
            return json_scan_refuse(scan, "the text is not closed with a quote");
        }
        c = (unsigned char)json_peek(scan);
        if (c == '"') {
            scan->at++;
            *to = '\0'; /* at the quote at the latest */
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
        } else {
            take(scan, plain_len(scan), &to);
        }
        if (code != ERR_OK) {
            return code;
        }
    }
}
