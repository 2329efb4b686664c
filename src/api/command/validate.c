/* POST /api/v1/commands/validate: everything that is wrong with a command at once, and its mended
 * form. */
#include "api/command/batch.h"
#include "api/command/handlers.h"
#include "api/gate/members.h"
#include "api/gate/session_seat.h"
#include "api/gate/task.h"

const struct member validate_members[] = {
    {.name = "command", .type = PARAM_TEXT, .required = true},
    {.name = "args", .type = PARAM_ARRAY, .max = 64},
    {.name = "params", .type = PARAM_OBJECT, .max = 4096},
    {.name = "options", .type = PARAM_OBJECT, .max = 4096},
    {.name = "checkpoint_id", .type = PARAM_ID},
    {.name = "position", .type = PARAM_INTEGER, .max = 1000000},
    {.name = "session_id", .type = PARAM_TEXT},
    {.name = "description", .type = PARAM_TEXT, .may_be_empty = true},
    {.name = "dry_run", .type = PARAM_FLAG},
    {.name = NULL},
};

static struct json *errors_json(struct task *task, const struct error_list *errors)
{
    struct json *list = json_new_array(task->arena);

    for (size_t i = 0; i < errors->n; i++) {
        struct json *item = json_new_object(task->arena);

        json_set(item, STR("pointer"),
                 json_new_string(task->arena, str_from(errors->items[i].pointer)));
        json_set(item, STR("detail"),
                 json_new_string(task->arena, str_from(errors->items[i].text)));
        json_set(item, STR("code"),
                 json_new_string(task->arena, str_from(error_slug(errors->items[i].code))));
        json_append(list, item);
    }
    return list;
}

static struct json *texts_json(struct task *task, const struct warning_list *texts)
{
    struct json *list = json_new_array(task->arena);

    for (size_t i = 0; i < texts->n; i++) {
        json_append(list, json_new_string(task->arena, texts->items[i]));
    }
    return list;
}

/* What is right as it is goes along. */
static void keep_members(struct task *task, const struct json *body, struct json *corrected)
{
    static const char *const names[] = {"session_id", "description", "dry_run"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct json *value = json_get(body, names[i]);

        if (value != NULL) {
            json_set(corrected, str_from(names[i]), json_copy(task->arena, value));
        }
    }
}

/* The session that the command would run in must be there. */
static void check_session(struct task *task, struct str id, struct session *out)
{
    struct error err = {0};

    *out = (struct session){0};
    if (id.len > 0 && session_load(task->api->options.sessions, &task->principal.owner, id,
                                   task->arena, out, &err) != ERR_OK) {
        (void)error_at(error_list_add(task_errors(task)), err.code, "/session_id", "%s", err.text);
    }
}

/* No error: a session may give it when the command is carried out. */
static void warn_of_missing_checkpoint(struct task *task, const struct session *session,
                                       const struct json *corrected, struct json *warnings)
{
    bool has = json_get(task->body, "checkpoint_id") != NULL || session->checkpoint_id != 0 ||
               json_get(corrected, "checkpoint_id") != NULL;

    if (!has) {
        json_append(
            warnings,
            json_new_string(
                task->arena,
                STR("No checkpoint is named: to run this command, give checkpoint_id or a session")));
    }
}

enum stage_verdict handle_validate(struct task *task)
{
    struct error_list *errors = task_errors(task);
    const struct json *body = members_check(task->arena, task->body, validate_members, "", errors);
    struct command_input input = {
        .catalog = task->api->catalog,
        .command = json_str(json_get(body, "command")),
        .args = json_get(body, "args"),
        .params = json_get(body, "params"),
        .options = json_get(body, "options"),
        .checkpoint_id = json_str(json_get(body, "checkpoint_id")),
        .position = -1,
        .defaults = &task->platform->defaults,
    };
    struct bound_command bound = {0};
    struct warning_list fixes = {0};
    struct json *corrected = NULL;
    struct json *out = json_new_object(task->arena);
    struct json *warnings;
    struct session session;
    bool valid;

    if (input.command.len == 0) {
        return task_fail(task);
    }
    if (!json_to_i64(json_get(body, "position"), &input.position)) {
        input.position = -1;
    }
    check_session(task, session_of(task, body), &session);
    valid = catalog_validate(&input, task->arena, &bound, errors, &corrected, &fixes) == ERR_OK &&
            errors->n == 0;
    json_set(out, STR("valid"), json_new_bool(task->arena, valid));
    if (bound.command != NULL) {
        json_set(out, STR("command"), json_new_string(task->arena, str_from(bound.command->words)));
    }
    json_set(out, STR("errors"), errors_json(task, errors));
    if (errors->n_dropped > 0) {
        json_set(out, STR("errors_total"),
                 json_new_int(task->arena, (int64_t)error_list_total(errors)));
    }
    warnings = texts_json(task, &bound.warnings);
    if (bound.command != NULL && bound.command->kind == COMMAND_STEP) {
        warn_of_missing_checkpoint(task, &session, corrected, warnings);
    }
    json_set(out, STR("warnings"), warnings);
    if (corrected != NULL) {
        keep_members(task, body, corrected);
        json_set(out, STR("corrected"), corrected);
        json_set(out, STR("fixes"), texts_json(task, &fixes));
    }
    return task_reply_json(task, 200, out);
}
