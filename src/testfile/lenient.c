/* A lenient compile: errors become warnings, and a step that does not compile becomes a comment that says
 * what stood there, so that the rest of the file can be created. The errors of a file that is no test
 * stay errors: see struct compile, `fatal`. */
#include "base/mem.h"
#include "testfile_internal.h"

enum { TEXT_MAX = 300, REASON_MAX = 150, COMMENT_MAX = 500 };

struct step_mark step_mark(const struct compile *c)
{
    struct step_mark mark = {.problems = *c->problems,
                             .n_steps = c->test != NULL ? c->test->n_steps : 0,
                             .n_all_steps = c->out->n_steps};

    mem_copy(mark.n_by_format, c->n_by_format, sizeof(mark.n_by_format));
    return mark;
}

void lenient_forgive(struct compile *c, const struct step_mark *mark, const char *what)
{
    struct testfile_problems *problems = c->problems;
    size_t n = problems->n_errors - mark->problems.n_errors;

    for (size_t i = mark->problems.n; i < problems->n; i++) {
        struct testfile_problem *problem = &problems->items[i];

        if (problem->severity == TESTFILE_ERROR) {
            problem->severity = TESTFILE_WARNING;
            problem->detail = arena_printf(c->arena, "%s: %.*s", what, STR_ARG(problem->detail));
        }
    }
    c->n_forgiven += n;
    problems->n_errors -= n;
    problems->n_warnings += n;
}

static void put_flow(struct buf *out, const struct node *node, bool outermost)
{
    if (node->type == NODE_SCALAR) {
        const char *quote = node->quoted && !outermost ? "\"" : "";

        buf_text(out, quote);
        buf_str(out, node->text);
        buf_text(out, quote);
        return;
    }
    if (!outermost) {
        buf_char(out, node->type == NODE_MAP ? '{' : '[');
    }
    NODE_FOREACH (child, node) {
        if (node->type == NODE_MAP) {
            buf_str(out, child->key);
            buf_text(out, ": ");
        }
        put_flow(out, child, false);
        buf_text(out, child->next != NULL ? ", " : "");
    }
    if (!outermost) {
        buf_char(out, node->type == NODE_MAP ? '}' : ']');
    }
}

/* The step on one line, close to the text of the file. What does not fit is cut off. */
static struct str text_of_step(struct arena *arena, const struct node *node)
{
    struct buf out;
    struct str text;

    buf_init(&out, VALUE_MAX_BYTES);
    put_flow(&out, node, true);
    text = problem_clean(arena, arena_str(arena, buf_view(&out)), TEXT_MAX);
    buf_done(&out);
    return text;
}

static struct str reason_of(const struct compile *c, const struct step_mark *mark)
{
    for (size_t i = mark->problems.n; i < c->problems->n; i++) {
        if (c->problems->items[i].severity == TESTFILE_ERROR) {
            return c->problems->items[i].detail;
        }
    }
    return STR("it does not compile"); /* its errors are only counted */
}

bool lenient_comment(struct compile *c, const struct node *node, const struct step_mark *mark)
{
    struct step_origin origin = {.place = place_of(node)};
    struct json *args = args_new(c);
    struct arena scratch; /* freed at once: ten thousand steps may be left out */
    struct json *text = c->spare_text;
    struct str comment;
    size_t n_errors;

    c->test->n_steps = mark->n_steps; /* some commands of the step may be steps already */
    c->out->n_steps = mark->n_all_steps;
    arena_init(&scratch);
    comment = arena_printf(&scratch, "%.*s (left out: %.*s)", STR_ARG(text_of_step(&scratch, node)),
                           STR_ARG(utf8_clip(reason_of(c, mark), REASON_MAX)));
    lenient_forgive(c, mark, "left out");
    comment = utf8_clip(comment, COMMENT_MAX);
    if (text == NULL) {
        text = json_new_string(c->arena, comment);
    } else {
        json_put_text(text, c->arena, comment);
        c->spare_text = NULL;
    }
    json_append(args, text);
    arena_done(&scratch);
    n_errors = c->problems->n_errors;
    if (!step_emit(c, STR("step-misc comment"), args, NULL, &origin)) {
        return c->problems->n_errors == n_errors;
    }
    c->test->steps[c->test->n_steps - 1].left_out = true;
    c->out->n_left_out++;
    return true;
}
