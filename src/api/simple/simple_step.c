/* POST /api/steps: a platform action (CLICK) or a command (step-interact click), with target and
 * value; and POST /api/library/checkpoints and /api/testdata/tables, which make several things. All
 * of them are batches or plans of calls that the catalogue knows. */
#include "api/command/batch.h"
#include "api/gate/members.h"
#include "api/gate/redact.h"
#include "api/gate/reply_map.h"
#include "api/simple/handlers.h"
#include "api/simple/simple.h"
#include "each.h"

enum { MAX_STEPS = 200, MAX_ROWS = 5000 };

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

static enum stage_verdict dry_run(struct batch *batch)
{
    struct json *requests = batch_dry_run(batch, &batch->task->error);

    return requests == NULL ? task_fail(batch->task) : task_reply_requests(batch->task, requests);
}

enum stage_verdict handle_simple_step(struct task *task)
{
    const struct json *body =
        members_check(task->arena, task->body, simple_step_members, "", task_errors(task));
    struct batch *batch = batch_new(task, 1);
    struct command_input *input = &batch->items[0].input;

    if (task->errors->n > 0 || !fill_action(task, body, "/action", input)) {
        return task_fail(task);
    }
    input->checkpoint_id = json_str(json_get(body, "checkpointId"));
    input->position = json_int(json_get(body, "position"), -1);
    if (batch_prepare(batch, &task->error) != ERR_OK || take_errors(task, batch)) {
        return task_fail(task);
    }
    if (task->dry_run) {
        return dry_run(batch);
    }
    return batch_start(batch, reply_step) == STAGE_CONTINUE ? task_fail(task) : STAGE_WAIT;
}

/* ---- a checkpoint for the library, a table with rows ---- */

const struct member simple_library_members[] = {
    {"name", PARAM_TEXT},       {"steps", PARAM_ARRAY, .min = 1, .max = MAX_STEPS},
    {"goalId", PARAM_ID},       {"snapshotId", PARAM_ID},
    {"checkpointId", PARAM_ID}, {.name = NULL},
};

const struct member simple_table_members[] = {
    {"name", PARAM_TEXT, .required = true},
    {"columns", PARAM_ARRAY, .required = true, .min = 1, .max = 100},
    {"rows", PARAM_ARRAY, .max = MAX_ROWS},
    {.name = NULL},
};

/* Several calls with one reply made of one answer. */
struct making {
    struct task *task;
    const struct call *main;
    const struct json *answer;
    const char *map;
    struct str name;
    struct step step; /* that is being made */
};

static enum plan_verdict after_making(struct plan *plan, struct plan_row *row,
                                      const struct json *answer, uint64_t *delay_ms,
                                      struct error *err)
{
    struct making *making = plan_state(plan);

    (void)err;
    *delay_ms = 0;
    if (row->call == making->main) {
        making->answer = answer;
    }
    return PLAN_NEXT;
}

static int64_t checkpoint_of(const struct plan *plan)
{
    return step_id_of(plan_get(plan, "checkpoint_id"));
}

static enum plan_verdict after_checkpoint(struct plan *plan, struct plan_row *row,
                                          const struct json *answer, uint64_t *delay_ms,
                                          struct error *err)
{
    const struct making *making = plan_state(plan);

    (void)row;
    (void)answer;
    (void)err;
    *delay_ms = 0;
    lanes_know_empty(making->task->platform->lanes, checkpoint_of(plan));
    return PLAN_NEXT;
}

static void on_made(struct task *task, enum error_code code)
{
    const struct making *making = task->state;
    struct json *out;

    if (code != ERR_OK) {
        (void)task_fail(task);
        return;
    }
    out = task->raw ? json_copy(task->arena, making->answer)
                    : reply_reduce(task->arena, making->map, making->answer, task->plan->variables);
    redact(out, task->arena, task->raw ? str_from(making->main->spec->path) : STR_EMPTY,
           REDACT_SHOWS_NOTHING);
    if (making->name.len > 0 && !task->raw) {
        json_set(out, STR("name"), json_new_string(task->arena, making->name));
    }
    (void)task_reply_json(task, 201, out);
}

static struct making *making_new(struct task *task, enum named_call main, const char *map)
{
    struct making *making = arena_zalloc(task->arena, sizeof(*making));

    making->task = task;
    making->main = catalog_named_call(task->api->catalog, main);
    making->map = map;
    task->state = making;
    step_init(&making->step, task->platform->lanes,
              catalog_named_call(task->api->catalog, CALL_COUNT_STEPS));
    (void)task_plan_new(task);
    return making;
}

static struct plan_row *making_add(struct making *making, const struct call *call,
                                   const struct json *args)
{
    struct plan_row *row = plan_append(making->task->plan, call);

    row->args = args;
    row->after = after_making;
    return row;
}

static enum stage_verdict making_go(struct making *making)
{
    return making->task->dry_run ? task_show_plan(making->task)
                                 : task_run_plan(making->task, on_made, NULL);
}

static bool add_steps(struct making *making, const struct json *steps)
{
    struct task *task = making->task;
    const struct json *step;
    int64_t position = 0;

    JSON_FOREACH (step, steps) {
        const char *prefix = arena_printf(task->arena, "/steps/%lld", (long long)position).ptr;
        const struct json *body =
            members_check(task->arena, step, inner_step_members, prefix, task_errors(task));
        struct command_input input = {.catalog = task->api->catalog,
                                      .defaults = &task->platform->defaults};
        struct bound_command bound;

        if (fill_action(task, body, prefix, &input) &&
            catalog_bind(&input, task->arena, &bound, task_errors(task)) == ERR_OK) {
            struct plan_row *row = making_add(making, bound.call, bound.values);

            if (task->dry_run) {
                json_set(bound.values, STR("position"), json_new_int(task->arena, position));
            }
            simple_makes_step(row, &making->step);
        }
        position++;
    }
    return task->errors->n == 0;
}

enum stage_verdict handle_simple_library(struct task *task)
{
    const struct json *body =
        members_check(task->arena, task->body, simple_library_members, "", task_errors(task));
    struct making *making = making_new(task, CALL_ADD_TO_LIBRARY, "project");
    struct json *args = json_new_object(task->arena);
    bool from_steps = json_get(body, "checkpointId") == NULL;

    making->name = json_str(json_get(body, "name"));
    if (from_steps && (json_get(body, "steps") == NULL || json_get(body, "goalId") == NULL ||
                       making->name.len == 0)) {
        (void)error_at(
            error_list_add(task_errors(task)), ERR_INVALID, "/checkpointId",
            "Give checkpointId (and a name, if you like), or else name, goalId and steps");
    }
    json_set(args, STR("name"), json_new_string(task->arena, making->name));
    if (json_get(body, "checkpointId") != NULL) {
        plan_set(making->task->plan, "checkpoint_id",
                 json_copy(task->arena, json_get(body, "checkpointId")));
    } else if (task->errors->n == 0) {
        json_set(args, STR("goal_id"), json_copy(task->arena, json_get(body, "goalId")));
        if (json_get(body, "snapshotId") != NULL) {
            plan_set(making->task->plan, "snapshot_id",
                     json_copy(task->arena, json_get(body, "snapshotId")));
        } else {
            making_add(making, catalog_named_call(task->api->catalog, CALL_NEWEST_SNAPSHOT), args);
        }
        making_add(making, catalog_named_call(task->api->catalog, CALL_CREATE_CHECKPOINT), args)
            ->after = after_checkpoint;
    }
    if (task->errors->n > 0 || (from_steps && !add_steps(making, json_get(body, "steps")))) {
        return task_fail(task);
    }
    making_add(making, catalog_named_call(task->api->catalog, CALL_ADD_TO_LIBRARY), args);
    if (making->name.len > 0) {
        making_add(making, catalog_named_call(task->api->catalog, CALL_LIBRARY_UPDATE), args);
    }
    return making_go(making);
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

enum stage_verdict handle_simple_table(struct task *task)
{
    const struct json *body =
        members_check(task->arena, task->body, simple_table_members, "", task_errors(task));
    struct making *making = making_new(task, CALL_CREATE_TEST_DATA_TABLE, "project");
    struct json *args = json_new_object(task->arena);
    struct json *rows = json_new_array(task->arena);
    const struct json *item;
    size_t at = 0;

    JSON_FOREACH (item, json_get(body, "columns")) {
        if (json_str(item).len == 0) {
            (void)error_at(error_list_add(task_errors(task)), ERR_INVALID, "/columns",
                           "columns must be a list of names");
        }
    }
    JSON_FOREACH (item, json_get(body, "rows")) {
        json_append(rows, row_object(task, json_get(body, "columns"), item, at++));
    }
    if (task->errors->n > 0) {
        return task_fail(task);
    }
    json_set(args, STR("name"), json_copy(task->arena, json_get(body, "name")));
    json_set(args, STR("columns"), json_copy(task->arena, json_get(body, "columns")));
    json_set(args, STR("description"), json_new_string(task->arena, STR_EMPTY));
    making_add(making, catalog_named_call(task->api->catalog, CALL_CREATE_TEST_DATA_TABLE), args);
    if (json_size(rows) > 0) {
        json_set(args, STR("rows"), rows);
        making_add(making, catalog_named_call(task->api->catalog, CALL_IMPORT_TEST_DATA), args);
    }
    return making_go(making);
}
