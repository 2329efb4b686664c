/* What all writers of reports share: verdicts, and reading run objects. A run object comes from the
 * network, so nothing about its shape is taken for granted. */
#include "report.h"

const struct verdict_row verdicts[N_VERDICTS] = {
    [VERDICT_PASSED] = {"passed", "passed", 0, 0},
    [VERDICT_CREATED] = {"created", "created", 0, 0},
    [VERDICT_PLANNED] = {"dry_run", "not sent", 0, 0},
    [VERDICT_ERROR] = {"error", "could not start", 1, 4},
    [VERDICT_FAILED] = {"failed", "failed", 2, 3},
    [VERDICT_CANCELLED] = {"cancelled", "cancelled", 3, 1},
    [VERDICT_TIMED_OUT] = {"timed_out", "timed out", 4, 2},
    [VERDICT_SKIPPED] = {"skipped", "skipped", 0, 0},
};

enum verdict verdict_of_status(struct str status)
{
    static const enum verdict ended[] = {VERDICT_PASSED, VERDICT_CREATED, VERDICT_FAILED,
                                         VERDICT_CANCELLED, VERDICT_TIMED_OUT};

    for (size_t i = 0; i < ARRAY_LEN(ended); i++) {
        if (str_is(status, verdicts[ended[i]].word)) {
            return ended[i];
        }
    }
    return VERDICT_ERROR;
}

bool verdict_is_bad(enum verdict verdict)
{
    return verdicts[verdict].exit_code != 0;
}

int report_exit_code(const struct report *report)
{
    const struct verdict_row *worst = &verdicts[VERDICT_PASSED];

    for (size_t i = 0; i < report->n; i++) {
        const struct verdict_row *row = &verdicts[report->entries[i].verdict];

        worst = row->weight > worst->weight ? row : worst;
    }
    /* Without a file nothing was asked for: that must not look like success. */
    return report->n == 0 ? verdicts[VERDICT_ERROR].exit_code : worst->exit_code;
}

bool report_passed(const struct report *report)
{
    size_t n_passed = 0;

    for (size_t i = 0; i < report->n; i++) {
        enum verdict verdict = report->entries[i].verdict;

        if (verdict != VERDICT_PASSED && verdict != VERDICT_SKIPPED) {
            return false;
        }
        n_passed += verdict == VERDICT_PASSED ? 1 : 0;
    }
    return n_passed > 0;
}

static size_t count_of(const struct json *node)
{
    int64_t value = report_int(node);

    return value > 0 ? (size_t)value : 0;
}

struct report_counts report_count(const struct report *report)
{
    struct report_counts counts = {0};

    for (size_t i = 0; i < report->n; i++) {
        const struct json *steps = json_get(report->entries[i].run, "steps");

        counts.files[report->entries[i].verdict]++;
        counts.steps += count_of(json_get(steps, "total"));
        counts.steps_done += count_of(json_get(steps, "done"));
        counts.steps_failed +=
            count_of(json_get(steps, "failed")) + count_of(json_get(steps, "unknown"));
        counts.started +=
            report->entries[i].verdict == VERDICT_CREATED && report->entries[i].executes ? 1 : 0;
        counts.requests += json_size(json_get(report->entries[i].dry_run, "requests"));
    }
    return counts;
}

void report_put_counts(struct buf *out, const struct report_counts *counts,
                       void (*put_one)(struct buf *out, enum verdict verdict, size_t n))
{
    bool first = true;

    for (size_t v = 0; v < N_VERDICTS; v++) {
        if (counts->files[v] > 0) {
            buf_text(out, first ? "" : ", ");
            put_one(out, (enum verdict)v, counts->files[v]);
            first = false;
        }
    }
}

struct str report_entry_name(const struct report_entry *entry)
{
    struct str name = json_str(json_get(entry->run, "name"));

    name = name.len > 0 ? name : json_str(json_get(entry->dry_run, "name"));
    name = name.len > 0 ? name : entry->journey;
    name = name.len > 0 ? name : entry->name;
    return name.len > 0 ? name : entry->file;
}

bool report_step_is_red(const struct json *step)
{
    struct str status = json_str(json_get(step, "status"));
    struct str outcome = json_str(json_get(step, "outcome"));

    if (str_is(outcome, "FAIL") || str_is(outcome, "ERROR")) {
        return true;
    }
    /* optional: the file allows that the step is not made */
    return !json_true(json_get(step, "optional")) &&
           (str_is(status, "failed") || str_is(status, "unknown"));
}

/* True: the step is optional and its test passed, so the platform did not count the failure of the step. */
static bool is_forgiven(const struct json *test, const struct json *step)
{
    return json_true(json_get(step, "optional")) &&
           str_is(json_str(json_get(test, "status")), "passed");
}

const struct json *report_first_failure(const struct json *test)
{
    static const char *const lists[] = {"setup", "steps"};
    const struct json *step;

    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        JSON_FOREACH (step, json_get(test, lists[i])) {
            if (report_step_is_red(step) && !is_forgiven(test, step)) {
                return step;
            }
        }
    }
    return NULL;
}

struct str report_step_text(const struct json *step)
{
    static const char *const names[] = {"text", "command", "call"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str text = json_str(json_get(step, names[i]));

        if (text.len > 0) {
            return text;
        }
    }
    return STR("(step)");
}

void report_step_reason(struct buf *out, const struct json *step)
{
    struct str detail = json_str(json_find(step, "/error/detail"));
    struct str outcome = json_str(json_get(step, "outcome"));
    struct str reason = json_str(json_get(step, "reason"));

    if (detail.len > 0) {
        buf_str(out, detail);
    } else if (reason.len > 0) {
        buf_str(out, reason);
    } else if (str_is(outcome, "ERROR")) {
        buf_text(out, "the platform could not carry it out");
    } else if (str_is(json_str(json_get(step, "status")), "unknown")) {
        buf_text(out, "it is not known whether it exists");
    }
}

int64_t report_int(const struct json *node)
{
    int64_t value;

    return json_to_i64(node, &value) ? value : 0;
}

int64_t report_line(const struct json *node)
{
    int64_t line = report_int(json_get(node, "line"));

    return line > 0 ? line : 0;
}

struct str report_link(const struct json *node)
{
    struct str link = json_str(node);

    return str_starts(link, STR("https://")) || str_starts(link, STR("http://")) ? link : STR_EMPTY;
}
