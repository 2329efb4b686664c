/* One HTML page with its style inside and no script, so that it can be mailed and opened from a disk.
 * It fetches only screenshots (the platform's, or files beside the page), when the reader unfolds them.
 * First comes the total, then each test: why it is red, its steps and how long they took. The calls of
 * the set-up are folded away. Colour is never the only sign, and no row is wider than a phone. */
#include "base/clock.h"
#include "escape.h"
#include "report.h"

enum { REASON_MAX = 8192 };

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'; img-src https: 'self' file:\">\n"
    "<meta name=\"referrer\" content=\"no-referrer\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<title>Test report</title>\n<style>\n"
    ":root{--bg:#f6f8fa;--card:#fff;--fg:#1f2328;--soft:#59636e;--line:#d1d9e0;--ok:#1a7f37;"
    "--bad:#c4232c;--mid:#8a5a00;--new:#0b62c4;--why:#fdecec}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--card:#151b23;--fg:#f0f6fc;"
    "--soft:#9198a1;--line:#3d444d;--ok:#3fb950;--bad:#ff7b72;--mid:#d9a520;--new:#58a6ff;"
    "--why:#3a1d1f}}\n"
    "*{box-sizing:border-box}body{background:var(--bg);color:var(--fg);font:16px/1.5 "
    "system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem}\n"
    "h1{font-size:1.5rem;margin:.5rem 0}h2{font-size:1.05rem;margin:0;overflow-wrap:anywhere}"
    "h3{font-size:.95rem;margin:1rem 0 .25rem}p{margin:.5rem 0;overflow-wrap:anywhere}\n"
    ".total{display:flex;flex-wrap:wrap;gap:.5rem;margin:1rem 0;padding:0;list-style:none}\n"
    ".total li,.badge{font-weight:700;border:1px solid;border-radius:1rem;padding:.05rem .7rem;"
    "white-space:nowrap}\n"
    ".passed{color:var(--ok)}.created,.dry_run{color:var(--new)}.failed,.error{color:var(--bad)}"
    ".cancelled,.timed_out,.skipped{color:var(--mid)}.soft{color:var(--soft)}\n"
    ".test{background:var(--card);border:1px solid var(--line);border-left:.3rem solid "
    "var(--line);border-radius:.5rem;margin:.75rem 0;padding:.75rem 1rem}\n"
    ".test.passed{border-left-color:var(--ok)}.test.created,.test.dry_run{border-left-color:"
    "var(--new)}.test.failed,.test.error{border-left-color:var(--bad)}.test.cancelled,"
    ".test.timed_out,.test.skipped{border-left-color:var(--mid)}.test{color:var(--fg)}\n"
    "summary{cursor:pointer}.test>summary{display:flex;flex-wrap:wrap;gap:.25rem .75rem;"
    "align-items:baseline}.test>summary h2{flex:1 1 12rem}\n"
    ".file{flex:1 1 100%;font-size:.85rem;overflow-wrap:anywhere}\n"
    ".why{background:var(--why);border-radius:.4rem;padding:.5rem .75rem}\n"
    ".steps{list-style:none;margin:.5rem 0;padding:0}.steps li{display:grid;"
    "grid-template-columns:1.5rem 1fr auto;gap:0 .5rem;padding:.35rem 0;border-top:1px solid "
    "var(--line)}.steps li>*{min-width:0;overflow-wrap:anywhere}.steps .more{grid-column:2/-1}\n"
    ".hint{display:block}.test ul{padding-left:1.25rem}.test ul li{margin:.35rem 0}\n"
    ".mark{font-weight:700;text-align:center}.time{color:var(--soft);font-size:.85rem;"
    "white-space:nowrap}\n"
    ".hide{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}\n"
    "img{max-width:100%;height:auto;border:1px solid var(--line)}"
    "pre,code{font:13px/1.4 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}\n"
    "a{color:inherit}\n</style>\n</head>\n<body>\n";

static void duration(struct buf *out, int64_t ms)
{
    buf_text(out, "<span class=\"time\">");
    if (ms < 1000) {
        buf_printf(out, "%lld ms", (long long)(ms > 0 ? ms : 0));
    } else {
        buf_printf(out, "%.1f s", (double)ms / 1000.0);
    }
    buf_text(out, "</span>");
}

static void link_to(struct buf *out, struct str label, const struct json *node)
{
    struct str link = report_link(node);

    if (link.len > 0) {
        escape_form(out, escape_xml, " <a rel=\"noreferrer noopener\" href=\"%e\">%e</a>", link,
                    label);
    }
}

/* ---- steps ---- */

/* How a step is shown: by its outcome if it was executed, else by the status of its creation. The word
 * comes from the network, so only a word of this table becomes a CSS class. */
static const struct step_look {
    const char *word;
    const char *class;
    const char *sign;
    const char *title;
} step_looks[] = {
    {"PASS", "passed", "✓", "passed"},
    {"FAIL", "failed", "✗", "failed"},
    {"ERROR", "failed", "✗", "error"},
    {"SKIP", "skipped", "–", "skipped"},
    {"NOT_REACHED", "soft", "·", "not reached"},
    {"done", "created", "+", "created"},
    {"found", "soft", "=", "found"},
    {"failed", "failed", "✗", "failed"},
    {"unknown", "failed", "?", "not known"},
    {"skipped", "soft", "·", "not needed"},
};

static const struct step_look *look_of(const struct json *step)
{
    static const struct step_look other = {"", "soft", "·", "not begun"};
    struct str outcome = json_str(json_get(step, "outcome"));
    struct str word = outcome.len > 0 ? outcome : json_str(json_get(step, "status"));
    const struct step_look *look = ROW_NAMED(word, step_looks);

    return look != NULL ? look : &other;
}

/* The address of a screenshot: a file beside the page, or the platform's https link. Empty: none. */
static struct str picture_of(const struct report *report, const struct json *step)
{
    const struct json *node = json_get(step, "screenshot");
    struct str url = report_link(node);

    if (report->own_pictures && str_find_char(json_str(node), '/') < 0) {
        return json_str(node);
    }
    return str_starts(url, STR("https://")) ? url : STR_EMPTY;
}

static void reason(struct buf *out, const struct json *step)
{
    struct buf text;

    buf_init(&text, REASON_MAX);
    report_step_reason(&text, step);
    escape_form(out, escape_xml, "{<span class=\"more failed\">%e</span>}", buf_view(&text));
    buf_done(&text);
}

/* `report` NULL: without pictures. */
static void step_item(struct buf *out, const struct report *report, const struct json *step)
{
    const struct step_look *look = look_of(step);
    const struct json *executed = json_get(step, "execution_ms");

    escape_form(out, escape_xml,
                "<li><span class=\"mark %s\">%s<span class=\"hide\"> %s</span></span><span>%e"
                "{ <span class=\"soft\">line %i</span>}</span>",
                look->class, look->sign, look->title, report_step_text(step), report_line(step));
    if (look->class[0] == 's') { /* soft, skipped: it took no time */
        buf_printf(out, "<span class=\"time\">%s</span>", look->title);
    } else {
        duration(out, report_int(executed != NULL ? executed : json_get(step, "ms")));
    }
    if (report_step_is_red(step)) {
        reason(out, step);
    }
    if (report != NULL) {
        escape_form(out, escape_xml,
                    "{<details class=\"more\"><summary class=\"soft\">Screenshot</summary><img "
                    "alt=\"The page at this step\" loading=\"lazy\" referrerpolicy=\"no-referrer\" "
                    "src=\"%e\"></details>}",
                    picture_of(report, step));
    }
    buf_text(out, "</li>\n");
}

static void step_list(struct buf *out, const struct report *report, const struct json *steps)
{
    const struct json *step;

    buf_text(out, "<ol class=\"steps\">\n");
    JSON_FOREACH (step, steps) {
        step_item(out, report, step);
    }
    buf_text(out, "</ol>\n");
}

static void setup_section(struct buf *out, const struct json *setup)
{
    const struct json *call;
    bool red = false;

    if (json_size(setup) == 0) {
        return;
    }
    JSON_FOREACH (call, setup) {
        red = red || report_step_is_red(call);
    }
    buf_printf(out, "<details%s><summary class=\"soft\">Set-up, %zu calls</summary>\n",
               red ? " open" : "", json_size(setup));
    step_list(out, NULL, setup);
    buf_text(out, "</details>\n");
}

/* ---- problems and requests ---- */

static void problems_section(struct buf *out, const struct report_entry *entry, const char *title,
                             const struct json *problems)
{
    const struct json *problem;

    if (json_size(problems) == 0) {
        return;
    }
    buf_printf(out, "<h3>%s</h3>\n<ul>\n", title);
    JSON_FOREACH (problem, problems) {
        escape_form(out, escape_xml,
                    "<li><code>%e:%i:%i</code> %e{; did you mean <code>%e</code>?}"
                    "{<span class=\"hint soft\">%e</span>}</li>\n",
                    entry->file, report_line(problem), report_int(json_get(problem, "column")),
                    json_str(json_get(problem, "detail")), json_str(json_get(problem, "nearest")),
                    json_str(json_get(problem, "hint")));
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
        escape_form(out, escape_xml, "<li><code>%e %e</code></li>\n",
                    json_str(json_get(request, "method")), json_str(json_get(request, "path")));
    }
    buf_text(out, "</ol>\n");
}

/* ---- a test ---- */

static void links(struct buf *out, const struct report_case *one)
{
    const struct json *node;

    buf_text(out, "<p class=\"soft\">");
    JSON_FOREACH (node, json_get(one->test, "links")) {
        link_to(out, json_name(node), node);
    }
    JSON_FOREACH (node, json_get(one->entry->run, "executions")) {
        link_to(out, STR("execution"), json_get(node, "url"));
    }
    buf_text(out, "</p>\n");
}

static void resume(struct buf *out, const struct report_entry *entry)
{
    struct str query = json_str(json_find(entry->run, "/resume/query"));

    if (query.len > 0 && verdict_is_bad(entry->verdict)) {
        escape_form(out, escape_xml,
                    "<p class=\"soft\">To go on from there: <code>--resume %e</code></p>\n", query);
    }
}

static void case_head(struct buf *out, const struct report_case *one)
{
    const char *word = verdicts[one->verdict].word;

    escape_form(out, escape_xml,
                "<details class=\"test %s\"%s>\n<summary><h2>%e</h2><span class=\"badge "
                "%s\">%s</span>",
                word, verdict_is_bad(one->verdict) ? " open" : "", one->name, word,
                verdicts[one->verdict].title);
    if (one->test != NULL || one->ms > 0) {
        duration(out, one->ms);
    }
    escape_form(out, escape_xml, "<span class=\"file soft\">%e</span></summary>\n",
                one->entry->file);
}

static void case_section(struct buf *out, const struct report *report,
                         const struct report_case *one, bool first)
{
    const struct report_entry *entry = one->entry;

    case_head(out, one);
    if (one->why.len > 0) {
        escape_form(out, escape_xml, "<p class=\"%s\">%e</p>\n",
                    verdict_is_bad(one->verdict) ? "why" : "soft", one->why);
    }
    escape_form(out, escape_xml, "{<p><span class=\"soft\">Goal:</span> %e</p>\n}", entry->goal);
    if (json_size(json_get(one->test, "steps")) > 0) {
        step_list(out, report->sandbox ? NULL : report, json_get(one->test, "steps"));
    }
    setup_section(out, json_get(one->test, "setup"));
    if (first) {
        problems_section(out, entry, "Errors in the file", json_get(entry->problem, "errors"));
        requests_section(out, entry->dry_run);
        problems_section(out, entry, "Warnings", json_get(entry->run, "warnings"));
        resume(out, entry);
    }
    if (!report->sandbox) {
        links(out, one);
    }
    buf_text(out, "</details>\n");
}

/* ---- the page ---- */

/* "2026-11-28 18:49:25 UTC" */
static void put_time(struct buf *out, int64_t wall_ms)
{
    struct buf text;

    buf_init(&text, 64);
    clock_format(&text, wall_ms);
    buf_str(out, str_sub(buf_view(&text), 0, sizeof("2026-11-28") - 1));
    buf_char(out, ' ');
    buf_str(out, str_sub(buf_view(&text), sizeof("2026-11-28"), sizeof("18:49:25") - 1));
    buf_text(out, " UTC");
    buf_done(&text);
}

static void put_total(struct buf *out, const struct report *report)
{
    const struct report_counts counts = report_count(report);

    buf_text(out, "<h1>Test report</h1>\n<ul class=\"total\">");
    for (size_t v = 0; v < N_VERDICTS; v++) {
        if (counts.files[v] > 0) {
            buf_printf(out, "<li class=\"%s\">%zu %s</li>", verdicts[v].word, counts.files[v],
                       verdicts[v].title);
        }
    }
    buf_printf(out, "</ul>\n<p class=\"soft\">%zu %s, begun ", report->n,
               report->n == 1 ? "file" : "files");
    put_time(out, report->began_wall_ms);
    buf_printf(out, ", took %.1f s", (double)report->ms / 1000.0);
    if (counts.files[VERDICT_CREATED] > 0) {
        buf_text(out, counts.started > 0 ? ". Started, not followed: add --wait"
                                         : ". Created, but not executed: add --wait");
    }
    if (report->sandbox) {
        buf_text(out, ". On the embedded sandbox");
    }
    buf_text(out, "</p>\n");
}

/* Writes the bad tests, or all others. The bad ones come first on the page. */
static void put_tests(struct buf *out, const struct report *report, bool bad)
{
    struct arena arena;

    arena_init(&arena);
    for (size_t i = 0; i < report->n; i++) {
        struct report_case *cases;
        size_t n = report_cases(&report->entries[i], &arena, &cases);

        for (size_t k = 0; k < n; k++) {
            if (verdict_is_bad(cases[k].verdict) == bad) {
                case_section(out, report, &cases[k], k == 0);
            }
        }
        arena_reset(&arena);
    }
    arena_done(&arena);
}

void report_html(const struct report *report, struct buf *out)
{
    buf_text(out, head);
    put_total(out, report);
    put_tests(out, report, true);
    put_tests(out, report, false);
    buf_text(out, "</body>\n</html>\n");
}
