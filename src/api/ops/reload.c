/* POST /admin/reload: the configuration is read again, and the answer says what that changed. */
#include "api/gate/task.h"
#include "api/ops/handlers.h"

struct reloading {
    struct reload_report report;
    struct task *task;
};

static struct json *names_of(struct task *task, const struct str *names, size_t n)
{
    struct json *list = json_new_array(task->arena);

    for (size_t i = 0; i < n; i++) {
        json_append(list, json_new_string(task->arena, names[i]));
    }
    return list;
}

/* The other workers of this service, each with what became of it there. */
static struct json *others_of(struct task *task, const struct reload_report *report)
{
    struct json *list = json_new_array(task->arena);

    for (size_t i = 0; i < report->n_others; i++) {
        const struct reload_other *other = &report->others[i];
        struct json *item = json_new_object(task->arena);

        json_set(item, STR("worker"), json_new_int(task->arena, other->worker));
        json_set(item, STR("taken"), json_new_bool(task->arena, other->taken));
        if (!other->taken) {
            json_set(item, STR("error"), json_new_string(task->arena, other->error));
        }
        json_append(list, item);
    }
    return list;
}

static enum stage_verdict answer(struct task *task, struct reload_report *report)
{
    struct json *body;

    if (!report->is_offered) {
        (void)error_set(&task->error, ERR_CONFLICT,
                        "This program does not read its configuration again; only serve does, "
                        "while it does not shut down");
        return task_fail(task);
    }
    if (!report->taken) {
        for (size_t i = 0; i < report->errors->n; i++) {
            report->errors->items[i].code = ERR_UNPROCESSABLE; /* not this program: the file */
        }
        return task_fail(task);
    }
    body = json_new_object(task->arena);
    if (task->dry_run) {
        json_set(body, STR("dry_run"), json_new_bool(task->arena, true));
    }
    json_set(body, STR("changed"), names_of(task, report->changed, report->n_changed));
    json_set(body, STR("needs_restart"),
             names_of(task, report->needs_restart, report->n_needs_restart));
    if (report->n_others > 0) {
        json_set(body, STR("workers"), others_of(task, report));
    }
    return task_reply_json(task, 200, body);
}

static void on_done(struct reload_report *report)
{
    (void)answer(CONTAINER_OF(report, struct reloading, report)->task, report);
}

static void on_cancel(struct task *task)
{
    list_remove(&((struct reloading *)task->state)->report.link);
}

enum stage_verdict handle_reload(struct task *task)
{
    struct reloading *reloading = arena_zalloc(task->arena, sizeof(*reloading));
    struct reload_report *report = &reloading->report;

    reloading->task = task;
    *report = (struct reload_report){.on_done = on_done,
                                     .arena = task->arena,
                                     .is_tried = task->dry_run,
                                     .errors = task_errors(task)};
    if (task->api->options.reload != NULL) {
        task->api->options.reload(task->api->options.reloader, report);
    }
    if (!report->is_offered) {
        return answer(task, report);
    }
    task->state = reloading;
    task->on_cancel = on_cancel;
    return STAGE_WAIT;
}
