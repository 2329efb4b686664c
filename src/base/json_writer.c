#include "base/json_writer.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/json_plain.h"
#include "base/utf8.h"

enum { DEPTH_MAX = 32, TIME_MAX = 40, FORMAT_ROOM = 256, FORMAT_MAX = 64 * 1024 };

void jw_init(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){.out = out};
}

void jw_init_in_object(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){.out = out, .depth = 1, .has_member = 1, .is_object = 1};
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

/* The comma before a member, where one is needed. */
static void before_key(struct json_writer *w, bool *out_comma)
{
    uint32_t own = bit(w);

    CHECK(w->depth > 0 && (w->is_object & own) != 0 && !w->after_key);
    *out_comma = (w->has_member & own) != 0;
    w->has_member |= own;
    w->after_key = true;
}

void jw_key_str(struct json_writer *w, struct str key)
{
    bool comma;

    before_key(w, &comma);
    if (comma) {
        buf_char(w->out, ',');
    }
    json_quote(w->out, key);
    buf_char(w->out, ':');
}

void jw_name(struct json_writer *w, struct str name)
{
    bool comma;
    char *room;

    before_key(w, &comma);
    room = buf_room(w->out, name.len + 3 + (comma ? 1 : 0));
    if (room != NULL) {
        w->out->len += name.len + 3 + (comma ? 1 : 0);
        if (comma) {
            *room++ = ',';
        }
        room[0] = '"';
        mem_copy(room + 1, name.ptr, name.len);
        room[name.len + 1] = '"';
        room[name.len + 2] = ':';
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

void jw_format(struct json_writer *w, const char *format, ...)
{
    UNINITIALISED char room[FORMAT_ROOM];
    struct buf text;
    va_list args;

    buf_init_on(&text, room, sizeof(room), FORMAT_MAX);
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    jw_str(w, buf_view(&text));
    buf_done(&text);
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

void jw_ms(struct json_writer *w, int64_t us)
{
    before_value(w);
    buf_ms(w->out, us);
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

void jw_kv_time(struct json_writer *w, const char *key, int64_t wall_ms)
{
    char room[TIME_MAX];
    struct buf text;

    jw_key(w, key);
    if (wall_ms == 0) {
        jw_null(w);
        return;
    }
    buf_init_on(&text, room, sizeof(room), TIME_MAX - 1);
    clock_format(&text, wall_ms);
    jw_str(w, buf_view(&text));
    buf_done(&text);
}

void jw_raw(struct json_writer *w, struct str json)
{
    before_value(w);
    buf_str(w->out, json);
}

/* The letter of an escape of two characters; 0: the character has none. */
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

    to[0] = '\\';
    to[1] = 'u';
    to[2] = '0';
    to[3] = '0';
    to[4] = digits[c >> 4];
    to[5] = digits[c & 0x0FU];
    return LONG_FORM;
}

/* Escapes the next few ASCII characters at once: characters that need an escape often stand close together, as
 * in JSON within a JSON string. */
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

/* Writes U+FFFD for one byte that is not UTF-8; returns 1, the bytes replaced. */
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
