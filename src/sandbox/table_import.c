/* Rows that are imported into a table: as objects, as lists, or as CSV. */
#include "sandbox_internal.h"

#include "data/csv.h"

bool table_add_csv(struct call *call, struct table *table, struct str csv)
{
    struct buf *cell = &call->state->scratch;

    while (csv.len > 0) {
        struct str *cells;
        bool ends_line = false;

        if (table_is_full(table)) {
            return false;
        }
        cells = table_add_row(call, table);
        for (size_t i = 0; !ends_line; i++) {
            if (!csv_cell(&csv, cell, &ends_line) || (i >= table->columns.n && cell->len > 0)) {
                return false;
            }
            if (i < table->columns.n) {
                cells[i] = keep(call, buf_view(cell));
            }
        }
    }
    return true;
}

bool table_add_csv_header(struct call *call, struct table *table, struct str *csv, bool is_named)
{
    struct str rest = *csv;
    bool ends_line = false;
    struct buf *cell = &call->state->scratch;

    for (size_t i = 1; !ends_line; i++) {
        bool ok = csv_cell(&rest, cell, &ends_line);
        struct str name = is_named ? arena_str(call->arena, buf_view(cell))
                                   : arena_printf(call->arena, "column%zu", i);

        if (!ok || !table_add_column(call, table, name)) {
            return false;
        }
    }
    if (is_named) {
        *csv = rest;
    }
    return true;
}

static bool is_header(const struct table *table, const struct json *row)
{
    const struct json *cell;
    size_t i = 0;

    if (json_size(row) != table->columns.n) {
        return false;
    }
    JSON_FOREACH (cell, row) {
        const struct column *column = table->columns.items[i++];

        if (!str_eq(json_str(cell), column->name)) {
            return false;
        }
    }
    return true;
}

static struct str cell_text(struct call *call, const struct json *cell)
{
    switch (json_type(cell)) {
    case JSON_STRING:
        return keep(call, json_str(cell));
    case JSON_NULL:
        return STR_EMPTY;
    case JSON_BOOL:
    case JSON_NUMBER:
    case JSON_ARRAY:
    case JSON_OBJECT:
        return keep_json(call, cell);
    }
    return STR_EMPTY;
}

/* A list of cells in the order of the columns, or an object by their names. */
static bool import_row(struct call *call, struct table *table, const struct json *row)
{
    bool by_name = json_type(row) == JSON_OBJECT;
    struct str *cells = table_add_row(call, table);
    const struct json *cell;
    size_t next = 0;

    JSON_FOREACH (cell, row) {
        size_t at = by_name ? table_column(table, json_name(cell)) : next++;

        if (at >= table->columns.n) {
            return false;
        }
        cells[at] = cell_text(call, cell);
    }
    return true;
}

static int import_rows(struct call *call, struct table *table, const struct json *rows)
{
    const struct json *row;
    size_t n_before = table->rows.n;
    bool is_first = true;

    JSON_FOREACH (row, rows) {
        bool skip = is_first && json_type(row) == JSON_ARRAY && is_header(table, row);

        is_first = false;
        if (skip) {
            continue;
        }
        if ((json_type(row) != JSON_ARRAY && json_type(row) != JSON_OBJECT) ||
            table_is_full(table) || !import_row(call, table, row)) {
            table->rows.n = n_before; /* all or nothing */
            return refuse_table_rows(call);
        }
    }
    return 200;
}

static int import_csv(struct call *call, struct table *table, struct str csv)
{
    struct json *first = json_new_array(call->arena);
    size_t n_before = table->rows.n;
    struct str rest = csv;
    size_t n;

    /* The first line is the header when it names the columns. */
    if (csv_row(call->arena, &rest, table->columns.n, first, &n) && is_header(table, first)) {
        csv = rest;
    }
    if (!table_add_csv(call, table, csv)) {
        table->rows.n = n_before;
        return refuse_table_rows(call);
    }
    return 200;
}

int handle_table_import(struct call *call)
{
    struct table *table = call->thing;
    const struct json *rows = json_get(call->body, "data");
    size_t n_before = table->rows.n;
    int status;

    if (json_type(rows) == JSON_STRING) {
        status = import_csv(call, table, json_str(rows));
    } else if (json_type(rows) == JSON_ARRAY) {
        status = import_rows(call, table, rows);
    } else {
        return refuse_member(call, "data", "must be a list of rows, or CSV text");
    }
    if (status != 200) {
        return status;
    }
    thing_touch(&table->thing);
    jw_form(call->w, "{id:%i, importedRows:%i, rowsImported:%i, rowCount:%i, modifiedDate:%i}",
            table->thing.id, table->rows.n - n_before, table->rows.n - n_before, table->rows.n,
            table->thing.modified_ms);
    return 200;
}
