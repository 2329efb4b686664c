/* A list of flat objects as a table for a terminal: one line each, columns as wide as their widest
 * value, the widest one cut where the terminal ends. Pure; texts are escaped. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>

#include "base/buf.h"
#include "data/json.h"

enum { TABLE_MAX_COLUMNS = 8 };

/* False: the list is not of that shape (nothing was written). */
bool table_write(struct buf *out, const struct json *list, size_t terminal_columns);

#endif
