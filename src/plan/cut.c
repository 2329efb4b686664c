/* How a plan is ended from outside: its time is over, its owner cancels it, or asks it to stop. */
#include "plan_internal.h"

#include "base/check.h"
#include "base/clock.h"

bool plan_is_over_time(const struct plan *plan, unsigned *out_left_ms)
{
    uint64_t gone_ms = clock_turn_ms() - plan->begin_ms;

    *out_left_ms = 0;
    if (plan->options.deadline_ms == 0) {
        return false;
    }
    if (gone_ms >= plan->options.deadline_ms) {
        return true;
    }
    *out_left_ms = plan->options.deadline_ms - (unsigned)gone_ms;
    return false;
}

enum error_code plan_out_of_time(const struct plan *plan, struct error *err)
{
    return error_set(err, ERR_UPSTREAM_TIMEOUT,
                     "%s: the time limit of the whole request is reached",
                     row_name(&plan->rows[plan->at]));
}

/* If the row in flight were cut now, would its outcome be unknown? */
static bool is_unknown(const struct plan *plan)
{
    return plan_must_finish(plan) || (plan->at < plan->n_rows && plan->rows[plan->at].doubtful &&
                                      plan->rows[plan->at].status == ROW_RUNNING);
}

/* Cancels the call in flight and closes its row: as skipped if it is cancelled and nothing was sent, as unknown if
 * the call may have acted, else as failed. */
static void cut(struct plan *plan, const struct error *err)
{
    struct plan_row *row = plan->at < plan->n_rows ? &plan->rows[plan->at] : NULL;
    enum row_status status = is_unknown(plan) ? ROW_UNKNOWN : ROW_FAILED;

    if (upstream_is_running(&plan->upstream_call)) {
        plan->port->cancel(plan->port->context, &plan->upstream_call);
    }
    deadline_clear(&plan->again);
    later_remove(&plan->soon);
    if (row != NULL && row->status == ROW_RUNNING) {
        bool unsent =
            err->code == ERR_CANCELLED && (plan->gated || (row->guide != NULL && row->disproved));

        *plan_row_error(plan, row) = *err;
        plan_close_row(plan, unsent ? ROW_SKIPPED : status);
    }
}

static void explain_time_over(const struct plan *plan, struct error *err)
{
    const char *name = row_name(&plan->rows[plan->at]);

    if (plan->waits) {
        (void)error_set(err, ERR_OVERLOADED,
                        "%s: the time limit was reached before its turn came; it was not sent",
                        name);
        err->retry_after_s = 1;
    } else if (is_unknown(plan)) {
        (void)error_set(
            err, ERR_OUTCOME_UNKNOWN,
            "%s: the time limit was reached after the request was sent. It may or may not have been carried out; look at the platform before sending it again",
            name);
        err->late = true;
    } else {
        (void)plan_out_of_time(plan, err);
    }
}

bool plan_time_over(struct plan *plan)
{
    struct error err = {0};

    if (!plan->running) {
        return false;
    }
    if (plan->at >= plan->n_rows) {
        return true; /* about to end */
    }
    explain_time_over(plan, &err);
    cut(plan, &err);
    if (plan_tell_progress(plan)) {
        (void)plan_end_with(plan, err.code, &err);
        plan_finish(plan);
    }
    return true;
}

void plan_cancel(struct plan *plan)
{
    struct error err = {0};

    if (!plan->running) {
        return;
    }
    (void)error_set(&err, ERR_CANCELLED, "cancelled");
    cut(plan, &err);
    deadline_clear(&plan->limit);
    plan->running = false;
    plan->result = ERR_CANCELLED;
    plan->error = err;
}

bool plan_must_finish(const struct plan *plan)
{
    return plan->running && upstream_is_on_wire(&plan->upstream_call);
}

bool plan_may_send(const void *sender)
{
    const struct plan *plan = sender;
    const struct plan_row *row = &plan->rows[plan->at];

    return (plan->may_send == NULL || plan->may_send(plan)) &&
           (row->guide == NULL || row->guide->may_send == NULL || row->guide->may_send(row));
}

void plan_refuse(struct plan *plan, const struct error *err)
{
    CHECK(plan->running && plan->waits);
    plan->waits = false;
    plan_follow(plan, plan_row_failed(plan, ROW_FAILED, err));
}

/* Closes a guided row that waits between two calls, so that its guide is told of the end. */
static void end_between_looks(struct plan *plan)
{
    struct plan_row *row = &plan->rows[plan->at];

    if (row->guide == NULL) {
        return;
    }
    if (row->doubtful) {
        (void)error_set(plan_row_error(plan, row), ERR_OUTCOME_UNKNOWN,
                        "%s: stopped before it was known whether it was carried out; look at the "
                        "platform before sending it again",
                        row_name(row));
    }
    plan_close_row(plan, row->doubtful ? ROW_UNKNOWN : ROW_SKIPPED);
    (void)plan_tell_progress(plan);
}

void plan_stop_after_row(struct plan *plan)
{
    plan->stop_asked = true;
    if (plan->running && plan->waits) {
        plan_close_row(plan, ROW_SKIPPED);
        plan_run_soon(plan);
    } else if (plan->running && deadline_is_set(&plan->again)) {
        /* Between two looks nothing is in flight: the row has seen what there is to see. */
        deadline_clear(&plan->again);
        end_between_looks(plan);
        plan_run_soon(plan);
    }
}
