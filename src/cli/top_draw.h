/* The picture of top: lines of a screen. Pure. */
#ifndef CLI_TOP_DRAW_H
#define CLI_TOP_DRAW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "top_figures.h"

enum { TOP_HISTORY = 512, TOP_MIN_COLUMNS = 40, TOP_N_PLOTS = 4 };

/* The figures of the last reads, the newest last; NAN where the proxy was away. */
struct top_history {
    double values[TOP_N_PLOTS][TOP_HISTORY];
    size_t n;
};

void top_history_add(struct top_history *history, const double figures[TOP_N_FIGURES]);

struct top_picture {
    struct str url;      /* escaped */
    struct str trouble;  /* what is wrong, escaped; empty: nothing is */
    const char *version; /* "": not known yet */
    double up_s;         /* below 0: not known yet */
    double figures[TOP_N_FIGURES];
    const struct top_history *history;
    size_t columns;
    size_t lines;
    bool color;
};

/* At most `lines` lines of at most `columns` columns; each ends with a line end. */
void top_draw(struct buf *out, const struct top_picture *picture);

#endif
