#include "table.h"

#include "base/utf8.h"
#include "escape.h"

enum { CELL_MAX_BYTES = 4096, GAP = 2, NARROWEST = 8 };

struct table {
    struct str names[TABLE_MAX_COLUMNS];
    size_t widths[TABLE_MAX_COLUMNS];
    size_t n;
};

static void put_value(struct buf *out, const struct json *node)
{
    struct buf text;

    if (node == NULL || json_type(node) == JSON_NULL) {
        return;
    }
    if (json_type(node) == JSON_STRING) {
        escape_terminal(out, utf8_clip(json_str(node), CELL_MAX_BYTES / 8));
        return;
    }
    buf_init(&text, CELL_MAX_BYTES);
    json_print(&text, node);
    escape_terminal(out, buf_view(&text));
    buf_done(&text);
}

static size_t width_of(const struct json *node)
{
    struct buf text;
    size_t width;

    buf_init(&text, CELL_MAX_BYTES);
    put_value(&text, node);
    width = text_columns(buf_view(&text));
    buf_done(&text);
    return width;
}

/* False: too many columns. */
static bool add_column(struct table *table, struct str name)
{
    for (size_t i = 0; i < table->n; i++) {
        if (str_eq(table->names[i], name)) {
            return true;
        }
    }
    if (table->n == TABLE_MAX_COLUMNS) {
        return false;
    }
    table->names[table->n] = name;
    table->widths[table->n++] = text_columns(name);
    return true;
}

static bool measure(struct table *table, const struct json *list)
{
    const struct json *row;
    const struct json *member;

    JSON_FOREACH (row, list) {
        if (json_type(row) != JSON_OBJECT) {
            return false;
        }
        JSON_FOREACH (member, row) {
            if (json_type(member) == JSON_OBJECT || json_type(member) == JSON_ARRAY ||
                !add_column(table, json_name(member))) {
                return false;
            }
        }
    }
    JSON_FOREACH (row, list) {
        for (size_t i = 0; i < table->n; i++) {
            size_t width = width_of(json_get_str(row, table->names[i]));

            table->widths[i] = width > table->widths[i] ? width : table->widths[i];
        }
    }
    return table->n > 0;
}

static size_t total_width(const struct table *table)
{
    size_t total = 0;

    for (size_t i = 0; i < table->n; i++) {
        total += table->widths[i] + (i > 0 ? GAP : 0);
    }
    return total;
}

static void shrink(struct table *table, size_t terminal_columns)
{
    while (total_width(table) > terminal_columns) {
        size_t widest = 0;

        for (size_t i = 1; i < table->n; i++) {
            widest = table->widths[i] > table->widths[widest] ? i : widest;
        }
        if (table->widths[widest] <= NARROWEST) {
            return; /* the terminal breaks the lines; nothing more can be cut */
        }
        table->widths[widest]--;
    }
}

static void put_cell(struct buf *out, struct str text, size_t width, bool last)
{
    struct str shown = text;
    size_t columns = text_columns(text);

    if (columns > width) {
        shown = text_clip_columns(text, width - 1);
        columns = text_columns(shown) + 1;
    }
    buf_str(out, shown);
    buf_text(out, shown.len < text.len ? "…" : "");
    for (; !last && columns < width + GAP; columns++) {
        buf_char(out, ' ');
    }
}

static void put_row(struct buf *out, const struct table *table, const struct json *row)
{
    for (size_t i = 0; i < table->n; i++) {
        struct buf text;

        buf_init(&text, CELL_MAX_BYTES);
        if (row == NULL) {
            escape_terminal(&text, table->names[i]);
        } else {
            put_value(&text, json_get_str(row, table->names[i]));
        }
        put_cell(out, buf_view(&text), table->widths[i], i + 1 == table->n);
        buf_done(&text);
    }
    while (out->len > 0 && out->ptr[out->len - 1] == ' ') {
        buf_truncate(out, out->len - 1);
    }
    buf_char(out, '\n');
}

bool table_write(struct buf *out, const struct json *list, size_t terminal_columns)
{
    struct table table = {0};
    const struct json *row;

    if (json_type(list) != JSON_ARRAY || !measure(&table, list)) {
        return false;
    }
    shrink(&table, terminal_columns);
    put_row(out, &table, NULL);
    JSON_FOREACH (row, list) {
        put_row(out, &table, row);
    }
    return true;
}
