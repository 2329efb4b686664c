#include "data/csv.h"

/* Reads one cell from the front of *rest. *out_end: it was the last cell of its line. */
static bool csv_cell(struct arena *arena, struct str *rest, struct str *out_cell, bool *out_end)
{
    struct buf cell;
    bool quoted = rest->len > 0 && rest->ptr[0] == '"';
    size_t at = quoted ? 1 : 0;

    buf_init(&cell, rest->len + 1);
    for (; at < rest->len; at++) {
        char c = rest->ptr[at];

        if (quoted && c == '"') {
            if (at + 1 < rest->len && rest->ptr[at + 1] == '"') {
                at++;
            } else {
                quoted = false;
                continue;
            }
        } else if (!quoted && (c == ',' || c == '\n')) {
            break;
        } else if (!quoted && c == '\r' && at + 1 < rest->len && rest->ptr[at + 1] == '\n') {
            continue;
        }
        buf_char(&cell, c);
    }
    *out_cell = arena_str(arena, buf_view(&cell));
    *out_end = at >= rest->len || rest->ptr[at] == '\n';
    *rest = str_sub(*rest, at + 1, rest->len);
    buf_done(&cell);
    return !quoted;
}

bool csv_row(struct arena *arena, struct str *rest, size_t max_cells, struct json *out,
             size_t *out_n)
{
    bool end = false;
    size_t n = 0;

    while (!end && n <= max_cells) {
        struct str cell;

        if (!csv_cell(arena, rest, &cell, &end)) {
            return false;
        }
        json_append(out, json_new_string(arena, cell));
        n++;
    }
    *out_n = n;
    return true;
}
