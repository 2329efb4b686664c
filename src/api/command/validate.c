/* POST /api/v1/commands/validate: everything that is wrong with a command at once, and its mended
 * form. */
#include "api/command/batch.h"
#include "api/command/handlers.h"
#include "api/gate/members.h"
#include "api/gate/session_seat.h"
#include "api/gate/task.h"
#include "base/json_form.h"

/* Members that need no correction are taken over. */
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

enum stage_verdict handle_validate(struct task *task)
{
    struct error_list *errors = task_errors(task);
    const struct json *body = task_members(task, execute_members);
    struct command_input input = command_input_of(task, body, json_str(json_get(body, "command")));
    struct bound_command bound = {0};
    struct warning_list fixes = {0};
    struct json *corrected = NULL;
    struct session session;
    struct json_writer *w = task_writer(task);
    bool valid;

    if (input.command.len == 0) {
        return task_fail(task);
    }
    check_session(task, session_of(task, body), &session);
    valid = catalog_validate(&input, task->arena, &bound, errors, &corrected, &fixes) == ERR_OK &&
            errors->n == 0;
    jw_form(w, "{valid:%b, command?:%s, errors:[", valid,
            bound.command != NULL ? bound.command->words : NULL);
    for (size_t i = 0; i < errors->n; i++) {
        jw_form(w, "{pointer:%s, detail:%s, code:%s}", errors->items[i].pointer,
                errors->items[i].text, error_slug(errors->items[i].code));
    }
    jw_form(w, "], errors_total?:%i", errors->n_dropped > 0 ? error_list_total(errors) : 0);
    /* No error: a session may give the checkpoint when the command is carried out. */
    if (bound.command != NULL && bound.command->kind == COMMAND_STEP &&
        json_get(task->body, "checkpoint_id") == NULL && session.checkpoint_id == 0 &&
        json_get(corrected, "checkpoint_id") == NULL) {
        warning_add(
            &bound.warnings, task->arena,
            STR("No checkpoint is named: to run this command, give checkpoint_id or a session"));
    }
    jw_texts(w, "warnings", bound.warnings.items, bound.warnings.n);
    if (corrected != NULL) {
        keep_members(task, body, corrected);
        jw_form(w, "corrected:%j", json_text(task->arena, corrected));
        jw_texts(w, "fixes", fixes.items, fixes.n);
    }
    jw_end(w);
    return task_written(task, 200);
}
