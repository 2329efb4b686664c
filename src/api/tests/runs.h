/* What the handlers of test runs share. */
#ifndef API_RUNS_H
#define API_RUNS_H

#include "api/gate/task.h"
#include "run/run.h"

/* The run that the path names; NULL: task->error. */
struct run *task_run(struct task *task);

#endif
