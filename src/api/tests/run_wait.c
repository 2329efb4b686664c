/* Requests that have asked for a run, and wait for its end, or for its beginning. */
#include "runs.h"

enum { REPLY_MARGIN_MS = 10000 };

struct waiter {
    struct run_watcher watcher;
    struct task *task;
    bool for_begin; /* until the run is on record, where processes share runs */
};

/* A run that created nothing is answered with an error, like any other call. */
enum stage_verdict run_reply_ended(struct task *task, struct run *run)
{
    const struct error *err = run_error(run);

    task->may_have_changed = run_did_something(run);
    if (!run_succeeded(run) && !run_did_something(run) && err->code != ERR_OK &&
        err->code != ERR_CANCELLED) {
        return task_fail_with(task, err);
    }
    return run_reply(task, run_succeeded(run) ? 200 : 207, run);
}

/* Another process goes on with the run, and what that writes cannot be read here. */
void run_reply_lost(struct task *task, struct run *run)
{
    task->may_have_changed = run_did_something(run);
    (void)task_fail_with(task, run_lost(run));
}

static void on_change(struct run_watcher *watcher)
{
    const struct waiter *waiter = CONTAINER_OF(watcher, struct waiter, watcher);
    struct run *run = watcher->run;
    struct task *task = waiter->task;
    bool has_come = waiter->for_begin ? run_n_events(run) > 0 : run_is_over(run);

    if (!has_come && run_lost(run) == NULL) {
        return;
    }
    run_unwatch(watcher); /* the run stays until all watchers are told */
    task->on_cancel = NULL;
    if (run_lost(run) != NULL) {
        run_reply_lost(task, run);
    } else {
        (void)(waiter->for_begin ? run_reply(task, 202, run) : run_reply_ended(task, run));
    }
}

static void on_cancel(struct task *task)
{
    struct waiter *waiter = task->state;

    if (!waiter->for_begin) {
        run_stop(waiter->watcher.run);
    }
    run_unwatch(&waiter->watcher);
}

static enum stage_verdict wait_for(struct task *task, struct run *run, bool for_begin)
{
    struct waiter *waiter = arena_zalloc(task->arena, sizeof(*waiter));

    *waiter = (struct waiter){.watcher.on_change = on_change, .task = task, .for_begin = for_begin};
    task->state = waiter;
    task->on_cancel = on_cancel;
    run_watch(run, &waiter->watcher);
    return STAGE_WAIT;
}

enum stage_verdict run_wait_for_end(struct task *task, struct run *run, uint64_t timeout_ms)
{
    task_set_deadline(task, timeout_ms + REPLY_MARGIN_MS);
    return wait_for(task, run, false);
}

enum stage_verdict run_wait_for_begin(struct task *task, struct run *run)
{
    return wait_for(task, run, true);
}
