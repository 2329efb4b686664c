/* Progress while files run: on a terminal one line that is drawn over (with spaces instead of
 * escapes, so it works under NO_COLOR too), and with --verbose a line for each finished step. */
#include "base/clock.h"
#include "base/fd.h"
#include "base/utf8.h"
#include "escape.h"
#include "run_internal.h"
#include "terminal.h"

enum {
    LINE_MAX_BYTES = 4096,
    BAR_CELLS = 20,
    DRAW_EVERY_MS = 100,
    TEXT_SHOWN = 200,
    EXECUTION_STEP = 10
};

void display_init(struct display *display, const struct cli_run_options *options)
{
    bool human = options->output == CLI_OUTPUT_HUMAN;
    FILE *to = human ? stdout : stderr;

    *display = (struct display){.to = to,
                                .bar = terminal_draws(to),
                                .human = human,
                                .lines = human && options->verbose,
                                .color = fd_takes_color(fileno(to))};
}

void display_text(struct display *display, struct buf *text)
{
    display_clear(display);
    terminal_put(display->to, text);
}

/* Writes `text`, which is escaped already, as a whole line; takes the buf. */
static void display_line(struct display *display, struct buf *text)
{
    buf_char(text, '\n');
    display_text(display, text);
}

/* ---- lines ---- */

static bool is_over(struct str status)
{
    return status.len > 0 && !str_is(status, "pending") && !str_is(status, "running");
}

static void step_line(struct cli_run *run, const struct run_item *item, const struct json *step,
                      size_t number)
{
    int64_t total = report_int(json_find(item->object, "/steps/total"));
    struct buf text;
    struct buf reason;

    buf_init(&text, LINE_MAX_BYTES);
    escape_form(&text, escape_terminal, "%e [%i/%i] %e  %e",
                utf8_clip(item->source->file, TEXT_SHOWN), number, total,
                json_str(json_get(step, "status")), utf8_clip(report_step_text(step), TEXT_SHOWN));
    if (report_step_is_red(step)) {
        buf_init(&reason, LINE_MAX_BYTES);
        report_step_reason(&reason, step);
        escape_form(&text, escape_terminal, ": %e", utf8_clip(buf_view(&reason), TEXT_SHOWN));
        buf_done(&reason);
    } else {
        buf_printf(&text, " (made in %lld ms)", (long long)report_int(json_get(step, "ms")));
    }
    display_line(&run->display, &text);
}

/* Steps end in order, so one number (n_shown) says which of them are printed already. */
static void show_steps(struct cli_run *run, struct run_item *item)
{
    const struct json *test;
    const struct json *step;
    size_t number = 0;

    JSON_FOREACH (test, json_get(item->object, "tests")) {
        JSON_FOREACH (step, json_get(test, "steps")) {
            if (++number <= item->n_shown) {
                continue;
            }
            if (!is_over(json_str(json_get(step, "status")))) {
                return;
            }
            item->n_shown = number;
            step_line(run, item, step, number);
        }
    }
}

static void show_execution(struct cli_run *run, struct run_item *item)
{
    const struct json *execution;
    int64_t progress = 0;
    struct buf text;

    JSON_FOREACH (execution, json_get(item->object, "executions")) {
        progress += report_int(json_get(execution, "progress"));
    }
    if (run->display.bar || progress < item->execution + EXECUTION_STEP) {
        return;
    }
    item->execution = progress;
    buf_init(&text, LINE_MAX_BYTES);
    escape_form(&text, escape_terminal, "%e execution %i %s",
                utf8_clip(item->source->file, TEXT_SHOWN),
                progress / (int64_t)json_size(json_get(item->object, "executions")), "%");
    display_line(&run->display, &text);
}

static void show_id(struct cli_run *run, struct run_item *item)
{
    struct buf text;

    if (item->id_shown || item->object == NULL) {
        return;
    }
    item->id_shown = true;
    buf_init(&text, LINE_MAX_BYTES);
    escape_form(&text, escape_terminal, "%e: %e (%e)", utf8_clip(item->source->file, TEXT_SHOWN),
                utf8_clip(json_str(json_get(item->object, "name")), TEXT_SHOWN),
                json_str(json_get(item->object, "id")));
    display_line(&run->display, &text);
}

void display_item(struct cli_run *run, struct run_item *item)
{
    if (run->display.lines) {
        show_id(run, item);
        show_steps(run, item);
        show_execution(run, item);
    }
    display_bar(run, item->state == ITEM_ENDED);
}

/* ---- the bar ---- */

static uint64_t percent_of(const struct run_item *item)
{
    int64_t progress = report_int(json_get(item->object, "progress"));

    if (item->state == ITEM_ENDED) {
        return 100;
    }
    return progress < 0 ? 0 : progress > 100 ? 100 : (uint64_t)progress;
}

static const struct json *running_step(const struct run_item *item)
{
    const struct json *test;
    const struct json *step;

    JSON_FOREACH (test, json_get(item->object, "tests")) {
        JSON_FOREACH (step, json_get(test, "steps")) {
            if (!is_over(json_str(json_get(step, "status")))) {
                return step;
            }
        }
    }
    return NULL;
}

static void bar_text(const struct cli_run *run, struct buf *out)
{
    const struct run_item *now = NULL;
    uint64_t percent = 0;
    size_t n_ended = 0;

    for (size_t i = 0; i < run->gather.n; i++) {
        const struct run_item *item = &run->items[i];

        percent += percent_of(item);
        n_ended += item->state == ITEM_ENDED ? 1 : 0;
        now = now == NULL && item->state != ITEM_ENDED ? item : now;
    }
    percent /= run->gather.n > 0 ? run->gather.n : 1;
    buf_char(out, '[');
    for (uint64_t i = 0; i < BAR_CELLS; i++) {
        buf_char(out, i * 100 < percent * BAR_CELLS ? '=' : ' ');
    }
    buf_printf(out, "] %3llu%%  %zu/%zu files  ", (unsigned long long)percent, n_ended,
               run->gather.n);
    if (run->stopping) {
        buf_text(out, "stopping  ");
    }
    if (now != NULL) {
        const struct json *step = running_step(now);

        escape_terminal(out, utf8_clip(now->source->file, TEXT_SHOWN));
        if (step != NULL) {
            buf_text(out, ": ");
            escape_terminal(out, utf8_clip(report_step_text(step), TEXT_SHOWN));
        } else if (json_size(json_get(now->object, "executions")) > 0) {
            buf_text(out, ": executing");
        }
    }
}

void display_clear(struct display *display)
{
    struct buf text;

    if (display->bar_columns == 0) {
        return;
    }
    buf_init(&text, LINE_MAX_BYTES);
    buf_printf(&text, "\r%*s\r", (int)display->bar_columns, "");
    terminal_put(display->to, &text);
    display->bar_columns = 0;
}

void display_bar(struct cli_run *run, bool at_once)
{
    struct display *display = &run->display;
    uint64_t now_ms = clock_now_ms();
    struct buf text;
    struct buf line;
    struct str shown;
    size_t columns;
    size_t lines;

    if (!display->bar || (!at_once && now_ms - display->drawn_ms < DRAW_EVERY_MS)) {
        return;
    }
    display->drawn_ms = now_ms;
    buf_init(&text, LINE_MAX_BYTES);
    bar_text(run, &text);
    terminal_size(display->to, &columns, &lines);
    shown = text_clip_columns(buf_view(&text), columns - 1);
    columns = text_columns(shown);
    buf_init(&line, LINE_MAX_BYTES);
    buf_printf(&line, "\r%.*s", STR_ARG(shown));
    buf_printf(&line, "%*s",
               columns < display->bar_columns ? (int)(display->bar_columns - columns) : 0, "");
    display->bar_columns = columns;
    terminal_put(display->to, &line);
    buf_done(&text);
}
