/* Cases: the tests of a file, each once, whether it was run or not. A red case says which step failed,
 * on which line, and why. A file that does not compile is one case. If a file ended badly and none of
 * its tests is bad, its first case gets the verdict of the file: no report may show a red run green. */
#include "base/utf8.h"
#include "report.h"

enum { WHY_MAX = 8192, SHOWN_TEXT = 400 };

static const struct {
    const char *status;
    enum verdict verdict;
} statuses[] = {
    {"passed", VERDICT_PASSED},       {"created", VERDICT_CREATED}, {"failed", VERDICT_FAILED},
    {"cancelled", VERDICT_CANCELLED}, {"skipped", VERDICT_SKIPPED},
};

/* True: the step failed because its run was cut off (it timed out, or was stopped). Such a failure tells nothing
 * of the test. */
static bool was_cut(const struct report_entry *entry, const struct json *failure)
{
    static const char codes[] = "outcome_unknown request_timeout upstream_timeout overloaded "
                                "cancelled";

    return (entry->verdict == VERDICT_TIMED_OUT || entry->verdict == VERDICT_CANCELLED) &&
           (str_is(json_str(json_get(failure, "status")), "unknown") ||
            str_has_word(codes, json_str(json_find(failure, "/error/code"))));
}

/* The execution of the test's goal; NULL: the run object has none. */
static const struct json *execution_of(const struct report_entry *entry, const struct json *test)
{
    struct str goal = json_str(json_get(test, "goal_id"));
    const struct json *execution;

    JSON_FOREACH (execution, json_get(entry->run, "executions")) {
        if (goal.len > 0 && str_eq(json_str(json_get(execution, "goal_id")), goal)) {
            return execution;
        }
    }
    return NULL;
}

/* True: nothing is wrong with the test. It was not executed, because another test of its file failed before. */
static bool was_left(const struct report_entry *entry, const struct json *test)
{
    const struct json *execution = execution_of(entry, test);
    const struct json *other;

    if (execution == NULL || json_str(json_get(execution, "job_id")).len > 0 ||
        json_type(json_get(execution, "error")) == JSON_OBJECT) {
        return false;
    }
    JSON_FOREACH (other, json_get(entry->run, "tests")) {
        if (str_is(json_str(json_get(other, "status")), "failed")) {
            return true;
        }
    }
    return false;
}

/* A test that was not finished ends as its file did. */
static enum verdict verdict_of(const struct report_entry *entry, const struct json *test)
{
    struct str status = json_str(json_get(test, "status"));
    const struct json *failure = report_first_failure(test);
    enum verdict verdict = entry->verdict;

    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        if (str_is(status, statuses[i].status)) {
            verdict = statuses[i].verdict;
        }
    }
    if (failure != NULL) {
        return was_cut(entry, failure) ? entry->verdict : VERDICT_FAILED;
    }
    if (verdict != VERDICT_CANCELLED || !verdict_is_bad(entry->verdict)) {
        return verdict;
    }
    if (entry->verdict != VERDICT_FAILED) {
        return entry->verdict;
    }
    if (was_left(entry, test)) {
        return VERDICT_SKIPPED;
    }
    /* If the run has an error, no user cancelled the test: its execution or a call before its steps was refused. */
    return json_type(json_get(entry->run, "error")) == JSON_OBJECT ? VERDICT_ERROR : verdict;
}

/* ---- why ---- */

static void put_failure(struct buf *out, const struct report_entry *entry, const struct json *test,
                        const struct json *step)
{
    int64_t index = report_int(json_get(step, "index"));
    int64_t line = report_line(step);
    size_t before;

    if (index > 0) {
        buf_printf(out, "failed at step %lld of %zu, %.*s", (long long)index,
                   json_size(json_get(test, "steps")), STR_ARG(entry->file));
        if (line > 0) {
            buf_printf(out, ":%lld", (long long)line);
        }
        buf_text(out, ": ");
        buf_str(out, utf8_clip(report_step_text(step), SHOWN_TEXT));
    } else {
        buf_str(out, report_step_text(step));
        buf_text(out, " failed");
    }
    before = out->len;
    buf_text(out, ": ");
    report_step_reason(out, step);
    if (out->len == before + 2) {
        buf_truncate(out, before);
    }
}

static void put_planned(struct buf *out, const struct report_entry *entry)
{
    size_t n = json_size(json_get(entry->dry_run, "requests"));

    buf_printf(out, "would send %zu %s", n, n == 1 ? "request" : "requests");
}

static bool is_one_of_several(const struct report_case *one)
{
    return one->test == NULL && one->entry->n_tests > 1;
}

/* The first error: "FILE:3:5: unknown verb "clik"; did you mean "click"?" */
static void put_first_error(struct buf *out, const struct report_entry *entry)
{
    const struct json *errors = json_get(entry->problem, "errors");
    const struct json *first = json_first(errors);
    struct str nearest = json_str(json_get(first, "nearest"));

    if (report_line(first) == 0) {
        buf_str(out, entry->detail.len > 0 ? entry->detail : json_str(json_get(first, "detail")));
        return;
    }
    buf_printf(out, "%.*s:%lld:%lld: %.*s", STR_ARG(entry->file), (long long)report_line(first),
               (long long)report_int(json_get(first, "column")),
               STR_ARG(utf8_clip(json_str(json_get(first, "detail")), SHOWN_TEXT)));
    if (nearest.len > 0) {
        buf_printf(out, "; did you mean \"%.*s\"?", STR_ARG(nearest));
    }
    if (json_size(errors) > 1) {
        buf_printf(out, " (and %zu more)", json_size(errors) - 1);
    }
}

static struct str why_of(struct arena *arena, const struct report_case *one)
{
    const struct json *failure = report_first_failure(one->test);
    const struct report_entry *entry = one->entry;
    struct buf out;

    buf_init(&out, WHY_MAX);
    if (one->verdict == VERDICT_FAILED && failure != NULL) {
        put_failure(&out, entry, one->test, failure);
    } else if (one->verdict == VERDICT_CREATED) {
        buf_text(&out, entry->executes ? "created, executed but not followed (add --wait)"
                                       : "created, not executed (add --wait)");
    } else if (one->verdict == VERDICT_PLANNED) {
        buf_text(&out, is_one_of_several(one) ? "its file " : "");
        put_planned(&out, entry);
    } else if (one->verdict == VERDICT_ERROR && json_size(json_get(entry->problem, "errors")) > 0) {
        put_first_error(&out, entry);
    } else if (one->verdict == VERDICT_SKIPPED && one->test != NULL) {
        buf_text(&out, str_is(json_str(json_get(one->test, "status")), "skipped")
                           ? "an earlier test of the file did not pass"
                           : "created, not executed: another test of the file did not pass");
    } else if (one->verdict != VERDICT_PASSED) {
        buf_str(&out,
                entry->detail.len > 0 ? entry->detail : str_from(verdicts[one->verdict].title));
    }
    return arena_take(arena, &out);
}

/* ---- cases ---- */

/* The time that the execution of the test's goal took; 0: not known. */
static int64_t execution_ms_of(const struct report_case *one)
{
    return report_int(json_get(execution_of(one->entry, one->test), "duration_ms"));
}

/* The time to create the test. A bad test that was not begun counts the calls of its set-up instead. */
static int64_t making_ms_of(const struct report_case *one)
{
    int64_t ms = report_int(json_get(one->test, "duration_ms"));
    const struct json *call;

    if (ms == 0 && verdict_is_bad(one->verdict)) {
        JSON_FOREACH (call, json_get(one->test, "setup")) {
            ms += report_int(json_get(call, "ms"));
        }
    }
    return ms;
}

/* A bad test that did not end has no execution time of its own: its creation and its goal's execution count. */
static int64_t ms_of(const struct report_case *one)
{
    const struct json *executed = json_get(one->test, "execution_ms");

    if (one->test == NULL) {
        return is_one_of_several(one) ? 0 : (int64_t)one->entry->ms;
    }
    if (executed != NULL && (report_int(executed) > 0 || !verdict_is_bad(one->verdict))) {
        return report_int(executed);
    }
    return making_ms_of(one) + (verdict_is_bad(one->verdict) ? execution_ms_of(one) : 0);
}

static int64_t line_of(const struct report_case *one)
{
    const struct json *failure = report_first_failure(one->test);
    int64_t line = report_line(failure);

    if (line == 0) {
        line = report_line(json_find(one->entry->problem, "/errors/0"));
    }
    return line > 0 ? line : report_line(one->test);
}

static struct str name_of(const struct report_entry *entry, struct str name, bool alone)
{
    if (alone && entry->journey.len > 0) {
        return entry->journey; /* a manifest may name the file once for each journey */
    }
    return name.len > 0 ? name : report_entry_name(entry);
}

bool report_knows_tests(const struct report_entry *entry)
{
    const struct json *tests = json_get(entry->run, "tests");

    return json_type(tests) == JSON_ARRAY && json_size(tests) > 0;
}

/* True: one of them is bad. */
static bool cases_of_run(const struct report_entry *entry, struct report_case *cases)
{
    const struct json *tests = json_get(entry->run, "tests");
    const struct json *test;
    bool alone = json_size(tests) == 1;
    bool any_bad = false;

    JSON_FOREACH (test, tests) {
        *cases =
            (struct report_case){.entry = entry,
                                 .test = test,
                                 .name = name_of(entry, json_str(json_get(test, "name")), alone),
                                 .verdict = verdict_of(entry, test)};
        any_bad = any_bad || verdict_is_bad(cases->verdict);
        cases++;
    }
    return any_bad;
}

/* No test has a result of its own: each case gets the verdict of the file. */
static void cases_of_file(const struct report_entry *entry, struct report_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct str name = i < entry->n_tests ? entry->tests[i].name : STR_EMPTY;

        cases[i] = (struct report_case){
            .entry = entry, .name = name_of(entry, name, n == 1), .verdict = entry->verdict};
    }
}

size_t report_cases(const struct report_entry *entry, struct arena *arena, struct report_case **out)
{
    bool knows = report_knows_tests(entry);
    size_t n = knows ? json_size(json_get(entry->run, "tests")) : entry->n_tests;
    struct report_case *cases = arena_calloc(arena, n + 1, sizeof(*cases));

    n = n > 0 ? n : 1;
    if (!knows) {
        cases_of_file(entry, cases, n);
    } else if (!cases_of_run(entry, cases) && verdict_is_bad(entry->verdict)) {
        cases[0].verdict = entry->verdict;
    }
    for (size_t i = 0; i < n; i++) {
        cases[i].why = why_of(arena, &cases[i]);
        cases[i].ms = ms_of(&cases[i]);
        cases[i].line = line_of(&cases[i]);
        if (cases[i].line == 0 && i < entry->n_tests && !knows) {
            cases[i].line = entry->tests[i].line;
        }
    }
    *out = cases;
    return n;
}

/* ---- a file in one line ---- */

static struct str outcome_of_several(struct arena *arena, const struct report_entry *entry,
                                     const struct report_case *cases, size_t n)
{
    size_t n_bad = 0;
    const struct report_case *first = NULL;

    for (size_t i = 0; i < n; i++) {
        n_bad += verdict_is_bad(cases[i].verdict) ? 1 : 0;
        first = first == NULL && verdict_is_bad(cases[i].verdict) ? &cases[i] : first;
    }
    return first == NULL ? str_from(verdicts[entry->verdict].title)
                         : arena_printf(arena, "%s, %zu of %zu tests: \"%.*s\" %.*s",
                                        verdicts[entry->verdict].title, n_bad, n,
                                        STR_ARG(first->name), STR_ARG(first->why));
}

struct str report_outcome(const struct report_entry *entry, struct arena *arena)
{
    struct report_case *cases;
    size_t n = report_cases(entry, arena, &cases);
    struct str title = str_from(verdicts[entry->verdict].title);
    int64_t n_done = report_int(json_find(entry->run, "/steps/done"));
    struct buf out;

    buf_init(&out, WHY_MAX);
    if (entry->verdict == VERDICT_CREATED) {
        buf_printf(&out, "created %lld %s (%s)", (long long)n_done, n_done == 1 ? "step" : "steps",
                   entry->executes ? "execution started, not followed: add --wait"
                                   : "not executed: add --wait");
    } else if (entry->verdict == VERDICT_PLANNED) {
        put_planned(&out, entry);
    } else if (n > 1 && report_knows_tests(entry)) {
        buf_str(&out, outcome_of_several(arena, entry, cases, n));
    } else if (entry->verdict == VERDICT_ERROR &&
               report_line(json_find(entry->problem, "/errors/0")) > 0) {
        buf_str(&out, entry->detail); /* each error follows, with its line */
    } else if (entry->verdict == VERDICT_PASSED || cases[0].why.len == 0) {
        buf_str(&out, title);
    } else if (str_starts(cases[0].why, title)) {
        buf_str(&out, cases[0].why);
    } else {
        buf_printf(&out, "%.*s: %.*s", STR_ARG(title), STR_ARG(cases[0].why));
    }
    return arena_take(arena, &out);
}
