/* RFC 8259 to the letter: what passes here, cJSON parses as the RFC means it (by itself it lets
 * through raw control characters, invalid UTF-8, "\u0000" as the end of a text, and loses digits of
 * long numbers). */
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "json_internal.h"

static enum error_code scan_value(struct json_scan *scan);

static uint32_t column_of(const struct json_scan *scan)
{
    return (uint32_t)(scan->at - scan->line_start - scan->continuations + 1);
}

static enum error_code refuse(struct json_scan *scan, const char *what)
{
    return error_in(scan->err, ERR_BAD_JSON, scan->line, column_of(scan), "line %u, column %u: %s",
                    scan->line, column_of(scan), what);
}

static char peek(const struct json_scan *scan)
{
    return (char)(scan->at < scan->text.len ? scan->text.ptr[scan->at] : '\0');
}

static bool at_end(const struct json_scan *scan)
{
    return scan->at >= scan->text.len;
}

static void skip_space(struct json_scan *scan)
{
    for (; !at_end(scan); scan->at++) {
        char c = peek(scan);

        if (c == '\n') {
            scan->line++;
            scan->line_start = scan->at + 1;
            scan->continuations = 0;
        } else if (c != ' ' && c != '\t' && c != '\r') {
            return;
        }
    }
}

static enum error_code see(struct json_scan *scan, uint32_t offset, uint32_t column, size_t len)
{
    if (scan->n_seen >= scan->max_nodes) {
        return refuse(scan, "more values than this place takes");
    }
    if (scan->n_seen == scan->cap_seen) {
        scan->cap_seen = scan->cap_seen > 0 ? scan->cap_seen * 2 : 64;
        scan->seen = mem_realloc(scan->seen, scan->cap_seen * sizeof(*scan->seen));
    }
    scan->seen[scan->n_seen++] = (struct json_seen){scan->line, column, offset, (uint32_t)len};
    return ERR_OK;
}

static bool hex4(const struct json_scan *scan, size_t at, unsigned *out)
{
    unsigned value = 0;

    if (at + 4 > scan->text.len) {
        return false;
    }
    for (size_t i = 0; i < 4; i++) {
        char c = scan->text.ptr[at + i];
        unsigned digit;

        if (c >= '0' && c <= '9') {
            digit = (unsigned)(c - '0');
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            digit = (unsigned)((c | 0x20) - 'a') + 10U;
        } else {
            return false;
        }
        value = value * 16U + digit;
    }
    *out = value;
    return true;
}

/* At the 'u' of an escape. */
static enum error_code scan_unicode(struct json_scan *scan)
{
    unsigned first;
    unsigned second;

    if (!hex4(scan, scan->at + 1, &first)) {
        return refuse(scan, "\\u needs four hexadecimal digits");
    }
    if (first == 0) {
        return refuse(scan, "\\u0000 (NUL) cannot be part of a text here");
    }
    scan->at += 5;
    if (first < 0xD800 || first > 0xDFFF) {
        return ERR_OK;
    }
    if (first > 0xDBFF || peek(scan) != '\\' || scan->at + 1 >= scan->text.len ||
        scan->text.ptr[scan->at + 1] != 'u' || !hex4(scan, scan->at + 2, &second) ||
        second < 0xDC00 || second > 0xDFFF) {
        return refuse(scan, "half of a surrogate pair: characters above U+FFFF need both escapes");
    }
    scan->at += 6;
    return ERR_OK;
}

static enum error_code scan_escape(struct json_scan *scan)
{
    scan->at++;
    if (at_end(scan)) {
        return refuse(scan, "the text is not closed with a quote");
    }
    if (peek(scan) == 'u') {
        return scan_unicode(scan);
    }
    if (strchr("\"\\/bfnrt", peek(scan)) == NULL || peek(scan) == '\0') {
        return refuse(scan,
                      "unknown escape; known are \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX");
    }
    scan->at++;
    return ERR_OK;
}

static enum error_code scan_text(struct json_scan *scan)
{
    scan->at++;
    while (!at_end(scan)) {
        unsigned char c = (unsigned char)peek(scan);

        if (c == '"') {
            scan->at++;
            return ERR_OK;
        }
        if (c < 0x20) {
            return refuse(
                scan,
                "a raw control character in a text; write it as an escape (\\n, \\t, \\u00XX)");
        }
        if (c == '\\') {
            enum error_code code = scan_escape(scan);

            if (code != ERR_OK) {
                return code;
            }
            continue;
        }
        scan->continuations += (c & 0xC0) == 0x80 ? 1 : 0;
        scan->at++;
    }
    return refuse(scan, "the text is not closed with a quote");
}

static bool skip_digits(struct json_scan *scan)
{
    size_t from = scan->at;

    while (peek(scan) >= '0' && peek(scan) <= '9') {
        scan->at++;
    }
    return scan->at > from;
}

static enum error_code scan_number(struct json_scan *scan)
{
    size_t from = scan->at;
    uint32_t column = column_of(scan);

    if (peek(scan) == '-') {
        scan->at++;
    }
    if (peek(scan) == '0') {
        scan->at++;
        if (peek(scan) >= '0' && peek(scan) <= '9') {
            return refuse(scan,
                          "a number must not begin with a zero; put it in quotes to keep the zero");
        }
    } else if (!skip_digits(scan)) {
        return refuse(scan, "a number needs digits here");
    }
    if (peek(scan) == '.') {
        scan->at++;
        if (!skip_digits(scan)) {
            return refuse(scan, "a number needs digits after its point");
        }
    }
    if ((peek(scan) | 0x20) == 'e') {
        scan->at++;
        if (peek(scan) == '+' || peek(scan) == '-') {
            scan->at++;
        }
        if (!skip_digits(scan)) {
            return refuse(scan, "a number needs digits in its exponent");
        }
    }
    return see(scan, (uint32_t)from, column, scan->at - from);
}

static enum error_code scan_word(struct json_scan *scan)
{
    static const char *const words[] = {"true", "false", "null"};
    uint32_t column = column_of(scan);

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct str word = str_from(words[i]);

        if (str_starts(str_sub(scan->text, scan->at, scan->text.len), word)) {
            scan->at += word.len;
            return see(scan, 0, column, 0);
        }
    }
    return refuse(scan, at_end(scan)
                            ? "the text ends where a value should be"
                            : "no value begins like this; texts and names need double quotes");
}

static enum error_code scan_name(struct json_scan *scan)
{
    enum error_code code;

    if (peek(scan) != '"') {
        return refuse(scan, "a member name in double quotes should be here");
    }
    code = scan_text(scan);
    skip_space(scan);
    if (code == ERR_OK && peek(scan) != ':') {
        return refuse(scan, "a colon should be here");
    }
    scan->at++;
    skip_space(scan);
    return code;
}

static enum error_code scan_members(struct json_scan *scan, char close)
{
    scan->at++;
    skip_space(scan);
    if (peek(scan) == close) {
        scan->at++;
        return ERR_OK;
    }
    for (;;) {
        enum error_code code = close == '}' ? scan_name(scan) : ERR_OK;

        if (code == ERR_OK) {
            code = scan_value(scan);
        }
        if (code != ERR_OK) {
            return code;
        }
        skip_space(scan);
        if (peek(scan) == close) {
            scan->at++;
            return ERR_OK;
        }
        if (peek(scan) != ',') {
            return refuse(scan, close == '}' ? "a comma or } should be here"
                                             : "a comma or ] should be here");
        }
        scan->at++;
        skip_space(scan);
        if (peek(scan) == close) {
            return refuse(scan, "a comma must be followed by a value");
        }
    }
}

static enum error_code scan_container(struct json_scan *scan, char close)
{
    enum error_code code = see(scan, 0, column_of(scan), 0);

    if (code != ERR_OK) {
        return code;
    }
    if (++scan->depth > scan->max_depth) {
        return refuse(scan, "nested deeper than this place takes");
    }
    code = scan_members(scan, close);
    scan->depth--;
    return code;
}

static enum error_code scan_value(struct json_scan *scan)
{
    uint32_t column = column_of(scan);
    enum error_code code;

    switch (peek(scan)) {
    case '{':
        return scan_container(scan, '}');
    case '[':
        return scan_container(scan, ']');
    case '"':
        code = see(scan, 0, column, 0);
        return code == ERR_OK ? scan_text(scan) : code;
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return scan_number(scan);
    default:
        return scan_word(scan);
    }
}

/* Where invalid UTF-8 is, in lines and columns. */
static enum error_code refuse_encoding(struct json_scan *scan, size_t bad)
{
    scan->at = 0;
    for (size_t i = 0; i < bad; i++) {
        unsigned char c = (unsigned char)scan->text.ptr[i];

        if (c == '\n') {
            scan->line++;
            scan->line_start = i + 1;
            scan->continuations = 0;
        } else {
            scan->continuations += (c & 0xC0) == 0x80 ? 1 : 0;
        }
    }
    scan->at = bad;
    return refuse(scan, "not UTF-8; JSON must be sent in UTF-8 (RFC 8259 section 8.1)");
}

enum error_code json_scan(struct json_scan *scan)
{
    size_t valid = utf8_valid_prefix(scan->text);
    enum error_code code;

    scan->line = 1;
    if (scan->text.len >= UINT32_MAX) {
        return refuse(scan, "too long");
    }
    if (valid < scan->text.len) {
        return refuse_encoding(scan, valid);
    }
    if (str_starts(scan->text,
                   STR("\xEF\xBB\xBF"))) { /* a byte order mark: tolerated, as RFC 8259 allows */
        scan->at = 3;
        scan->line_start = 3;
    }
    skip_space(scan);
    code = scan_value(scan);
    skip_space(scan);
    if (code == ERR_OK && !at_end(scan)) {
        return refuse(scan, "something follows the end of the JSON value");
    }
    return code;
}
