/* Commands that are no steps: what became of them, and how they ask again until an execution is over. */
#include "batch_rows.h"

#include "api/command/execution_link.h"
#include "api/command/goal_memo.h"
#include "api/gate/reply_map.h"
#include "base/clock.h"
#include "run/run.h"

enum { POLL_DEFAULT_S = 2, WAIT_DEFAULT_S = 300 };

static int64_t value_int(const struct batch_item *item, const char *name, int64_t otherwise)
{
    struct str text = json_plain(json_get(item->args, name), item->batch->task->arena);
    int64_t number;

    return str_to_i64(text, 0, INT32_MAX, &number) ? number : otherwise;
}

int64_t batch_item_limit(const struct batch_item *item)
{
    return value_int(item, "timeout", WAIT_DEFAULT_S) * 1000;
}

/* Asks again until the execution has ended or the command's own time is over; the last time just when it
 * is over. The reply tells the state that was seen last, with a warning if the execution still runs. */
static enum plan_verdict poll_again(struct batch_item *item, const struct plan_row *row,
                                    const struct json *answer, uint64_t *delay_ms)
{
    int64_t left_ms = batch_item_limit(item) - (int64_t)(clock_now_ms() - row->started_ms);
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

/* Bare {} and null: JSON, but it says nothing. */
static bool says_nothing(const struct json *answer)
{
    return answer != NULL && (json_type(answer) == JSON_NULL ||
                              (json_type(answer) == JSON_OBJECT && json_size(answer) == 0));
}

/* True: the platform said that it is done, without a word about the thing (no body, or just "success"), and
 * that is enough: for a change, and for a create that needs no id. */
static bool is_plain_done(const struct batch_item *item, const struct reply_map *map)
{
    const struct command *command = item->bound.command;
    bool needs_no_id = command->call.class == CALL_CREATE && !map->fields[0].always;

    return (command->call.class == CALL_CHANGE || needs_no_id) && !says_nothing(item->answer);
}

/* No id in the answer: after a create use the captured one, after a change the one in the request.
 * False: the reply needs an id and there is none. */
static bool take_known_id(const struct batch_item *item, const struct reply_map *map,
                          struct json **data)
{
    struct arena *arena = item->batch->task->arena;
    const struct command *command = item->bound.command;
    const char *captured = command->call.captures[0].variable;
    const struct json *id = NULL;

    if (command->call.class == CALL_CHANGE) {
        id = json_get(item->args, command->args[0].name);
    } else if (captured != NULL) {
        id = plan_get(item->batch->task->plan, captured);
    }
    if (id == NULL) {
        return !map->fields[0].always;
    }
    if (*data == NULL && command->call.class == CALL_CREATE && !says_nothing(item->answer)) {
        *data = json_new_object(arena);
    }
    if (*data != NULL) {
        json_set(*data, STR("id"), json_new_string(arena, json_plain(id, arena)));
    }
    return true;
}

/* What the reply says of a call; NULL: the platform's answer does not tell it. */
static struct json *call_data(struct batch_item *item)
{
    struct task *task = item->batch->task;
    const struct command *command = item->bound.command;
    const struct reply_map *map = reply_map_of(command->reply);
    bool is_one = map->many == NULL;
    struct json *data = reply_reduce(task->arena, map, item->answer, task->plan->variables);

    if (data == NULL && is_plain_done(item, map)) {
        data = json_new_object(task->arena);
    }
    if (is_one && command->call.class == CALL_READ && !reply_tells(map, item->answer, data)) {
        return NULL;
    }
    if (is_one && str_is(STR("id"), map->fields[0].to) &&
        json_type(json_get(data, "id")) == JSON_NULL && !take_known_id(item, map, &data)) {
        return NULL;
    }
    if (data != NULL && command->reply == REPLY_EXECUTION) {
        execution_link_set(task, data, item->answer, json_str(json_get(item->args, "goal_id")));
    }
    return data;
}

enum plan_verdict batch_after_call(struct plan *plan, struct plan_row *row,
                                   const struct json *answer, uint64_t *delay_ms, struct error *err)
{
    struct batch_item *item = batch_item_of(row);
    bool is_poll = row->label != NULL && str_is(STR("poll"), row->label);

    (void)plan;
    if (row->call == item->bound.call || is_poll) {
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
    item->status = ROW_DONE;
    return PLAN_NEXT;
}
