/* GitHub's job summary: a table of the files, then what failed. GitHub refuses more than 1 MiB a
 * step, so the details end (and say so) before that. */
#include "base/utf8.h"
#include "escape.h"
#include "report.h"

enum { DETAILS_MAX = 512 * 1024, TABLE_MAX_ROWS = 1000, REASON_MAX = 4096 };

static const char *const signs[] = {
    [VERDICT_PASSED] = "✅",    [VERDICT_ERROR] = "⛔",          [VERDICT_FAILED] = "❌",
    [VERDICT_CANCELLED] = "🚫", [VERDICT_TIMED_OUT] = "⏱️", [VERDICT_SKIPPED] = "⏭️",
};

static void table(struct buf *out, const struct report *report)
{
    buf_text(out, "| result | test | file | steps | time |\n|---|---|---|---:|---:|\n");
    for (size_t i = 0; i < report->n && i < TABLE_MAX_ROWS; i++) {
        const struct report_entry *entry = &report->entries[i];
        const struct json *steps = json_get(entry->run, "steps");

        buf_printf(out, "| %s %s | ", signs[entry->verdict], verdict_title(entry->verdict));
        escape_markdown(out, utf8_clip(report_entry_name(entry), 200));
        buf_text(out, " | ");
        escape_markdown(out, utf8_clip(entry->file, 200));
        buf_printf(out, " | %lld/%lld | %.1f s |\n", (long long)report_int(json_get(steps, "done")),
                   (long long)report_int(json_get(steps, "total")), (double)entry->ms / 1000.0);
    }
}

static void failed_steps(struct buf *out, const struct json *test)
{
    static const char *const lists[] = {"setup", "steps"};
    const struct json *step;
    struct buf reason;

    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        JSON_FOREACH (step, json_get(test, lists[i])) {
            if (!report_step_is_red(step) || out->len > DETAILS_MAX) {
                continue;
            }
            buf_init(&reason, REASON_MAX);
            report_step_reason(&reason, step);
            buf_text(out, "- ");
            escape_markdown(out, utf8_clip(report_step_text(step), 500));
            if (report_int(json_get(step, "line")) > 0) {
                buf_printf(out, " (line %lld)", (long long)report_int(json_get(step, "line")));
            }
            buf_text(out, ": ");
            escape_markdown(out, buf_view(&reason));
            buf_char(out, '\n');
            buf_done(&reason);
        }
    }
}

static void file_errors(struct buf *out, const struct json *problem)
{
    const struct json *error;

    JSON_FOREACH (error, json_get(problem, "errors")) {
        if (out->len > DETAILS_MAX) {
            return;
        }
        buf_printf(out,
                   "- line %lld, column %lld: ", (long long)report_int(json_get(error, "line")),
                   (long long)report_int(json_get(error, "column")));
        escape_markdown(out, utf8_clip(json_str(json_get(error, "detail")), 1000));
        buf_char(out, '\n');
    }
}

static void details(struct buf *out, const struct report_entry *entry)
{
    const struct json *test;

    if (entry->verdict == VERDICT_PASSED || entry->verdict == VERDICT_SKIPPED) {
        return;
    }
    if (out->len > DETAILS_MAX) {
        return;
    }
    buf_text(out, "\n#### ");
    escape_markdown(out, utf8_clip(report_entry_name(entry), 200));
    buf_text(out, "\n\n");
    if (entry->detail.len > 0) {
        escape_markdown(out, utf8_clip(entry->detail, 1000));
        buf_text(out, "\n\n");
    }
    file_errors(out, entry->problem);
    JSON_FOREACH (test, json_get(entry->run, "tests")) {
        failed_steps(out, test);
    }
}

/* ---- annotations ---- */

static void annotate(struct buf *out, struct str file, const struct json *place, struct str message)
{
    buf_text(out, "::error file=");
    escape_workflow(out, file);
    if (report_int(json_get(place, "line")) > 0) {
        buf_printf(out, ",line=%lld", (long long)report_int(json_get(place, "line")));
    }
    if (report_int(json_get(place, "column")) > 0) {
        buf_printf(out, ",col=%lld", (long long)report_int(json_get(place, "column")));
    }
    buf_text(out, "::");
    escape_workflow(out, message);
    buf_char(out, '\n');
}

/* The first red step of each test, or the errors of a file that does not compile. */
static size_t annotate_entry(struct buf *out, const struct report_entry *entry)
{
    const struct json *node;
    size_t n = 0;

    JSON_FOREACH (node, json_get(entry->problem, "errors")) {
        annotate(out, entry->file, node, utf8_clip(json_str(json_get(node, "detail")), 1000));
        n++;
    }
    JSON_FOREACH (node, json_get(entry->run, "tests")) {
        const struct json *failure = report_first_failure(node);
        struct buf message;

        if (failure != NULL) {
            buf_init(&message, REASON_MAX);
            buf_str(&message, utf8_clip(report_step_text(failure), 500));
            buf_text(&message, ": ");
            report_step_reason(&message, failure);
            annotate(out, entry->file, failure, buf_view(&message));
            buf_done(&message);
            n++;
        }
    }
    return n;
}

void report_annotations(const struct report *report, struct buf *out)
{
    for (size_t i = 0; i < report->n && out->len < DETAILS_MAX; i++) {
        const struct report_entry *entry = &report->entries[i];

        if (verdict_exit_code(entry->verdict) != 0 && annotate_entry(out, entry) == 0) {
            struct str why =
                entry->detail.len > 0 ? entry->detail : str_from(verdict_title(entry->verdict));

            annotate(out, entry->file, NULL, why);
        }
    }
}

void report_summary(const struct report *report, struct buf *out)
{
    const struct report_counts counts = report_count(report);

    buf_text(out, "### virtuoso-proxy run\n\n");
    for (size_t v = 0; v < ARRAY_LEN(counts.files); v++) {
        if (counts.files[v] > 0) {
            buf_printf(out, "%s **%zu %s**  ", signs[v], counts.files[v],
                       verdict_title((enum verdict)v));
        }
    }
    buf_printf(out, "— %zu of %zu steps created, %.1f s\n\n", counts.steps_done, counts.steps,
               (double)report->ms / 1000.0);
    table(out, report);
    if (report->n > TABLE_MAX_ROWS) {
        buf_printf(out, "\nand %zu more files\n", report->n - TABLE_MAX_ROWS);
    }
    for (size_t i = 0; i < report->n; i++) {
        details(out, &report->entries[i]);
    }
    if (out->len > DETAILS_MAX) {
        buf_text(out, "\nThe rest is left out here: see the other reports.\n");
    }
    buf_char(out, '\n');
}
