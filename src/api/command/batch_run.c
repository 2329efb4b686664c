/* A batch from its turn in the session's lane to its end. Its rows are in batch_rows.c. */
#include "batch_rows.h"

#include "observe/metrics.h"

enum { WAIT_MARGIN_MS = 30000 };

/* Sets the cursors from the session. False: the session is gone (deleted, expired, evicted) while its command
 * waited, so it is not known any more where the step goes. */
static bool cursors_take_session(struct batch *batch, struct error *err)
{
    struct task *task = batch->task;
    struct batch_cursor *cursor;
    int64_t meant = batch->session.checkpoint_id;

    if (batch->session_id.len == 0) {
        return true;
    }
    if (session_load(task->api->options.sessions, &task->principal.owner, batch->session_id,
                     task->arena, &batch->session, err) != ERR_OK) {
        return false;
    }
    for (cursor = batch->cursors; cursor != NULL; cursor = cursor->next) {
        if (cursor->is_session) {
            bool is_set = batch->session.is_set && batch->session.checkpoint_id == meant;

            cursor->position = is_set ? batch->session.position : -1;
        }
    }
    batch->session.checkpoint_id = meant; /* where our steps go: session_advance compares it */
    return true;
}

bool batch_begin_dry(struct batch *batch, struct error *err)
{
    batch->is_dry = true;
    batch->task->state = batch;
    (void)task_plan_new(batch->task);
    if (!cursors_take_session(batch, err)) {
        return false;
    }
    batch_build(batch);
    return true;
}

struct json *batch_dry_run(struct batch *batch, struct error *err)
{
    struct json *requests = NULL;

    return batch_begin_dry(batch, err) && plan_dry_run(batch->task->plan, &requests, err) == ERR_OK
               ? requests
               : NULL;
}

/* The index of the command in catalog_command_names; 0: not known. */
static size_t label_of(const struct batch_item *item)
{
    const struct command *command = item->bound.command;

    return command != NULL ? catalog_index(command) + 1 : 0;
}

/* Names the project in the fact: it was given with the command, or made by it. A step names none. */
static void name_project(const struct task *task, const struct batch_item *item, struct fact *fact)
{
    const struct command *command = item->bound.command;
    const struct json *id = NULL;
    int64_t value;

    if (command == NULL || command->kind == COMMAND_STEP) {
        return;
    }
    id = json_get(item->bound.values, "project_id");
    id = id != NULL || task->plan == NULL ? id : plan_get(task->plan, "project_id");
    if (json_to_i64(id, &value) || str_to_i64(json_str(id), 1, INT64_MAX, &value)) {
        fact->ids[0] = (struct fact_id){"project_id", value};
    }
}

static void note_item(const struct task *task, const struct batch_item *item)
{
    struct fact *fact = fact_begin(FACT_COMMAND, row_status_name(item->status));

    fact->action = metric_label_value(LABEL_COMMAND, label_of(item));
    fact->us = item->us;
    task_sign_fact(task, fact);
    str_copy(fact->subject, sizeof(fact->subject), task->exchange->notes.session);
    name_project(task, item, fact);
    task->exchange->notes.is_told = true;
    fact_end(fact);
}

static void items_end(struct batch *batch)
{
    const struct plan *plan = batch->task->plan;

    for (size_t i = 0; i < plan->n_rows; i++) {
        const struct plan_row *row = &plan->rows[i];
        struct batch_item *item = row->context != NULL ? batch_item_of(row) : NULL;

        if (item == NULL) {
            continue;
        }
        item->us += row->us;
        if (item->status == ROW_PENDING && item->cursor != NULL && row_may_have_acted(row)) {
            batch_position_unknown(item); /* cut by time, stopped, or its client left */
        }
        if (row->status == ROW_FAILED || row->status == ROW_UNKNOWN) {
            batch_take_failure(item, row);
        }
    }
}

static void on_plan_end(struct task *task, enum error_code code)
{
    static const size_t results[] = {[ROW_DONE] = RESULT_OK,
                                     [ROW_FAILED] = RESULT_ERROR,
                                     [ROW_SKIPPED] = RESULT_CANCELLED,
                                     [ROW_UNKNOWN] = RESULT_RESET};
    struct batch *batch = task->state;

    (void)code; /* each command has its own */
    items_end(batch);
    for (size_t i = 0; i < batch->n_items; i++) {
        struct batch_item *item = &batch->items[i];

        item->status = item->status == ROW_PENDING ? ROW_SKIPPED : item->status;
        metric_add(M_COMMANDS, label_of(item), results[item->status], 0, 1);
        if (FACTS_ARE_NOTED) {
            note_item(task, item);
        }
    }
    session_lane_leave(&batch->ticket);
    batch->on_done(batch);
}

static void on_plan_gone(struct task *task)
{
    struct batch *batch = task->state;

    items_end(batch);
    session_lane_leave(&batch->ticket);
}

static void batch_go(struct batch *batch)
{
    if (!cursors_take_session(batch, &batch->task->error)) {
        session_lane_leave(&batch->ticket);
        (void)task_fail(batch->task);
        return;
    }
    batch_build(batch);
    task_start_plan(batch->task);
}

static void on_turn(struct session_ticket *ticket)
{
    batch_go(CONTAINER_OF(ticket, struct batch, ticket));
}

static bool uses_lane(const struct batch *batch)
{
    for (size_t i = 0; i < batch->n_items; i++) {
        if (batch->items[i].cursor != NULL && batch->items[i].cursor->is_session) {
            return true;
        }
    }
    return false;
}

/* A command that waits for an execution may take as long as its own timeout allows. */
static void stretch_deadline(struct batch *batch)
{
    uint64_t wait_ms = batch->task->config->http.long_exchange_timeout_ms;
    uint64_t asked_ms = 0;

    for (size_t i = 0; i < batch->n_items; i++) {
        const struct batch_item *item = &batch->items[i];

        if (item->status == ROW_PENDING && (json_true(json_get(item->args, "wait")) ||
                                            json_true(json_get(item->args, "follow")))) {
            asked_ms += (uint64_t)batch_item_limit(item) + WAIT_MARGIN_MS;
        }
    }
    if (asked_ms > wait_ms) {
        task_set_deadline(batch->task, asked_ms);
    }
}

enum stage_verdict batch_start(struct batch *batch, void (*on_done)(struct batch *batch))
{
    struct task *task = batch->task;
    bool now = true;

    batch->on_done = on_done;
    task->state = batch;
    step_init(&batch->step, task->platform->lanes,
              catalog_named_call(task->api->catalog, CALL_COUNT_STEPS));
    batch->step.tells_answer = task->raw;
    (void)task_plan_new(task);
    if (uses_lane(batch) &&
        session_lane_enter(task->api->options.sessions, batch->session.id, &batch->ticket, on_turn,
                           &now, &task->error) != ERR_OK) {
        return STAGE_CONTINUE;
    }
    task_hold_plan(task, on_plan_end, on_plan_gone);
    stretch_deadline(batch);
    if (now) {
        batch_go(batch);
    }
    return STAGE_WAIT;
}

size_t batch_count(const struct batch *batch, enum row_status status)
{
    size_t n = 0;

    for (size_t i = 0; i < batch->n_items; i++) {
        n += batch->items[i].status == status ? 1 : 0;
    }
    return n;
}
