/* POST /api/steps: a platform action (CLICK) or a command (step-interact click), with target and
 * value; and what the rows of POST /api/library/checkpoints and /api/testdata/tables cannot say. */
#include "api/command/batch.h"
#include "api/gate/members.h"
#include "api/gate/redact.h"
#include "api/simple/simple.h"
#include "each.h"

const struct member simple_step_members[] = {
    {"action", PARAM_TEXT, .required = true},
    {"target", PARAM_TEXT, .may_be_empty = true},
    {"value", PARAM_ANY},
    {"checkpointId", PARAM_ID, .required = true},
    {"position", PARAM_INTEGER, .max = 1000000},
    {.name = NULL},
};

static const struct member inner_step_members[] = {
    {"action", PARAM_TEXT, .required = true},
    {"target", PARAM_TEXT, .may_be_empty = true},
    {"value", PARAM_ANY},
    {.name = NULL},
};

/* clang-format off */
/* Which command emits a platform action; what its arguments are: t target, v value, u value or target. */
static const struct {
    const char *action;
    const char *command;
    const char *args;
    bool with_target; /* only when a target is given */
} actions[] = {
    {"NAVIGATE", "step-navigate to", "u", false},
    {"CLICK", "step-interact click", "t", false},
    {"WRITE", "step-interact write", "tv", false},
    {"PICK", "step-interact select option", "tv", false},
    {"KEY", "step-interact key", "u", false},
    {"SCROLL", "step-navigate scroll-element", "t", true},
    {"SCROLL", "step-navigate scroll-bottom", "", false},
    {"WAIT", "step-wait element", "t", true},
    {"WAIT", "step-wait time", "v", false},
    {"STORE", "step-data store element-text", "tv", true},
    {"UPLOAD", "step-file upload", "tv", false},
    {"EXECUTE", "step-misc execute", "u", false},
    {"COMMENT", "step-misc comment", "u", false},
    {"ASSERT_EXISTS", "step-assert exists", "t", false},
    {"ASSERT_NOT_EXISTS", "step-assert not-exists", "t", false},
    {"ASSERT_EQUALS", "step-assert equals", "tv", false},
    {"ASSERT_NOT_EQUALS", "step-assert not-equals", "tv", false},
    {"ASSERT_CHECKED", "step-assert checked", "t", false},
    {"ASSERT_SELECTED", "step-assert selected", "tv", false},
    {"ASSERT_GREATER_THAN", "step-assert gt", "tv", false},
    {"ASSERT_GREATER_THAN_OR_EQUAL", "step-assert gte", "tv", false},
    {"ASSERT_LESS_THAN", "step-assert lt", "tv", false},
    {"ASSERT_LESS_THAN_OR_EQUAL", "step-assert lte", "tv", false},
    {"ASSERT_MATCHES", "step-assert matches", "tv", false},
    {"ASSERT_VARIABLE", "step-assert variable", "tv", false},
};

/* clang-format on */

static struct json *arguments(struct task *task, const char *letters, const struct json *body)
{
    struct json *args = json_new_array(task->arena);
    const struct json *target = json_get(body, "target");
    const struct json *value = json_get(body, "value");

    for (; *letters != '\0'; letters++) {
        const struct json *given = *letters == 't'   ? target
                                   : *letters == 'v' ? value
                                   : value != NULL   ? value
                                                     : target;

        if (given != NULL) {
            json_append(args, json_copy(task->arena, given));
        }
    }
    return args;
}

static bool is_platform_action(struct str action)
{
    for (size_t i = 0; i < action.len; i++) {
        if (char_lower(action.ptr[i]) != action.ptr[i]) {
            return str_find_char(action, ' ') < 0 && str_find_char(action, '-') < 0;
        }
    }
    return false;
}

static bool fill_action(struct task *task, const struct json *body, const char *pointer,
                        struct command_input *out)
{
    struct str action = json_str(json_get(body, "action"));
    bool has_target = json_str(json_get(body, "target")).len > 0;

    out->position = -1;
    if (!is_platform_action(action)) {
        out->command = action;
        out->args = arguments(task, "tv", body);
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (str_is(action, actions[i].action) && (!actions[i].with_target || has_target)) {
            out->command = str_from(actions[i].command);
            out->args = arguments(task, actions[i].args, body);
            return true;
        }
    }
    (void)error_at(
        error_list_add(task_errors(task)), ERR_INVALID, pointer,
        "\"%.*s\" is not an action that target and value can describe; use a command of GET /api/v1/commands",
        STR_ARG(action));
    return false;
}

static void reply_step(struct batch *batch)
{
    struct task *task = batch->task;
    struct batch_item *item = &batch->items[0];
    struct json *out = json_new_object(task->arena);
    struct json *told = NULL;

    if (item->status != ROW_DONE) {
        task->error = item->error.code != ERR_OK ? item->error : task->error;
        (void)task_fail(task);
        return;
    }
    if (task->raw && item->answer != NULL) {
        out = json_copy(task->arena, item->answer);
        redact(out, task->arena, STR("/teststeps"), REDACT_SHOWS_NOTHING);
        (void)task_reply_json(task, 201, out);
        return;
    }
    if (json_parse(task->arena, item->data_text, &json_of_ours, &told, &task->error) != ERR_OK) {
        (void)task_fail(task);
        return;
    }
    json_set(out, STR("id"), json_copy(task->arena, json_get(told, "step_id")));
    json_set(out, STR("action"), json_copy(task->arena, json_get(told, "type")));
    (void)task_reply_json(task, 201, out);
}

static bool take_errors(struct task *task, const struct batch *batch)
{
    for (size_t i = 0; i < batch->n_items; i++) {
        if (batch->items[i].errors != NULL) {
            error_list_append(task_errors(task), batch->items[i].errors);
        }
    }
    return task->errors != NULL && task->errors->n > 0;
}

enum stage_verdict handle_simple_step(struct task *task)
{
    const struct json *body = task_members(task, simple_step_members);
    struct batch *batch = batch_new(task, 1);
    struct command_input *input = &batch->items[0].input;
    struct json *requests;

    if (task->errors->n > 0 || !fill_action(task, body, "/action", input)) {
        return task_fail(task);
    }
    input->checkpoint_id = json_str(json_get(body, "checkpointId"));
    input->position = json_int(json_get(body, "position"), -1);
    if (batch_prepare(batch, &task->error) != ERR_OK || take_errors(task, batch)) {
        return task_fail(task);
    }
    if (task->dry_run) {
        requests = batch_dry_run(batch, &task->error);
        return requests == NULL ? task_fail(task) : task_reply_requests(task, requests);
    }
    return batch_start(batch, reply_step) == STAGE_CONTINUE ? task_fail(task) : STAGE_WAIT;
}

/* ---- a checkpoint for the library, a table with rows ---- */

static void bind_steps(struct task *task, const struct json *steps, struct simple_steps *out)
{
    const struct json *step;

    out->items = arena_calloc(task->arena, json_size(steps), sizeof(*out->items));
    JSON_FOREACH (step, steps) {
        const char *prefix = arena_printf(task->arena, "/steps/%zu", out->n).ptr;
        const struct json *body =
            members_check(task->arena, step, inner_step_members, prefix, task_errors(task));
        struct command_input input = {.catalog = task->api->catalog,
                                      .defaults = &task->platform->defaults};
        struct bound_command *bound = &out->items[out->n];

        if (fill_action(task, body, prefix, &input) &&
            catalog_bind(&input, task->arena, bound, task_errors(task)) == ERR_OK &&
            task->dry_run) {
            json_set(bound->values, STR("position"), json_new_int(task->arena, (int64_t)out->n));
        }
        out->n++;
    }
}

void simple_prepare_library(struct task *task, const struct json *body, struct json *values,
                            struct simple_steps *steps)
{
    if (json_get(body, "checkpointId") != NULL) {
        return;
    }
    if (json_get(body, "steps") == NULL || json_get(body, "goalId") == NULL ||
        json_str(json_get(body, "name")).len == 0) {
        (void)error_at(
            error_list_add(task_errors(task)), ERR_INVALID, "/checkpointId",
            "Give checkpointId (and a name, if you like), or else name, goalId and steps");
    }
    bind_steps(task, json_get(body, "steps"), steps);
    json_set(values, STR("wants_snapshot"),
             json_new_bool(task->arena, json_get(body, "snapshotId") == NULL));
}

/* Rows as lists or as objects by column name; the platform's import takes objects. */
static struct json *row_object(struct task *task, const struct json *columns,
                               const struct json *row, size_t at)
{
    struct json *out = json_new_object(task->arena);
    const struct json *column;
    size_t i = 0;

    if (json_size(row) > json_size(columns) ||
        (json_type(row) != JSON_ARRAY && json_type(row) != JSON_OBJECT)) {
        (void)error_at(
            error_list_add(task_errors(task)), ERR_INVALID,
            arena_printf(task->arena, "/rows/%zu", at).ptr,
            "A row must be a list of values or an object with names of columns, and not longer than columns");
        return NULL;
    }
    JSON_FOREACH (column, columns) {
        const struct json *value =
            json_type(row) == JSON_ARRAY ? json_at(row, i) : json_get_str(row, json_str(column));

        if (value != NULL) {
            json_set(out, json_str(column), json_copy(task->arena, value));
        }
        i++;
    }
    return out;
}

void simple_prepare_table(struct task *task, const struct json *body, struct json *values,
                          struct simple_steps *steps)
{
    struct json *rows = json_new_array(task->arena);
    const struct json *item;
    size_t at = 0;

    (void)steps;
    JSON_FOREACH (item, json_get(body, "columns")) {
        if (json_str(item).len == 0) {
            (void)error_at(error_list_add(task_errors(task)), ERR_INVALID, "/columns",
                           "columns must be a list of names");
        }
    }
    JSON_FOREACH (item, json_get(body, "rows")) {
        json_append(rows, row_object(task, json_get(body, "columns"), item, at++));
    }
    if (json_size(rows) > 0) {
        json_set(values, STR("rows"), rows);
    }
}
