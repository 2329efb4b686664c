/* Whoever asked for a run and waits: for its end, or for its beginning. */
#include "runs.h"

enum { REPLY_MARGIN_MS = 10000 };

struct waiter {
    struct run_watcher watcher;
    struct task *task;
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

/* Another process goes on with it, and what it writes cannot be read here. */
void run_reply_lost(struct task *task, struct run *run)
{
    task->may_have_changed = run_did_something(run);
    (void)task_fail_with(task, run_lost(run));
}

static void on_change(struct run_watcher *watcher)
{
    struct waiter *waiter = CONTAINER_OF(watcher, struct waiter, watcher);
    struct run *run = watcher->run;
    struct task *task = waiter->task;

    if (!run_is_over(run) && run_lost(run) == NULL) {
        return;
    }
    run_unwatch(watcher); /* it stays until all watchers are told */
    task->on_cancel = NULL;
    if (run_lost(run) != NULL) {
        run_reply_lost(task, run);
    } else {
        (void)run_reply_ended(task, run);
    }
}

static void on_cancel(struct task *task)
{
    struct waiter *waiter = task->state;

    run_stop(waiter->watcher.run);
    run_unwatch(&waiter->watcher);
}

enum stage_verdict run_wait_for_end(struct task *task, struct run *run, uint64_t timeout_ms)
{
    struct waiter *waiter = arena_zalloc(task->arena, sizeof(*waiter));

    waiter->task = task;
    waiter->watcher.on_change = on_change;
    task->state = waiter;
    task->on_cancel = on_cancel;
    task_set_deadline(task, timeout_ms + REPLY_MARGIN_MS);
    run_watch(run, &waiter->watcher);
    return STAGE_WAIT;
}

/* Where processes share runs: the beginning is on record before it is told. */
static void on_begun(struct run_watcher *watcher)
{
    struct waiter *waiter = CONTAINER_OF(watcher, struct waiter, watcher);
    struct run *run = watcher->run;
    struct task *task = waiter->task;

    if (run_lost(run) != NULL || run_n_events(run) > 0) {
        run_unwatch(watcher);
        task->on_cancel = NULL;
        if (run_lost(run) != NULL) {
            run_reply_lost(task, run);
        } else {
            (void)run_reply(task, 202, run);
        }
    }
}

static void gone_from_beginning(struct task *task)
{
    run_unwatch(&((struct waiter *)task->state)->watcher);
}

enum stage_verdict run_wait_for_begin(struct task *task, struct run *run)
{
    struct waiter *waiter = arena_zalloc(task->arena, sizeof(*waiter));

    waiter->task = task;
    waiter->watcher.on_change = on_begun;
    task->state = waiter;
    task->on_cancel = gone_from_beginning;
    run_watch(run, &waiter->watcher);
    return STAGE_WAIT;
}
