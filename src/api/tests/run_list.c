/* Runs that are there: one, all of yours, and the end of one. */
#include "api/gate/query.h"
#include "api/tests/handlers.h"
#include "runs.h"
#include "tests.h"

struct run *task_run(struct task *task)
{
    struct str id = task_param(task, "id");
    struct run *run = run_find(task->platform->runs, &task->principal.owner, id);

    if (run == NULL) {
        (void)error_set(&task->error, ERR_NOT_FOUND,
                        "There is no such test run; the last %u that have ended are kept",
                        task->config->runs.max_kept);
    }
    return run;
}

enum stage_verdict handle_run_get(struct task *task)
{
    const struct run *run = task_run(task);

    return run == NULL ? task_fail(task) : run_reply(task, 200, run);
}

enum stage_verdict handle_run_stop(struct task *task)
{
    struct run *run = task_run(task);

    if (run == NULL) {
        return task_fail(task);
    }
    if (run_is_over(run)) {
        return run_reply(task, 200, run);
    }
    if (task->dry_run) {
        return task_reply_nothing_sent(task);
    }
    run_stop(run);
    return run_reply(task, 202, run);
}

enum stage_verdict handle_run_list(struct task *task)
{
    enum { LIST_MAX = 200 };
    struct run *runs[LIST_MAX];
    int64_t limit = task_query_number(task, "limit", 50);
    int64_t offset = task_query_number(task, "offset", 0);
    struct json_writer w;
    struct buf out;
    size_t total;
    size_t n;

    n = run_list(task->platform->runs, &task->principal.owner, (size_t)offset, (size_t)limit, runs,
                 &total);
    buf_init(&out, RUN_ANSWER_MAX);
    jw_init(&w, &out);
    jw_object(&w);
    jw_key(&w, "runs");
    jw_array(&w);
    for (size_t i = 0; i < n; i++) {
        run_write_summary(runs[i], &w);
    }
    jw_end(&w);
    jw_kv_int(&w, "total", (int64_t)total);
    jw_kv_int(&w, "limit", limit);
    jw_kv_int(&w, "offset", offset);
    jw_end(&w);
    return task_reply_text(task, 200, "application/json; charset=utf-8", &out);
}
