/* Problems: what is wrong, where, and what to do. They are kept whole up to a bound and put in the
 * order of the text at the end, since the stages find them in an order of their own. */
#include <stdlib.h>

#include "base/json_plain.h"
#include "testfile_internal.h"

enum { TEXT_SHOWN = 120, DETAIL_MAX = 1024 };

struct str problem_clean(struct arena *arena, struct str text, size_t max_bytes)
{
    struct str rest = utf8_clip(text, max_bytes);
    bool cut = rest.len < text.len;
    struct buf buf;

    if (!cut && json_plain_len(text) == text.len) { /* nearly always */
        return text;
    }
    buf_init(&buf, (max_bytes * 8) + 16);
    while (rest.len > 0) {
        uint32_t point = utf8_next(&rest);
        char piece[4];

        if (point == '\n' || point == '\t') {
            buf_text(&buf, point == '\n' ? "\\n" : "\\t");
        } else if (utf8_is_unsafe(point)) {
            buf_printf(&buf, "\\u%04X", point);
        } else {
            buf_append(&buf, piece, utf8_encode(point, piece));
        }
    }
    if (cut) {
        buf_text(&buf, "...");
    }
    return arena_take(arena, &buf);
}

static struct testfile_problem *problem_slot(struct compile *c, enum testfile_severity severity)
{
    struct testfile_problems *problems = c->problems;

    size_t n = severity == TESTFILE_ERROR ? problems->n_errors + c->n_forgiven
                                          : problems->n_warnings - c->n_forgiven;

    if (n >= TESTFILE_MAX_PROBLEMS) {
        problems->n_dropped++;
        return &c->dropped;
    }
    problems->items = arena_room(c->arena, problems->items, problems->n, sizeof(*problems->items));
    return &problems->items[problems->n++];
}

struct testfile_problem *problem_vadd(struct compile *c, enum testfile_severity severity,
                                      struct place place, const char *format, va_list args)
{
    struct testfile_problem *problem = problem_slot(c, severity);
    struct buf text;

    if (severity == TESTFILE_ERROR) {
        c->problems->n_errors++;
    } else {
        c->problems->n_warnings++;
    }
    if (!problem_is_kept(c, problem)) { /* only counted */
        return problem;
    }
    buf_init(&text, DETAIL_MAX);
    buf_vprintf(&text, format, args);
    problem->severity = severity;
    problem->line = place.line;
    problem->column = place.column;
    problem->text = problem_clean(c->arena, place.text, TEXT_SHOWN);
    problem->width = (unsigned)utf8_count(utf8_clip(place.text, TEXT_SHOWN));
    problem->width = problem->width > 0 ? problem->width : 1;
    problem->detail = problem_clean(c->arena, arena_str(c->arena, buf_view(&text)), DETAIL_MAX);
    problem->test =
        c->test != NULL ? problem_clean(c->arena, c->test->name, TEXT_SHOWN) : STR_EMPTY;
    problem->nearest = STR_EMPTY;
    problem->hint = STR_EMPTY;
    problem->example = STR_EMPTY;
    buf_done(&text);
    return problem;
}

struct testfile_problem *problem_add(struct compile *c, enum testfile_severity severity,
                                     struct place place, const char *format, ...)
{
    struct testfile_problem *problem;
    va_list args;

    va_start(args, format);
    problem = problem_vadd(c, severity, place, format, args);
    va_end(args);
    return problem;
}

bool problem_refuse(struct compile *c, struct place place, const char *hint, const char *example,
                    const char *format, ...)
{
    struct testfile_problem *problem;
    va_list args;

    va_start(args, format);
    problem = problem_vadd(c, TESTFILE_ERROR, place, format, args);
    va_end(args);
    problem->hint = str_from(hint);
    problem->example = str_from(example);
    return false;
}

bool problem_is_kept(const struct compile *c, const struct testfile_problem *problem)
{
    return problem != &c->dropped;
}

struct place place_of(const struct node *node)
{
    return (struct place){node->line, node->column,
                          node->type == NODE_SCALAR ? node->text : STR_EMPTY};
}

struct place place_of_key(const struct node *node)
{
    return (struct place){node->key_line > 0 ? node->key_line : node->line,
                          node->key_line > 0 ? node->key_column : node->column, node->key};
}

static int by_place(const void *left, const void *right)
{
    const struct testfile_problem *a = left;
    const struct testfile_problem *b = right;

    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    if (a->column != b->column) {
        return a->column < b->column ? -1 : 1;
    }
    if (a->severity != b->severity) {
        return a->severity < b->severity ? -1 : 1;
    }
    return str_compare(a->detail, b->detail);
}

void problems_sort(struct testfile_problems *problems)
{
    if (problems->n > 1) {
        qsort(problems->items, problems->n, sizeof(*problems->items), by_place);
    }
}
