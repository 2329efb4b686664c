/* The output of the subcommands: whether it is a terminal, and of what size. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/buf.h"

enum { TERMINAL_COLUMNS = 80, TERMINAL_LINES = 24 }; /* where the size is not known */

/* Writes the text at once, and ends the buf. A failed write is told at the end of the program. */
void terminal_put(FILE *to, struct buf *text);
/* A terminal where a line can be drawn over. */
bool terminal_draws(FILE *to);
void terminal_size(FILE *to, size_t *out_columns, size_t *out_lines);

#endif
