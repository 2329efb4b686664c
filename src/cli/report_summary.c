/* GitHub's job summary: a table of the tests, then what is not green. GitHub refuses more than
 * 1 MiB a step, so the details end (and say so) before that. */
#include "base/utf8.h"
#include "escape.h"
#include "report.h"

enum { DETAILS_MAX = 512 * 1024, TABLE_MAX_ROWS = 1000, REASON_MAX = 4096 };

static const char *const signs[N_VERDICTS] = {
    [VERDICT_PASSED] = "✅",         [VERDICT_CREATED] = "🆕",      [VERDICT_PLANNED] = "📝",
    [VERDICT_ERROR] = "⛔",          [VERDICT_FAILED] = "❌",       [VERDICT_CANCELLED] = "🚫",
    [VERDICT_TIMED_OUT] = "⏱️", [VERDICT_SKIPPED] = "⏭️",
};

static void table_row(struct buf *out, const struct report_case *one)
{
    escape_form(out, escape_markdown, "| %s %s | %e | %e", signs[one->verdict],
                verdicts[one->verdict].title, utf8_clip(one->name, 200),
                utf8_clip(one->entry->file, 200));
    buf_printf(out, " | %.1f s |\n", (double)one->ms / 1000.0);
}

/* Returns how many tests there are. */
static size_t table(struct buf *out, const struct report *report)
{
    struct arena arena;
    size_t n = 0;

    buf_text(out, "| result | test | file | time |\n|---|---|---|---:|\n");
    arena_init(&arena);
    for (size_t i = 0; i < report->n; i++) {
        struct report_case *cases;
        size_t n_cases = report_cases(&report->entries[i], &arena, &cases);

        for (size_t k = 0; k < n_cases; k++) {
            if (n++ < TABLE_MAX_ROWS) {
                table_row(out, &cases[k]);
            }
        }
        arena_reset(&arena);
    }
    arena_done(&arena);
    return n;
}

static void file_errors(struct buf *out, const struct report_entry *entry)
{
    const struct json *error;

    JSON_FOREACH (error, json_get(entry->problem, "errors")) {
        if (out->len > DETAILS_MAX) {
            return;
        }
        escape_form(out, escape_markdown, "- %e:%i:%i: %e{ (%e)}\n", utf8_clip(entry->file, 200),
                    report_line(error), report_int(json_get(error, "column")),
                    utf8_clip(json_str(json_get(error, "detail")), 1000),
                    utf8_clip(json_str(json_find(error, "/hint /nearest")), 1000));
    }
}

static void case_details(struct buf *out, const struct report_case *one)
{
    if (!verdict_is_bad(one->verdict) || out->len > DETAILS_MAX) {
        return;
    }
    escape_form(out, escape_markdown, "\n#### %e\n\n", utf8_clip(one->name, 200));
    if (json_size(json_get(one->entry->problem, "errors")) > 0) {
        file_errors(out, one->entry);
    } else {
        escape_form(out, escape_markdown, "%e\n", utf8_clip(one->why, 2000));
    }
}

static void each_case(struct buf *out, const struct report_entry *entry,
                      void (*put)(struct buf *out, const struct report_case *one))
{
    struct report_case *cases;
    struct arena arena;
    size_t n;

    arena_init(&arena);
    n = report_cases(entry, &arena, &cases);
    for (size_t i = 0; i < n; i++) {
        put(out, &cases[i]);
    }
    arena_done(&arena);
}

static void put_count(struct buf *out, enum verdict verdict, size_t n)
{
    buf_printf(out, "%s **%zu %s**", signs[verdict], n, verdicts[verdict].title);
}

void report_summary(const struct report *report, struct buf *out)
{
    const struct report_counts counts = report_count(report);
    size_t n_tests;

    buf_text(out, "### virtuoso-proxy run\n\n");
    report_put_counts(out, &counts, put_count);
    if (counts.files[VERDICT_CREATED] > 0) {
        buf_text(out, counts.started > 0 ? " (started, not followed: add --wait)"
                                         : " (created, but not executed: add --wait)");
    }
    buf_printf(out, ", %.1f s\n\n", (double)report->ms / 1000.0);
    n_tests = table(out, report);
    if (n_tests > TABLE_MAX_ROWS) {
        buf_printf(out, "\nand %zu more tests\n", n_tests - TABLE_MAX_ROWS);
    }
    for (size_t i = 0; i < report->n; i++) {
        each_case(out, &report->entries[i], case_details);
    }
    if (out->len > DETAILS_MAX) {
        buf_text(out, "\nThe rest is left out here: see the other reports.\n");
    }
    buf_char(out, '\n');
}

/* ---- annotations ---- */

static void annotate(struct buf *out, struct str file, int64_t line, int64_t column,
                     struct str message)
{
    escape_form(out, escape_workflow, "::error file=%e{,line=%i}{,col=%i}::", file, line,
                column > 0 ? column : 0);
    escape_form(out, escape_workflow_message, "%e\n", message);
}

static void annotate_errors(struct buf *out, const struct report_entry *entry)
{
    const struct json *node;

    JSON_FOREACH (node, json_get(entry->problem, "errors")) {
        struct str nearest = json_str(json_get(node, "nearest"));
        struct buf message;

        buf_init(&message, REASON_MAX);
        buf_str(&message, utf8_clip(json_str(json_get(node, "detail")), 1000));
        if (nearest.len > 0) {
            buf_printf(&message, "; did you mean \"%.*s\"?", STR_ARG(utf8_clip(nearest, 200)));
        }
        annotate(out, entry->file, report_line(node), report_int(json_get(node, "column")),
                 buf_view(&message));
        buf_done(&message);
    }
}

static void annotate_case(struct buf *out, const struct report_case *one)
{
    if (verdict_is_bad(one->verdict)) {
        annotate(out, one->entry->file, one->line,
                 report_int(json_get(report_first_failure(one->test), "column")), one->why);
    }
}

/* One annotation for the whole file: the reason is the same for all of its tests, and names no line. */
static void annotate_unrun(struct buf *out, const struct report_entry *entry)
{
    struct report_case *cases;
    struct arena arena;

    arena_init(&arena);
    (void)report_cases(entry, &arena, &cases);
    annotate(out, entry->file, 0, 0, cases[0].why);
    arena_done(&arena);
}

void report_annotations(const struct report *report, struct buf *out)
{
    for (size_t i = 0; i < report->n && out->len < DETAILS_MAX; i++) {
        const struct report_entry *entry = &report->entries[i];

        if (!verdict_is_bad(entry->verdict)) {
            continue;
        }
        if (json_size(json_get(entry->problem, "errors")) > 0) {
            annotate_errors(out, entry);
        } else if (report_knows_tests(entry)) {
            each_case(out, entry, annotate_case);
        } else {
            annotate_unrun(out, entry);
        }
    }
}
