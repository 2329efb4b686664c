/* The rows of a batch and what happens around them: hooks before a row (what is known only then:
 * the position) and after it (what came back). */
#include "batch_rows.h"

#include "api/command/goal_memo.h"
#include "base/json_writer.h"
#include "plan/answer.h"
#include "run/run.h"

enum { TOLD_SHORT = 512 /* longer ones take memory from the heap */ };

struct batch_item *batch_item_of(const struct plan_row *row)
{
    return unconst(row->context);
}

/* --- steps */

/* Where the cursor would stand if the plan began now; -1: not known. */
static int64_t shown_position(const struct batch_item *item)
{
    struct batch_cursor *cursor = item->cursor;

    if (cursor->position < 0) {
        cursor->position = lanes_end(item->batch->task->platform->lanes, cursor->checkpoint_number);
    }
    return cursor->position;
}

/* For a dry run: shows the call that counts the steps, once, where the position would have to be counted. */
static bool before_shown_count(struct plan *plan, struct plan_row *row)
{
    struct batch_item *item = batch_item_of(row);
    bool counts = !item->cursor->is_counted && shown_position(item) < 0;

    (void)plan;
    item->cursor->is_counted = true;
    return counts;
}

static bool before_shown_step(struct plan *plan, struct plan_row *row)
{
    struct batch_item *item = batch_item_of(row);
    struct batch_cursor *cursor = item->cursor;

    if (item->input.position < 0) {
        item->position = shown_position(item);
    }
    if (item->position < 0) {
        json_remove(plan->variables, STR("position"));
        return true;
    }
    plan_set(plan, "position", json_new_int(plan->arena, item->position));
    if (item->position <= cursor->position) {
        cursor->position++; /* as it will be when the step exists */
    }
    return true;
}

static bool before_step(struct plan *plan, struct plan_row *row)
{
    struct batch_item *item = batch_item_of(row);
    bool given = item->input.position >= 0;

    (void)plan;
    step_to(&item->batch->step, item->cursor->checkpoint_number,
            given ? item->input.position : item->cursor->position);
    return true;
}

/* False: an earlier row of this item has failed, so the plan's variables may be those of another command.
 */
static bool before_call(struct plan *plan, struct plan_row *row)
{
    struct batch_item *item = batch_item_of(row);

    (void)plan;
    return item->status != ROW_FAILED && item->status != ROW_UNKNOWN;
}

void batch_take_failure(struct batch_item *item, const struct plan_row *row)
{
    item->status = row->status == ROW_UNKNOWN || row->error->code == ERR_OUTCOME_UNKNOWN
                       ? ROW_UNKNOWN
                       : ROW_FAILED;
    item->error = *row->error;
}

/* For a command that changes the steps of a library checkpoint. */
static bool before_ordered(struct plan *plan, struct plan_row *row)
{
    struct batch_item *item = batch_item_of(row);
    struct str text = json_str(json_get(item->args, item->bound.command->args[0].name));
    int64_t id;

    step_to_library(&item->batch->step, str_to_i64(text, 0, INT64_MAX, &id) ? id : 0);
    return before_call(plan, row);
}

static enum plan_verdict call_failed(struct plan *plan, struct plan_row *row)
{
    (void)plan;
    batch_take_failure(batch_item_of(row), row);
    return PLAN_FAIL;
}

/* If the cursor is that of a session, tells the session the next position. */
static void tell_session(const struct batch_item *item, int64_t next, int64_t steps_added)
{
    struct batch *batch = item->batch;
    const struct batch_cursor *cursor = item->cursor;
    const struct session_move move = {.checkpoint_id = batch->session.checkpoint_id,
                                      .version = batch->session.version,
                                      .position = next,
                                      .is_set = cursor->position >= 0,
                                      .steps_added = steps_added};

    if (cursor->is_session) {
        session_advance(batch->task->api->options.sessions, &batch->task->principal.owner,
                        batch->session.id, &move);
    }
}

/* It is not known whether the step exists, so it is not known either where the next one goes. */
void batch_position_unknown(struct batch_item *item)
{
    item->cursor->position = -1;
    tell_session(item, -1, 0);
}

/* What the reply says about the step that was made, as text: no reply is more frequent. */
static struct str told_of(const struct batch_item *item, const struct json *answer)
{
    struct task *task = item->batch->task;
    const struct command *command = item->bound.command;
    struct str action =
        json_str(json_find(answer, "/testStep/action /item/testStep/action /action /item/action"));
    UNINITIALISED char room[TOLD_SHORT];
    struct json_writer w;
    struct buf text;

    buf_init_on(&text, room, sizeof(room), SIZE_MAX / 4);
    jw_init(&w, &text);
    jw_object(&w);
    jw_kv_str(&w, "step_id", json_plain(plan_get(task->plan, "step_id"), task->arena));
    jw_kv_str(&w, "checkpoint_id", item->cursor->checkpoint_id);
    jw_kv_int(&w, "position", item->position);
    jw_kv_str(&w, "type", action.len > 0 ? action : str_from(command->words));
    jw_kv_str(&w, "description",
              item->description.len > 0 ? item->description : str_from(command->summary));
    jw_kv_str(&w, "created_at", task_now(task));
    jw_end(&w);
    return arena_take(task->arena, &text);
}

static enum plan_verdict after_step(struct plan *plan, struct plan_row *row,
                                    const struct json *answer, uint64_t *delay_ms,
                                    struct error *err)
{
    struct batch_item *item = batch_item_of(row);
    const struct step *step = &item->batch->step;
    struct batch_cursor *cursor = item->cursor;

    (void)plan;
    (void)err;
    *delay_ms = 0;
    item->position = step->at;
    item->recovered = step->recovered;
    if (cursor->position >= 0 && item->position <= cursor->position) {
        cursor->position++;
    }
    tell_session(item, cursor->position >= 0 ? cursor->position : step->end, 1);
    item->answer = answer;
    item->data_text = told_of(item, answer);
    item->status = ROW_DONE;
    return PLAN_NEXT;
}

/* Notes the step that may be the lost one, for the reply. */
static void take_seen(struct batch_item *item)
{
    struct arena *arena = item->batch->task->arena;
    const struct step *step = &item->batch->step;
    struct json *seen = json_new_object(arena);
    struct str id = arena_printf(arena, "%lld", (long long)id_number(json_get(step->seen, "id")));

    json_set(seen, STR("step_id"), json_new_string(arena, id));
    json_set(seen, STR("checkpoint_id"), json_new_string(arena, item->cursor->checkpoint_id));
    json_set(seen, STR("position"), json_new_int(arena, step->seen_at));
    item->seen = seen;
}

static enum plan_verdict step_failed(struct plan *plan, struct plan_row *row)
{
    struct batch_item *item = batch_item_of(row);

    (void)plan;
    batch_take_failure(item, row);
    if (item->batch->step.seen != NULL) {
        take_seen(item);
    }
    if (row_may_have_acted(row)) {
        batch_position_unknown(item);
    }
    return PLAN_FAIL;
}

/* ---- rows ---- */

static struct plan_row *add_row(struct batch_item *item, const struct call *call,
                                plan_after_fn after)
{
    struct plan_row *row = plan_append(item->batch->task->plan, call);

    row->args = item->args;
    row->context = item;
    row->after = after;
    row->keep_going = !item->batch->stop_on_error;
    return row;
}

static void add_step(struct batch_item *item)
{
    const struct call *call = item->bound.call;
    struct plan_row *row;

    if (item->batch->is_dry) {
        if (item->input.position < 0) {
            add_row(item, catalog_named_call(item->batch->task->api->catalog, CALL_COUNT_STEPS),
                    NULL)
                ->before = before_shown_count;
        }
        add_row(item, call, NULL)->before = before_shown_step;
        return;
    }
    row = add_row(item, call, after_step);
    row->before = before_step;
    row->failed = step_failed;
    step_guide(row, &item->batch->step);
}

bool call_is_wanted(const struct json *values, const char *when)
{
    bool negated = when != NULL && when[0] == '!';
    const struct json *value = when != NULL ? json_get(values, negated ? when + 1 : when) : NULL;
    bool given = value != NULL && (json_type(value) != JSON_BOOL || json_true(value));

    return when == NULL || given != negated;
}

static void polls(const struct batch_item *item, struct plan_row *row)
{
    row->label = "poll";
    row->patience_ms = FOLLOW_PATIENCE_MS;
    row->limit_ms = (unsigned)batch_item_limit(item);
}

static void add_extra(struct batch_item *item, const struct command_call *extra)
{
    struct plan_row *row;

    if (!call_is_wanted(item->args, extra->when) ||
        (extra->named == CALL_ORGANIZATION_OF_THE_TOKEN &&
         goal_memo_saves(item->batch->task, extra->named, STR_EMPTY))) {
        return;
    }
    row = add_row(item, catalog_named_call(item->batch->task->api->catalog, extra->named),
                  batch_after_call);
    row->before = before_call;
    row->failed = call_failed;
    if (extra->poll != NULL) {
        polls(item, row);
    }
}

static void add_call(struct batch_item *item)
{
    const struct command *command = item->bound.command;
    struct plan_row *row;

    for (size_t i = 0; i < COMMAND_MAX_CALLS && command->before[i].named != CALL_NONE; i++) {
        add_extra(item, &command->before[i]);
    }
    row = add_row(item, item->bound.call, batch_after_call);
    row->before = before_call;
    row->failed = call_failed;
    if (command->orders) {
        row->before = before_ordered;
        step_order(row, &item->batch->step);
    }
    if (command->then[0].poll != NULL && command->call.class == CALL_READ &&
        call_is_wanted(item->args,
                       command->then[0].when)) { /* its own call is the one that polls */
        polls(item, row);
        batch_add_project(item);
        return;
    }
    for (size_t i = 0; i < COMMAND_MAX_CALLS && command->then[i].named != CALL_NONE; i++) {
        add_extra(item, &command->then[i]);
    }
    batch_add_project(item);
}

void batch_build(struct batch *batch)
{
    bool stopped = false;

    for (size_t i = 0; i < batch->n_items; i++) {
        struct batch_item *item = &batch->items[i];

        if (stopped) {
            item->status = ROW_SKIPPED;
        } else if (item->status == ROW_FAILED) {
            stopped = batch->stop_on_error;
        } else if (item->bound.command->kind == COMMAND_STEP) {
            add_step(item);
        } else {
            add_call(item);
        }
    }
}
