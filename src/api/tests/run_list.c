/* Runs that are there: one, all of yours, and the end of one. */
#include "api/gate/query.h"
#include "api/tests/handlers.h"
#include "runs.h"
#include "tests.h"

enum { RUN_LIST_MAX = 200 /* as query_run_list */ };

struct run *task_run(struct task *task)
{
    struct str id = task_param(task, "id");
    struct run *run = run_find(task->platform->runs, &task->principal.owner, id);
    struct platform *platform = NULL;

    while (run == NULL && (platform = platform_next(task->api, platform)) != NULL) {
        if (str_eq(platform->tenant, task->platform->tenant)) { /* its address was another one */
            run = run_find(platform->runs, &task->principal.owner, id);
        }
    }
    if (platform != NULL) {
        arena_defer(task->arena, platform_release, platform_hold(platform));
    }
    if (run == NULL) {
        (void)error_set(&task->error, ERR_NOT_FOUND,
                        "There is no such test run; the last %u that have ended are kept",
                        task->config->runs.max_kept);
    }
    return run;
}

enum stage_verdict handle_run_get(struct task *task)
{
    struct run *run = task_run(task);

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

/* A part of all the runs that are asked for. */
struct run_page {
    size_t limit;
    size_t offset;
    size_t total; /* of all */
    size_t n;
    struct run *runs[RUN_LIST_MAX];
};

static struct run_page page_of(struct task *task)
{
    return (struct run_page){.limit = (size_t)task_query_number(task, "limit", 50),
                             .offset = (size_t)task_query_number(task, "offset", 0)};
}

static void page_add(struct run_page *page, struct run_store *store, const struct digest *owner)
{
    size_t skip = page->offset > page->total ? page->offset - page->total : 0;
    size_t total;

    page->n += run_list(store, owner, skip, page->limit - page->n, page->runs + page->n, &total);
    page->total += total;
}

static enum stage_verdict reply_page(struct task *task, const struct run_page *page)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, RUN_ANSWER_MAX);
    jw_init(&w, &out);
    jw_object(&w);
    jw_key(&w, "runs");
    jw_array(&w);
    for (size_t i = 0; i < page->n; i++) {
        run_write_summary(page->runs[i], &w);
    }
    jw_end(&w);
    jw_kv_int(&w, "total", (int64_t)page->total);
    jw_kv_int(&w, "limit", (int64_t)page->limit);
    jw_kv_int(&w, "offset", (int64_t)page->offset);
    jw_end(&w);
    return task_reply_text(task, 200, "application/json; charset=utf-8", &out);
}

enum stage_verdict handle_run_list(struct task *task)
{
    struct run_page page = page_of(task);

    page_add(&page, task->platform->runs, &task->principal.owner);
    for (const struct platform *p = task->platform; p != NULL; p = platform_next(task->api, p)) {
        if (p != task->platform && str_eq(p->tenant, task->platform->tenant)) {
            page_add(&page, p->runs, &task->principal.owner);
        }
    }
    return reply_page(task, &page);
}

/* Account by account, each newest first. */
enum stage_verdict handle_run_list_all(struct task *task)
{
    struct run_page page = page_of(task);

    for (const struct platform *p = platform_next(task->api, NULL); p != NULL;
         p = platform_next(task->api, p)) {
        page_add(&page, p->runs, NULL);
    }
    return reply_page(task, &page);
}
