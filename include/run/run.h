/* run: a compiled test file carried out on the platform, as one plan, watched by any number.
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
    void (*on_idle)(void *context); /* the last run has ended; NULL: nobody wants to know */
    void *context;
    /* Runs of several processes (run/share.h); NULL: of this one alone, and the rest is not looked at. */
    struct run_share *share;
    struct str
        scope; /* which account of which platform: 32 letters and digits; outlives the store */
    unsigned call_ms; /* longest time of a call to the platform */
    bool strict; /* nothing is sent while the shared store is away; false: runs go on alone then */
    /* Keys of the account, the same in each process: the first one seals what may be secret, all of them open it.
     * Returns how many; 0: there are none. */
    size_t (*keys)(void *context, struct digest out[RUN_KEYS_MAX]);
    /* A run of another process: whose calls it would make, for nobody who is there. What that needs may be
     * deferred to run_arena(run). */
    void (*plan_options)(void *context, struct run *run, struct plan_options *out);
    /* It goes on here. False: not before run_release. */
    bool (*adopt)(void *context, struct run *run, const struct run_adoption *what,
                  struct run_hooks *hooks);
};

struct run_store *run_store_open(const struct run_store_options *options);
/* Runs that have begun keep what they read of the options then. */
void run_store_configure(struct run_store *store, const struct run_store_options *options);
void run_store_stop(struct run_store *store); /* cancels what is running; hooks are told */
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
    /* A step exists; the next one of its checkpoint goes to next_position, -1: not known any more.
     * `is_set`: because the request set a position, not because the checkpoint ends there. */
    void (*on_step)(void *context, int64_t next_position, bool is_set, bool added);
    void (*on_end)(void *context); /* exactly once after run_start, by the end, stop or close */
    void *context;
};

/* What the one who carries on a run of another process must know of the session that it belongs to. */
struct run_adoption {
    struct str session_id; /* empty: none */
    int64_t session_checkpoint;
};

/* ERR_OVERLOADED: max_active run already. The run is not to be found until it is started. */
enum error_code run_new(struct run_store *store, const struct digest *owner, struct run **out,
                        struct error *err) MUST_CHECK;
void run_drop(struct run *run);           /* one that was not started */
struct arena *run_arena(struct run *run); /* for the file; gone when the run ends */
/* Checks the request and finds tests and goals. What `file` points at lives in
 * run_arena; plan options are copied except the token. */
enum error_code run_prepare(struct run *run, const struct testfile *file,
                            const struct testfile_problems *problems,
                            const struct run_request *request, const struct plan_options *options,
                            struct error *err) MUST_CHECK;
/* Notes the next `n_steps` steps, about, so that the run can tell of them. True: these were the last. */
bool run_build(struct run *run, size_t n_steps) MUST_CHECK;
/* Instead of run_build, for a dry run: {method, path, query?, body?} of the next rows, about so many, into the
 * array that `w` has open: what would be sent if nothing is found by name. *at begins with 0; *done: that was the
 * rest. */
enum error_code run_write_requests(struct run *run, size_t *at, size_t n_rows,
                                   struct json_writer *w, bool *done, struct error *err) MUST_CHECK;
/* `held`: it is to be found and can be stopped, but nothing is sent before run_release (a session
 * whose turn has not come). */
void run_start(struct run *run, const struct run_hooks *hooks, bool held);
/* `position` of the next step of the checkpoint that the request names; -1: behind the last one. An adopted
 * run that had been told goes on where it was. */
void run_release(struct run *run, int64_t position);
/* The row in flight is finished, no other is begun; at once where none is. Where another process carries it out, that
 * one is told. Idempotent. */
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
/* Of one that is watched: why nothing more can be seen of it, though it may go on elsewhere; NULL: it can. Whoever
 * asks for it again is told what there is then. */
const struct error *run_lost(const struct run *run);
/* Everything that was asked for has come true: created, or executed and green. */
bool run_succeeded(const struct run *run);
/* The first thing that went wrong; code ERR_OK: nothing. */
const struct error *run_error(const struct run *run);
bool run_did_something(const struct run *run); /* something exists, or may exist, that it made */

/* --- telling --- */

/* Everything, some steps at a time: zeroed at the beginning; true: that was the rest. The run may go on
 * in between; each part is true when it is written. Who is at it watches the run. */
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
    /* More events; or it is over, or lost. NULL: the run shall only stay. */
    void (*on_change)(struct run_watcher *watcher);
};

void run_watch(struct run *run, struct run_watcher *watcher);
void run_unwatch(struct run_watcher *watcher); /* idempotent; zeroed is fine */

/* --- executions --- */

enum { RUN_MAX_RETRIES = 5 };

/* How long who waits for an execution bears with a platform that is away: as long as the vendor's
 * own tool (PLATFORM.md, "Executions"). */
enum { FOLLOW_PATIENCE_MS = 300000 };

/* Has it ended, as the platform's answer about it says? */
bool execution_is_over(const struct json *answer);

#endif
