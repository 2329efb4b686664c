/* A run is given away between two of its calls: what is known of the run is written, then its claim is nobody's. If this
 * process was asked to stop the run, that is written first: the process that has the run next reads it. */
#include "share_internal.h"

enum { STOP_AGAIN_MS = 1000 };

/* Also if the claim could not be changed: then others find it as the claim of a process that has ended. */
static void on_given_up(struct store_op *op, const struct store_result *result)
{
    struct run_log *log = CONTAINER_OF(op, struct run_log, claim);

    if (result->error.code == ERR_OK) {
        runs_ring(log->share);
    }
    run_let_go(log->run);
}

/* The run is free when all that is known of it is written. A stop that was asked for is a part of that. */
void log_give_up(struct run_log *log)
{
    bool is_written = log->pending.len + log->sending.len == 0 && !log->tail.is_left &&
                      !store_is_running(&log->told) && !deadline_is_set(&log->told_again);

    if (log->leaves && is_written && log->state == LOG_RUNS && !store_is_running(&log->claim)) {
        log_put_claim(log, STORE_VERSION, STR(RUN_NOBODY), on_given_up);
    }
}

static void tell_stop(struct deadline *again);

static void on_stop_told(struct store_op *op, const struct store_result *result)
{
    struct run_log *log = CONTAINER_OF(op, struct run_log, told);

    if (result->error.code == ERR_STORE_AWAY) {
        deadline_set(log->share->options.deadlines, &log->told_again, STOP_AGAIN_MS, tell_stop);
    } else {
        log_give_up(log);
    }
}

static void tell_stop(struct deadline *again)
{
    struct run_log *log = CONTAINER_OF(again, struct run_log, told_again);

    runs_ask_to_stop(log->share, str_from(log->name), &log->told, on_stop_told);
}

void log_tell_stop(struct run_log *log)
{
    if (log->run != NULL && !store_is_running(&log->told) && !deadline_is_set(&log->told_again)) {
        tell_stop(&log->told_again);
    }
}

/* True: another process may have sent the row, so "begun" must stay on record. */
static bool is_sought(const struct run *run, const struct run_row *row)
{
    return (row->step != NULL && row->step == run->sought) ||
           (row->call != NULL && row->call == run->sought_call);
}

/* It ends in one of the next turns, before its plan begins: end_unbegun is queued. */
static bool ends_unbegun(const struct run *run)
{
    return run->ends_as != RUN_NEW || (run->stop_asked && !run->plan->running);
}

/* Gives the run away between two calls that change something: what is known is written, then the run is free. */
static void on_leave(struct later_item *item)
{
    struct run_log *log = CONTAINER_OF(item, struct run_log, leave);
    struct run *run = log->run;
    struct plan *plan = run->plan;
    const struct plan_row *row = plan->at < plan->n_rows ? &plan->rows[plan->at] : NULL;
    bool on_record = log->gated || !plan->gated;

    if (run->status != RUN_RUNNING || log->state != LOG_RUNS || log->leaves || ends_unbegun(run) ||
        plan_must_finish(plan) || (row != NULL && row->doubtful)) {
        return; /* asked again at the gate of the next row, if the run does not end before */
    }
    if (row != NULL && row->status == ROW_RUNNING && on_record &&
        !is_sought(run, run_row_of(row)) && row->call->spec->class != CALL_READ) {
        record_unbegun(run, run_row_of(row));
    }
    record_left(run);
    log->leaves = true;
    log->gated = false;
    plan_cancel(plan);
    list_remove(&run->waiting);
    log_write(log);
}

bool log_must_leave(const struct run_log *log)
{
    enum run_role role = log->share->options.role;

    return role == RUN_ROLE_GIVES || (log->share->drains && !log->waits) ||
           (role == RUN_ROLE_DRIVEN && log->run != NULL && log->run->n_drivers == 0);
}

void log_leave_soon(struct run_log *log)
{
    if (log->state == LOG_RUNS && log->run != NULL) {
        later_add(log->share->options.later, &log->leave, on_leave);
    }
}
