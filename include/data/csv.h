/* CSV as RFC 4180 has it: lines of cells between commas, cells in double quotes where they hold one
 * of , " or a line break. Lines end in LF or CRLF. Pure. */
#ifndef DATA_CSV_H
#define DATA_CSV_H

#include "base/buf.h"
#include "data/json.h"

/* Cuts one cell off the front of `*rest` into `cell`, which it clears first. False: its quote is not
 * closed. */
bool csv_cell(struct str *rest, struct buf *cell, bool *out_ends_line);
/* Cuts the next line off `*rest` and appends its cells to the array `out` as texts: at most
 * max_cells + 1, so that the caller sees when there are too many. False: a quote is not closed. */
bool csv_row(struct arena *arena, struct str *rest, size_t max_cells, struct json *out,
             size_t *out_n);

#endif
