/* What the subcommands write to, and how large it is. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/buf.h"

enum { TERMINAL_COLUMNS = 80, TERMINAL_LINES = 24 }; /* where nobody says how large it is */

/* Writes it at once, and ends the buf. What cannot be written is told at the end of the program. */
void terminal_put(FILE *to, struct buf *text);
/* A terminal where a line can be drawn over. */
bool terminal_draws(FILE *to);
void terminal_size(FILE *to, size_t *out_columns, size_t *out_lines);

#endif
