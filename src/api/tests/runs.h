/* What the handlers of test runs share. */
#ifndef API_RUNS_H
#define API_RUNS_H

#include "api/gate/task.h"
#include "run/run.h"
#include "tests.h"

enum { RUN_ANSWER_MAX = 256 * 1024 * 1024 };

/* Goes on with the run that the path names: at once, or in a later turn where processes share runs. Without one
 * the task fails. */
enum stage_verdict task_with_run(struct task *task,
                                 enum stage_verdict (*then)(struct task *task, struct run *run));
/* The list where processes share runs; `all`: everybody's. */
enum stage_verdict run_list_shared(struct task *task, bool all);

/* What a run is now. The answer may come in a later turn. */
enum stage_verdict run_reply(struct task *task, int status, struct run *run);
/* What a run whose rows are made would send; the run is dropped. */
enum stage_verdict run_reply_dry(struct task *task, struct run *run, const struct reading *reading);

#endif
