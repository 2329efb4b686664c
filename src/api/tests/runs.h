/* What the handlers of test files and runs share. */
#ifndef API_RUNS_H
#define API_RUNS_H

#include "api/gate/pieces.h"
#include "run/run.h"
#include "testfile/testfile.h"

/* ---- a test file, read once for validate, compile and run alike ---- */

struct reading {
    struct testfile file;
    struct testfile_problems problems;
    bool ok;
};

/* A test file that is being read: one piece a turn, so that a long file does not hold up the loop. */
struct test_reading {
    struct pieces pieces;
    struct testfile_job *job;
    struct testfile_options options; /* that it is read with */
    struct reading result;
    enum stage_verdict (*then)(struct test_reading *reading);
    void (*gone)(struct test_reading *reading); /* the caller left before `then`; NULL: nothing */
};

/* Reads the body of the request, then calls `then`, whose verdict ends the task: at once for a short
 * file, else in a later turn. Kind and defaults of the options are filled in here. The text is not
 * copied: what is read lives in `arena`, except for views into the body. `reading` lives in the
 * task's arena; its then and gone are set by the caller. */
enum stage_verdict test_read(struct task *task, struct arena *arena,
                             const struct testfile_options *given, struct test_reading *reading);
/* 422 with every error. */
enum stage_verdict test_refuse(struct task *task, const struct reading *reading);

void test_warnings_write(struct json_writer *w,
                         const struct reading *reading); /* the member "warnings" */

/* ---- runs ---- */

typedef enum stage_verdict (*run_fn)(struct task *task, struct run *run);

/* Goes on with the run that the path names: at once, or in a later turn where processes share runs. If there is
 * no such run, the task fails. */
enum stage_verdict task_with_run(struct task *task, run_fn then);
/* The same for a run that the path names by its whole name (run/share.h); it may be anybody's. */
enum stage_verdict task_with_run_of_anybody(struct task *task, run_fn then);
bool task_names_run_of_anybody(const struct task *task);
/* The list where processes share runs; `all`: everybody's. */
enum stage_verdict run_list_shared(struct task *task, bool all);

/* Answers when the run has ended, or the caller has waited long enough. Stops the run when the caller leaves. */
enum stage_verdict run_wait_for_end(struct task *task, struct run *run, uint64_t timeout_ms);
/* Answers for a run that has ended: 200 if it did all that was asked for, else 207, or the error. */
enum stage_verdict run_reply_ended(struct task *task, struct run *run);
void run_reply_lost(struct task *task, struct run *run); /* run_lost */
/* Answers 202 when the begin of the run is on record. */
enum stage_verdict run_wait_for_begin(struct task *task, struct run *run);

/* True with an Idempotency-Key: the run and its answer are finished when the client leaves, so that the
 * retry finds the whole of it. */
bool run_must_finish(struct task *task);

/* runs.driver is "request". */
bool runs_are_driven(const struct task *task);
/* How much of the `left_ms` of a request a run does not get, so that the request is answered in time. If it
 * `asks` a recaller that knows no names, it also writes to the store, before and after. At most half of the time, or
 * LEFT_FOR_RECALL_MS if that is more. */
uint64_t run_end_ms(bool asks, bool knows_names, unsigned store_ms, uint64_t left_ms);
/* For the request that began the run, and drives it already: lets it advance for `ms`, or as long as the request may
 * last; then answers. `ms` 0: the run is not driven, but put on record. */
enum stage_verdict run_drive_on(struct task *task, struct run *run, uint64_t ms);
enum stage_verdict run_show(struct task *task, struct run *run); /* GET */

/* Answers with what the run is now, perhaps in a later turn. */
enum stage_verdict run_reply(struct task *task, int status, struct run *run);
/* Answers with what the run would send (its rows are made), and drops it. */
enum stage_verdict run_reply_dry(struct task *task, struct run *run, const struct reading *reading);

#endif
