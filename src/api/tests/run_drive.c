/* runs.driver: request. A run advances while a request for it is open: its POST, POST .../continue, a GET. When the time of
 * the request is over the run is put on record and is nobody's, then the request is answered; the next one goes on with it. */
#include "api/tests/handlers.h"

#include "api/gate/query.h"
#include "run/share.h"
#include "runs.h"
#include "store/keep.h"

enum { LOOK_MS = 2000 /* of a GET */, MARGIN_MS = 10000, LEFT_FOR_REPLY_MS = 1000 };

struct driving {
    struct run_watcher watcher;
    struct deadline until;
    struct task *task;
    bool begins; /* it is the request that began the run */
    bool drives; /* until the time is over */
};

bool runs_are_driven(const struct task *task)
{
    return run_is_shared(task->platform->runs) && str_is(task->config->runs.driver, "request");
}

static void end(struct driving *driving)
{
    struct task *task = driving->task;

    deadline_clear(&driving->until);
    if (driving->drives) {
        run_undrive(driving->watcher.run);
    }
    run_unwatch(&driving->watcher);
    task->on_cancel = NULL;
    task->state = NULL;
    keeps_rest(task->api->options.keeps); /* this process may be stopped after the answer */
}

/* Where to go on. */
static void tell_how(struct task *task, const struct run *run)
{
    exchange_add_lines(task->exchange, 0,
                       arena_printf(task->arena,
                                    "Link: </api/v1/tests/runs/%s/continue>; rel=\"next\"\r\n"
                                    "Retry-After: 1\r\n",
                                    run_id(run)));
}

static void reply(struct driving *driving)
{
    struct task *task = driving->task;
    struct run *run = driving->watcher.run;
    bool begins = driving->begins;

    end(driving);
    if (run_lost(run) != NULL) {
        run_reply_lost(task, run);
    } else if (run_is_over(run)) {
        (void)(begins ? run_reply_ended(task, run) : run_reply(task, 200, run));
    } else {
        tell_how(task, run);
        (void)run_reply(task, begins || task->route->wait == WAIT_LONG ? 202 : 200, run);
    }
}

static void on_change(struct run_watcher *watcher)
{
    struct driving *driving = CONTAINER_OF(watcher, struct driving, watcher);
    const struct run *run = watcher->run;

    if (run_is_over(run) || run_lost(run) != NULL || (!driving->drives && run_is_elsewhere(run))) {
        reply(driving);
    }
}

/* The row in flight ends, all is written, and the run is nobody's: then it is a copy here. */
static void on_until(struct deadline *deadline)
{
    struct driving *driving = CONTAINER_OF(deadline, struct driving, until);

    driving->drives = false;
    run_undrive(driving->watcher.run);
    if (run_is_elsewhere(driving->watcher.run)) {
        reply(driving);
    }
}

static void on_cancel(struct task *task)
{
    end(task->state);
}

enum stage_verdict run_drive_on(struct task *task, struct run *run, uint64_t ms, bool begins)
{
    struct driving *driving = arena_zalloc(task->arena, sizeof(*driving));
    uint64_t left_ms = exchange_left_ms(task->exchange);

    driving->task = task;
    driving->begins = begins;
    driving->drives = true;
    driving->watcher.on_change = on_change;
    if (left_ms != UINT64_MAX && ms + LEFT_FOR_REPLY_MS > left_ms) {
        ms = left_ms > LEFT_FOR_REPLY_MS ? left_ms - LEFT_FOR_REPLY_MS : 1;
    }
    task->state = driving;
    task->on_cancel = on_cancel;
    exchange_set_deadline(task->exchange, ms + MARGIN_MS);
    run_watch(run, &driving->watcher);
    if (!begins) {
        run_drive(run);
    }
    deadline_set(task->api->options.deadlines, &driving->until, ms, on_until);
    return STAGE_WAIT;
}

static uint64_t slice_ms(struct task *task)
{
    int64_t given_s = task_query_number(task, "timeout", 0);

    return given_s > 0 ? (uint64_t)given_s * 1000 : task->config->http.long_exchange_timeout_ms;
}

static enum stage_verdict go_on(struct task *task, struct run *run)
{
    return run_is_over(run) ? run_reply(task, 200, run)
                            : run_drive_on(task, run, slice_ms(task), false);
}

enum stage_verdict handle_run_continue(struct task *task)
{
    return task->dry_run ? task_reply_nothing_sent(task) : task_with_run(task, go_on);
}

enum stage_verdict run_show(struct task *task, struct run *run)
{
    return run_is_over(run) || !runs_are_driven(task) ? run_reply(task, 200, run)
                                                      : run_drive_on(task, run, LOOK_MS, false);
}
