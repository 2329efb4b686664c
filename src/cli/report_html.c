/* One page that needs nothing but itself: style inside, no script, no request (the page forbids
 * them to itself too), so it can be mailed and opened from a disk. Colour is never the only
 * sign. */
#include "base/clock.h"
#include "escape.h"
#include "report.h"

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'\">\n"
    "<meta name=\"referrer\" content=\"no-referrer\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>Test report</title>\n<style>\n"
    ":root{--bg:#fff;--fg:#1f2328;--soft:#59636e;--line:#d1d9e0;--ok:#1a7f37;--bad:#c4232c;"
    "--mid:#8a5a00}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#f0f6fc;--soft:#9198a1;"
    "--line:#3d444d;--ok:#3fb950;--bad:#ff7b72;--mid:#d9a520}}\n"
    "body{background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif;margin:0 "
    "auto;max-width:72rem;padding:1.5rem}\n"
    "h1{font-size:1.5rem}h2{font-size:1.15rem;margin:0;display:inline}h3{font-size:1rem}\n"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0}\n"
    "th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid "
    "var(--line);overflow-wrap:anywhere}\n"
    "th{color:var(--soft);font-weight:600}td.n,th.n{text-align:right;white-space:nowrap}\n"
    ".passed,.done,.found,.PASS{color:var(--ok)}\n"
    ".failed,.error,.unknown,.FAIL,.ERROR{color:var(--bad)}\n"
    ".cancelled,.timed_out,.skipped,.pending,.running{color:var(--mid)}\n"
    ".badge{font-weight:700}.soft{color:var(--soft)}\n"
    "details{border:1px solid var(--line);border-radius:6px;padding:.75rem 1rem;margin:1rem 0}\n"
    "summary{cursor:pointer}pre,code{font:13px/1.4 ui-monospace,monospace;white-space:pre-wrap;"
    "overflow-wrap:anywhere}\na{color:inherit}\n</style>\n</head>\n<body>\n";

static const char *const known_classes[] = {
    "passed",    "done",      "found",   "failed",  "error", "unknown", "skipped",
    "cancelled", "timed_out", "pending", "running", "PASS",  "FAIL",    "ERROR"};

/* The word of a status, marked; only words known here become a class. */
static void badge(struct buf *out, struct str word)
{
    const char *class = "soft";

    for (size_t i = 0; i < ARRAY_LEN(known_classes); i++) {
        class = str_is(word, known_classes[i]) ? known_classes[i] : class;
    }
    buf_printf(out, "<span class=\"badge %s\">", class);
    escape_xml(out, word);
    buf_text(out, "</span>");
}

static void cell(struct buf *out, struct str text)
{
    buf_text(out, "<td>");
    escape_xml(out, text);
    buf_text(out, "</td>");
}

static void cell_ms(struct buf *out, int64_t ms)
{
    buf_printf(out, "<td class=\"n\">%lld ms</td>", (long long)ms);
}

static void paragraph(struct buf *out, const char *label, struct str text)
{
    if (text.len > 0) {
        buf_printf(out, "<p><span class=\"soft\">%s</span> ", label);
        escape_xml(out, text);
        buf_text(out, "</p>\n");
    }
}

static void link_to(struct buf *out, struct str label, const struct json *node)
{
    struct str link = report_link(node);

    if (link.len > 0) {
        buf_text(out, " <a rel=\"noreferrer noopener\" href=\"");
        escape_xml(out, link);
        buf_text(out, "\">");
        escape_xml(out, label);
        buf_text(out, "</a>");
    }
}

/* ---- one file ---- */

static void step_row(struct buf *out, const struct json *step)
{
    struct str outcome = json_str(json_get(step, "outcome"));
    struct str id = json_str(json_get(step, "step_id"));
    int64_t line = report_int(json_get(step, "line"));
    struct buf reason;

    buf_text(out, "<tr><td class=\"n\">");
    if (report_int(json_get(step, "index")) > 0) {
        buf_int(out, report_int(json_get(step, "index")));
    }
    buf_text(out, "</td><td>");
    badge(out, json_str(json_get(step, "status")));
    if (outcome.len > 0) {
        buf_text(out, " / ");
        badge(out, outcome);
    }
    buf_text(out, "</td><td>");
    escape_xml(out, report_step_text(step));
    if (report_step_is_red(step)) {
        buf_init(&reason, 8192);
        report_step_reason(&reason, step);
        buf_text(out, "<br><span class=\"failed\">");
        escape_xml(out, buf_view(&reason));
        buf_text(out, "</span>");
        buf_done(&reason);
    }
    buf_text(out, "</td><td class=\"n\">");
    if (line > 0) {
        buf_int(out, line);
    }
    buf_text(out, "</td>");
    buf_text(out, "<td class=\"n\">");
    escape_xml(out, id.len > 0 ? id : json_str(json_get(step, "id")));
    buf_text(out, "</td>");
    cell_ms(out, report_int(json_get(step, "ms")));
    buf_text(out, "</tr>\n");
}

static void step_table(struct buf *out, const struct json *test)
{
    static const char *const lists[] = {"setup", "steps"};
    const struct json *step;

    buf_text(
        out,
        "<table><thead><tr><th class=\"n\">#</th><th>status</th><th>step</th>"
        "<th class=\"n\">line</th><th class=\"n\">id</th><th class=\"n\">time</th></tr></thead>"
        "<tbody>\n");
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        JSON_FOREACH (step, json_get(test, lists[i])) {
            step_row(out, step);
        }
    }
    buf_text(out, "</tbody></table>\n");
}

static void test_section(struct buf *out, const struct json *test)
{
    const struct json *link;

    buf_text(out, "<h3>");
    escape_xml(out, json_str(json_get(test, "name")));
    buf_text(out, " ");
    /* Created well, and red when it was executed: that is what a reader looks for. */
    badge(out,
          report_first_failure(test) != NULL ? STR("failed") : json_str(json_get(test, "status")));
    buf_text(out, "</h3>\n");
    paragraph(out, "", json_str(json_get(test, "description")));
    if (json_size(json_get(test, "links")) > 0) {
        buf_text(out, "<p class=\"soft\">On the platform:");
        JSON_FOREACH (link, json_get(test, "links")) {
            link_to(out, json_name(link), link);
        }
        buf_text(out, "</p>\n");
    }
    step_table(out, test);
}

static void execution_row(struct buf *out, const struct json *execution)
{
    buf_text(out, "<tr>");
    cell(out, json_str(json_get(execution, "goal_id")));
    cell(out, json_str(json_get(execution, "status")));
    cell(out, json_str(json_get(execution, "outcome")));
    buf_printf(out, "<td class=\"n\">%lld %%</td>",
               (long long)report_int(json_get(execution, "progress")));
    cell_ms(out, report_int(json_get(execution, "duration_ms")));
    buf_text(out, "<td>");
    link_to(out, STR("open"), json_get(execution, "url"));
    buf_text(out, "</td></tr>\n");
}

static void executions_section(struct buf *out, const struct json *run)
{
    const struct json *execution;

    if (json_size(json_get(run, "executions")) == 0) {
        return;
    }
    buf_text(out, "<h3>Executions</h3>\n<table><thead><tr><th>goal</th><th>status</th>"
                  "<th>outcome</th><th class=\"n\">progress</th><th class=\"n\">time</th><th></th>"
                  "</tr></thead><tbody>\n");
    JSON_FOREACH (execution, json_get(run, "executions")) {
        execution_row(out, execution);
    }
    buf_text(out, "</tbody></table>\n");
}

static void problems_section(struct buf *out, const char *title, const struct json *problems)
{
    const struct json *problem;

    if (json_size(problems) == 0) {
        return;
    }
    buf_printf(out, "<h3>%s</h3>\n<ul>\n", title);
    JSON_FOREACH (problem, problems) {
        buf_printf(out, "<li><span class=\"soft\">%lld:%lld</span> ",
                   (long long)report_int(json_get(problem, "line")),
                   (long long)report_int(json_get(problem, "column")));
        escape_xml(out, json_str(json_get(problem, "detail")));
        if (json_str(json_get(problem, "hint")).len > 0) {
            buf_text(out, " <em>");
            escape_xml(out, json_str(json_get(problem, "hint")));
            buf_text(out, "</em>");
        }
        buf_text(out, "</li>\n");
    }
    buf_text(out, "</ul>\n");
}

static void requests_section(struct buf *out, const struct json *dry_run)
{
    const struct json *request;

    if (dry_run == NULL) {
        return;
    }
    buf_text(out, "<h3>Would be sent</h3>\n<ol>\n");
    JSON_FOREACH (request, json_get(dry_run, "requests")) {
        buf_text(out, "<li><code>");
        escape_xml(out, json_str(json_get(request, "method")));
        buf_char(out, ' ');
        escape_xml(out, json_str(json_get(request, "path")));
        buf_text(out, "</code></li>\n");
    }
    buf_text(out, "</ol>\n");
}

static void entry_section(struct buf *out, const struct report_entry *entry)
{
    const struct json *test;
    struct str resume = json_str(json_find(entry->run, "/resume/query"));

    buf_text(out, entry->verdict == VERDICT_PASSED ? "<details>\n<summary><h2>"
                                                   : "<details open>\n<summary><h2>");
    escape_xml(out, report_entry_name(entry));
    buf_text(out, "</h2> ");
    badge(out, str_from(verdict_word(entry->verdict)));
    buf_text(out, " <span class=\"soft\">");
    escape_xml(out, entry->file);
    buf_text(out, "</span></summary>\n");
    paragraph(out, "Why:", entry->detail);
    paragraph(out, "Goal:", entry->goal);
    paragraph(out, "Journey:", entry->journey);
    problems_section(out, "Errors in the file", json_get(entry->problem, "errors"));
    requests_section(out, entry->dry_run);
    JSON_FOREACH (test, json_get(entry->run, "tests")) {
        test_section(out, test);
    }
    executions_section(out, entry->run);
    problems_section(out, "Warnings", json_get(entry->run, "warnings"));
    if (resume.len > 0) {
        buf_text(out, "<p class=\"soft\">To go on from there: <code>--resume ");
        escape_xml(out, resume);
        buf_text(out, "</code></p>\n");
    }
    buf_text(out, "</details>\n");
}

/* ---- the page ---- */

static void overview(struct buf *out, const struct report *report)
{
    buf_text(out, "<table><thead><tr><th>result</th><th>test</th><th>file</th>"
                  "<th class=\"n\">steps</th><th class=\"n\">time</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < report->n; i++) {
        const struct report_entry *entry = &report->entries[i];
        const struct json *steps = json_get(entry->run, "steps");

        buf_text(out, "<tr><td>");
        badge(out, str_from(verdict_word(entry->verdict)));
        buf_text(out, "</td>");
        cell(out, report_entry_name(entry));
        cell(out, entry->file);
        buf_printf(out, "<td class=\"n\">%lld/%lld</td>",
                   (long long)report_int(json_get(steps, "done")),
                   (long long)report_int(json_get(steps, "total")));
        cell_ms(out, (int64_t)entry->ms);
        buf_text(out, "</tr>\n");
    }
    buf_text(out, "</tbody></table>\n");
}

void report_html(const struct report *report, struct buf *out)
{
    const struct report_counts counts = report_count(report);
    bool first = true;

    buf_text(out, head);
    buf_text(out, "<h1>Test report</h1>\n<p>");
    for (size_t v = 0; v < ARRAY_LEN(counts.files); v++) {
        if (counts.files[v] > 0) {
            buf_printf(out, "%s<span class=\"badge %s\">%zu %s</span>", first ? "" : " · ",
                       verdict_word((enum verdict)v), counts.files[v],
                       verdict_title((enum verdict)v));
            first = false;
        }
    }
    buf_printf(out, "</p>\n<p class=\"soft\">%zu of %zu steps created%s, begun ", counts.steps_done,
               counts.steps, report->dry_run ? " (dry run: nothing was sent)" : "");
    clock_format(out, report->began_wall_ms);
    buf_printf(out, ", took %llu ms", (unsigned long long)report->ms);
    if (report->url.len > 0) {
        buf_text(out, ", proxy ");
        escape_xml(out, report->url);
    }
    buf_text(out, "</p>\n");
    overview(out, report);
    for (size_t i = 0; i < report->n; i++) {
        entry_section(out, &report->entries[i]);
    }
    buf_text(out, "</body>\n</html>\n");
}
