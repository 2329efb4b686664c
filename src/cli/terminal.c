#include "terminal.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

void terminal_put(FILE *to, struct buf *text)
{
    (void)fwrite(text->ptr, 1, text->len, to);
    (void)fflush(to);
    buf_done(text);
}

bool terminal_draws(FILE *to)
{
    return isatty(fileno(to)) == 1 && !str_is(str_from(getenv("TERM")), "dumb");
}

void terminal_size(FILE *to, size_t *out_columns, size_t *out_lines)
{
    struct winsize size = {0};
    bool is_known = ioctl(fileno(to), TIOCGWINSZ, &size) == 0;

    *out_columns = is_known && size.ws_col > 0 ? size.ws_col : TERMINAL_COLUMNS;
    *out_lines = is_known && size.ws_row > 1 ? size.ws_row : TERMINAL_LINES;
}
