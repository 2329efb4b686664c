/* A run of this process in the store: its claim, and its stream.
 *
 *   LOG_PUBLISHES ─► LOG_RUNS ─► LOG_CLOSES ─► free
 *                     │    ▲
 *        (lease lost) ▼    │ (claim taken anew)
 *                    LOG_DOUBTS ──(another one has it)──► the run is a copy here */
#include "share_internal.h"

#include "base/check.h"
#include "base/mem.h"
#include "observe/log.h"
#include "observe/trouble.h"

enum { HEAD_MAX = 128, AWAY_MS = 1000 };

void log_put(struct run_log *log, struct store_request *request, struct store_op *op,
             store_done_fn on_done)
{
    request->format = RUN_FORMAT;
    request->ttl_ms = log->ttl_ms;
    store_start(log->share->options.store, request, op, on_done);
}

/* --- its life */

struct run_log *log_new(struct run *run)
{
    struct run_log *log = mem_zalloc(sizeof(*log));

    log->share = run->store->options.share;
    log->store = run->store;
    log->run = run;
    log->ttl_ms = RUN_KEPT_MS;
    runs_name(run->store, &run->owner, str_from(run->id), log->name);
    buf_init(&log->pending, RUN_PENDING_MAX);
    buf_init(&log->sending, RUN_PENDING_MAX);
    tail_init(&log->tail);
    list_append(&log->share->logs, &log->link);
    run->log = log;
    return log;
}

void log_free(struct run_log *log)
{
    struct run_share *share = log->share;

    trouble_tell_of(TROUBLE_RUNS, &log->fails, NULL);
    if (log->run != NULL) {
        log->run->log = NULL;
    }
    store_cancel(&log->append);
    store_cancel(&log->claim);
    store_cancel(&log->stop);
    store_cancel(&log->told);
    deadline_clear(&log->again);
    deadline_clear(&log->claim_again);
    deadline_clear(&log->gate_again);
    deadline_clear(&log->stop_again);
    deadline_clear(&log->told_again);
    later_remove(&log->soon);
    later_remove(&log->leave);
    buf_done(&log->pending);
    buf_done(&log->sending);
    tail_done(&log->tail);
    buf_done(&log->document);
    buf_done(&log->text);
    list_remove(&log->link);
    mem_free(log);
    runs_leave_if_idle(share);
}

void log_put_claim(struct run_log *log, enum store_expect expect, struct str holder,
                   store_done_fn on_done)
{
    char room[RUN_KEY_MAX];
    struct store_request request = {.kind = STORE_PUT,
                                    .expect = expect,
                                    .version = log->fence,
                                    .key = runs_key("runclaim", str_from(log->name), room),
                                    .bytes = holder};

    log->n_left = log->share->n_left;
    log_put(log, &request, &log->claim, on_done);
}

/* --- the stream */

/* Moves whole lines, about RUN_ENTRY_BYTES of them, into the next entry. */
static void take_lines(struct run_log *log)
{
    size_t len = log->pending.len;
    struct str all = buf_view(&log->pending);

    if (len > RUN_ENTRY_BYTES) {
        for (len = RUN_ENTRY_BYTES; len < all.len && all.ptr[len - 1] != '\n';) {
            len++;
        }
    }
    buf_append(&log->sending, all.ptr, len);
    buf_consume(&log->pending, len);
    log->number++;
    log->n_sending = log->pending.len == 0 ? log->run->n_events : log->n_visible;
}

static void on_again(struct deadline *deadline)
{
    log_write(CONTAINER_OF(deadline, struct run_log, again));
}

bool log_is_alone(const struct run_log *log)
{
    return log->run != NULL && !log->run->store->options.strict &&
           store_trouble(log->share->options.store) != NULL;
}

void log_show_all(struct run_log *log)
{
    log->n_visible = log->run->n_events;
    run_tell_watchers(log->run);
}

static void pass_gate(struct run_log *log);

static void on_gate_again(struct deadline *deadline)
{
    pass_gate(CONTAINER_OF(deadline, struct run_log, gate_again));
}

static bool may_pass(const struct run_log *log)
{
    return log_is_alone(log) || (log->n_kept >= log->gate_at && log->state == LOG_RUNS &&
                                 !log->tail.is_left && runs_lasts(log->share));
}

/* Lets the plan go on, once what it is about to send is on record and this process may send it. */
static void pass_gate(struct run_log *log)
{
    struct plan *plan = log->run->plan;

    if (!log->gated) {
        return;
    }
    if (!may_pass(log)) {
        deadline_set(log->share->options.deadlines, &log->gate_again, RUN_AGAIN_MS, on_gate_again);
        return;
    }
    deadline_clear(&log->gate_again);
    log->gated = false;
    if (plan != NULL && plan->running && plan->gated) {
        plan_go_on(plan);
    }
}

static void remove_claim(struct deadline *again);

static void on_removed(struct store_op *op, const struct store_result *result)
{
    struct run_log *log = CONTAINER_OF(op, struct run_log, claim);

    if (result->error.code == ERR_STORE_AWAY && runs_lasts(log->share)) {
        deadline_set(log->share->options.deadlines, &log->claim_again, RUN_AGAIN_MS, remove_claim);
        return;
    }
    if (log->store != NULL && result->error.code == ERR_OK) {
        runs_trim(log->store);
    }
    log_free(log); /* if the claim is still there, its finder sees that the run is over */
}

static void remove_claim(struct deadline *again)
{
    struct run_log *log = CONTAINER_OF(again, struct run_log, claim_again);
    char room[RUN_KEY_MAX];
    struct store_request request = {.kind = STORE_REMOVE,
                                    .expect = STORE_VERSION,
                                    .version = log->fence,
                                    .key = runs_key("runclaim", str_from(log->name), room)};

    log_put(log, &request, &log->claim, on_removed);
}

static void close_log(struct run_log *log)
{
    struct run *run = log->run;

    log->state = LOG_CLOSES;
    store_cancel(&log->stop);
    store_cancel(&log->told);
    deadline_clear(&log->stop_again);
    deadline_clear(&log->told_again);
    deadline_clear(&log->claim_again);
    deadline_clear(&log->gate_again);
    /* run_share_drain or run_undrive may have queued it in this turn, and on_leave needs a run. */
    later_remove(&log->leave);
    run->log = NULL;
    log->run = NULL;
    remove_claim(&log->claim_again);
    run_close_over(run);
}

static void kept(struct run_log *log)
{
    trouble_tell_of(TROUBLE_RUNS, &log->fails, NULL);
    log->n_kept += log->sending.len;
    tail_note(&log->tail, log->number, buf_view(&log->sending));
    buf_clear(&log->sending);
    if (log->n_visible < log->n_sending) {
        log->n_visible = log->n_sending;
    }
    run_tell_watchers(log->run);
    if (log->over && log->pending.len == 0) {
        close_log(log);
        return;
    }
    if (log->leaves && log->pending.len == 0) {
        log_give_up(log);
        return;
    }
    log_write(log);
    pass_gate(log);
}

static void on_appended(struct store_op *op, const struct store_result *result)
{
    struct run_log *log = CONTAINER_OF(op, struct run_log, append);

    if (result->error.code == ERR_OK && log->tail.is_left) {
        tail_next(&log->tail);
        log_write(log);
        pass_gate(log);
        log_give_up(log);
        return;
    }
    if (result->error.code == ERR_OK) {
        kept(log);
        return;
    }
    if (result->error.code != ERR_STORE_AWAY) {
        trouble_tell_of(TROUBLE_RUNS, &log->fails, result->error.text);
        log_event(LOG_ERROR, "run.not_recorded", F_TEXT("run", log->name),
                  F_TEXT("error", result->error.text));
    }
    deadline_set(log->share->options.deadlines, &log->again,
                 result->error.code == ERR_STORE_AWAY ? RUN_AGAIN_MS : AWAY_MS, on_again);
}

void log_write(struct run_log *log)
{
    char room[RUN_KEY_MAX];
    struct store_request request = {.kind = STORE_APPEND, .limit = RUN_STREAM_MAX};
    uint64_t number;
    struct str lines;
    struct buf entry;

    if (store_is_running(&log->append) || log->state != LOG_RUNS || deadline_is_set(&log->again) ||
        (log->pending.len + log->sending.len == 0 && !log->tail.is_left)) {
        return;
    }
    if (log->sending.len == 0 && !log->tail.is_left) {
        take_lines(log);
    }
    number = log->number;
    lines = log->tail.is_left ? tail_entry(&log->tail, &number) : buf_view(&log->sending);
    buf_init(&entry, HEAD_MAX + RUN_PENDING_MAX);
    buf_printf(&entry, "%llu %llu ", (unsigned long long)log->fence, (unsigned long long)number);
    buf_str(&entry, runs_holder(log->share));
    buf_char(&entry, '\n');
    buf_str(&entry, lines);
    request.key = runs_key("runlog", str_from(log->name), room);
    request.bytes = buf_view(&entry);
    log_put(log, &request, &log->append, on_appended);
    buf_done(&entry);
}

static void on_soon(struct later_item *item)
{
    log_write(CONTAINER_OF(item, struct run_log, soon));
}

void log_flush_soon(struct run_log *log)
{
    if (log->state == LOG_RUNS && !store_is_running(&log->append)) {
        later_add(log->share->options.later, &log->soon, on_soon);
    }
}

/* --- the lease of the process */

static void on_claim_again(struct deadline *deadline);

static void on_reclaimed(struct store_op *op, const struct store_result *result)
{
    struct run_log *log = CONTAINER_OF(op, struct run_log, claim);
    struct run *run = log->run;

    if (result->error.code == ERR_OK) {
        log->fence = result->version;
        if (!log->share->holds) {
            return; /* lost again: log_held comes again */
        }
        if (log->n_left != log->share->n_left) { /* lost and held again since the claim was sent */
            on_claim_again(&log->claim_again);
            return;
        }
        log->state = LOG_RUNS;
        tail_begin(&log->tail); /* the store may have lost entries along with the lease */
        log_write(log);
        pass_gate(log);
        log_give_up(log);
        if (log_must_leave(log) && !log->leaves) {
            log_leave_soon(log);
        }
    } else if (result->error.code == ERR_STORE_AWAY) {
        if (log->share->holds) {
            deadline_set(log->share->options.deadlines, &log->claim_again, RUN_AGAIN_MS,
                         on_claim_again);
        }
    } else {
        log_event(LOG_WARN, "run.adopted_by_another", F_TEXT("run", run->id));
        run_let_go(run);
    }
}

static void on_claim_again(struct deadline *deadline)
{
    struct run_log *log = CONTAINER_OF(deadline, struct run_log, claim_again);

    if (log->state == LOG_DOUBTS && !store_is_running(&log->claim) && log->share->holds) {
        /* also when the run is about to be given away: what became of its rows is written first */
        log_put_claim(log, STORE_VERSION, runs_holder(log->share), on_reclaimed);
    }
}

void log_held(struct run_log *log)
{
    if (log->state == LOG_PUBLISHES && !store_is_running(&log->claim) && log->at_part == 0) {
        log_publish(log);
    } else if (log->state == LOG_DOUBTS) {
        on_claim_again(&log->claim_again);
    }
}

void log_not_held(struct run_log *log, const struct error *error)
{
    if (log->state == LOG_PUBLISHES && log->on_published != NULL) {
        log_published(log, error);
    }
}

void log_doubt(struct run_log *log)
{
    if (log->state == LOG_RUNS) {
        log->state = LOG_DOUBTS;
        deadline_clear(&log->again);
        store_cancel(&log->append); /* the entry is sent once more, when the claim was taken anew */
    }
}

/* --- the plan */

static enum plan_verdict gate(struct plan *plan, struct plan_row *plan_row)
{
    struct run *run = plan->owner;
    struct run_log *log = run->log;

    if (log_must_leave(log)) {
        log_leave_soon(log);
        return PLAN_AGAIN;
    }
    record_begun(run, run_row_of(plan_row));
    if (log_is_alone(log)) {
        return PLAN_NEXT;
    }
    log->gated = true;
    log->gate_at = log->n_written;
    deadline_set(log->share->options.deadlines, &log->gate_again, RUN_AGAIN_MS, on_gate_again);
    return PLAN_AGAIN;
}

static bool may_send(const struct plan *plan)
{
    const struct run *run = plan->owner;

    return run->log == NULL || log_is_alone(run->log) ||
           (run->log->state == LOG_RUNS && !run->log->tail.is_left && runs_lasts(run->log->share));
}

static void listen(struct deadline *again);

static void on_stop(struct store_op *op, const struct store_result *result)
{
    struct run_log *log = CONTAINER_OF(op, struct run_log, stop);

    if (result->n_items > 0) {
        run_stop_told(log->run);
    } else if (result->error.code == ERR_OK) {
        listen(&log->stop_again);
    } else {
        deadline_set(log->share->options.deadlines, &log->stop_again, AWAY_MS, listen);
    }
}

/* Waits for a request of any process to stop the run. */
static void listen(struct deadline *again)
{
    struct run_log *log = CONTAINER_OF(again, struct run_log, stop_again);
    char room[RUN_KEY_MAX];
    struct store_request request = {.kind = STORE_READ,
                                    .format = RUN_FORMAT,
                                    .limit = 1,
                                    .wait_ms = STORE_WAIT_MAX_MS,
                                    .key = runs_key("runstop", str_from(log->name), room)};

    store_start(log->share->options.store, &request, &log->stop, on_stop);
}

/* If the lease was lost since the claim was sent, the claim is taken anew before the plan sends anything. */
void log_begin(struct run_log *log)
{
    bool is_sure = log->share->holds && log->n_left == log->share->n_left;

    log->state = is_sure ? LOG_RUNS : LOG_DOUBTS;
    log->run->plan->gate = gate;
    log->run->plan->may_send = may_send;
    listen(&log->stop_again);
    if (!is_sure) {
        runs_want(log->share);
        on_claim_again(&log->claim_again);
    }
    log_flush_soon(log);
}
