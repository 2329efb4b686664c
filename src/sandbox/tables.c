/* Test data tables (PLATFORM.md, "Structure"): each column has an id, each stored row a cell for each
 * column. A row that is sent may be shorter than the header, never longer. modifiedDate is the optimistic lock. */
#include "sandbox_internal.h"

size_t table_column(const struct table *table, struct str name)
{
    for (size_t i = 0; i < table->columns.n; i++) {
        const struct column *column = table->columns.items[i];

        if (str_eq(column->name, name)) {
            return i;
        }
    }
    return table->columns.n;
}

bool table_add_column(struct call *call, struct table *table, struct str name)
{
    struct column *column;

    if (table->columns.n >= MAX_TABLE_COLUMNS || name.len == 0 || name.len > NAME_MAX_BYTES ||
        table_column(table, name) < table->columns.n) {
        return false;
    }
    column = arena_zalloc(&call->tenant->arena, sizeof(*column));
    column->id = next_id(call);
    column->name = keep(call, name);
    refs_append(call->tenant, &table->columns, column);
    return true;
}

bool table_is_full(const struct table *table)
{
    return table->rows.n >= MAX_TABLE_ROWS ||
           (table->rows.n + 1) * table->columns.n > MAX_TABLE_CELLS;
}

struct str *table_add_row(struct call *call, struct table *table)
{
    struct str *cells = arena_calloc(&call->tenant->arena, table->columns.n, sizeof(*cells));

    for (size_t i = 0; i < table->columns.n; i++) {
        cells[i] = STR_EMPTY;
    }
    refs_append(call->tenant, &table->rows, cells);
    return cells;
}

int refuse_table_rows(struct call *call)
{
    return refuse(call, 400, "A row is longer than the header, or there are too many rows");
}

static void write_table(struct json_writer *w, const struct table *table)
{
    jw_form(w,
            "{id:%i, canonicalId:%s, name:%s, title:%s, description:%s, projectId:%?i, "
            "attributes:[",
            table->thing.id, table->thing.canonical, table->name, table->name, table->description,
            table->project_id);
    for (size_t i = 0; i < table->columns.n; i++) {
        const struct column *column = table->columns.items[i];

        jw_form(w, "{id:%i, name:%s}", column->id, column->name);
    }
    jw_shape(w, "], columns:[");
    for (size_t i = 0; i < table->columns.n; i++) {
        const struct column *column = table->columns.items[i];

        jw_str(w, column->name);
    }
    jw_form(w, "], rowCount:%i, createdDate:%i, modifiedDate:%i}", table->rows.n,
            table->thing.created_ms, table->thing.modified_ms);
}

static int fill_columns(struct call *call, struct table *table)
{
    const struct json *columns = json_get(call->body, "columns");
    const struct json *headers = json_get(call->body, "csvHasHeaders");
    const struct json *item;
    struct str csv;

    if (body_text(call, "csv", &csv)) {
        bool is_named = headers == NULL || json_true(headers);

        if (!table_add_csv_header(call, table, &csv, is_named)) {
            return refuse_member(call, "csv", "needs a header of different, named columns");
        }
        return table_add_csv(call, table, csv) ? 200 : refuse_table_rows(call);
    }
    if (json_type(columns) != JSON_ARRAY || json_size(columns) == 0) {
        return refuse(call, 400, "A table needs csv, or a list of columns");
    }
    JSON_FOREACH (item, columns) {
        if (!table_add_column(call, table, json_str(item))) {
            return refuse_member(call, "columns", "must be different texts");
        }
    }
    return 200;
}

int handle_table_create(struct call *call)
{
    struct str name;
    struct table *table;
    int64_t project_id;

    if (!need_named(call, &name, &project_id)) {
        return call->status;
    }
    table = thing_make(call, THING_TABLE, sizeof(*table), 0);
    table->name = keep(call, name);
    keep_member(call, "description", &table->description);
    table->project_id = project_id;
    if (fill_columns(call, table) != 200) {
        thing_forget(call->tenant, &table->thing);
        return call->status;
    }
    refs_append(call->tenant, &call->tenant->tables, table);
    write_table(call->w, table);
    return 200;
}

int handle_table_list(struct call *call)
{
    jw_array(call->w);
    for (size_t i = 0; i < call->tenant->tables.n; i++) {
        write_table(call->w, call->tenant->tables.items[i]);
    }
    jw_end(call->w);
    return 200;
}

TELLS(table_get, write_table(call->w, call->thing))

static void write_cells(struct call *call, const struct table *table, const struct str *cells)
{
    struct json_writer *w = call->w;

    jw_object(w);
    for (size_t i = 0; i < table->columns.n; i++) {
        const struct column *column = table->columns.items[i];

        write_id_key(w, column->id);
        jw_str(w, cells[i]);
    }
    jw_end(w);
}

int handle_table_values(struct call *call)
{
    const struct table *table = call->thing;
    struct json_writer *w = call->w;

    jw_form(w, "{id:%i, modifiedDate:%i, values:{", table->thing.id, table->thing.modified_ms);
    for (size_t i = 0; i < table->rows.n; i++) {
        write_id_key(w, (int64_t)i);
        write_cells(call, table, table->rows.items[i]);
    }
    jw_shape(w, "}}");
    return 200;
}

static struct str *cell_of(const struct table *table, int64_t row, struct str attribute)
{
    for (size_t i = 0; i < table->columns.n; i++) {
        const struct column *column = table->columns.items[i];
        int64_t id;

        if (str_to_i64(attribute, 1, INT64_MAX, &id) && id == column->id) {
            return (struct str *)table->rows.items[row] + i;
        }
    }
    return NULL;
}

/* newTestDataValues: {"<row>": {"<attribute id>": "text"}}; the row after the last one is new. */
static int set_row(struct call *call, struct table *table, const struct json *row)
{
    const struct json *value;
    int64_t at;

    if (!str_to_i64(json_name(row), 0, MAX_TABLE_ROWS - 1, &at) || (size_t)at > table->rows.n ||
        ((size_t)at == table->rows.n && table_is_full(table))) {
        return refuse_member(call, "newTestDataValues", "names a row that cannot be");
    }
    if ((size_t)at == table->rows.n) {
        (void)table_add_row(call, table);
    }
    JSON_FOREACH (value, row) {
        struct str *cell = cell_of(table, at, json_name(value));

        if (cell == NULL || json_type(value) != JSON_STRING) {
            return refuse_member(call, "newTestDataValues", "must give texts to known attributes");
        }
        *cell = keep(call, json_str(value));
    }
    return 200;
}

int handle_table_values_update(struct call *call)
{
    struct table *table = call->thing;
    const struct json *values = json_get(call->body, "newTestDataValues");
    const struct json *row;
    int64_t modified;

    if (!body_id(call, "modifiedDate", &modified) || json_type(values) != JSON_OBJECT) {
        return refuse(call, 400, "newTestDataValues and modifiedDate are needed");
    }
    if (modified != table->thing.modified_ms) {
        return refuse(call, 409, "The table has changed since");
    }
    JSON_FOREACH (row, values) {
        if (set_row(call, table, row) != 200) {
            return call->status;
        }
    }
    thing_touch(&table->thing);
    return handle_table_values(call);
}

/* PUT /testdata/tables/{} {name | title, description} */
int handle_table_update(struct call *call)
{
    struct table *table = call->thing;
    struct str text;

    if (body_name(call, "name", &text) || body_name(call, "title", &text)) {
        table->name = keep(call, text);
    }
    keep_member(call, "description", &table->description);
    thing_touch(&table->thing);
    write_table(call->w, table);
    return 200;
}

static void copy_rows(struct call *call, struct table *to, const struct table *from)
{
    for (size_t i = 0; i < from->columns.n; i++) {
        const struct column *column = from->columns.items[i];

        (void)table_add_column(call, to, column->name); /* fits: it fitted in the other table */
    }
    for (size_t i = 0; i < from->rows.n; i++) {
        const struct str *cells = from->rows.items[i];
        struct str *copy = table_add_row(call, to);

        for (size_t k = 0; k < from->columns.n; k++) {
            copy[k] = cells[k]; /* texts never change: shared */
        }
    }
}

/* POST /testdata/tables/clone {tableId | id | testDataTableId, name?, projectId?} */
int handle_table_clone(struct call *call)
{
    const struct table *from;
    struct table *table;
    struct str name;
    int64_t id = 0;

    if (!body_id(call, "tableId", &id) && !body_id(call, "testDataTableId", &id) &&
        !body_id(call, "id", &id)) {
        return refuse_without(call, "tableId");
    }
    from = need_thing(call, THING_TABLE, id);
    if (from == NULL || !has_room(call, 1 + from->rows.n)) {
        return call->status;
    }
    table = thing_make(call, THING_TABLE, sizeof(*table), 0);
    table->name = body_name(call, "name", &name) || body_name(call, "title", &name)
                      ? keep(call, name)
                      : from->name;
    table->description = from->description;
    table->project_id = from->project_id;
    (void)body_id(call, "projectId", &table->project_id); /* else that of the other table */
    copy_rows(call, table, from);
    refs_append(call->tenant, &call->tenant->tables, table);
    write_table(call->w, table);
    return 200;
}

int handle_table_delete(struct call *call)
{
    return thing_delete(call, &call->tenant->tables);
}
