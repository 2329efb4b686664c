/* CSV as a value: the first row names the columns, every other row becomes an object. */
#include "catalog_internal.h"
#include "data/csv.h"

enum { CSV_MAX_CELLS = 50000, CSV_MAX_COLUMNS = 200 };

struct csv_header {
    struct json *names;
    size_t n;
};

/* Refuses a header that names a column twice: one of the two values would be lost silently. */
static bool names_differ(const struct param_place *place, const struct json *header)
{
    const struct json *a;
    const struct json *b;

    JSON_FOREACH (a, header) {
        for (b = json_next(a); b != NULL; b = json_next(b)) {
            if (str_eq(json_str(a), json_str(b))) {
                return param_refuse(
                    place, "the header names a column twice; give each its own name", STR_EMPTY);
            }
        }
    }
    return true;
}

static bool refuse_row(const struct param_place *place, const char *what, size_t number, int limit)
{
    return param_refuse(
        place, arena_printf(place->arena, "row %zu: %s %d", number, what, limit).ptr, STR_EMPTY);
}

/* Appends row `number` (the header is row 1) as an object: its cells by the names in the header. */
static bool take_csv_row(const struct param_place *place, const struct csv_header *header,
                         struct str *rest, size_t number, size_t *n_cells, struct json *rows)
{
    size_t n;
    struct json *cells = json_new_array(place->arena);
    struct json *row = json_new_object(place->arena);
    const struct json *name = json_first(header->names);
    const struct json *cell;

    if (!csv_row(place->arena, rest, header->n, cells, &n)) {
        return param_refuse(place, "must be CSV text: a quote is not closed", STR_EMPTY);
    }
    *n_cells += n;
    if (n > header->n) {
        return refuse_row(place, "more cells than the header, which has", number, (int)header->n);
    }
    if (*n_cells > CSV_MAX_CELLS) {
        return refuse_row(place, "more cells up to this row than can be imported at once:", number,
                          CSV_MAX_CELLS);
    }
    JSON_FOREACH (cell, cells) {
        json_set(row, json_str(name), json_copy(place->arena, cell));
        name = json_next(name);
    }
    json_append(rows, row);
    return true;
}

bool take_csv(const struct param_place *place, const struct json *value)
{
    struct str rest = json_str(value);
    struct csv_header header = {.names = json_new_array(place->arena)};
    struct json *rows = json_new_array(place->arena);
    size_t n_cells = 0;
    size_t number = 1;

    if (place->csv_left != NULL && rest.len > *place->csv_left) {
        return param_refuse(
            place, "the CSV texts of a batch are too long together; send it by itself", STR_EMPTY);
    }
    if (place->csv_left != NULL) {
        *place->csv_left -= rest.len;
    }
    if (str_starts(rest, STR("\xEF\xBB\xBF"))) { /* a byte order mark, as spreadsheets write it */
        rest = str_sub(rest, 3, rest.len);
    }
    if (json_type(value) != JSON_STRING || rest.len == 0 ||
        !csv_row(place->arena, &rest, CSV_MAX_COLUMNS, header.names, &header.n)) {
        return param_refuse(place, "must be CSV text: a header row, then rows, quotes closed",
                            STR_EMPTY);
    }
    if (header.n > CSV_MAX_COLUMNS) {
        return refuse_row(place, "more columns than are taken:", 1, CSV_MAX_COLUMNS);
    }
    if (!names_differ(place, header.names)) {
        return false;
    }
    while (rest.len > 0) {
        if (!take_csv_row(place, &header, &rest, ++number, &n_cells, rows)) {
            return false;
        }
    }
    (void)param_put_text(place, json_str(value));
    return param_put(place, "rows", rows);
}
