#include "top_draw.h"

#include <math.h>
#include <string.h>

#include "base/attr.h"
#include "escape.h"

enum {
    CELL_MIN = 38,
    CELL_GAP = 2,
    TWO_BESIDE = 2 * CELL_MIN + CELL_GAP, /* columns of two plots beside each other */
    TEXT_MAX = 128,
    LINE_MAX_BYTES = 4096,
    PICTURE_MAX = 1024 * 1024,
    PLOT_MAX_LINES = 16,
    EIGHTHS = 8
};

static const enum top_figure plotted[TOP_N_PLOTS] = {FIGURE_RATE, FIGURE_P95, FIGURE_ERRORS,
                                                     FIGURE_CALLS};

/* ---- values ---- */

static const char *const units[] = {[OF_GAUGE] = "",   [OF_RATE] = "/s", [OF_SHARE] = " %",
                                    [OF_LEVEL] = " %", [OF_CPU] = " %",  [OF_QUANTILE] = " ms"};

/* Three significant digits, or all digits before the point if there are more. */
static void put_value(struct buf *out, double value, enum top_how how)
{
    int digits = how == OF_GAUGE || fabs(value) >= 100 ? 0 : fabs(value) >= 10 ? 1 : 2;

    if (isnan(value)) {
        buf_text(out, "-");
        return;
    }
    if (how == OF_QUANTILE && value >= 10000) {
        buf_printf(out, "%.1f s", value / 1e3);
        return;
    }
    buf_printf(out, "%.*f%s", value == 0 ? 0 : digits, value, units[how]);
}

static const char *color_of(const struct top_picture *picture, size_t figure)
{
    const struct top_row *row = &top_rows[figure];
    double value = picture->figures[figure];

    if (!picture->color || isnan(value)) {
        return "";
    }
    if (row->bad > 0 && value >= row->bad) {
        return "\x1b[31m";
    }
    return row->warns > 0 && value >= row->warns ? "\x1b[33m" : "";
}

static void put_blanks(struct buf *out, size_t n)
{
    while (n-- > 0) {
        buf_char(out, ' ');
    }
}

static void put_colored(struct buf *out, const char *color, struct str text)
{
    buf_text(out, color);
    buf_str(out, text);
    buf_text(out, color[0] == '\0' ? "" : "\x1b[0m");
}

/* ---- lines on top ---- */

static void put_clipped(struct buf *out, const struct top_picture *picture, const char *color,
                        struct str text)
{
    put_colored(out, color, text_clip_columns(text, picture->columns));
    buf_char(out, '\n');
}

static void put_span(struct buf *out, double seconds)
{
    long long s = (long long)seconds;

    if (s >= 86400) {
        buf_printf(out, "%lld d %lld h", s / 86400, s / 3600 % 24);
    } else if (s >= 3600) {
        buf_printf(out, "%lld h %lld min", s / 3600, s / 60 % 60);
    } else {
        buf_printf(out, "%lld min %lld s", s / 60, s % 60);
    }
}

static void put_head(struct buf *out, const struct top_picture *picture)
{
    struct buf line;

    buf_init(&line, LINE_MAX_BYTES);
    buf_text(&line, "virtuoso-proxy ");
    escape_terminal(&line, str_from(picture->version));
    buf_text(&line, picture->version[0] == '\0' ? "" : " ");
    buf_str(&line, picture->url);
    if (picture->up_s >= 0) {
        buf_text(&line, "  up ");
        put_span(&line, picture->up_s);
    }
    put_clipped(out, picture, picture->color ? "\x1b[1m" : "", buf_view(&line));
    buf_done(&line);
    if (picture->trouble.len > 0) {
        put_clipped(out, picture, picture->color ? "\x1b[31m" : "", picture->trouble);
    } else {
        buf_text(out, "\n");
    }
}

/* ---- cells ---- */

static void put_cell(struct buf *out, const struct top_picture *picture, size_t figure,
                     size_t width)
{
    const char *label = top_rows[figure].label;
    struct buf value;
    size_t used;

    buf_init(&value, TEXT_MAX);
    put_value(&value, picture->figures[figure], top_rows[figure].how);
    used = strlen(label) + value.len;
    buf_text(out, label);
    put_blanks(out, used < width ? width - used : 1);
    put_colored(out, color_of(picture, figure), buf_view(&value));
    buf_done(&value);
}

static size_t n_cell_columns(const struct top_picture *picture)
{
    size_t n = (picture->columns + CELL_GAP) / (CELL_MIN + CELL_GAP);

    return n > 0 ? n : 1;
}

static size_t n_cell_lines(const struct top_picture *picture)
{
    size_t n = n_cell_columns(picture);

    return (TOP_N_FIGURES + n - 1) / n;
}

/* Fills one column after the other, so that figures that belong together stand one below the other. */
static void put_cells(struct buf *out, const struct top_picture *picture)
{
    size_t n_columns = n_cell_columns(picture);
    size_t n_lines = n_cell_lines(picture);
    size_t width = (picture->columns + CELL_GAP) / n_columns - CELL_GAP;

    for (size_t line = 0; line < n_lines; line++) {
        for (size_t at = line, column = 0; at < TOP_N_FIGURES; at += n_lines, column++) {
            put_blanks(out, column > 0 ? CELL_GAP : 0);
            put_cell(out, picture, at, width);
        }
        buf_char(out, '\n');
    }
}

/* ---- plots ---- */

static double largest(const double *values, size_t n)
{
    double most = 0;

    for (size_t i = 0; i < n; i++) {
        most = values[i] > most ? values[i] : most; /* NAN is not */
    }
    return most;
}

struct plot {
    const double *values; /* the newest that fit */
    size_t n;
    double most;
    size_t width;
    size_t height;
};

static struct plot plot_of(const struct top_picture *picture, size_t at, size_t width,
                           size_t height)
{
    const struct top_history *history = picture->history;
    size_t n = history->n < width ? history->n : width;
    const double *values = history->values[at] + (history->n - n);

    return (struct plot){values, n, largest(values, n), width, height};
}

/* Row 0 is the top one. A value above 0 shows, however small it is; an unknown one leaves a gap. */
static void put_plot_line(struct buf *out, const struct plot *plot, size_t row)
{
    static const char *const bars[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double below = (double)((plot->height - 1 - row) * EIGHTHS);

    put_blanks(out, plot->width - plot->n);
    for (size_t i = 0; i < plot->n; i++) {
        double value = plot->values[i];
        double level = 0;

        if (value > 0) {
            level = ceil(value * (double)(plot->height * EIGHTHS) / plot->most) - below;
        }
        buf_text(out, bars[(size_t)fmin(fmax(level, 0), (double)EIGHTHS)]);
    }
}

static void put_plot_title(struct buf *out, const struct plot *plot, size_t at)
{
    const struct top_row *row = &top_rows[plotted[at]];
    struct buf title;

    buf_init(&title, TEXT_MAX);
    buf_printf(&title, "%s, up to ", row->label);
    put_value(&title, plot->most, row->how);
    buf_str(out, text_clip_columns(buf_view(&title), plot->width));
    put_blanks(out, title.len < plot->width ? plot->width - title.len : 0);
    buf_done(&title);
}

static void put_plot_row(struct buf *out, const struct top_picture *picture, size_t first,
                         size_t n_beside, size_t height)
{
    size_t width = (picture->columns + CELL_GAP) / n_beside - CELL_GAP;
    struct plot plots[TOP_N_PLOTS];

    for (size_t i = 0; i < n_beside; i++) {
        plots[i] = plot_of(picture, first + i, width, height);
    }
    for (size_t line = 0; line <= height; line++) {
        for (size_t i = 0; i < n_beside; i++) {
            put_blanks(out, i > 0 ? CELL_GAP : 0);
            if (line == 0) {
                put_plot_title(out, &plots[i], first + i);
            } else {
                put_plot_line(out, &plots[i], line - 1);
            }
        }
        buf_char(out, '\n');
    }
}

static void put_plots(struct buf *out, const struct top_picture *picture, size_t n_lines)
{
    size_t n_beside = picture->columns >= TWO_BESIDE ? 2 : 1;
    size_t n_rows = TOP_N_PLOTS / n_beside;
    size_t height;

    while (n_rows > 0 && n_lines / n_rows < 3) { /* an empty line, a title, and a line of bars */
        n_rows--;
    }
    for (size_t row = 0; row < n_rows; row++) {
        height = n_lines / n_rows - 2;
        buf_char(out, '\n');
        put_plot_row(out, picture, row * n_beside, n_beside,
                     height < PLOT_MAX_LINES ? height : PLOT_MAX_LINES);
    }
}

void top_history_add(struct top_history *history, const double figures[TOP_N_FIGURES])
{
    if (history->n == TOP_HISTORY) {
        for (size_t i = 0; i < TOP_N_PLOTS; i++) {
            memmove(history->values[i], history->values[i] + 1,
                    (TOP_HISTORY - 1) * sizeof(history->values[i][0]));
        }
        history->n--;
    }
    for (size_t i = 0; i < TOP_N_PLOTS; i++) {
        history->values[i][history->n] = figures[plotted[i]];
    }
    history->n++;
}

/* The first lines of `text`, and no blanks at their ends. */
static void put_lines(struct buf *out, struct str text, size_t n)
{
    struct str line;

    while (n-- > 0 && text.len > 0) {
        (void)str_cut(text, '\n', &line, &text);
        while (line.len > 0 && line.ptr[line.len - 1] == ' ') {
            line.len--;
        }
        buf_str(out, line);
        buf_char(out, '\n');
    }
}

void top_draw(struct buf *out, const struct top_picture *picture)
{
    struct top_picture sized = *picture;
    struct buf all;
    size_t used;

    sized.columns = picture->columns < TOP_MIN_COLUMNS ? TOP_MIN_COLUMNS : picture->columns;
    used = 2 + n_cell_lines(&sized);
    buf_init(&all, PICTURE_MAX);
    put_head(&all, &sized);
    put_cells(&all, &sized);
    if (sized.lines > used) {
        put_plots(&all, &sized, sized.lines - used);
    }
    put_lines(out, buf_view(&all), sized.lines);
    buf_done(&all);
}
