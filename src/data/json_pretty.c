/* JSON text with two spaces a level: the compact text, broken at the marks that stand outside
 * quotes. */
#include <string.h>

#include "base/buf.h"
#include "data/json.h"

enum { PRETTY_INDENT = 2 };

static void new_line(struct buf *out, unsigned depth)
{
    buf_char(out, '\n');
    for (unsigned i = 0; i < depth * PRETTY_INDENT; i++) {
        buf_char(out, ' ');
    }
}

/* A text in quotes, from the quote at `at`; returns where it ends. */
static size_t put_text(struct buf *out, struct str json, size_t at)
{
    size_t end = at + 1;

    while (end < json.len && json.ptr[end] != '"') {
        end += json.ptr[end] == '\\' ? 2 : 1;
    }
    buf_str(out, str_sub(json, at, end + 1 - at));
    return end;
}

/* Where something begins a line of its own; an empty object or list stays "{}" or "[]". */
static void put_mark(struct buf *out, char mark, char next, unsigned *depth)
{
    bool opens = mark == '{' || mark == '[';
    bool closes = mark == '}' || mark == ']';
    bool was_empty = closes && out->len > 0 && (out->ptr[out->len - 1] == mark - 2);

    if (closes) {
        (*depth)--;
        if (!was_empty) {
            new_line(out, *depth);
        }
    }
    buf_char(out, mark);
    if (opens) {
        (*depth)++;
    }
    if ((opens && next != '}' && next != ']') || mark == ',') {
        new_line(out, *depth);
    } else if (mark == ':') {
        buf_char(out, ' ');
    }
}

void json_print_pretty(struct buf *out, const struct json *node)
{
    struct buf text;
    struct str json;
    unsigned depth = 0;

    buf_init(&text, out->max);
    json_print(&text, node);
    json = buf_view(&text);
    for (size_t i = 0; i < json.len; i++) {
        char c = json.ptr[i];
        char next = '\0';

        if (i + 1 < json.len) {
            next = json.ptr[i + 1];
        }

        if (c == '"') {
            i = put_text(out, json, i);
        } else if (strchr("{}[],:", c) != NULL) {
            put_mark(out, c, next, &depth);
        } else {
            buf_char(out, c);
        }
    }
    out->overflowed = out->overflowed || !buf_ok(&text);
    buf_done(&text);
}
