/* Runs that exist: showing one, stopping one, listing them. */
#include "api/gate/query.h"
#include "api/tests/handlers.h"
#include "base/json_form.h"
#include "run/share.h"
#include "runs.h"

enum { RUN_LIST_MAX = 200 /* as query_run_list */, RUN_ID_LONGEST = 31 };

static enum stage_verdict no_such_run(struct task *task)
{
    bool may_recall = task_may(task, PERMISSION_CONTINUE);

    if (may_recall && task_query_number(task, "recall", 0) > 0) {
        return task_reply(task, 204, NULL, STR_EMPTY); /* a late recall: nothing is left to do */
    }
    return task_refuse(task, ERR_NOT_FOUND,
                       "There is no such test run; the last %u that have ended are kept",
                       task->config->runs.max_kept);
}

/* NULL: this process does not know the run. */
static struct run *find_here(struct task *task)
{
    struct str id = task_param(task, "id");
    struct run *run = run_find(task->platform->runs, &task->principal.owner, id);
    struct platform *platform = NULL;

    while (run == NULL && (platform = platform_next(task->api, platform)) != NULL) {
        if (str_eq(platform->tenant, task->platform->tenant)) { /* it had another address */
            run = run_find(platform->runs, &task->principal.owner, id);
        }
    }
    if (platform != NULL) {
        arena_defer(task->arena, platform_release, platform_hold(platform));
    }
    return run;
}

/* ---- one that another process may carry out ---- */

struct sought_run {
    struct run_seek seek;
    struct task *task;
    run_fn then;
};

static void on_found(struct run_seek *seek, struct run *run, const struct error *error)
{
    struct sought_run *sought = CONTAINER_OF(seek, struct sought_run, seek);
    struct task *task = sought->task;

    task->on_cancel = NULL;
    task->state = NULL;
    if (run != NULL) {
        (void)sought->then(task, run);
    } else if (error->code == ERR_NOT_FOUND) {
        (void)no_such_run(task);
    } else {
        (void)task_fail_with(task, error);
    }
}

static void gone_from_seeking(struct task *task)
{
    run_seek_cancel(&((struct sought_run *)task->state)->seek);
}

static struct sought_run *sought_by(struct task *task, run_fn then)
{
    struct sought_run *sought = arena_zalloc(task->arena, sizeof(*sought));

    sought->task = task;
    sought->then = then;
    task->state = sought;
    task->on_cancel = gone_from_seeking;
    return sought;
}

enum stage_verdict task_with_run(struct task *task, run_fn then)
{
    struct run *run = find_here(task);
    struct run_store *store = task->platform->runs;

    if (run != NULL && !run_is_elsewhere(run)) {
        return then(task, run);
    }
    if (!run_is_shared(store) || task_names_run_of_anybody(task)) {
        return no_such_run(task);
    }
    run_seek_start(store, &task->principal.owner, task_param(task, "id"),
                   &sought_by(task, then)->seek, on_found);
    return STAGE_WAIT;
}

bool task_names_run_of_anybody(const struct task *task)
{
    return task_param(task, "id").len > RUN_ID_LONGEST;
}

enum stage_verdict task_with_run_of_anybody(struct task *task, run_fn then)
{
    struct str name = task_param(task, "id");
    struct platform *platform = NULL;

    do {
        platform = platform_next(task->api, platform);
    } while (platform != NULL &&
             !(run_is_shared(platform->runs) && run_is_name_in(platform->runs, name)));
    if (platform == NULL) {
        return no_such_run(task);
    }
    arena_defer(task->arena, platform_release, platform_hold(platform));
    run_seek_name(platform->runs, name, &sought_by(task, then)->seek, on_found);
    return STAGE_WAIT;
}

enum stage_verdict handle_run_get(struct task *task)
{
    return task_with_run(task, run_show);
}

/* ---- the end of one ---- */

/* Tells the process that carries the run out. The run is watched meanwhile, so that it stays. */
struct stopping {
    struct run_watcher watcher;
    struct store_op op;
    struct task *task;
};

static void on_told(struct store_op *op, const struct store_result *result)
{
    struct stopping *stopping = CONTAINER_OF(op, struct stopping, op);
    struct task *task = stopping->task;
    struct run *run = stopping->watcher.run;

    task->on_cancel = NULL;
    task->state = NULL;
    run_unwatch(&stopping->watcher);
    if (result->error.code != ERR_OK) {
        task->error = result->error;
        task->error.retry_after_s = 1;
        (void)task_fail(task);
        return;
    }
    (void)run_reply(task, 202, run);
}

static void gone_from_stopping(struct task *task)
{
    struct stopping *stopping = task->state;

    store_cancel(&stopping->op);
    run_unwatch(&stopping->watcher);
}

static enum stage_verdict stop_elsewhere(struct task *task, struct run *run)
{
    struct stopping *stopping = arena_zalloc(task->arena, sizeof(*stopping));

    stopping->task = task;
    run_watch(run, &stopping->watcher);
    task->state = stopping;
    task->on_cancel = gone_from_stopping;
    run_stop_elsewhere(run, &stopping->op, on_told);
    return STAGE_WAIT;
}

static enum stage_verdict stop(struct task *task, struct run *run)
{
    if (run_is_over(run)) {
        return run_reply(task, 200, run);
    }
    if (task->dry_run) {
        return task_reply_nothing_sent(task);
    }
    if (run_is_elsewhere(run)) {
        return stop_elsewhere(task, run);
    }
    run_stop(run);
    return run_reply(task, 202, run);
}

enum stage_verdict handle_run_stop(struct task *task)
{
    return task_with_run(task, stop);
}

/* ---- all of them ---- */

/* One page of the runs that are asked for. */
struct run_page {
    size_t limit;
    size_t offset;
    size_t total; /* of all */
    size_t n;
    struct run *runs[RUN_LIST_MAX];
};

static struct run_page page_of(struct task *task)
{
    return (struct run_page){.limit = (size_t)task_query_number(task, "limit", 50),
                             .offset = (size_t)task_query_number(task, "offset", 0)};
}

static void page_add(struct run_page *page, struct run_store *store, const struct digest *owner)
{
    size_t skip = page->offset > page->total ? page->offset - page->total : 0;
    size_t total;

    page->n += run_list(store, owner, skip, page->limit - page->n, page->runs + page->n, &total);
    page->total += total;
}

static enum stage_verdict reply_page(struct task *task, const struct run_page *page)
{
    struct json_writer *w = task_writer(task);

    jw_shape(w, "{runs:[");
    for (size_t i = 0; i < page->n; i++) {
        run_write_summary(page->runs[i], w);
    }
    jw_form(w, "], total:%i, limit:%i, offset:%i}", page->total, page->limit, page->offset);
    return task_written(task, 200);
}

enum stage_verdict handle_run_list(struct task *task)
{
    struct run_page page = page_of(task);

    if (run_is_shared(task->platform->runs)) {
        return run_list_shared(task, false);
    }
    page_add(&page, task->platform->runs, &task->principal.owner);
    for (const struct platform *p = task->platform; p != NULL; p = platform_next(task->api, p)) {
        if (p != task->platform && str_eq(p->tenant, task->platform->tenant)) {
            page_add(&page, p->runs, &task->principal.owner);
        }
    }
    return reply_page(task, &page);
}

/* Account by account, each newest first. */
enum stage_verdict handle_run_list_all(struct task *task)
{
    struct run_page page = page_of(task);

    if (run_is_shared(task->platform->runs)) {
        return run_list_shared(task, true);
    }
    for (const struct platform *p = platform_next(task->api, NULL); p != NULL;
         p = platform_next(task->api, p)) {
        page_add(&page, p->runs, NULL);
    }
    return reply_page(task, &page);
}
