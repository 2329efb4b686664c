/* What became of a row: its note, its event, its fact and its line in the log. */
#include "share_internal.h"

#include "base/utf8.h"
#include "observe/log.h"

void run_note_fact(const struct run *run, enum fact_kind kind, const char *outcome,
                   const struct fact_id *id)
{
    struct fact *fact = fact_begin(kind, outcome);

    if (id != NULL) {
        fact->ids[0] = *id;
    }
    mem_copy(fact->owner, run->owner.bytes, sizeof(fact->owner));
    str_copy(fact->subject, sizeof(fact->subject), str_from(run->id));
    str_copy(fact->name, sizeof(fact->name), utf8_clip(run->name, sizeof(fact->name) - 1));
    if (kind == FACT_RUN_FINISHED && run->n_goals > 0 && run->goals[0].ids.project_id > 0) {
        fact->ids[0] = (struct fact_id){"project_id", run->goals[0].ids.project_id};
    }
    if (run_is_over(run)) {
        fact->us = (run->over_ms - run->begun_ms) * 1000;
    }
    fact_end(fact);
}

static const struct run_fault *run_fault_of(struct run *run, const struct error *err)
{
    struct run_fault *fault = arena_alloc(&run->kept, sizeof(*fault));

    *fault = (struct run_fault){.code = error_slug(err->code),
                                .upstream_status = err->upstream_status,
                                .detail = arena_str(&run->kept, str_from(err->text))};
    return fault;
}

void run_note_error(struct run *run, const struct error *err)
{
    if (run->error.code == ERR_OK) {
        run->error = *err;
    }
}

static enum row_status note_of(const struct run_row *row, const struct plan_row *plan_row)
{
    if (plan_row->status == ROW_FAILED && (plan_row->error->code == ERR_OUTCOME_UNKNOWN ||
                                           (row->step != NULL && row_may_have_acted(plan_row)))) {
        return ROW_UNKNOWN;
    }
    if (plan_row->status == ROW_DONE && row->call != NULL && setup_finds(row->call->setup)) {
        return row->call->id != 0 ? ROW_FOUND : ROW_SKIPPED;
    }
    return plan_row->status == ROW_PENDING ? ROW_SKIPPED : plan_row->status;
}

static const struct run_fault *fault_of_row(struct run_row *row, const struct plan_row *plan_row)
{
    if (plan_row->error->code == ERR_OK) {
        return NULL;
    }
    if (!run_row_is_extra(row) && (row->step == NULL || !row->step->optional)) {
        run_note_error(row->run, plan_row->error);
    }
    return run_fault_of(row->run, plan_row->error);
}

/* Logs the step, so that the log tells what exists on the platform, even if the process is killed. */
static void log_step(const struct run_row *row, enum row_status status)
{
    log_event(status == ROW_UNKNOWN ? LOG_WARN : LOG_DEBUG, "run.step",
              F_TEXT("run", run_id(row->run)), F_INT("checkpoint_id", row->test->ids.checkpoint_id),
              F_INT("step_id", row->step->step_id), F_INT("position", row->step->position),
              F_BOOL("unknown", status == ROW_UNKNOWN));
}

static void log_call(const struct run_row *row, enum row_status status)
{
    log_event(status == ROW_UNKNOWN ? LOG_WARN : LOG_INFO, "run.call",
              F_TEXT("run", run_id(row->run)), F_TEXT("call", setup_name(row->call->setup)),
              F_INT("id", row->call->id), F_BOOL("unknown", status == ROW_UNKNOWN));
}

static void note_made(const struct run_row *row, enum row_status status)
{
    row->run->did_something = true;
    if (row->step != NULL) {
        log_step(row, status);
    } else {
        log_call(row, status);
    }
}

void run_tell_row(const struct run_row *row)
{
    struct run_event event = {.of_goal = row->test == NULL};

    if (row->test != NULL) {
        event.of.test = row->test;
    } else {
        event.of.goal = row->goal;
    }
    if (row->step != NULL) {
        event.kind = EVENT_STEP;
        event.what.step = row->step;
    } else {
        event.kind = EVENT_ROW;
        event.what.call = row->call;
    }
    run_tell(row->run, &event);
}

static void note_end(struct run_row *row, struct plan_row *plan_row, enum row_status status)
{
    bool reads = plan_row->call->spec->class == CALL_READ;

    *(row->step != NULL ? &row->step->us : &row->call->us) += plan_row->us;
    run_row_set(row, status, fault_of_row(row, plan_row));
    if (row_may_have_acted(plan_row) || (status == ROW_DONE && !reads)) {
        note_made(row, status);
    }
    if (row->test != NULL) {
        test_judge(row->test);
    }
    if (row->step != NULL) {
        run_note_fact(row->run, FACT_RUN_STEP, row_status_name(status),
                      &(struct fact_id){"line", row->step->line});
    }
    run_tell_row(row);
}

void run_note_lost(struct run *run, struct run_row *row, const struct error *err)
{
    const struct run_fault *fault = run_fault_of(run, err);

    run->did_something = true;
    if (!run_row_is_extra(row)) {
        run_note_error(run, err);
    }
    run_row_set(row, ROW_UNKNOWN, fault);
    if (row->test != NULL) {
        test_judge(row->test);
    }
    note_made(row, ROW_UNKNOWN);
    run_tell_row(row);
    run_row_gave_up(row);
}

void rows_progress(struct plan *plan, struct plan_row *plan_row)
{
    struct run_row *row = run_row_of(plan_row);
    enum row_status status = note_of(row, plan_row);

    if (status == ROW_RUNNING) {
        run_row_set(row, ROW_RUNNING, NULL);
        return;
    }
    if ((status == ROW_FAILED || status == ROW_UNKNOWN) && row_is_mended(plan, plan_row)) {
        return;
    }
    note_end(row, plan_row, status);
}
