/* Problems and steps for people and for machines. */
#include "base/json_form.h"
#include "testfile_internal.h"

enum { LINE_SHOWN = 160, BEFORE_CARET = 60 };

/* ---- for people ---- */

/* The lines of a text. Problems come in the order of the lines, so one pass finds them all. */
struct source {
    struct str rest;
    unsigned line; /* of `current`; 0 before the first */
    struct str current;
};

static bool source_go(struct source *source, unsigned line)
{
    while (source->line < line && source->rest.len > 0) {
        (void)str_cut(source->rest, '\n', &source->current, &source->rest);
        source->line++;
    }
    return line > 0 && source->line == line;
}

/* Writes one character so that it is safe for a terminal; returns its width in columns. */
static size_t put_safe(struct buf *out, uint32_t point)
{
    char piece[4];
    struct str one = {piece, utf8_encode(point == '\t' ? ' ' : point, piece)};
    size_t before = out->len;

    utf8_put_safe(out, one, "");
    return out->len - before == one.len ? 1 : out->len - before;
}

static const char *paint(bool color, const char *code)
{
    return color ? code : "";
}

static void print_caret(struct buf *out, const struct testfile_problem *problem, size_t indent,
                        bool color)
{
    buf_text(out, "       | ");
    for (size_t i = 0; i < indent; i++) {
        buf_char(out, ' ');
    }
    buf_text(out, paint(color, "\033[32m"));
    buf_char(out, '^');
    for (unsigned i = 1; i < problem->width && i < BEFORE_CARET; i++) {
        buf_char(out, '~');
    }
    buf_text(out, paint(color, "\033[0m"));
    buf_char(out, '\n');
}

/* The line, cut around the caret when it is long, and the caret below it. */
static void print_line(struct buf *out, struct str line, const struct testfile_problem *problem,
                       bool color)
{
    unsigned first =
        problem->column > LINE_SHOWN - BEFORE_CARET ? problem->column - BEFORE_CARET : 1;
    size_t indent = 0;
    unsigned column = 1;

    if (str_ends(line, STR("\r"))) {
        line = str_sub(line, 0, line.len - 1);
    }
    buf_printf(out, "%6u | ", problem->line);
    while (line.len > 0 && column < first + LINE_SHOWN) {
        uint32_t point = utf8_next(&line);

        if (column >= first) {
            size_t width = put_safe(out, point);

            indent += column < problem->column ? width : 0;
        }
        column++;
    }
    buf_char(out, '\n');
    print_caret(out, problem, indent, color);
}

static void print_note(struct buf *out, const char *word, struct str text)
{
    if (text.len > 0) {
        buf_printf(out, "       = %s: ", word);
        buf_str(out, text);
        buf_char(out, '\n');
    }
}

static void print_one(struct buf *out, struct str file, struct source *source,
                      const struct testfile_problem *problem, bool color)
{
    bool error = problem->severity == TESTFILE_ERROR;

    file = file.len > 0 ? file : STR("(input)");
    while (file.len > 0) {
        (void)put_safe(out, utf8_next(&file));
    }
    if (problem->line > 0) {
        buf_printf(out, ":%u:%u", problem->line, problem->column);
    }
    buf_printf(out, ": %s%s%s: ", paint(color, error ? "\033[1;31m" : "\033[1;33m"),
               error ? "error" : "warning", paint(color, "\033[0m"));
    buf_str(out, problem->detail);
    if (problem->nearest.len > 0) {
        bool is_map = problem->nearest.ptr[0] == '{';

        buf_printf(out, "; did you mean %s%.*s%s?", is_map ? "" : "\"", STR_ARG(problem->nearest),
                   is_map ? "" : "\"");
    }
    buf_char(out, '\n');
    if (source_go(source, problem->line)) {
        print_line(out, source->current, problem, color);
    }
    print_note(out, "help", problem->hint);
    print_note(out, "example", problem->example);
}

void testfile_print_human(struct buf *out, struct str file, struct str source,
                          const struct testfile_problems *problems, bool color)
{
    struct source lines = {.rest = source};

    for (size_t i = 0; i < problems->n; i++) {
        print_one(out, file, &lines, &problems->items[i], color);
    }
    if (problems->n_dropped > 0) {
        buf_printf(out, "and %zu more\n", problems->n_dropped);
    }
}

/* ---- for machines ---- */

void testfile_problems_json(struct json_writer *w, const struct testfile_problems *problems,
                            enum testfile_severity severity)
{
    jw_array(w);
    for (size_t i = 0; i < problems->n; i++) {
        const struct testfile_problem *problem = &problems->items[i];

        if (problem->severity == severity) {
            jw_form(w,
                    "{line:%i, column:%i, text?:%s, detail:%s, nearest?:%s, hint?:%s, example?:%s, "
                    "test?:%s}",
                    problem->line, problem->column, problem->text, problem->detail,
                    problem->nearest, problem->hint, problem->example, problem->test);
        }
    }
    jw_end(w);
}

void testfile_step_json(struct json_writer *w, const struct testfile_step *step)
{
    jw_form(w, "{command:%s", step->command->words);
    jw_key(w, "args");
    json_write(w, step->args);
    if (json_size(step->options) > 0) {
        jw_key(w, "options");
        json_write(w, step->options);
    }
    jw_form(w, "description?:%s, line:%i, column:%i, phase:%s, optional?:%b, left_out?:%b}",
            step->description, step->line, step->column, testfile_phase_name(step->phase),
            step->optional, step->left_out);
}
