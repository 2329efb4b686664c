/* JUnit XML as Jenkins, GitLab and GitHub's readers take it: a suite for each file, a case for each
 * of its tests and for each execution. A case that is red holds one <failure> for the first step
 * that failed (all steps are in <system-out>); what could not be judged holds an <error>, what was
 * not begun is <skipped>. The counts are those of the elements written, so they always agree. */
#include "base/clock.h"
#include "escape.h"
#include "report.h"

enum { BODY_MAX = 64 * 1024 * 1024, REASON_MAX = 8192 };

enum mark { MARK_NONE, MARK_FAILURE, MARK_ERROR, MARK_SKIPPED };

static const char *const mark_elements[] = {
    [MARK_FAILURE] = "failure", [MARK_ERROR] = "error", [MARK_SKIPPED] = "skipped"};

struct tally {
    size_t tests;
    size_t marks[MARK_SKIPPED + 1];
};

static void attribute(struct buf *out, const char *name, struct str value)
{
    buf_printf(out, " %s=\"", name);
    escape_xml(out, value);
    buf_char(out, '"');
}

static void seconds(struct buf *out, int64_t ms)
{
    ms = ms > 0 ? ms : 0;
    buf_printf(out, " time=\"%lld.%03lld\"", (long long)(ms / 1000), (long long)(ms % 1000));
}

static void property(struct buf *out, const char *name, struct str value)
{
    if (value.len > 0) {
        buf_text(out, "      <property");
        attribute(out, "name", str_from(name));
        attribute(out, "value", value);
        buf_text(out, "/>\n");
    }
}

/* ---- cases ---- */

static void begin_case(struct buf *out, const struct report_entry *entry, struct str name,
                       const struct json *duration)
{
    buf_text(out, "    <testcase");
    attribute(out, "classname", entry->file);
    attribute(out, "name", name.len > 0 ? name : STR("(no name)"));
    seconds(out, report_int(duration));
    buf_text(out, ">\n");
}

static void put_mark(struct buf *out, struct tally *tally, enum mark mark, struct str type,
                     struct str message)
{
    tally->tests++;
    tally->marks[mark]++;
    if (mark == MARK_NONE) {
        return;
    }
    buf_printf(out, "      <%s", mark_elements[mark]);
    if (mark != MARK_SKIPPED) { /* older schemas give <skipped> text but no attribute */
        attribute(out, "type", type);
        attribute(out, "message", message);
    }
    buf_char(out, '>');
    escape_xml(out, message);
    buf_printf(out, "</%s>\n", mark_elements[mark]);
}

static void system_out_step(struct buf *out, const struct json *step)
{
    struct str outcome = json_str(json_get(step, "outcome"));
    struct buf reason;

    escape_xml(out, json_str(json_get(step, "status")));
    if (outcome.len > 0) {
        buf_char(out, '/');
        escape_xml(out, outcome);
    }
    buf_text(out, "  ");
    escape_xml(out, report_step_text(step));
    if (report_int(json_get(step, "line")) > 0) {
        buf_printf(out, "  (line %lld)", (long long)report_int(json_get(step, "line")));
    }
    if (report_step_is_red(step)) {
        buf_init(&reason, REASON_MAX);
        report_step_reason(&reason, step);
        buf_text(out, ": ");
        escape_xml(out, buf_view(&reason));
        buf_done(&reason);
    }
    buf_char(out, '\n');
}

static void system_out(struct buf *out, const struct json *test)
{
    static const char *const lists[] = {"setup", "steps"};
    const struct json *step;

    if (json_size(json_get(test, "setup")) + json_size(json_get(test, "steps")) == 0) {
        return;
    }
    buf_text(out, "      <system-out>");
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        JSON_FOREACH (step, json_get(test, lists[i])) {
            system_out_step(out, step);
        }
    }
    buf_text(out, "</system-out>\n");
}

static void failure_message(struct buf *out, const struct json *failure)
{
    int64_t index = report_int(json_get(failure, "index"));

    if (index > 0) {
        buf_printf(out, "step %lld, ", (long long)index);
    }
    buf_str(out, report_step_text(failure));
    buf_text(out, ": ");
    report_step_reason(out, failure);
}

static enum mark mark_of(struct str status, bool failed)
{
    if (failed || str_is(status, "failed")) {
        return MARK_FAILURE;
    }
    if (str_is(status, "passed") || str_is(status, "created")) {
        return MARK_NONE;
    }
    return str_is(status, "pending") || str_is(status, "skipped") ? MARK_SKIPPED : MARK_ERROR;
}

static void test_case(struct buf *out, struct tally *tally, const struct report_entry *entry,
                      const struct json *test)
{
    const struct json *failure = report_first_failure(test);
    struct str status = json_str(json_get(test, "status"));
    enum mark mark = mark_of(status, failure != NULL && !str_is(status, "passed"));
    struct str type = status;
    struct buf message;

    if (failure != NULL && json_str(json_get(failure, "outcome")).len > 0) {
        mark = MARK_FAILURE; /* created well, but red when it was executed */
    }
    buf_init(&message, REASON_MAX);
    if (failure != NULL && mark == MARK_FAILURE) {
        struct str code = json_str(json_find(failure, "/error/code"));

        failure_message(&message, failure);
        type = code.len > 0 ? code : status;
    } else {
        buf_str(&message, entry->detail.len > 0 ? entry->detail : status);
    }
    begin_case(out, entry, json_str(json_get(test, "name")), json_get(test, "duration_ms"));
    put_mark(out, tally, mark, type, buf_view(&message));
    system_out(out, test);
    buf_text(out, "    </testcase>\n");
    buf_done(&message);
}

static enum mark mark_of_execution(const struct json *execution)
{
    struct str outcome = json_str(json_get(execution, "outcome"));

    if (str_is(outcome, "FAIL") || str_is(outcome, "ERROR") ||
        json_type(json_get(execution, "error")) == JSON_OBJECT) {
        return MARK_FAILURE;
    }
    if (str_is(outcome, "PASS")) {
        return MARK_NONE;
    }
    return outcome.len == 0 ? MARK_SKIPPED : MARK_ERROR; /* started only, or ended as neither */
}

static void execution_case(struct buf *out, struct tally *tally, const struct report_entry *entry,
                           const struct json *execution)
{
    struct str detail = json_str(json_find(execution, "/error/detail"));
    struct buf text;

    buf_init(&text, REASON_MAX);
    buf_printf(&text, "execution of goal %.*s", STR_ARG(json_str(json_get(execution, "goal_id"))));
    begin_case(out, entry, buf_view(&text), json_get(execution, "duration_ms"));
    buf_clear(&text);
    buf_printf(&text, "status %.*s, outcome %.*s%s%.*s",
               STR_ARG(json_str(json_get(execution, "status"))),
               STR_ARG(json_str(json_get(execution, "outcome"))), detail.len > 0 ? ": " : "",
               STR_ARG(detail));
    put_mark(out, tally, mark_of_execution(execution), STR("execution"), buf_view(&text));
    buf_text(out, "    </testcase>\n");
    buf_done(&text);
}

/* A file without a run, or one that ended badly for a reason that is in none of its tests. */
static void file_case(struct buf *out, struct tally *tally, const struct report_entry *entry)
{
    static const enum mark marks[] = {
        [VERDICT_PASSED] = MARK_NONE,     [VERDICT_ERROR] = MARK_ERROR,
        [VERDICT_FAILED] = MARK_FAILURE,  [VERDICT_CANCELLED] = MARK_ERROR,
        [VERDICT_TIMED_OUT] = MARK_ERROR, [VERDICT_SKIPPED] = MARK_SKIPPED,
    };
    struct str title = str_from(verdict_title(entry->verdict));

    buf_text(out, "    <testcase");
    attribute(out, "classname", entry->file);
    attribute(out, "name", report_entry_name(entry));
    seconds(out, (int64_t)entry->ms);
    buf_text(out, ">\n");
    put_mark(out, tally, marks[entry->verdict], str_from(verdict_word(entry->verdict)),
             entry->detail.len > 0 ? entry->detail : title);
    buf_text(out, "    </testcase>\n");
}

/* ---- suites ---- */

static struct tally write_cases(struct buf *out, const struct report_entry *entry)
{
    struct tally tally = {0};
    const struct json *item;

    JSON_FOREACH (item, json_get(entry->run, "tests")) {
        test_case(out, &tally, entry, item);
    }
    JSON_FOREACH (item, json_get(entry->run, "executions")) {
        execution_case(out, &tally, entry, item);
    }
    /* A verdict that no case shows would be a green report of a red run. */
    if (tally.tests == 0 || (verdict_exit_code(entry->verdict) != 0 &&
                             tally.marks[MARK_FAILURE] + tally.marks[MARK_ERROR] == 0)) {
        file_case(out, &tally, entry);
    }
    return tally;
}

static void write_properties(struct buf *out, const struct report_entry *entry, struct str url)
{
    buf_text(out, "    <properties>\n");
    property(out, "file", entry->file);
    property(out, "verdict", str_from(verdict_word(entry->verdict)));
    property(out, "proxy", url);
    property(out, "run", json_str(json_get(entry->run, "id")));
    property(out, "format", json_str(json_get(entry->run, "format")));
    property(out, "goal", entry->goal);
    property(out, "journey", entry->journey);
    property(out, "resume", json_str(json_find(entry->run, "/resume/query")));
    buf_text(out, "    </properties>\n");
}

/* xs:dateTime without a zone, as the schema's other dialects want it: 2026-01-31T12:00:00 */
static void timestamp(struct buf *out, int64_t wall_ms)
{
    struct buf text;

    buf_init(&text, 64);
    clock_format(&text, wall_ms);
    attribute(out, "timestamp", str_sub(buf_view(&text), 0, sizeof("2026-01-31T12:00:00") - 1));
    buf_done(&text);
}

static void counts(struct buf *out, const struct tally *tally)
{
    buf_printf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\"", tally->tests,
               tally->marks[MARK_FAILURE], tally->marks[MARK_ERROR]);
}

static struct tally write_suite(struct buf *out, const struct report *report, size_t at)
{
    const struct report_entry *entry = &report->entries[at];
    struct buf cases;
    struct tally tally;

    buf_init(&cases, BODY_MAX);
    tally = write_cases(&cases, entry);
    buf_text(out, "  <testsuite");
    attribute(out, "name", report_entry_name(entry));
    attribute(out, "package", entry->file);
    buf_printf(out, " id=\"%zu\"", at);
    counts(out, &tally);
    buf_printf(out, " skipped=\"%zu\"", tally.marks[MARK_SKIPPED]);
    seconds(out, (int64_t)entry->ms);
    timestamp(out, report->began_wall_ms);
    attribute(out, "hostname", STR("localhost"));
    buf_text(out, ">\n");
    write_properties(out, entry, report->url);
    buf_str(out, buf_view(&cases));
    out->overflowed = out->overflowed || !buf_ok(&cases);
    buf_text(out, "  </testsuite>\n");
    buf_done(&cases);
    return tally;
}

void report_junit(const struct report *report, struct buf *out)
{
    struct tally all = {0};
    struct buf suites;

    buf_init(&suites, out->max);
    for (size_t i = 0; i < report->n; i++) {
        struct tally tally = write_suite(&suites, report, i);

        all.tests += tally.tests;
        for (size_t m = 0; m < ARRAY_LEN(all.marks); m++) {
            all.marks[m] += tally.marks[m];
        }
    }
    buf_text(out,
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"virtuoso-proxy\"");
    counts(out, &all);
    seconds(out, (int64_t)report->ms);
    buf_text(out, ">\n");
    buf_str(out, buf_view(&suites));
    buf_text(out, "</testsuites>\n");
    out->overflowed = out->overflowed || !buf_ok(&suites);
    buf_done(&suites);
}
