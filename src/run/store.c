/* All runs: what is running, what has ended and is kept. */
#include "share_internal.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/span.h"

enum { ID_DIGITS = 24, FIRST_DIGITS = sizeof("run_") - 1, RUN_ID_MAX = 32 };

static const int64_t LAST_MS = (INT64_C(1) << 44) - 1; /* eleven digits, the year 2527 */

struct run_store *run_store_open(const struct run_store_options *options)
{
    struct run_store *store = mem_zalloc(sizeof(*store));

    store->options = *options;
    list_init(&store->active);
    list_init(&store->ended);
    list_init(&store->waiting);
    list_init(&store->mirrors);
    list_init(&store->lost);
    if (options->share != NULL) {
        list_prepend(&options->share->stores, &store->shared); /* the newest of a scope is found */
    }
    map_init(&store->by_id);
    arena_bin_init(&store->bin, options->port->later);
    return store;
}

void run_store_configure(struct run_store *store, const struct run_store_options *options)
{
    store->options = *options;
}

size_t run_store_n_active(const struct run_store *store)
{
    return store->n_active;
}

/* ---- one run ---- */

void run_free(struct run *run)
{
    CHECK(run->n_watchers == 0);
    if (run->log != NULL) {
        log_free(run->log);
    }
    later_remove(&run->tell);
    arena_done_into(&run->work, &run->store->bin);
    arena_done_into(&run->kept, &run->store->bin);
    mem_free(run->events);
    mem_free(run);
}

/* Shared runs are listed newest first, so their ids begin with the time that is left until LAST_MS. */
static void make_id(const struct run_store *store, int64_t now_ms, char out[RUN_ID_MAX])
{
    struct buf text;

    buf_init_on(&text, out, RUN_ID_MAX, RUN_ID_MAX);
    buf_text(&text, "run_");
    if (store->options.share != NULL) {
        buf_printf(&text, "%011llx", (unsigned long long)(LAST_MS - now_ms));
    }
    random_hex(out + text.len, FIRST_DIGITS + ID_DIGITS - text.len);
    out[FIRST_DIGITS + ID_DIGITS] = '\0';
}

struct run *run_make(struct run_store *store, const struct digest *owner, struct str id)
{
    struct run *run = mem_zalloc(sizeof(*run));

    run->store = store;
    run->owner = *owner;
    str_copy(run->id, sizeof(run->id), id);
    run->warnings = STR("[]");
    arena_init(&run->work);
    arena_init(&run->kept);
    list_init(&run->watchers);
    return run;
}

enum error_code run_new(struct run_store *store, const struct digest *owner, struct run **out,
                        struct error *err)
{
    int64_t now_ms = clock_wall_ms();
    char id[RUN_ID_MAX];

    if (store->n_active + store->n_new >= store->options.max_active) {
        err->retry_after_s = 1;
        return error_set(err, ERR_OVERLOADED, "%zu test runs are in progress; try again later",
                         store->n_active + store->n_new);
    }
    store->n_new++;
    make_id(store, now_ms, id);
    *out = run_make(store, owner, str_from(id));
    (*out)->created_ms = now_ms;
    (*out)->ground = (struct run_ground){
        .project = run_keep(*out, store->options.project),
        .organization_id = run_keep(*out, store->options.defaults->organization_id),
        .links = store->options.ui_url.len > 0};
    return ERR_OK;
}

void run_drop(struct run *run)
{
    CHECK(run->status == RUN_NEW);
    run->store->n_new--;
    run_free(run);
}

struct arena *run_arena(struct run *run)
{
    return &run->work;
}

const char *run_id(const struct run *run)
{
    return run->id;
}

/* A shared run is over only when the store has its last event. */
bool run_is_over(const struct run *run)
{
    return run->status > RUN_RUNNING && (run->log == NULL || run->log->n_visible == run->n_events);
}

const struct digest *run_owner(const struct run *run)
{
    return &run->owner;
}

bool run_succeeded(const struct run *run)
{
    return run->status == RUN_CREATED || run->status == RUN_PASSED;
}

const struct error *run_error(const struct run *run)
{
    return &run->error;
}

bool run_did_something(const struct run *run)
{
    return run->did_something;
}

/* ---- start, end ---- */

void run_start(struct run *run, const struct run_hooks *hooks, bool held)
{
    struct run_store *store = run->store;

    CHECK(run->status == RUN_NEW && run->plan != NULL && run->building->noted);
    run->status = RUN_RUNNING;
    run->hooks = *hooks;
    run->created_ms = run->log != NULL ? run->created_ms : clock_wall_ms();
    run->begun_ms = clock_now_ms();
    map_insert(&store->by_id, &run->node, str_from(run->id));
    list_prepend(&store->active, &run->link);
    store->n_new--;
    store->n_active++;
    metric_gauge_add(M_RUNS_ACTIVE, 1);
    run_tell(run, &(struct run_event){.kind = EVENT_RUN});
    run_note_fact(run, FACT_RUN_STARTED, "running", NULL);
    run->held = held;
    if (run->log != NULL) {
        log_begin(run->log);
    }
    if (run_is_given(run)) {
        run->held = true;
        log_leave_soon(run->log);
    } else if (!held) {
        run_go_in_turn(run);
    }
}

/* The run is being given away. The process that has it next takes its turn in the session, and reads in the store
 * that the run is to stop. */
static bool is_leaving(const struct run *run)
{
    return run->log != NULL && run->log->leaves;
}

void run_release(struct run *run, int64_t position)
{
    if (!run->held || run->status > RUN_RUNNING || is_leaving(run)) {
        return;
    }
    run->held = false;
    if (!run->went) {
        run->went = true;
        run->tests[0].position = position;
        if (run->log != NULL) {
            record_go(run, position);
        }
    }
    if (!run->stop_asked) {
        run_go_in_turn(run);
    }
}

static void log_end(const struct run *run)
{
    struct json_writer w;
    struct buf text;

    buf_init(&text, 2048);
    jw_init(&w, &text);
    run_write_summary(run, &w);
    log_event(LOG_INFO, "run.ended", F_JSON("run", buf_ok(&text) ? buf_view(&text) : STR("{}")));
    buf_done(&text);
}

static void write_span(const struct run *run)
{
    const struct trace *trace = run->plan->options.trace;
    const struct span_attribute attributes[] = {
        SPAN_TEXT("virtuoso_proxy.run.id", str_from(run->id)),
        SPAN_TEXT("virtuoso_proxy.run.status", str_from(run_status_name(run->status))),
        SPAN_NUMBER("virtuoso_proxy.run.tests", (int64_t)run->n_tests),
    };

    if (trace != NULL && spans_wanted(trace)) {
        const struct span span = {
            .trace = trace,
            .id = str_from(trace->span_id),
            .parent = str_from(trace->parent_span_id),
            .link = str_from(trace->parent_span_id), /* the request that began it may end first */
            .kind = SPAN_INTERNAL,
            .name = STR("test run"),
            .begin_us = trace->begin_us, /* when the plan was made (build.c) */
            .end_us = clock_now_us(),
            .failure = run_succeeded(run) ? NULL : run_status_name(run->status),
            .attributes = attributes,
            .n_attributes = ARRAY_LEN(attributes),
        };

        span_write(&span);
    }
}

static void free_work(struct later_item *item)
{
    struct run *run = CONTAINER_OF(item, struct run, free_work);
    struct run_store *store = run->store;

    run->plan = NULL;
    arena_done_into(&run->work, &store->bin);
    run_store_trim(store);
    if (store->n_active == 0 && store->options.on_idle != NULL) {
        store->options.on_idle(store->options.context);
    }
}

/* Tells the hooks that a step may yet appear: then it is not known where the next one goes. It is called
 * however the run ended, so it also finds a step that was cut off. */
static void tell_doubt(struct run *run)
{
    bool doubt = false;

    for (size_t i = 0; i < run->n_tests && !doubt; i++) {
        for (size_t k = 0; k < run->tests[i].n_steps && !doubt; k++) {
            doubt = run->tests[i].steps[k].status == ROW_UNKNOWN;
        }
    }
    run->did_something = run->did_something || doubt;
    if (doubt && run->hooks.on_step != NULL) {
        run->hooks.on_step(run->hooks.context, -1, false, false);
    }
}

void run_free_work_soon(struct run *run)
{
    later_add(run->store->options.port->later, &run->free_work, free_work);
}

static void leave_active(struct run *run)
{
    list_remove(&run->link);
    run->store->n_active--;
    metric_gauge_add(M_RUNS_ACTIVE, -1);
    if (run->hooks.on_end != NULL) {
        run->hooks.on_end(run->hooks.context); /* its context may live in the work arena */
    }
}

void run_close_over(struct run *run)
{
    struct run_store *store = run->store;

    log_end(run);
    leave_active(run);
    list_prepend(&store->ended, &run->link);
    store->n_ended++;
    run_free_work_soon(run);
    run_tell_watchers(run);
}

void run_cut_off(struct run *run)
{
    log_free(run->log);
    run->stop_asked = true;
    list_remove(&run->waiting);
    run_names_done(run);
    later_remove(&run->free_work);
    plan_cancel(run->plan);
    leave_active(run);
}

/* Notes the end, tells it, frees the work. */
static void run_over(struct run *run, enum run_status status)
{
    run->status = status;
    run->ended_ms = clock_wall_ms();
    run->over_ms = clock_now_ms();
    list_remove(&run->waiting);
    run_names_done(run);
    tell_doubt(run);
    run_tell(run, &(struct run_event){.kind = EVENT_DONE});
    run_note_fact(run, FACT_RUN_FINISHED, run_status_name(status), NULL);
    write_span(run);
    if (run->log != NULL) {
        run->log->over = true; /* run_close_over comes when the store has the last line */
    } else {
        run_close_over(run);
    }
}

void run_on_plan_done(struct plan *plan)
{
    struct run *run = plan->owner;

    run_over(run, run_judge(run, plan));
}

/* The plan has not begun: nothing is on its way. */
static void end_unbegun(struct later_item *item)
{
    struct run *run = CONTAINER_OF(item, struct run, free_work);

    if (run->status > RUN_RUNNING) {
        return;
    }
    run->plan->result = ERR_CANCELLED;
    if (run->ends_as != RUN_NEW) {
        (void)run_judge(run, run->plan);
        run_over(run, run->ends_as);
        return;
    }
    (void)error_set(&run->plan->error, ERR_CANCELLED, "stopped before anything was begun");
    run_over(run, run_judge(run, run->plan));
}

void run_end_unbegun(struct run *run, enum run_status status, const struct error *err)
{
    run->error = *err;
    run->stop_asked = status == RUN_CANCELLED;
    run->plan->error = *err;
    run->ends_as = status;
    later_add(run->store->options.port->later, &run->free_work, end_unbegun);
}

void run_begin_again(struct run *run, bool now)
{
    run->held = !now;
    if (now) {
        run_go_in_turn(run);
    }
}

static void stop_here(struct run *run)
{
    run->stop_asked = true;
    if (is_leaving(run)) {
        return;
    }
    if (!run->plan->running) {
        list_remove(&run->waiting);
        later_add(run->store->options.port->later, &run->free_work, end_unbegun);
    } else {
        plan_stop_after_row(run->plan);
    }
}

void run_stop_told(struct run *run)
{
    if (run->status <= RUN_RUNNING && !run->stop_asked) {
        stop_here(run);
    }
}

void run_stop(struct run *run)
{
    if (run->mirror != NULL) {
        mirror_stop(run->mirror);
        return;
    }
    if (run->status > RUN_RUNNING || run->stop_asked) {
        return;
    }
    if (run->log != NULL) {
        log_tell_stop(run->log);
    }
    stop_here(run);
}

/* ---- the store ---- */

struct run *run_find(struct run_store *store, const struct digest *owner, struct str id)
{
    struct run *run = MAP_FIND(&store->by_id, id, struct run, node);

    return run != NULL && digest_equal(&run->owner, owner) ? run : NULL;
}

/* Cuts off the row in flight, notes what is known about it, and ends the run. */
static void cut(struct run *run)
{
    struct plan *plan = run->plan;
    bool begun =
        plan->running && plan->at < plan->n_rows && plan->rows[plan->at].status == ROW_RUNNING;

    run->stop_asked = true;
    plan->stop_asked = true;
    plan_cancel(plan);
    if (begun) {
        rows_progress(plan, &plan->rows[plan->at]);
    }
    if (plan->result == ERR_OK) {
        plan->result = ERR_CANCELLED;
    }
    (void)error_set(&plan->error, ERR_CANCELLED, "stopped: the proxy is shutting down");
    run_over(run, run_judge(run, plan));
}

/* Another process carries a shared run on, if it can. Nothing is written for that: others may not read lines of
 * this process any more. */
static void end_here(struct run *run)
{
    if (run->log != NULL) {
        run_cut_off(run);
        list_prepend(&run->store->ended, &run->link);
        run->store->n_ended++;
        return;
    }
    if (run->status <= RUN_RUNNING) {
        cut(run);
    } else {
        run_close_over(run);
    }
}

void run_store_stop(struct run_store *store)
{
    struct list *link;
    struct run *run;

    while ((link = list_first(&store->waiting)) != NULL) {
        list_remove(link);
    }
    LIST_EACH_SAFE (run, &store->active, link) {
        end_here(run);
    }
}

void run_store_rest(struct run_store *store)
{
    run_copies_close(store);
    list_remove(&store->shared);
}

void run_store_close(struct run_store *store)
{
    struct list *link;

    if (store == NULL) {
        return;
    }
    run_store_stop(store);
    run_store_rest(store);
    if (store->options.share != NULL) {
        runs_forget_store(store);
    }
    while ((link = list_first(&store->ended)) != NULL) {
        run_forget(CONTAINER_OF(link, struct run, link));
    }
    while ((link = list_first(&store->lost)) != NULL) {
        run_free_lost(CONTAINER_OF(link, struct run, link));
    }
    arena_bin_done(&store->bin);
    map_done(&store->by_id);
    mem_free(store);
}
