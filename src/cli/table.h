/* A list of flat objects as a table for a terminal: a line for each object, and each column as wide as
 * its widest value. On a narrow terminal the widest columns are cut. Pure; texts are escaped. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>

#include "base/buf.h"
#include "data/json.h"

enum { TABLE_MAX_COLUMNS = 8 };

/* False: it is no list of flat objects, or has more than TABLE_MAX_COLUMNS columns; nothing was written. */
bool table_write(struct buf *out, const struct json *list, size_t terminal_columns);

#endif
