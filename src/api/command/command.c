/* POST /api/v1/commands/execute, /commands/step/… and /commands/batch: three ways to say the same
 * thing to batch.h, and its outcome as their replies. */
#include "api/command/batch.h"
#include "api/command/handlers.h"

#include "api/gate/query.h"
#include "api/gate/session_seat.h"
#include "base/clock.h"
#include "base/json_writer.h"

enum { BATCH_MAX = 500, REPLY_SHORT = 1024 /* longer ones take memory from the heap */ };

#define COMMAND_MEMBERS                                                                            \
    {.name = "args", .type = PARAM_ARRAY, .max = 64},                                              \
        {.name = "params", .type = PARAM_OBJECT, .max = 4096},                                     \
        {.name = "options", .type = PARAM_OBJECT, .max = 4096},                                    \
        {.name = "checkpoint_id", .type = PARAM_ID},                                               \
        {.name = "position", .type = PARAM_INTEGER, .max = 1000000},                               \
    {                                                                                              \
        .name = "description", .type = PARAM_TEXT, .may_be_empty = true                            \
    }

const struct member execute_members[] = {
    {.name = "command", .type = PARAM_TEXT, .required = true},
    COMMAND_MEMBERS,
    {.name = "session_id", .type = PARAM_TEXT},
    {.name = "dry_run", .type = PARAM_FLAG},
    {.name = NULL},
};

const struct member path_members[] = {COMMAND_MEMBERS,
                                      {.name = "session_id", .type = PARAM_TEXT},
                                      {.name = "dry_run", .type = PARAM_FLAG},
                                      {.name = NULL}};

const struct member batch_members[] = {
    {.name = "commands", .type = PARAM_ARRAY, .required = true, .min = 1, .max = BATCH_MAX},
    {.name = "session_id", .type = PARAM_TEXT},
    {.name = "checkpoint_id", .type = PARAM_ID},
    {.name = "stop_on_error", .type = PARAM_FLAG},
    {.name = "dry_run", .type = PARAM_FLAG},
    {.name = NULL},
};

static const struct member batch_item_members[] = {
    {.name = "command", .type = PARAM_TEXT, .required = true}, COMMAND_MEMBERS, {.name = NULL}};

static void item_fill(struct batch_item *item, const struct json *body, struct str command)
{
    int64_t position = -1;

    if (!json_to_i64(json_get(body, "position"), &position)) {
        position = -1;
    }
    item->input = (struct command_input){
        .command = command,
        .args = json_get(body, "args"),
        .params = json_get(body, "params"),
        .options = json_get(body, "options"),
        .checkpoint_id = json_str(json_get(body, "checkpoint_id")),
        .position = position,
    };
    item->description = json_str(json_get(body, "description"));
}

/* ---- replies ---- */

static void set_text(struct json *object, const char *name, struct str text, struct arena *arena)
{
    json_set(object, str_from(name), json_new_string(arena, text));
}

/* The platform puts a step that is asked to stand behind the end at the end. */
static bool stands_before(const struct batch_item *item)
{
    return item->status == ROW_DONE && item->bound.command->kind == COMMAND_STEP &&
           item->position < item->input.position;
}

static struct json *warnings_of(const struct batch_item *item, struct arena *arena)
{
    struct json *list = json_new_array(arena);

    for (size_t i = 0; i < item->bound.warnings.n; i++) {
        json_append(list, json_new_string(arena, item->bound.warnings.items[i]));
    }
    if (item->recovered) {
        json_append(
            list, json_new_string(arena,
                                  STR("The platform's answer was lost; the step was found when the "
                                      "checkpoint was read back")));
    }
    if (stands_before(item)) {
        json_append(list, json_new_string(
                              arena, arena_printf(arena,
                                                  "Position %lld is behind the last step; the step "
                                                  "stands at %lld (the first one is 0)",
                                                  (long long)item->input.position,
                                                  (long long)item->position)));
    }
    if (item->timed_out) {
        json_append(
            list, json_new_string(
                      arena, STR("The execution was still running when the timeout was reached")));
    }
    return list;
}

static int64_t execution_ms(const struct task *task)
{
    return (int64_t)((clock_now_us() - task->begin_us) / 1000);
}

static void close_reply(struct task *task, struct json *body)
{
    set_text(body, "request_id", str_from(task->exchange->trace.request_id), task->arena);
    set_text(body, "timestamp", task_now(task), task->arena);
    json_set(body, STR("execution_time_ms"), json_new_int(task->arena, execution_ms(task)));
}

/* "step-navigate to: done" */
static struct str message_of(const struct batch_item *item)
{
    struct str message = str_from(item->bound.command->words);

    arena_join(item->batch->task->arena, &message, ": ", STR("done"));
    return message;
}

/* The most frequent reply of all is written without a tree. */
static void reply_success(const struct batch_item *item)
{
    struct task *task = item->batch->task;
    UNINITIALISED char room[REPLY_SHORT];
    struct buf text;
    struct json_writer w;

    buf_init_on(&text, room, sizeof(room), SIZE_MAX / 4);
    jw_init(&w, &text);
    jw_object(&w);
    jw_kv_text(&w, "status", "success");
    jw_key(&w, "data");
    if (item->data != NULL) {
        json_write(&w, item->data);
    } else {
        jw_raw(&w, item->data_text);
    }
    jw_key(&w, "warnings");
    json_write(&w, warnings_of(item, task->arena));
    jw_kv_str(&w, "message", message_of(item));
    jw_kv_text(&w, "request_id", task->exchange->trace.request_id);
    jw_kv_str(&w, "timestamp", task_now(task));
    jw_kv_int(&w, "execution_time_ms", execution_ms(task));
    jw_end(&w);
    (void)task_reply(task, 200, "application/json; charset=utf-8", buf_view(&text));
    buf_done(&text);
}

static void reply_one(struct batch *batch)
{
    struct task *task = batch->task;
    struct batch_item *item = &batch->items[0];

    if (item->status != ROW_DONE) {
        if (item->error.code != ERR_OK) {
            task->error = item->error;
        }
        if (item->seen != NULL) {
            task->exchange->problem_more[1].name = "seen";
            task->exchange->problem_more[1].json = json_text(task->arena, item->seen);
        }
        if (task->error.code == ERR_OK) {
            (void)error_set(&task->error, ERR_CANCELLED, "The command was not carried out");
        }
        (void)task_fail(task);
        return;
    }
    reply_success(item);
}

static struct json *error_json(const struct error *err, const char *prefix, struct arena *arena)
{
    struct json *out = json_new_object(arena);
    const struct error_row *row = error_row(err->code);

    set_text(out, "code", str_from(row->slug), arena);
    set_text(out, "detail", str_from(err->text), arena);
    if (err->pointer[0] != '\0') {
        set_text(out, "pointer", arena_printf(arena, "%s%s", prefix, err->pointer), arena);
    }
    if (err->retry_after_s != 0) {
        json_set(out, STR("retry_after"), json_new_int(arena, err->retry_after_s));
    }
    if (err->upstream_status != 0) {
        json_set(out, STR("upstream_status"), json_new_int(arena, err->upstream_status));
    }
    return out;
}

static struct json *item_result(const struct batch_item *item, struct arena *arena)
{
    static const char *const names[] = {[ROW_PENDING] = "skipped",
                                        [ROW_DONE] = "success",
                                        [ROW_FAILED] = "failed",
                                        [ROW_SKIPPED] = "skipped",
                                        [ROW_UNKNOWN] = "unknown"};
    struct json *out = json_new_object(arena);
    const char *prefix =
        arena_cstr(arena, arena_printf(arena, "/commands/%zu", item->index)); /* into the body */
    struct json *errors;

    json_set(out, STR("index"), json_new_int(arena, (int64_t)item->index));
    set_text(out, "command",
             item->bound.command != NULL ? str_from(item->bound.command->words)
                                         : item->input.command,
             arena);
    set_text(out, "status", str_from(names[item->status]), arena);
    if (item->data != NULL) {
        json_set(out, STR("data"), item->data);
    }
    json_set(out, STR("warnings"), warnings_of(item, arena));
    json_set(out, STR("execution_time_ms"), json_new_int(arena, (int64_t)(item->us / 1000)));
    if (item->error.code == ERR_OK) {
        return out;
    }
    json_set(out, STR("made"), plan_made(item->batch->task->plan, item));
    if (item->seen != NULL) {
        json_set(out, STR("seen"), json_copy(arena, item->seen));
    }
    json_set(out, STR("error"), error_json(&item->error, prefix, arena));
    if (item->errors != NULL && error_list_total(item->errors) > 1) {
        json_set(out, STR("errors_total"),
                 json_new_int(arena, (int64_t)error_list_total(item->errors)));
    }
    if (item->errors != NULL && item->errors->n > 1) {
        errors = json_new_array(arena);
        for (size_t i = 0; i < item->errors->n; i++) {
            json_append(errors, error_json(&item->errors->items[i], prefix, arena));
        }
        json_set(out, STR("errors"), errors);
    }
    return out;
}

static void reply_batch(struct batch *batch)
{
    struct task *task = batch->task;
    struct json *body = json_new_object(task->arena);
    struct json *results = json_new_array(task->arena);
    size_t n_done = batch_count(batch, ROW_DONE);
    size_t n_skipped = batch_count(batch, ROW_SKIPPED) + batch_count(batch, ROW_PENDING);

    for (size_t i = 0; i < batch->n_items; i++) {
        json_append(results, item_result(&batch->items[i], task->arena));
    }
    set_text(body, "status",
             n_done == batch->n_items ? STR("success")
             : n_done > 0             ? STR("partial")
                                      : STR("failed"),
             task->arena);
    json_set(body, STR("total_commands"), json_new_int(task->arena, (int64_t)batch->n_items));
    json_set(body, STR("successful"), json_new_int(task->arena, (int64_t)n_done));
    json_set(body, STR("failed"),
             json_new_int(task->arena, (int64_t)(batch->n_items - n_done - n_skipped)));
    json_set(body, STR("skipped"), json_new_int(task->arena, (int64_t)n_skipped));
    json_set(body, STR("results"), results);
    close_reply(task, body);
    (void)task_reply_json(task, n_done == batch->n_items ? 200 : 207, body);
}

/* ---- requests ---- */

/* The commands that would be sent, and what is wrong with the others. */
static struct json *dry_results(struct batch *batch, size_t *out_n_wrong)
{
    struct arena *arena = batch->task->arena;
    struct json *results = json_new_array(arena);

    for (size_t i = 0; i < batch->n_items; i++) {
        struct json *result = item_result(&batch->items[i], arena);

        if (batch->items[i].status == ROW_PENDING) {
            set_text(result, "status", STR("ready"), arena);
        } else {
            (*out_n_wrong)++;
        }
        json_append(results, result);
    }
    return results;
}

static enum stage_verdict answer_dry_run(struct batch *batch)
{
    struct task *task = batch->task;
    struct json *requests = batch_dry_run(batch, &task->error);
    struct json *body;
    size_t n_wrong = 0;

    if (requests == NULL) {
        return task_fail(task);
    }
    body = json_new_object(task->arena);
    set_text(body, "status", STR("dry_run"), task->arena);
    json_set(body, STR("dry_run"), json_new_bool(task->arena, true));
    json_set(body, STR("requests"), requests);
    if (!batch->is_list) {
        json_set(body, STR("warnings"), warnings_of(&batch->items[0], task->arena));
    } else {
        json_set(body, STR("results"), dry_results(batch, &n_wrong));
    }
    close_reply(task, body);
    return task_reply_json(task, n_wrong > 0 ? 207 : 200, body);
}

struct json *command_requests(struct task *task, const struct json *body, struct error *err)
{
    struct batch *batch = batch_new(task, 1);

    batch->is_shown = true;
    item_fill(&batch->items[0], body, json_str(json_get(body, "command")));
    return batch_prepare(batch, err) == ERR_OK && batch->items[0].status != ROW_FAILED
               ? batch_dry_run(batch, err)
               : NULL;
}

static enum stage_verdict run(struct batch *batch, void (*reply)(struct batch *batch))
{
    enum stage_verdict verdict;

    if (batch->task->dry_run) {
        return answer_dry_run(batch);
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
    batch->tells_text = true;
    item_fill(item, body, command);
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
    return run(batch, reply_one);
}

enum stage_verdict handle_execute(struct task *task)
{
    const struct json *body =
        members_check(task->arena, task->body, execute_members, "", task_errors(task));

    return run_one(task, body, json_str(json_get(body, "command")));
}

enum stage_verdict handle_step_path(struct task *task)
{
    const struct json *body =
        members_check(task->arena, task->body, path_members, "", task_errors(task));

    return run_one(task, body,
                   arena_printf(task->arena, "step-%.*s", STR_ARG(task_param(task, "command"))));
}

static void fill_items(struct batch *batch, const struct json *commands)
{
    struct task *task = batch->task;
    const struct json *element;
    size_t i = 0;

    JSON_FOREACH (element, commands) {
        const char *prefix = arena_cstr(task->arena, arena_printf(task->arena, "/commands/%zu", i));
        const struct json *body;

        if (json_type(element) != JSON_OBJECT) {
            (void)error_at(error_list_add(task_errors(task)), ERR_INVALID, prefix,
                           "Each command must be an object: {\"command\": ..., \"args\": [...]}");
        } else {
            body =
                members_check(task->arena, element, batch_item_members, prefix, task_errors(task));
            item_fill(&batch->items[i], body, json_str(json_get(body, "command")));
        }
        i++;
    }
}

enum stage_verdict handle_batch(struct task *task)
{
    const struct json *body =
        members_check(task->arena, task->body, batch_members, "", task_errors(task));
    const struct json *commands = json_get(body, "commands");
    struct batch *batch = batch_new(task, json_size(commands) > 0 ? json_size(commands) : 1);
    const struct json *stop = json_get(body, "stop_on_error");

    fill_items(batch, commands);
    if (task->errors != NULL && task->errors->n > 0) {
        return task_fail(task);
    }
    task->dry_run = task->dry_run || json_true(json_get(body, "dry_run"));
    batch->is_list = true;
    batch->stop_on_error = stop == NULL || json_true(stop);
    batch->checkpoint_id = json_str(json_get(body, "checkpoint_id"));
    batch->session_id = session_of(task, body);
    if (batch_prepare(batch, &task->error) != ERR_OK) {
        return task_fail(task);
    }
    return run(batch, reply_batch);
}
