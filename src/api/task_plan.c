/* What a task does with the plan that carries it out. */
#include "api_internal.h"
#include "cache.h"
#include "verdict.h"

void plan_options_for(struct task *task, struct plan_options *out)
{
    *out = (struct plan_options){
        .token = &task->api->config->upstream.token,
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

bool task_finishes_plan(const struct task *task, struct plan *plan)
{
    if (plan->running && task->idempotency != NULL && plan_may_have_changed(plan)) {
        return true;
    }
    if (!plan_must_finish(plan)) {
        return false;
    }
    plan_stop_after_row(plan);
    return true;
}

enum error_code task_take_plan(struct task *task, const struct plan *plan)
{
    struct exchange_notes *notes = &task->exchange->notes;

    task->may_have_changed = task->may_have_changed || plan_may_have_changed(plan);
    if (task->may_have_changed) {
        cache_purge(task->api->cache);
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
