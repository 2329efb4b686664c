/* `virtuoso-proxy run`: test files sent to a proxy, followed to their end, reported.
 *
 *   cli_run_new (reads the files, opens the reports) ─► cli_run_start ─► on_done ─► cli_run_free
 *                                                            │ cli_run_cancel: stops what runs
 *                                                            └ cli_run_cancel again: waits no more
 *   cli_run_needs_proxy: false when no file will be sent. Then, or when there is no proxy,
 *   cli_run_end writes the reports
 *
 * The caller brings the proxy: the address of a remote one, or of one in this process.
 * Owner: the caller; texts of the options stay valid until cli_run_free. Promise: on_done comes once,
 * from the loop, after cli_run_start; the reports are written then.
 * Exit codes: 0 passed, created, skipped (no such tag); 1 could not start; 2 a step or the execution
 * failed; 3 cancelled or the proxy was lost; 4 timed out; of several files the worst in the order
 * 1, 2, 4, 3, 0. */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/str.h"
#include "cli/output.h"

struct cli_run;
struct loop;

enum {
    CLI_EXIT_NOT_STARTED = 1,
    CLI_CONCURRENCY_MAX = 16,
    CLI_TIMEOUT_MAX_S = 86400,
    CLI_RETRIES_MAX = 5,
    CLI_SHARDS_MAX = 1000,
    CLI_PATIENCE_DEFAULT_S = 30
};

struct cli_run_options {
    const char *const *paths;
    size_t n_paths;
    const char *const *variables; /* "NAME=VALUE" */
    size_t n_variables;
    const char *const *tags;
    size_t n_tags;
    const char *const *excludes; /* patterns of names and paths that are passed over */
    size_t n_excludes;
    const char *resume;     /* NULL: none; the query that a run object gave, for one file */
    const char *checkpoint; /* NULL: none */
    bool dry_run;
    bool lenient; /* a step that does not compile becomes a comment */
    bool execute;
    bool wait; /* with execute: follow the execution */
    bool fail_fast;
    bool strict;             /* nothing is begun when a file does not compile */
    bool verbose;            /* each step, warnings, what is passed over */
    bool sandbox;            /* the platform is the embedded sandbox */
    bool annotate;           /* GitHub's annotations */
    bool rerun_failed;       /* only files that the last run left red */
    unsigned shard;          /* 1 to n_shards */
    unsigned n_shards;       /* 0: all files */
    unsigned retries;        /* with wait: a red execution is started again so many times */
    const char *environment; /* with execute: id of the platform's environment; NULL: the goal's */
    unsigned timeout_s;      /* of each file; 0: none */
    unsigned patience_s;     /* how long a proxy that does not answer is asked again */
    unsigned concurrency;    /* files at once */
    const char *junit_file;  /* NULL: none */
    const char *html_file;
    const char *summary_file; /* GitHub's, appended to */
    enum cli_output output;
};

/* False: what is wrong was printed to stderr. Nothing was sent. */
bool cli_run_new(const struct cli_run_options *options, struct cli_run **out);
/* There is no run, because of `err`. Writes that to the reports that the options name, so that no
 * older report passes for the one of this run. */
void cli_run_refuse(const struct cli_run_options *options, const struct error *err);
void cli_run_free(struct cli_run *run); /* NULL is fine; not between start and on_done */

struct cli_run_proxy {
    struct str url;     /* without the path of the API */
    struct str api_key; /* may be empty */
    struct str ca_file; /* for https; empty: the system's */
};

bool cli_run_needs_proxy(const struct cli_run *run);
/* Writes the reports without a proxy. A file that was to be sent is reported as one that could not
 * start, because of `why` (NULL: there is no such file). */
void cli_run_end(struct cli_run *run, const struct error *why);

/* Not ERR_OK: on_done will not come. */
enum error_code cli_run_start(struct cli_run *run, struct loop *loop,
                              const struct cli_run_proxy *proxy, void (*on_done)(void *owner),
                              void *owner, struct error *err) MUST_CHECK;
void cli_run_cancel(struct cli_run *run);
int cli_run_exit_code(const struct cli_run *run); /* after on_done or cli_run_end */

#endif
