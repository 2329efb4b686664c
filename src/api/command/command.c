/* POST /api/v1/commands/execute, /commands/step/… and /commands/batch: three ways to say the same
 * thing to batch.h, and its outcome as their replies. */
#include "api/command/batch.h"
#include "api/command/handlers.h"

#include "api/gate/pieces.h"
#include "api/gate/session_seat.h"
#include "batch_rows.h"

enum { BATCH_MAX = 500 };

#define COMMAND_MEMBERS                                                                            \
    {"args", PARAM_ARRAY, .max = 64}, {"params", PARAM_OBJECT, .max = 4096},                       \
        {"options", PARAM_OBJECT, .max = 4096}, {"checkpoint_id", PARAM_ID},                       \
        {"position", PARAM_INTEGER, .max = 1000000},                                               \
    {                                                                                              \
        "description", PARAM_TEXT, .may_be_empty = true                                            \
    }

const struct member execute_members[] = {
    {"command", PARAM_TEXT, .required = true},
    COMMAND_MEMBERS,
    {"session_id", PARAM_TEXT},
    {"dry_run", PARAM_FLAG},
    {.name = NULL},
};

const struct member path_members[] = {
    COMMAND_MEMBERS, {"session_id", PARAM_TEXT}, {"dry_run", PARAM_FLAG}, {.name = NULL}};

const struct member batch_members[] = {
    {"commands", PARAM_ARRAY, .required = true, .min = 1, .max = BATCH_MAX},
    {"session_id", PARAM_TEXT},
    {"checkpoint_id", PARAM_ID},
    {"stop_on_error", PARAM_FLAG},
    {"dry_run", PARAM_FLAG},
    {.name = NULL},
};

static const struct member batch_item_members[] = {
    {"command", PARAM_TEXT, .required = true}, COMMAND_MEMBERS, {.name = NULL}};

struct command_input command_input_of(const struct task *task, const struct json *body,
                                      struct str command)
{
    return (struct command_input){
        .catalog = task->api->catalog,
        .defaults = &task->platform->defaults,
        .command = command,
        .args = json_get(body, "args"),
        .params = json_get(body, "params"),
        .options = json_get(body, "options"),
        .checkpoint_id = json_str(json_get(body, "checkpoint_id")),
        .position = json_int(json_get(body, "position"), -1),
    };
}

static void item_fill(struct batch *batch, size_t i, const struct json *body, struct str command)
{
    struct batch_item *item = &batch->items[i];

    item->input = command_input_of(batch->task, body, command);
    item->description = json_str(json_get(body, "description"));
}

/* ---- requests ---- */

struct json *command_requests(struct task *task, const struct json *body, struct error *err)
{
    struct batch *batch = batch_new(task, 1);

    batch->is_shown = true;
    item_fill(batch, 0, body, json_str(json_get(body, "command")));
    return batch_prepare(batch, err) == ERR_OK && batch->items[0].status != ROW_FAILED
               ? batch_dry_run(batch, err)
               : NULL;
}

static enum stage_verdict run(struct batch *batch, void (*reply)(struct batch *batch))
{
    enum stage_verdict verdict;

    if (batch->task->dry_run) {
        return batch_answer_dry(batch);
    }
    verdict = batch_start(batch, reply);
    return verdict == STAGE_CONTINUE ? task_fail(batch->task) : verdict;
}

static enum stage_verdict run_one(struct task *task, const struct json *body, struct str command)
{
    struct batch *batch = batch_new(task, 1);
    struct batch_item *item = &batch->items[0];

    if (task->errors != NULL && task->errors->n > 0) {
        return task_fail(task);
    }
    task->dry_run = task->dry_run || json_true(json_get(body, "dry_run"));
    batch->session_id = session_of(task, body);
    item_fill(batch, 0, body, command);
    if (batch_prepare(batch, &task->error) != ERR_OK) {
        return task_fail(task);
    }
    if (item->bound.command != NULL) {
        task->exchange->notes.command = str_from(item->bound.command->words);
    }
    if (item->status == ROW_FAILED) {
        error_list_append(task_errors(task), item->errors);
        return task_fail(task);
    }
    return run(batch, batch_reply_one);
}

enum stage_verdict handle_execute(struct task *task)
{
    const struct json *body = task_members(task, execute_members);

    return run_one(task, body, json_str(json_get(body, "command")));
}

enum stage_verdict handle_step_path(struct task *task)
{
    const struct json *body = task_members(task, path_members);

    return run_one(task, body,
                   arena_printf(task->arena, "step-%.*s", STR_ARG(task_param(task, "command"))));
}

static void fill_items(struct batch *batch, const struct json *commands)
{
    struct task *task = batch->task;
    const struct json *element;
    size_t i = 0;

    JSON_FOREACH (element, commands) {
        const char *prefix = arena_printf(task->arena, "/commands/%zu", i).ptr;
        const struct json *body;

        if (json_type(element) != JSON_OBJECT) {
            (void)error_at(error_list_add(task_errors(task)), ERR_INVALID, prefix,
                           "Each command must be an object: {\"command\": ..., \"args\": [...]}");
        } else {
            body =
                members_check(task->arena, element, batch_item_members, prefix, task_errors(task));
            item_fill(batch, i, body, json_str(json_get(body, "command")));
        }
        i++;
    }
}

/* ---- a list ---- */

enum { PIECE_ITEMS = 25 /* about a millisecond where they are wrong */ };

struct preparing {
    struct pieces pieces;
    struct batch *batch;
};

static bool prepare_on(struct pieces *pieces)
{
    return batch_prepare_on(CONTAINER_OF(pieces, struct preparing, pieces)->batch, PIECE_ITEMS);
}

static enum stage_verdict prepared(struct pieces *pieces)
{
    return run(CONTAINER_OF(pieces, struct preparing, pieces)->batch, batch_reply_list);
}

enum stage_verdict handle_batch(struct task *task)
{
    const struct json *body = task_members(task, batch_members);
    const struct json *commands = json_get(body, "commands");
    struct batch *batch = batch_new(task, json_size(commands) > 0 ? json_size(commands) : 1);
    const struct json *stop = json_get(body, "stop_on_error");
    struct preparing *preparing = arena_zalloc(task->arena, sizeof(*preparing));

    fill_items(batch, commands);
    if (task->errors != NULL && task->errors->n > 0) {
        return task_fail(task);
    }
    task->dry_run = task->dry_run || json_true(json_get(body, "dry_run"));
    batch->is_list = true;
    batch->stop_on_error = stop == NULL || json_true(stop);
    batch->checkpoint_id = json_str(json_get(body, "checkpoint_id"));
    batch->session_id = session_of(task, body);
    if (batch_prepare_begin(batch, &task->error) != ERR_OK) {
        return task_fail(task);
    }
    preparing->batch = batch;
    preparing->pieces = (struct pieces){.task = task, .go_on = prepare_on, .then = prepared};
    return pieces_begin(&preparing->pieces, 1);
}
