#include "escape.h"

#include "base/attr.h"
#include "base/check.h"
#include "base/utf8.h"

enum { FIRST_JOINED = 0x0600, FIRST_WIDE = 0x1100, LAST_BMP = 0xFFFF };

/* True also for U+FFFE and U+FFFF (and their like in each plane): XML 1.0 cannot hold those two. */
static bool is_misleading(uint32_t point)
{
    return utf8_is_unsafe(point) || (point & 0xFFFE) == 0xFFFE;
}

static void put_point(struct buf *out, uint32_t point, uint32_t before)
{
    /* A joiner belongs to emoji families and to letters that are not Latin; between Latin letters it only hides. */
    bool is_joiner = (point == 0x200C || point == 0x200D) && before >= FIRST_JOINED;
    char piece[4];

    if (is_misleading(point) && !is_joiner) {
        buf_printf(out, point > LAST_BMP ? "\\U%08X" : "\\u%04X", point);
    } else {
        buf_append(out, piece, utf8_encode(point, piece));
    }
}

struct escape {
    char c;
    const char *text;
};

static const struct escape for_terminal[] = {{'\n', "\\n"}, {'\t', " "}, {'\r', "\\r"}};

/* Line ends and tabs are here because an XML reader turns them into plain blanks in an attribute. */
static const struct escape for_xml[] = {{'<', "&lt;"},   {'>', "&gt;"},   {'&', "&amp;"},
                                        {'"', "&quot;"}, {'\'', "&#39;"}, {'\n', "&#10;"},
                                        {'\t', "&#9;"},  {'\r', "&#13;"}};
static const struct escape for_markdown[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"},
                                             {'\n', " "},    {'\t', " "},   {'\r', " "}};

/* For a property: ':' and ',' would end it. A message may hold them, see for_message. */
static const struct escape for_workflow[] = {{'%', "%25"}, {'\r', "%0D"}, {'\n', "%0A"},
                                             {':', "%3A"}, {',', "%2C"},  {'\t', " "}};

static const struct escape for_message[] = {
    {'%', "%25"}, {'\r', "%0D"}, {'\n', "%0A"}, {'\t', " "}};

static bool put_row(struct buf *out, const struct escape *rows, size_t n, uint32_t point)
{
    for (size_t i = 0; i < n; i++) {
        if (point == (unsigned char)rows[i].c) {
            buf_text(out, rows[i].text);
            return true;
        }
    }
    return false;
}

static void escape_by(struct buf *out, struct str text, const struct escape *rows, size_t n)
{
    uint32_t before = 0;

    while (text.len > 0) {
        uint32_t point = utf8_next(&text);

        if (!put_row(out, rows, n, point)) {
            put_point(out, point, before);
        }
        before = point;
    }
}

void escape_terminal(struct buf *out, struct str text)
{
    escape_by(out, text, for_terminal, ARRAY_LEN(for_terminal));
}

void escape_xml(struct buf *out, struct str text)
{
    escape_by(out, text, for_xml, ARRAY_LEN(for_xml));
}

void escape_workflow(struct buf *out, struct str text)
{
    escape_by(out, text, for_workflow, ARRAY_LEN(for_workflow));
}

void escape_workflow_message(struct buf *out, struct str text)
{
    escape_by(out, text, for_message, ARRAY_LEN(for_message));
}

static bool is_punctuation(uint32_t point)
{
    return (point >= '!' && point <= '/') || (point >= ':' && point <= '@') ||
           (point >= '[' && point <= '`') || (point >= '{' && point <= '~');
}

void escape_markdown(struct buf *out, struct str text)
{
    while (text.len > 0) {
        uint32_t point = utf8_next(&text);

        if (put_row(out, for_markdown, ARRAY_LEN(for_markdown), point)) {
            continue;
        }
        if (is_punctuation(point) || is_misleading(point)) {
            buf_char(out, '\\'); /* before the \uXXXX of put_point too: its backslash must show */
        }
        put_point(out, point, 0);
    }
}

void escape_json(struct buf *out, struct str json)
{
    while (json.len > 0) {
        uint32_t point = utf8_next(&json);
        char piece[4];

        if (point >= 0x7F && is_misleading(point)) { /* smaller ones stand only between strings */
            if (point > LAST_BMP) {
                buf_printf(out, "\\u%04X\\u%04X", 0xD800 + ((point - 0x10000) >> 10),
                           0xDC00 + ((point - 0x10000) & 0x3FF));
            } else {
                buf_printf(out, "\\u%04X", point);
            }
        } else {
            buf_append(out, piece, utf8_encode(point, piece));
        }
    }
}

/* ---- forms ---- */

static void put_hole(struct buf *out, escape_fn escape, char hole, const struct jw_value *value)
{
    CHECK(value->kind == (hole == 'i' ? JW_NUMBER : JW_TEXT));
    if (hole == 'i') {
        buf_int(out, value->as.number);
    } else if (hole == 'e') {
        escape(out, value->as.text);
    } else {
        CHECK(hole == 's');
        buf_str(out, value->as.text);
    }
}

void escape_form_with(struct buf *out, escape_fn escape, const char *form,
                      const struct jw_value *values, size_t n)
{
    size_t at = 0;

    for (; *form != '\0'; form++) {
        CHECK(at < n || (*form != '{' && *form != '%'));
        if (*form == '{' && jw_is_empty(&values[at])) {
            form += strcspn(form, "}");
            at++;
        } else if (*form == '%') {
            put_hole(out, escape, *++form, &values[at++]);
        } else if (*form != '{' && *form != '}') {
            buf_char(out, *form);
        }
    }
    CHECK(at == n);
}

/* ---- columns ---- */

static size_t columns_of(uint32_t point)
{
    return point >= FIRST_WIDE ? 2 : 1; /* too many columns are better than a line that wraps */
}

size_t text_columns(struct str text)
{
    size_t columns = 0;

    while (text.len > 0) {
        columns += columns_of(utf8_next(&text));
    }
    return columns;
}

struct str text_clip_columns(struct str text, size_t columns)
{
    struct str rest = text;
    size_t used = 0;

    while (rest.len > 0) {
        struct str here = rest;

        used += columns_of(utf8_next(&rest));
        if (used > columns) {
            return str_sub(text, 0, text.len - here.len);
        }
    }
    return text;
}
