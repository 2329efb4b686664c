/* What a command-line run came to, as rows, and the writers that turn them into text. The writers
 * are pure: entries in, bytes in a buf out; what they take from a run object (network) they escape.
 * Owner: whoever fills the report; `run`, `problem` and the texts stay valid while it is used. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "data/json.h"

/* How a file ended; each has an exit code and a word, see report_verdicts in report.c. */
enum verdict {
    VERDICT_PASSED,
    VERDICT_ERROR, /* could not start: unreadable, does not compile, refused, no connection */
    VERDICT_FAILED,
    VERDICT_CANCELLED, /* stopped, or the proxy was lost on the way */
    VERDICT_TIMED_OUT,
    VERDICT_SKIPPED /* not begun: --fail-fast, or no test with the --tag */
};

struct report_entry {
    struct str file;   /* as it was named or found */
    struct str source; /* its text, to show where an error is; may be empty */
    struct str goal;   /* of a manifest, or empty */
    struct str journey;
    enum verdict verdict;
    struct str detail;          /* why it did not pass; may be empty */
    const struct json *run;     /* the run object of the proxy; NULL: none came */
    const struct json *problem; /* problem+json of a refusal; NULL: none */
    const struct json *dry_run; /* the answer to dry_run=true; NULL: none */
    uint64_t ms;
};

struct report {
    const struct report_entry *entries;
    size_t n;
    int64_t began_wall_ms;
    uint64_t ms;
    struct str url;
    bool dry_run;
};

struct report_counts {
    size_t files[VERDICT_SKIPPED + 1]; /* by verdict */
    size_t steps;
    size_t steps_done;
    size_t steps_failed;
};

const char *verdict_word(enum verdict verdict); /* "passed", "timed_out" */
const char *verdict_title(enum verdict verdict);
int verdict_exit_code(enum verdict verdict);
/* The worst of all: 1 > 2 > 4 > 3 > 0; 1 too when nothing was run. */
int report_exit_code(const struct report *report);
struct report_counts report_count(const struct report *report);

/* Of a run object: its name, else the journey of the manifest, else the file. */
struct str report_entry_name(const struct report_entry *entry);
/* What failed first in a test (a step, a call of its set-up, or a step's outcome in the
 * execution). NULL: nothing did. */
const struct json *report_first_failure(const struct json *test);
bool report_step_is_red(const struct json *step);
struct str report_step_text(const struct json *step); /* its sentence, else its command */
void report_step_reason(struct buf *out, const struct json *step); /* unescaped */
int64_t report_int(const struct json *node);                       /* 0 when it is none */
/* A link that a report may offer: http(s) only. Empty: none. */
struct str report_link(const struct json *node);

void report_junit(const struct report *report, struct buf *out);
void report_html(const struct report *report, struct buf *out);
void report_summary(const struct report *report, struct buf *out);
void report_json(const struct report *report, struct buf *out);
void report_yaml(const struct report *report, struct buf *out);
/* GitHub's workflow commands, one line a failure, which it shows beside the line of the file. */
void report_annotations(const struct report *report, struct buf *out);
/* What is said at the end: failures, links, how to resume, the totals. */
void report_human(const struct report *report, bool color, struct buf *out);

#endif
