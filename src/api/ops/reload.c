/* POST /admin/reload: the configuration is read again, and the answer says what that changed. */
#include "api/gate/task.h"
#include "api/ops/handlers.h"
#include "base/json_form.h"

struct reloading {
    struct reload_report report;
    struct task *task;
};

static enum stage_verdict answer(struct task *task, struct reload_report *report)
{
    struct json_writer *w;

    if (!report->is_offered) {
        return task_refuse(task, ERR_CONFLICT,
                           "This program does not read its configuration again; only serve does, "
                           "while it does not shut down");
    }
    if (!report->taken) {
        for (size_t i = 0; i < report->errors->n; i++) {
            report->errors->items[i].code = ERR_UNPROCESSABLE; /* the fault is in the file */
        }
        return task_fail(task);
    }
    w = task_writer(task);
    jw_form(w, "{dry_run?:%b", task->dry_run);
    jw_texts(w, "changed", report->changed, report->n_changed);
    jw_texts(w, "needs_restart", report->needs_restart, report->n_needs_restart);
    /* The other workers of this service, each with what became of it there. */
    jw_shape(w, report->n_others > 0 ? "workers:[" : "");
    for (size_t i = 0; i < report->n_others; i++) {
        const struct reload_other *other = &report->others[i];

        jw_form(w, "{worker:%i, taken:%b, error?:%s}", other->worker, other->taken,
                other->taken ? STR_EMPTY : other->error);
    }
    jw_shape(w, report->n_others > 0 ? "]}" : "}");
    return task_written(task, 200);
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
