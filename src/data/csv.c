#include "data/csv.h"

bool csv_cell(struct str *rest, struct buf *cell, bool *out_ends_line)
{
    bool quoted = rest->len > 0 && rest->ptr[0] == '"';
    size_t at = quoted ? 1 : 0;

    buf_clear(cell);
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
        buf_char(cell, c);
    }
    *out_ends_line = at >= rest->len || rest->ptr[at] == '\n';
    *rest = str_sub(*rest, at + 1, rest->len);
    return !quoted;
}

bool csv_row(struct arena *arena, struct str *rest, size_t max_cells, struct json *out,
             size_t *out_n)
{
    struct buf cell;
    bool ends_line = false;
    bool ok = true;
    size_t n = 0;

    buf_init(&cell, rest->len + 1);
    while (ok && !ends_line && n <= max_cells) {
        ok = csv_cell(rest, &cell, &ends_line);
        json_append(out, json_new_string(arena, buf_view(&cell)));
        n++;
    }
    buf_done(&cell);
    *out_n = n;
    return ok;
}
