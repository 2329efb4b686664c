/* runs.driver: request. A run advances while a request for it is open: its POST, POST .../continue, a GET. When the
 * time of the request is over, the run is put on record and no process has it; then the request is answered. The next
 * request goes on with the run.
 *
 * Where there is a recaller (runs.recall), the POST that began the run asks for that next request before it is
 * answered, and so does each request that was asked for in this way (a recall): one after another, until the run is
 * over. Other requests do not ask, or there would be several such chains. Each recall has a number, so that a recall
 * that comes twice asks once: a queue of tasks knows which names it has had; an invocation of a function has no name,
 * so the store keeps which number has asked. */
#include "api/tests/handlers.h"

#include "api/gate/links.h"
#include "api/gate/query.h"
#include "observe/log.h"
#include "observe/trouble.h"
#include "run/share.h"
#include "runs.h"
#include "store/keep.h"

enum {
    LOOK_MS = 2000,    /* of a GET */
    MARGIN_MS = 10000, /* for the row in flight */
    LEFT_FOR_REPLY_MS = 1000,
    LEFT_FOR_RECALL_MS = 3000, /* a recall (src/app/recaller.c) and the reply */
    ASKING_MS = 30000, /* longer than asking takes; if the process dies, its mark ends then */
    ASKED_MS = 24 * 3600 * 1000,
    RECALLS_MAX = 1000 /* of one run: days; other requests still drive it */
};

struct driving {
    struct run_watcher watcher;
    struct deadline until;
    struct task *task;
    struct api_recall recall;
    struct store_op mark; /* in the store: the next request is asked for */
    int64_t next;    /* number of the request that is asked for when the time is over; 0: none is */
    bool begins;     /* this is the request that began the run */
    bool drives;     /* drives the run, until the time is over */
    bool is_late;    /* the time is over */
    bool asks;       /* is asking for the next request */
    bool is_refused; /* the next request will not come */
    bool is_recalled; /* this is a recall: nobody reads the answer */
};

bool runs_are_driven(const struct task *task)
{
    return run_is_shared(task->platform->runs) && str_is(task->config->runs.driver, "request");
}

static void end(struct driving *driving)
{
    struct task *task = driving->task;

    deadline_clear(&driving->until);
    if (driving->asks) {
        task->api->options.recaller->cancel(&driving->recall);
        store_cancel(&driving->mark);
    }
    if (driving->drives) {
        run_undrive(driving->watcher.run);
    }
    run_unwatch(&driving->watcher);
    task->on_cancel = NULL;
    task->must_finish = driving->begins ? run_must_finish : NULL;
    task->state = NULL;
    keeps_rest(task->api->options.keeps); /* this process may be stopped after the answer */
}

/* Answers a recall. Only a failure tells the recaller something: then it sends the recall again. */
static void reply_recalled(struct driving *driving)
{
    struct task *task = driving->task;
    bool is_refused = driving->is_refused;

    end(driving);
    if (is_refused) {
        task->error.retry_after_s = 1;
        (void)task_refuse(task, ERR_OVERLOADED,
                          "The run is not over, and nobody could be asked to go on with it");
        return;
    }
    (void)task_reply(task, 204, NULL, STR_EMPTY);
}

static void reply(struct driving *driving)
{
    struct task *task = driving->task;
    struct run *run = driving->watcher.run;
    bool begins = driving->begins;

    if (driving->is_recalled && run_lost(run) == NULL) {
        reply_recalled(driving);
        return;
    }
    end(driving);
    if (run_lost(run) != NULL) {
        run_reply_lost(task, run);
    } else if (run_is_over(run)) {
        (void)(begins ? run_reply_ended(task, run) : run_reply(task, 200, run));
    } else {
        struct str path = arena_printf(task->arena, "/api/v1/tests/runs/%s/continue", run_id(run));

        exchange_add_lines(task->exchange, 0, /* where to go on */
                           arena_printf(task->arena,
                                        "Link: <%.*s>; rel=\"next\"\r\n"
                                        "Retry-After: 1\r\n",
                                        STR_ARG(task_link(task, path))));
        (void)run_reply(task, begins || task->route->wait == WAIT_LONG ? 202 : 200, run);
    }
}

/* Answers when the run is over or lost; once the time is over, also when the run is a copy here by now, or another
 * request drives it. */
static void look(struct driving *driving)
{
    const struct run *run = driving->watcher.run;
    bool has_left =
        driving->is_late && !driving->asks && (run_is_elsewhere(run) || run_is_driven(run));

    if (run_is_over(run) || run_lost(run) != NULL || has_left) {
        reply(driving);
    }
}

static void on_change(struct run_watcher *watcher)
{
    look(CONTAINER_OF(watcher, struct driving, watcher));
}

static void set_mark(struct driving *driving, enum store_kind kind, enum store_expect expect,
                     uint64_t ttl_ms, store_done_fn on_done)
{
    struct arena *arena = driving->task->arena;
    const struct store_request request = {
        .kind = kind,
        .key = arena_printf(arena, "recalls/%.*s", STR_ARG(driving->recall.name)),
        .format = 1,
        .expect = expect,
        .ttl_ms = ttl_ms};

    store_start(driving->task->api->options.store, &request, &driving->mark, on_done);
}

static void on_asked(struct store_op *op, const struct store_result *result)
{
    struct driving *driving = CONTAINER_OF(op, struct driving, mark);

    (void)result; /* at the worst it is asked for twice */
    driving->asks = false;
    look(driving);
}

static void on_recalled(struct api_recall *recall, const struct error *error)
{
    struct driving *driving = CONTAINER_OF(recall, struct driving, recall);

    trouble_tell(TROUBLE_RECALL, error != NULL ? error->text : NULL);
    if (error != NULL) {
        driving->is_refused = true;
        log_event(LOG_WARN, "run.not_recalled", F_STR("name", recall->name),
                  F_TEXT("error", error->text));
    }
    if (driving->task->api->options.recaller->knows_names) {
        driving->asks = false;
        look(driving);
    } else if (error == NULL) {
        set_mark(driving, STORE_PUT, STORE_ANY, ASKED_MS, on_asked);
    } else {
        set_mark(driving, STORE_REMOVE, STORE_ANY, 0, on_asked);
    }
}

static void on_marked(struct store_op *op, const struct store_result *result)
{
    struct driving *driving = CONTAINER_OF(op, struct driving, mark);
    const struct api_recaller *recaller = driving->task->api->options.recaller;

    if (result->error.code == ERR_CONFLICT) { /* this request came twice, and the other one asks */
        driving->asks = false;
        look(driving);
        return;
    }
    recaller->start(recaller->context, &driving->recall);
}

/* Asks for the next request. If that comes before this one is answered, it waits for the run. */
static void ask(struct driving *driving)
{
    const struct api_recaller *recaller = driving->task->api->options.recaller;
    struct arena *arena = driving->task->arena;
    const struct run *run = driving->watcher.run;
    char name[RUN_NAME_MAX];

    run_name(run, name);
    driving->asks = true;
    driving->recall = (struct api_recall){
        .name = arena_printf(arena, "%s-%lld", run_id(run), (long long)driving->next),
        .path = arena_printf(arena, "/api/v1/tests/runs/%s/continue?recall=%lld", name,
                             (long long)driving->next),
        .on_done = on_recalled,
    };
    if (recaller->knows_names) {
        recaller->start(recaller->context, &driving->recall);
    } else {
        set_mark(driving, STORE_PUT, STORE_ABSENT, ASKING_MS, on_marked);
    }
}

/* The time is over: the row in flight ends, and all is written. */
static void on_until(struct deadline *deadline)
{
    struct driving *driving = CONTAINER_OF(deadline, struct driving, until);

    driving->is_late = true;
    if (driving->drives) {
        driving->drives = false;
        run_undrive(driving->watcher.run);
    }
    if (driving->next > 0) {
        ask(driving);
    }
    look(driving);
}

static void on_cancel(struct task *task)
{
    end(task->state);
}

/* The client leaves: the next recall goes on with the run. With an Idempotency-Key the answer is still wanted. */
static bool must_finish(struct task *task)
{
    struct driving *driving = task->state;

    if (driving->begins && run_must_finish(task)) {
        return true;
    }
    if (driving->drives && driving->next > 0) {
        deadline_set(task->api->options.deadlines, &driving->until, 0, on_until);
    }
    return driving->next > 0;
}

/* `number` of this request; 0: the one that began the run. */
static int64_t next_of(const struct task *task, int64_t number)
{
    return task->api->options.recaller != NULL && number < RECALLS_MAX ? number + 1 : 0;
}

uint64_t run_end_ms(bool asks, bool knows_names, unsigned store_ms, uint64_t left_ms)
{
    uint64_t most_ms = LEFT_FOR_RECALL_MS + (knows_names ? 0 : 2 * (uint64_t)store_ms);
    uint64_t half_ms = left_ms / 2 > LEFT_FOR_RECALL_MS ? left_ms / 2 : LEFT_FOR_RECALL_MS;

    if (!asks) {
        return LEFT_FOR_REPLY_MS;
    }
    return most_ms < half_ms ? most_ms : half_ms;
}

static enum stage_verdict drive(struct task *task, struct run *run, uint64_t ms,
                                const struct driving *how)
{
    struct driving *driving = arena_alloc(task->arena, sizeof(*driving));
    uint64_t left_ms = exchange_left_ms(task->exchange);
    bool asks = how->next > 0;
    uint64_t end_ms = run_end_ms(asks, asks && task->api->options.recaller->knows_names,
                                 config_store_ms(task->config), left_ms);

    *driving = *how;
    driving->task = task;
    driving->watcher.on_change = on_change;
    if (left_ms != UINT64_MAX && ms + end_ms > left_ms) {
        ms = left_ms > end_ms ? left_ms - end_ms : 1;
    }
    task->state = driving;
    task->on_cancel = on_cancel;
    task->must_finish = driving->begins || driving->next > 0 ? must_finish : NULL;
    task_set_deadline(task, ms + end_ms + MARGIN_MS);
    run_watch(run, &driving->watcher);
    if (driving->drives && !driving->begins) {
        run_drive(run);
    }
    deadline_set(task->api->options.deadlines, &driving->until, ms, on_until);
    return STAGE_WAIT;
}

enum stage_verdict run_drive_on(struct task *task, struct run *run, uint64_t ms)
{
    return drive(task, run, ms,
                 &(struct driving){.begins = true, .drives = ms > 0, .next = next_of(task, 0)});
}

static enum stage_verdict drive_again(struct task *task, struct run *run, uint64_t ms)
{
    return drive(task, run, ms, &(struct driving){.drives = true});
}

static uint64_t slice_ms(struct task *task)
{
    int64_t given_s = task_query_number(task, "timeout", 0);

    return given_s > 0 ? (uint64_t)given_s * 1000 : task->config->http.long_exchange_timeout_ms;
}

static enum stage_verdict go_on(struct task *task, struct run *run)
{
    return run_is_over(run) ? run_reply(task, 200, run) : drive_again(task, run, slice_ms(task));
}

/* For a recall: the run may be anybody's. */
static enum stage_verdict go_on_recalled(struct task *task, struct run *run)
{
    int64_t number = task_query_number(task, "recall", 0);

    return run_is_over(run)
               ? task_reply(task, 204, NULL, STR_EMPTY)
               : drive(task, run, slice_ms(task),
                       &(struct driving){.drives = true,
                                         .is_recalled = true,
                                         .next = number > 0 ? next_of(task, number) : 0});
}

enum stage_verdict handle_run_continue(struct task *task)
{
    bool may_any = task_may(task, PERMISSION_CONTINUE);
    enum stage_verdict verdict;

    if (task->dry_run) {
        return task_reply_nothing_sent(task);
    }
    if (may_any && task_names_run_of_anybody(task)) {
        return task_with_run_of_anybody(task, go_on_recalled);
    }
    verdict = task_allow(task, PERMISSION_WRITE_TESTS);
    return verdict == STAGE_CONTINUE ? task_with_run(task, go_on) : verdict;
}

enum stage_verdict run_show(struct task *task, struct run *run)
{
    return run_is_over(run) || !runs_are_driven(task) ? run_reply(task, 200, run)
                                                      : drive_again(task, run, LOOK_MS);
}
