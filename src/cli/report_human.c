/* A file on a terminal: one line with its outcome. Below it, unless it is green: each error with
 * its line, where to look on the platform, and how to continue. */
#include "base/utf8.h"
#include "escape.h"
#include "report.h"
#include "testfile/testfile.h"

enum { REASON_MAX = 8192, SHOWN_FAILURES = 20, SHOWN_TEXT = 400 };

static const char *const paints[N_VERDICTS] = {
    [VERDICT_PASSED] = "\033[32m",    [VERDICT_CREATED] = "\033[36m",
    [VERDICT_PLANNED] = "\033[36m",   [VERDICT_ERROR] = "\033[1;31m",
    [VERDICT_FAILED] = "\033[1;31m",  [VERDICT_CANCELLED] = "\033[33m",
    [VERDICT_TIMED_OUT] = "\033[33m", [VERDICT_SKIPPED] = "\033[33m",
};

/* An outcome begins with its verdict: only that is coloured. */
static void put_outcome(struct buf *out, enum verdict verdict, struct str outcome, bool color)
{
    struct str title = str_from(verdicts[verdict].title);
    size_t n = str_starts(outcome, title) ? title.len : 0;

    if (n == 0 || !color) {
        escape_terminal(out, outcome);
        return;
    }
    buf_printf(out, "%s%.*s\033[0m", paints[verdict], STR_ARG(title));
    escape_terminal(out, str_sub(outcome, n, outcome.len));
}

/* Writes a line for each bad test, if a file has more than one of them. */
static void put_cases(struct buf *out, const struct report_entry *entry, struct arena *arena)
{
    struct report_case *cases;
    size_t n = report_cases(entry, arena, &cases);
    size_t n_bad = 0;
    size_t n_shown = 0;

    for (size_t i = 0; report_knows_tests(entry) && i < n; i++) {
        n_bad += verdict_is_bad(cases[i].verdict) ? 1 : 0;
    }
    for (size_t i = 0; n_bad > 1 && i < n; i++) { /* a single one is in the file's line already */
        if (!verdict_is_bad(cases[i].verdict)) {
            continue;
        }
        if (n_shown++ >= SHOWN_FAILURES) {
            continue;
        }
        escape_form(out, escape_terminal, "    %e: %e\n", utf8_clip(cases[i].name, SHOWN_TEXT),
                    cases[i].why);
    }
    if (n_shown > SHOWN_FAILURES) {
        buf_printf(out, "    and %zu more\n", n_shown - SHOWN_FAILURES);
    }
}

static void put_links(struct buf *out, const struct json *run)
{
    const struct json *test;
    const struct json *link;

    JSON_FOREACH (test, json_get(run, "tests")) {
        JSON_FOREACH (link, json_get(test, "links")) {
            if (report_link(link).len > 0) {
                escape_form(out, escape_terminal, "    %e: %e\n", json_name(link),
                            report_link(link));
            }
        }
    }
}

static void put_executions(struct buf *out, const struct json *run)
{
    const struct json *execution;

    JSON_FOREACH (execution, json_get(run, "executions")) {
        escape_form(out, escape_terminal, "{    execution: %e\n}{    %e\n}",
                    report_link(json_get(execution, "url")),
                    json_str(json_find(execution, "/error/detail")));
    }
}

static void put_requests(struct buf *out, const struct json *dry_run)
{
    const struct json *request;
    size_t n = 0;

    JSON_FOREACH (request, json_get(dry_run, "requests")) {
        const struct json *body = json_get(request, "body");
        struct buf text;

        buf_init(&text, out->max);
        if (json_type(body) != JSON_NULL) {
            json_print(&text, body);
        }
        buf_printf(out, "    %4zu  ", ++n);
        escape_form(out, escape_terminal, "%e %e{?%e}{ %e}\n",
                    json_str(json_get(request, "method")), json_str(json_get(request, "path")),
                    json_str(json_get(request, "query")), buf_view(&text));
        buf_done(&text);
    }
}

/* ---- what does not compile ---- */

static struct str safe(struct arena *arena, struct str text)
{
    struct buf out;

    buf_init(&out, REASON_MAX);
    escape_terminal(&out, utf8_clip(text, (size_t)SHOWN_TEXT * 2));
    return arena_take(arena, &out);
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

    if (json_size(list) < 2 && report_line(first) == 0) {
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

/* Puts the text in single quotes for a shell: people copy it, and it may hold any character. */
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

/* The command is made here, not taken from the answer: the proxy does not know the name of the file. */
static void put_resume(struct buf *out, const struct report_entry *entry)
{
    struct str query = json_str(json_find(entry->run, "/resume/query"));

    if (query.len > 0 && verdict_is_bad(entry->verdict)) {
        buf_text(out, "    to go on from there: virtuoso-proxy run ");
        put_quoted(out, entry->file);
        buf_text(out, " --resume ");
        put_quoted(out, query);
        buf_char(out, '\n');
    }
}

static void put_duration(struct buf *out, const struct report_entry *entry)
{
    if (entry->verdict == VERDICT_PASSED) {
        int64_t n_steps = report_int(json_find(entry->run, "/steps/total"));

        buf_printf(out, ", %lld %s", (long long)n_steps, n_steps == 1 ? "step" : "steps");
    }
    if (entry->verdict != VERDICT_ERROR && entry->verdict != VERDICT_SKIPPED) {
        buf_printf(out, ", %.1f s", (double)entry->ms / 1000.0);
    }
}

static void put_details(struct buf *out, const struct report *report,
                        const struct report_entry *entry, struct arena *arena, bool color)
{
    if (verdict_is_bad(entry->verdict)) {
        put_problems(out, entry, json_get(entry->problem, "errors"), TESTFILE_ERROR, color);
        put_cases(out, entry, arena);
    }
    if (report->verbose) {
        put_problems(out, entry, json_get(entry->run, "warnings"), TESTFILE_WARNING, color);
    }
    if (!report->sandbox && (report->verbose || verdict_is_bad(entry->verdict))) {
        put_executions(out, entry->run);
        put_links(out, entry->run);
    }
    put_requests(out, entry->dry_run);
    put_resume(out, entry);
}

void report_human_entry(const struct report *report, const struct report_entry *entry, bool color,
                        struct buf *out)
{
    size_t n_warnings = json_size(json_get(entry->run, "warnings"));
    struct arena arena;

    arena_init(&arena);
    /* With the journey: a manifest may name the file more than once. */
    escape_form(out, escape_terminal, "%e{ (%e)}: ", entry->file,
                utf8_clip(entry->journey, SHOWN_TEXT));
    put_outcome(out, entry->verdict, report_outcome(entry, &arena), color);
    put_duration(out, entry);
    if (n_warnings > 0 && !report->verbose) {
        buf_printf(out, ", %zu %s (--verbose)", n_warnings,
                   n_warnings == 1 ? "warning" : "warnings");
    }
    buf_char(out, '\n');
    put_details(out, report, entry, &arena, color);
    arena_done(&arena);
}

static void put_count(struct buf *out, enum verdict verdict, size_t n)
{
    buf_printf(out, "%zu %s", n, verdicts[verdict].title);
}

static void put_count_painted(struct buf *out, enum verdict verdict, size_t n)
{
    buf_printf(out, "%s%zu %s\033[0m", paints[verdict], n, verdicts[verdict].title);
}

void report_human_total(const struct report *report, bool color, struct buf *out)
{
    const struct report_counts counts = report_count(report);

    buf_printf(out, "\n%zu %s: ", report->n, report->n == 1 ? "file" : "files");
    if (report->n == 0) {
        buf_text(out, "nothing to run");
    }
    report_put_counts(out, &counts, color ? put_count_painted : put_count);
    if (counts.files[VERDICT_CREATED] > 0) {
        buf_printf(out, " (%zu %s, %s)", counts.steps_done,
                   counts.steps_done == 1 ? "step" : "steps",
                   counts.started > 0 ? "started, not followed" : "not executed");
    }
    if (counts.files[VERDICT_PLANNED] > 0) {
        buf_printf(out, " (would send %zu %s)", counts.requests,
                   counts.requests == 1 ? "request" : "requests");
    }
    buf_printf(out, "; %.1f s\n", (double)report->ms / 1000.0);
}
