/* CSV by RFC 4180: lines of cells between commas; a cell with a comma, a double quote or a line break stands
 * in double quotes. Lines end in LF or CRLF. Pure. */
#ifndef DATA_CSV_H
#define DATA_CSV_H

#include "base/buf.h"
#include "data/json.h"

/* Cuts one cell off the front of `*rest` into `cell`, which it clears first. False: a quote of the
 * cell is not closed. */
bool csv_cell(struct str *rest, struct buf *cell, bool *out_ends_line);
/* Cuts the next line off `*rest` and appends its cells to the array `out` as texts: at most
 * max_cells + 1, so that the caller sees when there are too many. False: a quote is not closed. */
bool csv_row(struct arena *arena, struct str *rest, size_t max_cells, struct json *out,
             size_t *out_n);

#endif
