/* What the handlers of test runs share. */
#ifndef API_RUNS_H
#define API_RUNS_H

#include "api/gate/task.h"
#include "run/run.h"

enum { RUN_ANSWER_MAX = 256 * 1024 * 1024 };

/* The run that the path names; NULL: task->error. */
struct run *task_run(struct task *task);

/* What a run is now. */
enum stage_verdict run_reply(struct task *task, int status, const struct run *run);

#endif
