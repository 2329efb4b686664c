/* The rows of a batch and what happens around them: hooks before a row (what only the moment knows:
 * the position) and after it (what came back), the session's lane, the end. */
#include "api/command/batch.h"

#include "api/command/execution_link.h"
#include "api/command/goal_memo.h"
#include "api/gate/reply_map.h"
#include "base/clock.h"
#include "observe/metrics.h"
#include "run/run.h"
#include "step/look.h"

enum { POLL_DEFAULT_S = 2, WAIT_DEFAULT_S = 300, WAIT_MARGIN_MS = 30000 };

static struct batch_item *item_of(const struct plan_row *row)
{
    return unconst(row->context);
}

/* --- steps */

/* Where the cursor stands, if the plan was to begin now; -1: not known. */
static int64_t shown_position(const struct batch_item *item)
{
    struct batch_cursor *cursor = item->cursor;

    if (cursor->position < 0) {
        cursor->position = lanes_end(item->batch->task->api->lanes, cursor->checkpoint_number);
    }
    return cursor->position;
}

/* Of a dry run: the count is shown where the position would be counted. */
static bool before_shown_count(struct plan *plan, struct plan_row *row)
{
    struct batch_item *item = item_of(row);
    bool counts = !item->cursor->is_counted && shown_position(item) < 0;

    (void)plan;
    item->cursor->is_counted = true;
    return counts;
}

static bool before_shown_step(struct plan *plan, struct plan_row *row)
{
    struct batch_item *item = item_of(row);
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
    struct batch_item *item = item_of(row);
    bool given = item->input.position >= 0;

    (void)plan;
    step_to(&item->batch->step, item->cursor->checkpoint_number,
            given ? item->input.position : item->cursor->position);
    return true;
}

/* What failed before it leaves nothing to go on with: the plan's variables are another command's.
 */
static bool before_call(struct plan *plan, struct plan_row *row)
{
    struct batch_item *item = item_of(row);

    (void)plan;
    return item->status != ITEM_FAILED && item->status != ITEM_UNKNOWN;
}

static void take_failure(struct batch_item *item, const struct plan_row *row)
{
    item->status = row->status == ROW_UNKNOWN || row->error.code == ERR_OUTCOME_UNKNOWN
                       ? ITEM_UNKNOWN
                       : ITEM_FAILED;
    item->error = row->error;
}

/* Of a command that changes the steps of a library checkpoint. */
static bool before_ordered(struct plan *plan, struct plan_row *row)
{
    struct batch_item *item = item_of(row);
    struct str text = json_str(json_get(item->args, item->bound.command->args[0].name));
    int64_t id;

    step_to_library(&item->batch->step, str_to_i64(text, 0, INT64_MAX, &id) ? id : 0);
    return before_call(plan, row);
}

static enum plan_verdict call_failed(struct plan *plan, struct plan_row *row)
{
    (void)plan;
    take_failure(item_of(row), row);
    return PLAN_FAIL;
}

static struct json *step_data(struct batch_item *item, const struct json *answer)
{
    struct task *task = item->batch->task;
    struct json *data = json_new_object(task->arena);
    const struct json *step_id = plan_get(item->batch->task->plan, "step_id");
    struct str id = json_type(step_id) == JSON_NUMBER ? json_number_text(step_id, task->arena)
                                                      : json_str(step_id);
    struct str action =
        json_str(json_find(answer, "/testStep/action /item/testStep/action /action /item/action"));

    json_set(data, STR("step_id"), json_new_string(task->arena, id));
    json_set(data, STR("checkpoint_id"), json_new_string(task->arena, item->cursor->checkpoint_id));
    json_set(data, STR("position"), json_new_int(task->arena, item->position));
    json_set(data, STR("type"),
             json_new_string(task->arena,
                             action.len > 0 ? action : str_from(item->bound.command->words)));
    json_set(data, STR("description"),
             json_new_string(task->arena, item->description.len > 0
                                              ? item->description
                                              : str_from(item->bound.command->summary)));
    json_set(data, STR("created_at"), json_new_string(task->arena, task_now(task)));
    return data;
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

/* Whether the step exists is not known: nor is where the next one goes. */
static void position_unknown(struct batch_item *item)
{
    item->cursor->position = -1;
    tell_session(item, -1, 0);
}

static enum plan_verdict after_step(struct plan *plan, struct plan_row *row,
                                    const struct json *answer, uint64_t *delay_ms,
                                    struct error *err)
{
    struct batch_item *item = item_of(row);
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
    item->data = step_data(item, answer);
    item->status = ITEM_DONE;
    return PLAN_NEXT;
}

/* A step that may be the lost one is told of. */
static void take_seen(struct batch_item *item)
{
    struct arena *arena = item->batch->task->arena;
    const struct step *step = &item->batch->step;
    struct json *seen = json_new_object(arena);
    struct str id = arena_printf(arena, "%lld", (long long)step_id_of(json_get(step->seen, "id")));

    json_set(seen, STR("step_id"), json_new_string(arena, id));
    json_set(seen, STR("checkpoint_id"), json_new_string(arena, item->cursor->checkpoint_id));
    json_set(seen, STR("position"), json_new_int(arena, step->seen_at));
    item->seen = seen;
}

static enum plan_verdict step_failed(struct plan *plan, struct plan_row *row)
{
    struct batch_item *item = item_of(row);

    (void)plan;
    take_failure(item, row);
    if (item->batch->step.seen != NULL) {
        take_seen(item);
    }
    if (row_may_have_acted(row)) {
        position_unknown(item);
    }
    return PLAN_FAIL;
}

/* ---- commands that are not steps ---- */

static int64_t value_int(const struct batch_item *item, const char *name, int64_t otherwise)
{
    const struct json *value = json_get(item->args, name);
    struct str text = json_type(value) == JSON_NUMBER
                          ? json_number_text(value, item->batch->task->arena)
                          : json_str(value);
    int64_t number;

    return str_to_i64(text, 0, INT32_MAX, &number) ? number : otherwise;
}

static int64_t limit_of(const struct batch_item *item)
{
    return value_int(item, "timeout", WAIT_DEFAULT_S) * 1000;
}

/* Asks again until the execution has ended or the command's own time is over, the last time just
 * then; what state it is in is answered, with a warning where it still runs. */
static enum plan_verdict poll_again(struct batch_item *item, const struct plan_row *row,
                                    const struct json *answer, uint64_t *delay_ms)
{
    int64_t left_ms = limit_of(item) - (int64_t)(clock_now_ms() - row->started_ms);
    int64_t interval_ms = value_int(item, "interval", POLL_DEFAULT_S) * 1000;

    if (execution_is_over(answer)) {
        return PLAN_NEXT;
    }
    if (left_ms <= 0) {
        item->timed_out = true;
        return PLAN_NEXT;
    }
    *delay_ms = (uint64_t)(interval_ms < left_ms ? interval_ms : left_ms);
    return PLAN_AGAIN;
}

/* The id of the thing, if the answer has none: after a create the captured one, after a change
 * the one in the request. NULL: not known. */
static const struct json *id_known(const struct batch_item *item)
{
    const struct command *command = item->bound.command;
    const char *captured = command->call.captures[0].variable;

    if (command->call.class == CALL_CHANGE) {
        return json_get(item->args, command->args[0].name);
    }
    return captured != NULL ? plan_get(item->batch->task->plan, captured) : NULL;
}

/* Bare {} and null: JSON, but it says nothing. */
static bool says_nothing(const struct json *answer)
{
    return answer != NULL && (json_type(answer) == JSON_NULL ||
                              (json_type(answer) == JSON_OBJECT && json_size(answer) == 0));
}

/* Done without a word about the thing: no body, or just "success". Enough for what is changed and
 * for what needs no id. */
static bool is_plain_done(const struct batch_item *item, const struct reply_map *map)
{
    const struct command *command = item->bound.command;
    bool needs_no_id = command->call.class == CALL_CREATE && !map->fields[0].always;

    return (command->call.class == CALL_CHANGE || needs_no_id) && !says_nothing(item->answer);
}

static bool has_any(const struct json *data)
{
    const struct json *member;

    JSON_FOREACH (member, data) {
        if (json_type(member) != JSON_NULL) {
            return true;
        }
    }
    return false;
}

/* No id in the answer: use the captured one or the one in the request. False: the reply needs an
 * id and there is none. */
static bool take_known_id(const struct batch_item *item, const struct reply_map *map,
                          struct json **data)
{
    struct arena *arena = item->batch->task->arena;
    const struct json *id = id_known(item);

    if (id == NULL) {
        return !map->fields[0].always;
    }
    if (*data == NULL && item->bound.command->call.class == CALL_CREATE &&
        !says_nothing(item->answer)) {
        *data = json_new_object(arena);
    }
    if (*data != NULL) {
        json_set(*data, STR("id"),
                 json_new_string(arena, json_type(id) == JSON_NUMBER ? json_number_text(id, arena)
                                                                     : json_str(id)));
    }
    return true;
}

/* What the reply says of a call; NULL: the platform's answer does not tell it. */
static struct json *call_data(struct batch_item *item)
{
    struct task *task = item->batch->task;
    const struct command *command = item->bound.command;
    const struct reply_map *map = reply_map_find(command->reply);
    bool is_one = map->many == NULL;
    struct json *data =
        reply_reduce(task->arena, command->reply, item->answer, item->batch->task->plan->variables);

    if (data == NULL && is_plain_done(item, map)) {
        data = json_new_object(task->arena);
    }
    if (is_one && command->call.class == CALL_READ && !has_any(data)) {
        return NULL;
    }
    if (is_one && str_is(STR("id"), map->fields[0].to) &&
        json_type(json_get(data, "id")) == JSON_NULL && !take_known_id(item, map, &data)) {
        return NULL;
    }
    if (data != NULL && str_is(STR("execution"), command->reply)) {
        execution_link_set(task, data, item->answer, json_str(json_get(item->args, "goal_id")));
    }
    return data;
}

static enum plan_verdict after_call(struct plan *plan, struct plan_row *row,
                                    const struct json *answer, uint64_t *delay_ms,
                                    struct error *err)
{
    struct batch_item *item = item_of(row);
    bool is_poll = row->label != NULL && str_is(STR("poll"), row->label);

    (void)plan;
    if (row->call == catalog_call(item->bound.command) || is_poll) {
        item->answer = answer;
        item->is_answered = true;
    }
    if (!item->is_answered) {
        goal_memo_learn(item->batch->task, row->call, STR_EMPTY);
        return PLAN_NEXT;
    }
    if (is_poll) {
        enum plan_verdict verdict = poll_again(item, row, answer, delay_ms);

        if (verdict == PLAN_AGAIN) {
            return verdict;
        }
    }
    item->data = call_data(item);
    if (item->data == NULL) {
        (void)error_set(err, ERR_UPSTREAM_SHAPE,
                        "%s: the platform's answer does not hold the result%s",
                        row->call->spec->name,
                        row->call->spec->class == CALL_READ
                            ? ""
                            : ". It may have been carried out; look before repeating it");
        return PLAN_FAIL;
    }
    item->status = ITEM_DONE;
    return PLAN_NEXT;
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
    const struct call *call = catalog_call(item->bound.command);
    struct plan_row *row;

    if (item->batch->is_dry) {
        if (item->input.position < 0) {
            add_row(item, catalog_extra_call("count steps"), NULL)->before = before_shown_count;
        }
        add_row(item, call, NULL)->before = before_shown_step;
        return;
    }
    row = add_row(item, call, after_step);
    row->before = before_step;
    row->failed = step_failed;
    step_guide(row, &item->batch->step);
}

/* `when` of an extra call is about the command's own values: "snapshot_id" given, "!snapshot_id"
 * not. */
static bool extra_wanted(const struct batch_item *item, const char *when)
{
    bool negated = when != NULL && when[0] == '!';
    const struct json *value =
        when != NULL ? json_get(item->args, negated ? when + 1 : when) : NULL;
    bool given = value != NULL && (json_type(value) != JSON_BOOL || json_true(value));

    return when == NULL || given != negated;
}

static void polls(const struct batch_item *item, struct plan_row *row)
{
    row->label = "poll";
    row->patience_ms = FOLLOW_PATIENCE_MS;
    row->limit_ms = (unsigned)limit_of(item);
}

static void add_extra(struct batch_item *item, const struct command_call *extra)
{
    struct plan_row *row;

    if (!extra_wanted(item, extra->when) ||
        (str_is(str_from(extra->name), "organization of the token") &&
         goal_memo_saves(item->batch->task, extra->name, STR_EMPTY))) {
        return;
    }
    row = add_row(item, catalog_extra_call(extra->name), after_call);
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

    for (size_t i = 0; i < COMMAND_MAX_CALLS && command->before[i].name != NULL; i++) {
        add_extra(item, &command->before[i]);
    }
    row = add_row(item, catalog_call(command), after_call);
    row->before = before_call;
    row->failed = call_failed;
    if (command->orders) {
        row->before = before_ordered;
        step_order(row, &item->batch->step);
    }
    if (command->then[0].poll != NULL && command->call.class == CALL_READ &&
        extra_wanted(item, command->then[0].when)) { /* its own call is what is asked again */
        polls(item, row);
        batch_add_project(item);
        return;
    }
    for (size_t i = 0; i < COMMAND_MAX_CALLS && command->then[i].name != NULL; i++) {
        add_extra(item, &command->then[i]);
    }
    batch_add_project(item);
}

/* Fills batch->plan with the rows of all items that can run. */
static void batch_build(struct batch *batch)
{
    bool stopped = false;

    for (size_t i = 0; i < batch->n_items; i++) {
        struct batch_item *item = &batch->items[i];

        if (stopped) {
            item->status = ITEM_SKIPPED;
        } else if (item->status == ITEM_FAILED) {
            stopped = batch->stop_on_error;
        } else if (item->bound.command->kind == COMMAND_STEP) {
            add_step(item);
        } else {
            add_call(item);
        }
    }
}

/* False: the session is gone (deleted, expired, evicted) while its command waited; where the step
 * was to stand is not known any more. */
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
    batch->session.checkpoint_id = meant; /* set to another one since: it is told nothing of this */
    return true;
}

struct json *batch_dry_run(struct batch *batch, struct error *err)
{
    struct json *requests = NULL;

    batch->is_dry = true;
    batch->task->state = batch;
    (void)task_plan_new(batch->task);
    if (!cursors_take_session(batch, err)) {
        return NULL;
    }
    batch_build(batch);
    return plan_dry_run(batch->task->plan, &requests, err) == ERR_OK ? requests : NULL;
}

/* ---- the run ---- */

static void item_ends(struct batch_item *item, const struct plan_row *row)
{
    item->us += row->us;
    if (item->status == ITEM_PENDING && item->cursor != NULL && row_may_have_acted(row)) {
        position_unknown(item); /* cut by time, stopped, or its client left */
    }
    if (row->status == ROW_FAILED || row->status == ROW_UNKNOWN) {
        take_failure(item, row);
    }
}

static void count_item(const struct batch_item *item)
{
    static const size_t results[] = {[ITEM_PENDING] = RESULT_CANCELLED,
                                     [ITEM_DONE] = RESULT_OK,
                                     [ITEM_FAILED] = RESULT_ERROR,
                                     [ITEM_SKIPPED] = RESULT_CANCELLED,
                                     [ITEM_UNKNOWN] = RESULT_RESET};
    size_t label = item->bound.command != NULL ? catalog_index(item->bound.command) + 1 : 0;

    metric_add(M_COMMANDS, label, results[item->status], 0, 1);
}

static void items_end(struct batch *batch)
{
    const struct plan *plan = batch->task->plan;

    for (size_t i = 0; i < plan->n_rows; i++) {
        if (plan->rows[i].context != NULL) {
            item_ends(item_of(&plan->rows[i]), &plan->rows[i]);
        }
    }
}

static void on_plan_end(struct task *task, enum error_code code)
{
    struct batch *batch = task->state;

    (void)code; /* each command has its own */
    items_end(batch);
    for (size_t i = 0; i < batch->n_items; i++) {
        if (batch->items[i].status == ITEM_PENDING) {
            batch->items[i].status = ITEM_SKIPPED;
        }
        count_item(&batch->items[i]);
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

        if (item->status == ITEM_PENDING && (json_true(json_get(item->args, "wait")) ||
                                             json_true(json_get(item->args, "follow")))) {
            asked_ms += (uint64_t)limit_of(item) + WAIT_MARGIN_MS;
        }
    }
    if (asked_ms > wait_ms) {
        exchange_set_deadline(batch->task->exchange, asked_ms);
    }
}

enum stage_verdict batch_start(struct batch *batch, void (*on_done)(struct batch *batch))
{
    struct task *task = batch->task;
    bool now = true;

    batch->on_done = on_done;
    task->state = batch;
    step_init(&batch->step, task->api->lanes, catalog_extra_call("count steps"));
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

size_t batch_count(const struct batch *batch, enum item_status status)
{
    size_t n = 0;

    for (size_t i = 0; i < batch->n_items; i++) {
        n += batch->items[i].status == status ? 1 : 0;
    }
    return n;
}
