/* The plan that carries a task out: a handler fills it and says what is to be done when it has ended.
 * What happens in between is written here once: the client leaves (the row on the wire is finished),
 * the time is over, the report for the log, the dry run. */
#include "api/gate/cache.h"
#include "api/gate/task.h"
#include "api/gate/verdict.h"

void plan_options_for(struct task *task, struct plan_options *out)
{
    *out = (struct plan_options){
        .tokens = &task->platform->tokens,
        .request_id = str_from(task->exchange->trace.request_id),
        .trace = &task->exchange->trace,
        .stored_token = task->principal.bearer.len == 0,
        .bearer = task->principal.bearer,
    };
}

/* Did a row that creates or changes something have an effect, or may it have had one? */
static bool plan_may_have_changed(const struct plan *plan)
{
    for (size_t i = 0; i < plan->n_rows; i++) {
        const struct plan_row *row = &plan->rows[i];

        if (row->call->spec->class != CALL_READ &&
            (row->status == ROW_DONE || (row->status == ROW_RUNNING && !row->disproved) ||
             row_may_have_acted(row))) {
            return true;
        }
    }
    return false;
}

static enum error_code take_plan(struct task *task, const struct plan *plan)
{
    struct exchange_notes *notes = &task->exchange->notes;

    task->may_have_changed = task->may_have_changed || plan_may_have_changed(plan);
    if (task->may_have_changed) {
        (void)cache_purge(task->api->cache);
    }
    notes->upstream_status = plan->last_status;
    notes->upstream_calls += plan->n_calls;
    trace_add(&task->exchange->trace, TRACE_QUEUE, plan->wait_us);
    trace_add(&task->exchange->trace, TRACE_UPSTREAM, plan->wire_us);
    if (plan->last_status == 401) {
        verdict_drop(task);
    }
    if (plan->result != ERR_OK) {
        task->error = plan->error;
        task->error.code = plan->result;
        task->made = plan_made(plan, NULL);
    }
    return plan->result;
}

struct plan *task_plan_new(struct task *task)
{
    struct plan *plan = arena_alloc(task->arena, sizeof(*plan)); /* plan_init sets all of it */
    struct plan_options options;

    plan_options_for(task, &options);
    plan_init(plan, task->arena, &task->platform->port, &options);
    plan->owner = task;
    task->plan = plan;
    return plan;
}

void *plan_state(const struct plan *plan)
{
    const struct task *task = plan->owner;

    return task->state;
}

static void on_end(struct plan *plan)
{
    struct task *task = plan->owner;

    task->on_plan_end(task, take_plan(task, plan));
}

static void cancel(struct task *task)
{
    task->exchange->notes.report = json_text(task->arena, plan_report(task->plan));
    plan_cancel(task->plan);
    if (task->on_plan_gone != NULL) {
        task->on_plan_gone(task);
    }
}

static bool must_finish(struct task *task)
{
    struct plan *plan = task->plan;

    if (plan->running && task->idempotency != NULL && plan_may_have_changed(plan)) {
        return true;
    }
    if (!plan_must_finish(plan)) {
        return false;
    }
    plan_stop_after_row(plan);
    return true;
}

static void time_over(struct task *task)
{
    if (plan_time_over(task->plan)) {
        return;
    }
    cancel(task);
    task->error.retry_after_s = 1;
    (void)task_refuse(task, ERR_OVERLOADED,
                      "The commands before this one took too long; this one was not sent");
}

void task_hold_plan(struct task *task, plan_end_fn on_plan_end, plan_gone_fn on_plan_gone)
{
    task->on_plan_end = on_plan_end;
    task->on_plan_gone = on_plan_gone;
    task->on_cancel = cancel;
    task->must_finish = must_finish;
    task->on_deadline = time_over;
}

void task_start_plan(struct task *task)
{
    plan_start(task->plan, on_end, task);
}

enum stage_verdict task_show_plan(struct task *task)
{
    struct json *requests = NULL;

    if (plan_dry_run(task->plan, &requests, &task->error) != ERR_OK) {
        return task_fail(task);
    }
    return task_reply_requests(task, requests);
}
