/* The result of a command-line run as rows (entries), and the writers that turn it into text. The
 * writers are pure: entries in, bytes in a buf out. Texts of a run object come from the network, so
 * the writers escape them.
 *
 *   entry: a file ─► cases: its tests, each once, with what came of it, why, and how long it took
 *
 * Owner: the caller that fills the report; `run`, `problem` and the texts stay valid while it is used. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "data/json.h"

/* How a file ended; each has an exit code and a word, see the table in report.c. */
enum verdict {
    VERDICT_PASSED,  /* executed, and green */
    VERDICT_CREATED, /* made, and not executed (or not followed) */
    VERDICT_PLANNED, /* --dry-run: nothing was sent */
    VERDICT_ERROR,   /* could not start: does not compile, refused, no connection */
    VERDICT_FAILED,
    VERDICT_CANCELLED, /* stopped, or the proxy was lost on the way */
    VERDICT_TIMED_OUT,
    VERDICT_SKIPPED, /* not begun: --fail-fast, --strict, or no test with the --tag */
    N_VERDICTS
};

struct report_test {
    struct str name; /* may be empty */
    unsigned line;   /* 0: not known */
};

struct report_entry {
    struct str file;   /* as it was named or found */
    struct str source; /* its text, to show where an error is; may be empty */
    struct str goal;   /* of a manifest, or empty */
    struct str journey;
    struct str name;                 /* name of the only test in the file; may be empty */
    const struct report_test *tests; /* that would run; NULL: not known, as it does not compile */
    size_t n_tests;
    enum verdict verdict;
    bool executes;              /* --execute or --wait was asked for */
    struct str detail;          /* why it did not pass; may be empty */
    const struct json *run;     /* the run object of the proxy; NULL: none came */
    const struct json *problem; /* problem+json of a refusal; NULL: none */
    bool broken;                /* it does not compile */
    const struct json *dry_run; /* the answer to dry_run=true; NULL: none */
    uint64_t ms;
};

struct report {
    const struct report_entry *entries;
    size_t n;
    int64_t began_wall_ms;
    uint64_t ms;
    struct str url;
    bool verbose;
    bool sandbox;      /* links of the platform's pages lead nowhere */
    bool own_pictures; /* a screenshot that is a name without slashes is a file beside the report */
};

struct report_counts {
    size_t files[N_VERDICTS]; /* by verdict */
    size_t steps;
    size_t steps_done;
    size_t steps_failed;
    size_t requests; /* of --dry-run */
    size_t started;  /* files whose execution was started and not followed */
};

struct verdict_row {
    const char *word;  /* "passed", "timed_out" */
    const char *title; /* "passed", "timed out" */
    int exit_code;     /* not 0: it is bad */
    int weight;        /* the heaviest decides the exit code of several files */
};

extern const struct verdict_row verdicts[N_VERDICTS];
/* By the status of a run that has ended; VERDICT_ERROR: this program does not know the word. */
enum verdict verdict_of_status(struct str status);
bool verdict_is_bad(enum verdict verdict);
/* The worst exit code of all files: 1 is worse than 2, then 4, 3 and 0. Without a file: 1. */
int report_exit_code(const struct report *report);
/* At least one file passed, and all others passed or were skipped. */
bool report_passed(const struct report *report);
struct report_counts report_count(const struct report *report);
/* "3 passed, 1 failed": every verdict that occurs; `put_one` writes one. */
void report_put_counts(struct buf *out, const struct report_counts *counts,
                       void (*put_one)(struct buf *out, enum verdict verdict, size_t n));

/* What a report calls the entry: the name in the run object, else the journey of the manifest, else
 * the name in the file, else the file. */
struct str report_entry_name(const struct report_entry *entry);
/* The call of the set-up or the step of a test that failed first, when it was made or in the
 * execution. NULL: none failed. */
const struct json *report_first_failure(const struct json *test);
bool report_step_is_red(const struct json *step);
struct str report_step_text(const struct json *step); /* its sentence, else its command */
void report_step_reason(struct buf *out, const struct json *step); /* unescaped; may be nothing */
int64_t report_int(const struct json *node);                       /* 0: it is no number */
int64_t report_line(const struct json *node); /* its line in the file; 0: it has none */
/* A link that a report may offer: http(s) only. Empty: none. */
struct str report_link(const struct json *node);

/* ---- cases: report_cases.c ---- */

struct report_case {
    const struct report_entry *entry;
    const struct json *test; /* its part of the run object; NULL: there is none */
    struct str name;
    enum verdict verdict;
    struct str why; /* in words, with the place; empty when it passed. Unescaped */
    int64_t ms;     /* of its execution, else of its creation; if it was cut off, of both */
    int64_t line;   /* of the step that failed, the first error, or the test; 0: not known */
};

/* Does the run object tell what became of each test? */
bool report_knows_tests(const struct report_entry *entry);
/* The tests of a file, at least one. A bad file has a bad case. */
size_t report_cases(const struct report_entry *entry, struct arena *arena,
                    struct report_case **out);
/* "created 4 steps (not executed: add --wait)", "passed", "would send 11 requests": what came of
 * the file in one line, with why. Unescaped. */
struct str report_outcome(const struct report_entry *entry, struct arena *arena);

/* ---- writers ---- */

void report_junit(const struct report *report, struct buf *out);
void report_html(const struct report *report, struct buf *out);
void report_summary(const struct report *report, struct buf *out);
void report_json(const struct report *report, struct buf *out);
void report_yaml(const struct report *report, struct buf *out);
/* GitHub's workflow commands: one line for each failure. GitHub shows it beside that line of the file. */
void report_annotations(const struct report *report, struct buf *out);
/* Writes one line for a file, and below it the errors and how to continue. */
void report_human_entry(const struct report *report, const struct report_entry *entry, bool color,
                        struct buf *out);
void report_human_total(const struct report *report, bool color, struct buf *out);

#endif
