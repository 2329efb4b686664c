/* The end of the story on a terminal: what failed and why, where to look, how to go on. */
#include "base/utf8.h"
#include "escape.h"
#include "report.h"
#include "testfile/testfile.h"

enum { REASON_MAX = 8192, SHOWN_FAILURES = 20, SHOWN_TEXT = 400 };

static const char *const paints[] = {
    [VERDICT_PASSED] = "\033[32m",    [VERDICT_ERROR] = "\033[1;31m",
    [VERDICT_FAILED] = "\033[1;31m",  [VERDICT_CANCELLED] = "\033[33m",
    [VERDICT_TIMED_OUT] = "\033[33m", [VERDICT_SKIPPED] = "\033[33m",
};

static void put_verdict(struct buf *out, enum verdict verdict, bool color)
{
    buf_printf(out, "%s%s%s", color ? paints[verdict] : "", verdict_title(verdict),
               color ? "\033[0m" : "");
}

static void labelled(struct buf *out, const char *label, struct str text)
{
    if (text.len > 0) {
        buf_printf(out, "    %s", label);
        escape_terminal(out, text);
        buf_char(out, '\n');
    }
}

static void put_failure(struct buf *out, struct str file, const struct json *step)
{
    struct buf reason;

    buf_text(out, "    ");
    escape_terminal(out, file);
    if (report_int(json_get(step, "line")) > 0) {
        buf_printf(out, ":%lld:%lld", (long long)report_int(json_get(step, "line")),
                   (long long)report_int(json_get(step, "column")));
    }
    buf_text(out, ": ");
    escape_terminal(out, utf8_clip(report_step_text(step), SHOWN_TEXT));
    buf_text(out, ": ");
    buf_init(&reason, REASON_MAX);
    report_step_reason(&reason, step);
    escape_terminal(out, buf_view(&reason));
    buf_done(&reason);
    buf_char(out, '\n');
}

/* Returns how many there are; `n_before` of them came before. */
static size_t put_red_steps(struct buf *out, const struct report_entry *entry,
                            const struct json *steps, size_t n_before)
{
    const struct json *step;
    size_t n = n_before;

    JSON_FOREACH (step, steps) {
        if (report_step_is_red(step) && n++ < SHOWN_FAILURES) {
            put_failure(out, entry->file, step);
        }
    }
    return n;
}

static void put_failures(struct buf *out, const struct report_entry *entry)
{
    const struct json *test;
    size_t n = 0;

    JSON_FOREACH (test, json_get(entry->run, "tests")) {
        n = put_red_steps(out, entry, json_get(test, "setup"), n);
        n = put_red_steps(out, entry, json_get(test, "steps"), n);
    }
    if (n > SHOWN_FAILURES) {
        buf_printf(out, "    and %zu more\n", n - SHOWN_FAILURES);
    }
}

static void put_links(struct buf *out, const struct json *run)
{
    const struct json *test;
    const struct json *link;

    JSON_FOREACH (test, json_get(run, "tests")) {
        JSON_FOREACH (link, json_get(test, "links")) {
            if (report_link(link).len > 0) {
                buf_text(out, "    ");
                escape_terminal(out, json_name(link));
                buf_text(out, ": ");
                escape_terminal(out, report_link(link));
                buf_char(out, '\n');
            }
        }
    }
}

static void put_executions(struct buf *out, const struct json *run)
{
    const struct json *execution;

    JSON_FOREACH (execution, json_get(run, "executions")) {
        buf_text(out, "    execution of goal ");
        escape_terminal(out, json_str(json_get(execution, "goal_id")));
        buf_text(out, ": ");
        escape_terminal(out, json_str(json_get(execution, "status")));
        buf_char(out, ' ');
        escape_terminal(out, json_str(json_get(execution, "outcome")));
        buf_char(out, ' ');
        escape_terminal(out, report_link(json_get(execution, "url")));
        buf_char(out, '\n');
        labelled(out, "  ", json_str(json_find(execution, "/error/detail")));
    }
}

static void put_requests(struct buf *out, const struct json *dry_run)
{
    const struct json *request;
    size_t n = 0;

    JSON_FOREACH (request, json_get(dry_run, "requests")) {
        struct str query = json_str(json_get(request, "query"));
        const struct json *body = json_get(request, "body");

        buf_printf(out, "    %4zu  ", ++n);
        escape_terminal(out, json_str(json_get(request, "method")));
        buf_char(out, ' ');
        escape_terminal(out, json_str(json_get(request, "path")));
        if (query.len > 0) {
            buf_char(out, '?');
            escape_terminal(out, query);
        }
        if (body != NULL && json_type(body) != JSON_NULL) {
            struct buf text;

            buf_init(&text, out->max);
            json_print(&text, body);
            buf_char(out, ' ');
            escape_terminal(out, buf_view(&text));
            buf_done(&text);
        }
        buf_char(out, '\n');
    }
}

/* ---- what does not compile ---- */

static struct str safe(struct arena *arena, struct str text)
{
    struct str copy;
    struct buf out;

    buf_init(&out, REASON_MAX);
    escape_terminal(&out, utf8_clip(text, (size_t)SHOWN_TEXT * 2));
    copy = arena_str(arena, buf_view(&out));
    buf_done(&out);
    return copy;
}

static unsigned place(const struct json *node)
{
    int64_t value = report_int(node);

    return value > 0 && value < UINT32_MAX ? (unsigned)value : 0;
}

static void read_problem(struct arena *arena, const struct json *from,
                         enum testfile_severity severity, struct testfile_problem *out)
{
    struct str text = safe(arena, json_str(json_get(from, "text")));

    *out = (struct testfile_problem){
        .severity = severity,
        .line = place(json_get(from, "line")),
        .column = place(json_get(from, "column")),
        .width = text.len > 0 ? (unsigned)utf8_count(text) : 1,
        .text = text,
        .detail = safe(arena, json_str(json_get(from, "detail"))),
        .nearest = safe(arena, json_str(json_get(from, "nearest"))),
        .hint = safe(arena, json_str(json_get(from, "hint"))),
        .example = safe(arena, json_str(json_get(from, "example"))),
    };
}

/* As `validate` shows them: with the line of the file and a caret. */
static void put_problems(struct buf *out, const struct report_entry *entry, const struct json *list,
                         enum testfile_severity severity, bool color)
{
    struct testfile_problem items[SHOWN_FAILURES];
    const struct json *first = json_first(list);
    struct testfile_problems problems = {.items = items};
    const struct json *node;
    struct arena arena;

    if (json_size(list) < 2 && report_int(json_get(first, "line")) == 0) {
        return; /* the detail of the refusal has said it */
    }
    arena_init(&arena);
    JSON_FOREACH (node, list) {
        if (problems.n < SHOWN_FAILURES) {
            read_problem(&arena, node, severity, &items[problems.n++]);
        } else {
            problems.n_dropped++;
        }
    }
    testfile_print_human(out, entry->file, entry->source, &problems, color);
    arena_done(&arena);
}

/* In single quotes, as a shell takes it: what is copied from here may hold anything. */
static void put_quoted(struct buf *out, struct str text)
{
    struct buf quoted;

    buf_init(&quoted, REASON_MAX);
    buf_char(&quoted, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'') {
            buf_text(&quoted, "'\\''");
        } else {
            buf_char(&quoted, text.ptr[i]);
        }
    }
    buf_char(&quoted, '\'');
    escape_terminal(out, buf_view(&quoted));
    buf_done(&quoted);
}

/* Made here and not taken from the answer: the proxy does not know what the file is called. */
static void put_resume(struct buf *out, const struct report_entry *entry)
{
    struct str query = json_str(json_find(entry->run, "/resume/query"));

    if (query.len > 0 && entry->verdict != VERDICT_PASSED) {
        buf_text(out, "    to go on from there: virtuoso-proxy run ");
        put_quoted(out, entry->file);
        buf_text(out, " --resume ");
        put_quoted(out, query);
        buf_char(out, '\n');
    }
}

static void put_entry(struct buf *out, const struct report_entry *entry, bool color)
{
    const struct json *steps = json_get(entry->run, "steps");

    escape_terminal(out, entry->file);
    buf_text(out, ": ");
    put_verdict(out, entry->verdict, color);
    if (entry->run != NULL) {
        buf_printf(out, ", %lld of %lld steps", (long long)report_int(json_get(steps, "done")),
                   (long long)report_int(json_get(steps, "total")));
    }
    buf_printf(out, ", %.1f s\n", (double)entry->ms / 1000.0);
    labelled(out, "", entry->detail);
    put_problems(out, entry, json_get(entry->problem, "errors"), TESTFILE_ERROR, color);
    put_problems(out, entry, json_get(entry->run, "warnings"), TESTFILE_WARNING, color);
    put_failures(out, entry);
    put_executions(out, entry->run);
    put_links(out, entry->run);
    put_requests(out, entry->dry_run);
    put_resume(out, entry);
}

void report_human(const struct report *report, bool color, struct buf *out)
{
    const struct report_counts counts = report_count(report);
    bool first = true;

    for (size_t i = 0; i < report->n; i++) {
        put_entry(out, &report->entries[i], color);
    }
    buf_char(out, '\n');
    for (size_t v = 0; v < ARRAY_LEN(counts.files); v++) {
        if (counts.files[v] > 0) {
            buf_printf(out, "%s%zu ", first ? "" : ", ", counts.files[v]);
            put_verdict(out, (enum verdict)v, color);
            first = false;
        }
    }
    buf_printf(out, " of %zu %s; ", report->n, report->n == 1 ? "file" : "files");
    if (report->dry_run) {
        buf_text(out, "dry run, nothing was sent; ");
    } else {
        buf_printf(out, "%zu of %zu steps created; ", counts.steps_done, counts.steps);
    }
    buf_printf(out, "%.1f s\n", (double)report->ms / 1000.0);
}
