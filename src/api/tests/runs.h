/* What the handlers of test runs share. */
#ifndef API_RUNS_H
#define API_RUNS_H

#include "api/gate/task.h"
#include "run/run.h"
#include "tests.h"

enum { RUN_ANSWER_MAX = 256 * 1024 * 1024 };

/* The run that the path names; NULL: task->error. */
struct run *task_run(struct task *task);

/* What a run is now. The answer may come in a later turn. */
enum stage_verdict run_reply(struct task *task, int status, struct run *run);
/* What a run whose rows are made would send; the run is dropped. */
enum stage_verdict run_reply_dry(struct task *task, struct run *run, const struct reading *reading);

#endif
