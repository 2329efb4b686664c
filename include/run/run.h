/* run: a test file, compiled and carried out on the platform as one plan. Any number of callers may watch it.
 *
 *   run_new ─► (compile into run_arena) ─► run_prepare ─► run_build ─► run_start ─► ... ─► ended,
 * kept for a while └► run_drop                     └► run_write_requests, run_drop
 *
 * Rows of the plan: goals first (find or create project, find or create goal, newest snapshot),
 * then each test (journey, checkpoint, attach, steps), then the executions. What happened to each
 * row is noted in the run and told as one event with a number, from 1 without gaps. Nothing is
 * buffered per watcher: a watcher is a cursor into the events.
 * Owner: the store owns its runs; run_store_close cancels what is running and frees all. Nobody
 * else keeps a run over a loop turn except as a watcher, which holds it in the store.
 * Memory: the test file and the plan are freed when the run ends; what stays costs about 150 bytes
 * a step. At most max_active run at once, max_kept ended ones are kept, oldest out first. Promise:
 * hooks and watchers are called from the loop, never from inside run_start or run_stop. */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json_writer.h"
#include "base/later.h"
#include "base/list.h"
#include "catalog/catalog.h"
#include "crypto/digest.h"
#include "plan/plan.h"
#include "step/lane.h"
#include "testfile/testfile.h"

struct run_store;
struct run;

struct run_share;
struct run_adoption;
struct run_hooks;

enum { RUN_KEYS_MAX = 2 };

struct run_store_options {
    const struct catalog *catalog;           /* outlives the store */
    struct dictionary *dictionary;           /* of test files; outlives the store */
    const struct plan_port *port;            /* the platform; outlives the store */
    const struct catalog_defaults *defaults; /* outlives the store */
    struct lanes *lanes;                     /* outlives the store */
    struct str ui_url;                       /* for links; outlives the store */
    struct str artifacts; /* where the reports of ended runs are, for links; empty: nowhere */
    struct str project;   /* name of the project, if neither file nor request
                                              * gives one */
    unsigned max_active;
    unsigned max_kept;
    unsigned poll_ms;               /* between two looks at an execution */
    void (*on_idle)(void *context); /* the last run has ended; may be NULL */
    void *context;
    /* For runs of several processes (run/share.h). NULL: runs of this process alone; the members below are not used. */
    struct run_share *share;
    struct str
        scope; /* which account of which platform: 32 letters and digits; outlives the store */
    unsigned call_ms; /* longest time of a call to the platform */
    bool strict; /* nothing is sent while the shared store is away; false: runs go on alone then */
    /* Keys of the account, the same in each process: the first one seals what may be secret, all of them open it.
     * Returns how many; 0: there are none. */
    size_t (*keys)(void *context, struct digest out[RUN_KEYS_MAX]);
    /* Sets the token for the calls of a run that another process has begun, since its caller is not here. What
     * the token needs is released with run_arena(run) (arena_defer). */
    void (*plan_options)(void *context, struct run *run, struct plan_options *out);
    /* A run of another process goes on here; sets `hooks`. False: it waits for run_release. */
    bool (*adopt)(void *context, struct run *run, const struct run_adoption *what,
                  struct run_hooks *hooks);
};

struct run_store *run_store_open(const struct run_store_options *options);
/* A run that has begun keeps the options that it read when it began. */
void run_store_configure(struct run_store *store, const struct run_store_options *options);
void run_store_stop(struct run_store *store); /* cancels what is running; hooks are told */
/* For an account that is not served any more: its copies are freed, and it takes over no runs of other processes. */
void run_store_rest(struct run_store *store);
void run_store_close(struct run_store *store);
size_t run_store_n_active(const struct run_store *store);

/* What a request says beside the file; it wins over the file. Strs are copied by run_prepare. */
struct run_request {
    struct str project_id, project; /* ids: digits, or empty */
    struct str goal_id, goal;
    struct str snapshot_id;
    struct str journey_id, journey;
    struct str checkpoint_id, checkpoint;
    struct str starting_url;
    struct str environment_id; /* for the execution; empty: the goal's */
    unsigned retries;          /* a red execution is started again so many times */
    const struct str *tags;    /* only tests that have one of them; none: all */
    size_t n_tags;
    unsigned test; /* 1-based: begin with this test; 0: the first */
    unsigned from; /* 1-based: begin with this step of that test; 0: the first */
    bool attach;   /* checkpoint_id is not attached to journey_id yet */
    bool execute;
    bool wait;                     /* with execute: follow it to its end */
    const bool *continue_on_error; /* NULL: as the file says */
    int64_t position;              /* of the next step of checkpoint_id; -1: behind the last one */
    bool dry_run;                  /* for run_write_requests */
};

struct run_hooks {
    /* A step was made (`added`), or may have been. The next step of its checkpoint goes to next_position; -1: that
     * is not known any more. `is_set`: the request set a position; else the checkpoint ends at next_position. */
    void (*on_step)(void *context, int64_t next_position, bool is_set, bool added);
    void (*on_end)(void *context); /* exactly once after run_start, by the end, stop or close */
    void *context;
};

/* The session of a run of another process, for the process that carries the run on. */
struct run_adoption {
    struct str session_id; /* empty: none */
    int64_t session_checkpoint;
};

/* ERR_OVERLOADED: max_active run already. run_find does not find the run before run_start. */
enum error_code run_new(struct run_store *store, const struct digest *owner, struct run **out,
                        struct error *err) MUST_CHECK;
void run_drop(struct run *run);           /* one that was not started */
struct arena *run_arena(struct run *run); /* for the file; gone when the run ends */
/* Checks the request and finds tests and goals. What `file` points to must live in
 * run_arena; plan options are copied, except the token. */
enum error_code run_prepare(struct run *run, const struct testfile *file,
                            const struct testfile_problems *problems,
                            const struct run_request *request, const struct plan_options *options,
                            struct error *err) MUST_CHECK;
/* Makes the notes of about `n_steps` more steps, so that the run can tell of them. True: these were the last. */
bool run_build(struct run *run, size_t n_steps) MUST_CHECK;
/* For a dry run, instead of run_build: writes the requests of about n_rows more rows, as {method, path, query?,
 * body?}, into the array that is open in `w`. They are the requests of a run that finds nothing by name. *at begins
 * with 0; *done: all are written. */
enum error_code run_write_requests(struct run *run, size_t *at, size_t n_rows,
                                   struct json_writer *w, bool *done, struct error *err) MUST_CHECK;
/* `held`: run_find finds the run and run_stop stops it, but the run sends nothing before run_release (the turn of
 * its session has not come). */
void run_start(struct run *run, const struct run_hooks *hooks, bool held);
/* `position` of the next step of the checkpoint that the request names; -1: behind the last one. An adopted
 * run that was released before goes on where it was. */
void run_release(struct run *run, int64_t position);
/* Stops the run when the row in flight has ended; at once if there is none. If another process carries the run out,
 * that process is told. Idempotent. */
void run_stop(struct run *run);

/* NULL: there is none, or another owner's. */
struct run *run_find(struct run_store *store, const struct digest *owner, struct str id);
/* The owner's runs (NULL: everybody's), newest first, from `offset` on, at most `limit` in out[]; *out_total counts
 * all. */
size_t run_list(struct run_store *store, const struct digest *owner, size_t offset, size_t limit,
                struct run **out, size_t *out_total);
const char *run_id(const struct run *run);
const struct digest *run_owner(const struct run *run);
bool run_is_over(const struct run *run);
/* Why a watched run cannot be followed here any more, though it may go on in another process; NULL: it can. A new
 * search (run_seek_start) finds what there is then. */
const struct error *run_lost(const struct run *run);
/* Everything that was asked for has come true: created, or executed and green. */
bool run_succeeded(const struct run *run);
/* The first thing that went wrong; code ERR_OK: nothing. */
const struct error *run_error(const struct run *run);
bool run_did_something(const struct run *run); /* something exists, or may exist, that it made */

/* --- telling --- */

/* run_write writes the whole run in parts of n_steps steps; true: that was the last part. `at` is zeroed at the
 * beginning. The run may go on between the parts; each part is true when it is written. The caller watches the run. */
struct run_writing {
    bool begun;
    size_t test, step;
};

bool run_write(const struct run *run, struct run_writing *at, size_t n_steps,
               struct json_writer *w) MUST_CHECK;
void run_write_summary(const struct run *run, struct json_writer *w); /* without tests and steps */
size_t run_n_events(const struct run *run);
/* Event `number` (1..run_n_events): its name, and its data as one line of JSON. */
const char *run_event_name(const struct run *run, size_t number);
void run_write_event(const struct run *run, size_t number, struct json_writer *w);

struct run_watcher {
    struct list link;
    struct run *run;
    /* The run has more events, is over, or is lost. NULL: the watcher only keeps the run in the store. */
    void (*on_change)(struct run_watcher *watcher);
};

void run_watch(struct run *run, struct run_watcher *watcher);
void run_unwatch(struct run_watcher *watcher); /* idempotent; zeroed is fine */

/* --- executions --- */

enum { RUN_MAX_RETRIES = 5 };

/* How long a wait for an execution bears with a platform that is away: as long as the vendor's own
 * tool does (PLATFORM.md, "Executions"). */
enum { FOLLOW_PATIENCE_MS = 300000 };

/* Has the execution ended, by the platform's answer about it? */
bool execution_is_over(const struct json *answer);

#endif
