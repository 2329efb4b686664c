/* The life of a call. queue.c decides which call is next, guard.c what an end means for later calls.
 *
 *   start -> WAITING -> ACTIVE -> ENDING -> on_done
 *               ^          |
 *               +- BACKOFF-+   try again: the slot is given up meanwhile
 *
 * A call's transfer is taken at admission (at start for a stream, which may send at once) and given
 * back at the end of each try. upstream_dispatch is the only place that calls owners. Meanwhile it
 * keeps no pointer but the upstream, and a close that an owner asks for is carried out afterwards.
 */
#include "upstream_internal.h"

#include "base/check.h"
#include "base/clock.h"
#include "observe/metrics.h"

enum {
    STATUS_UNAUTHORIZED = 401,
    LONGEST_WAIT_WITHOUT_DEADLINE_MS = 30 * 1000,
    WORTH_TRYING_MS = 50, /* less than this before the deadline: no further try */
    SHED_AT_ONCE = 8      /* each ends in an answer: many of them would make a long turn */
};

static void pump(struct upstream *upstream);

/* Ends. */
static void release_transfer(struct upstream_call *call)
{
    if (call->transfer != NULL) {
        transfer_give(call->transfer);
        call->transfer = NULL;
    }
}

/* From here on the call only waits for its on_done. */
void upstream_end_later(struct upstream_call *call)
{
    struct upstream *upstream = call->upstream;

    deadline_clear(&call->deadline);
    deadline_clear(&call->retry);
    if (!list_is_linked(&call->link)) { /* a stream may be found ended twice */
        list_append(&upstream->ended, &call->link);
    }
    upstream_dispatch_later(upstream);
}

void upstream_end_waiting(struct upstream_call *call, enum error_code code)
{
    call->state = CALL_ENDING;
    call->end_code = code;
    upstream_end_later(call);
}

static void join_gate(struct upstream_call *call, struct upstream *upstream, struct gate *gate)
{
    call->upstream = upstream;
    call->gate = gate;
    upstream->n_running++;
    gate->n_calls++;
}

static void leave_gate(struct upstream_call *call)
{
    call->upstream->n_running--;
    call->gate->n_calls--;
    call->gate = NULL;
}

static void finish(struct upstream_call *call)
{
    struct upstream *upstream = call->upstream;
    struct upstream_transfer *transfer = call->transfer;
    enum error_code code = call->end_code;

    upstream_count_end(call);
    call->transfer = NULL;
    call->state = CALL_IDLE;
    leave_gate(call);
    guard_awaits_judgement(call, code);
    call->on_done(call, code); /* may free the call: only the transfer is used below */
    guard_note_judged(upstream);
    if (transfer != NULL) {
        transfer_give(transfer);
    }
}

void upstream_dispatch(struct upstream *upstream)
{
    struct list *link;

    if (upstream->dispatching) {
        return; /* called from a callback: the outer dispatch goes on */
    }
    upstream->dispatching = true;
    upstream->in_events = false;
    later_remove(&upstream->due);
    /* Only items that are due now: an owner that always makes new ones must not stop the loop. */
    struct list touched;
    struct list ended;

    list_init(&touched);
    list_init(&ended);
    while ((link = list_take_first(&upstream->touched)) != NULL) {
        list_append(&touched, link);
    }
    while ((link = list_take_first(&touched)) != NULL) {
        stream_deliver(CONTAINER_OF(link, struct upstream_transfer, touch));
    }
    while ((link = list_take_first(&upstream->ended)) != NULL) {
        list_append(&ended, link);
    }
    while ((link = list_take_first(&ended)) != NULL) {
        finish(CONTAINER_OF(link, struct upstream_call, link));
    }
    upstream->dispatching = false;
    guard_drop_waiting(upstream);
    if (upstream->endpoints != NULL && upstream->breaker.open) {
        endpoints_empty(upstream);
    }
    transfers_trim(upstream, upstream->options.max_active);
    if (upstream->closing) {
        upstream_close_now(upstream);
        return;
    }
    if (!list_is_empty(&upstream->touched) || !list_is_empty(&upstream->ended) ||
        !list_is_empty(&upstream->news) || !list_is_empty(&upstream->unopened)) {
        upstream_dispatch_later(upstream);
    }
}

static void on_due(struct later_item *item)
{
    struct upstream *upstream = CONTAINER_OF(item, struct upstream, due);

    connect_drive(upstream);
    upstream_dispatch(upstream);
}

void upstream_dispatch_later(struct upstream *upstream)
{
    if (!upstream->dispatching && !upstream->in_events) {
        later_add(&upstream->loop->later, &upstream->due, on_due);
    }
}

/* Tries. */
/* Ends the try on the wire and fills in its outcome. */
static void leave_wire(struct upstream_call *call, struct outcome *outcome)
{
    outcome->end = pool_makes_wait(call->transfer) ? TRY_FORBIDDEN : outcome->end;
    transfer_leave(call->transfer);
    outcome->class = call->request.class;
    outcome->status = call->reply.status;
    outcome->may_have_left = call->transfer->may_have_left;
    call->may_have_left = call->may_have_left || outcome->may_have_left;
    list_remove(&call->link);
}

/* The end of a try that was not cancelled. */
static enum error_code note_try(struct upstream_call *call, const struct outcome *outcome)
{
    enum error_code code = outcome_code(outcome);
    uint64_t now_us = clock_now_us();

    call->wire_us += now_us - call->start_us;
    guard_note_try(call, code, now_us);
    queue_end(&call->upstream->queue, call);
    return code;
}

static uint64_t left_ms(const struct upstream_call *call)
{
    uint64_t gone_ms = clock_now_ms() - call->begin_ms;

    if (call->request.deadline_ms == 0) {
        return LONGEST_WAIT_WITHOUT_DEADLINE_MS;
    }
    return gone_ms < call->request.deadline_ms ? call->request.deadline_ms - gone_ms : 0;
}

static void on_retry(struct deadline *deadline)
{
    struct upstream_call *call = CONTAINER_OF(deadline, struct upstream_call, retry);
    struct upstream *upstream = call->upstream;

    if (upstream->breaker.open) {
        if (upstream->endpoints == NULL || !endpoints_take_waiting(call)) {
            upstream_end_waiting(call, guard_say_away(upstream, &call->error));
        }
        return;
    }
    call->state = CALL_WAITING;
    queue_put(&upstream->queue, call, true); /* it has waited its turn before */
    upstream_admit(upstream);
}

bool upstream_has_time(const struct upstream_call *call)
{
    return left_ms(call) > WORTH_TRYING_MS;
}

void upstream_leave_wire(struct upstream_call *call)
{
    struct outcome outcome = {.end = TRY_BROKEN};

    leave_wire(call, &outcome);
    call->wire_us += clock_now_us() - call->start_us;
    queue_end(&call->upstream->queue, call);
}

void upstream_go_on_at(struct upstream_call *call, struct upstream *upstream, uint64_t delay_ms)
{
    release_transfer(call);
    call->reply = (struct upstream_reply){0};
    if (upstream != call->upstream) {
        leave_gate(call);
        join_gate(call, upstream, queue_gate(&upstream->queue, &call->request));
    }
    call->state = CALL_BACKOFF;
    deadline_set(&upstream->loop->deadlines, &call->retry, delay_ms, on_retry);
}

/* True: the call goes on after a pause. */
static bool try_again(struct upstream_call *call, const struct outcome *outcome,
                      enum error_code code)
{
    struct upstream *upstream = call->upstream;
    const struct upstream_options *options = &upstream->options;
    unsigned retry_after_s = call->reply.retry_after_s;
    uint64_t delay_ms = retry_delay_ms(options->retry_base_ms, call->tries, retry_after_s);

    if (call->tries >= options->max_tries || upstream->closing || upstream->breaker.open ||
        !outcome_is_retryable(outcome, code, retry_after_s) || !upstream_can_repeat(call) ||
        delay_ms + WORTH_TRYING_MS > left_ms(call) || !budget_take(&upstream->budget)) {
        return false;
    }
    count_one(upstream, M_UPSTREAM_RETRIES);
    upstream_go_on_at(call, upstream, delay_ms);
    return true;
}

/* If the platform refused a stored token, the call is sent once more with the other one. The platform says 401
 * before it does anything, so this is safe for every call. True: the call goes on. */
static bool change_token(struct upstream_call *call, enum error_code code)
{
    struct upstream *upstream = call->upstream;
    struct upstream_tokens *tokens = call->request.tokens;
    bool has_other;
    bool is_old;

    if (tokens == NULL || code != ERR_OK) {
        return false;
    }
    is_old = call->token_generation != tokens->generation;
    if (call->reply.status != STATUS_UNAUTHORIZED) {
        if (!is_old) {
            upstream_tokens_accepted(tokens, call->token_at);
        }
        return false;
    }
    /* The refusal of a token that was replaced meanwhile says nothing about the new ones. */
    has_other = is_old || upstream_tokens_refused(tokens, call->token_at, clock_now_ms());
    if (!has_other || call->token_changed || call->stream != NULL || upstream->closing) {
        return false;
    }
    call->token_changed = true;
    upstream_go_on_at(call, upstream, 0);
    return true;
}

static void end_call(struct upstream_call *call, enum error_code code, bool late)
{
    struct upstream_transfer *transfer = call->transfer;

    call->state = CALL_ENDING;
    call->end_code = code;
    if (code != ERR_OK) {
        upstream_explain(call, code, transfer->why, late);
    }
    guard_note_call(call, code);
    if (transfer->streaming) {
        transfer->wire_done = true; /* the owner gets the bytes that came before on_done */
        deadline_clear(&call->deadline);
        stream_touch(transfer);
        return;
    }
    upstream_end_later(call);
}

void upstream_on_try_end(struct upstream_transfer *transfer, enum try_end end)
{
    struct upstream_call *call = transfer->call;
    struct upstream *upstream = call->upstream;
    struct outcome outcome = {.end = end};
    enum error_code code;

    leave_wire(call, &outcome);
    code = note_try(call, &outcome);
    if (!change_token(call, code) &&
        (upstream->endpoints == NULL || !endpoints_take_failed(call, &outcome, code)) &&
        !try_again(call, &outcome, code)) {
        end_call(call, code, end == TRY_LATE && outcome.may_have_left);
    }
    pump(upstream);
}

/* No further try: the time for the whole call is over. */
static void end_at_deadline(struct upstream_call *call)
{
    struct upstream *upstream = call->upstream;
    struct outcome outcome = {.end = TRY_LATE};
    enum error_code code;

    str_copy(call->transfer->why, sizeof(call->transfer->why), STR("the time limit was reached"));
    leave_wire(call, &outcome);
    code = note_try(call, &outcome);
    end_call(call, code, outcome.may_have_left);
    upstream_admit(upstream);
}

/* The call waited, and has no time left for a try. */
static void end_unsent(struct upstream_call *call)
{
    enum error_code code = error_set(
        &call->error, ERR_OVERLOADED,
        "no turn came within %u ms, with %u calls to the platform at once; nothing was sent",
        call->request.deadline_ms, call->upstream->n_running);

    call->error.retry_after_s = OVERLOADED_RETRY_AFTER_S;
    count_one(call->upstream, M_UPSTREAM_SHED);
    upstream_end_waiting(call, code);
}

static void on_deadline(struct deadline *deadline)
{
    struct upstream_call *call = CONTAINER_OF(deadline, struct upstream_call, deadline);
    struct upstream *upstream = call->upstream;

    if (call->state == CALL_ACTIVE) {
        end_at_deadline(call);
        return;
    }
    if (call->state == CALL_WAITING) {
        queue_remove(&upstream->queue, call);
    }
    end_unsent(call);
}

/* Admission. */
static unsigned try_timeout_ms(const struct upstream_call *call)
{
    unsigned timeout_ms = call->request.timeout_ms;

    if (timeout_ms == 0) {
        timeout_ms = call->stream != NULL ? 0 : call->upstream->options.timeout_ms;
    }
    return timeout_ms;
}

static void begin_try(struct upstream_call *call, uint64_t now_us)
{
    struct upstream *upstream = call->upstream;
    struct upstream_transfer *transfer =
        call->transfer != NULL ? call->transfer : transfer_take(upstream, call);

    call->state = CALL_ACTIVE;
    call->tries++;
    call->connection_serial = 0;
    if (call->request.tokens != NULL) {
        call->token_at = upstream_tokens_pick(call->request.tokens, clock_now_ms());
        call->token_generation = call->request.tokens->generation;
    }
    call->start_us = now_us;
    queue_begin(&upstream->queue, call);
    if (upstream->endpoints != NULL) {
        list_append(&upstream->on_wire, &call->link);
    }
    transfer_begin(transfer, try_timeout_ms(call));
    if (transfer->streaming) {
        stream_touch(transfer); /* sets the deadline for its silence */
    }
}

/* Lets waiting calls onto the wire; its callers let libcurl connect afterwards (connect_drive). */
static void pump(struct upstream *upstream)
{
    struct upstream_call *call;

    while ((call = queue_take(&upstream->queue)) != NULL) {
        uint64_t now_us = clock_now_us();

        if (queue_is_too_late(call, now_us / 1000)) {
            end_unsent(call);
            continue;
        }
        if (call->tries == 0) {
            call->wait_us = now_us - call->start_us;
            if (!upstream->options.is_other) {
                metric_observe_us(M_UPSTREAM_WAIT, 0, call->wait_us);
            }
        }
        begin_try(call, now_us);
    }
}

void upstream_admit(struct upstream *upstream)
{
    pump(upstream);
    connect_drive(upstream);
}

static void reset_outputs(struct upstream_call *call)
{
    call->reply = (struct upstream_reply){0};
    call->error = (struct error){0};
    call->end_code = ERR_OK;
    call->tries = 0;
    call->n_moves = 0;
    call->wait_us = 0;
    call->wire_us = 0;
    call->may_have_left = false;
    call->was_kept = false;
    call->connection_serial = 0;
    call->transfer = NULL;
    call->start_us = clock_turn_us();
    call->begin_us = call->start_us;
    call->begin_ms = call->start_us / 1000;
}

enum error_code upstream_start(struct upstream *upstream, struct upstream_call *call,
                               struct error *err)
{
    enum error_code code = request_check(&call->request, err);

    CHECK(call->state == CALL_IDLE && call->on_done != NULL && !upstream->closing);
    if (code != ERR_OK) {
        return code;
    }
    if (upstream->endpoints != NULL && call->request.priority != CALL_PROBE) {
        upstream = endpoints_pick(upstream->endpoints);
    }
    code = guard_admits(upstream, call, err);
    if (code != ERR_OK) {
        struct upstream_call *late;

        for (int i = 0;
             i < SHED_AT_ONCE && (late = queue_shed(&upstream->queue, call->gate)) != NULL; i++) {
            end_unsent(late);
        }
        call->gate = NULL;
        return code;
    }
    join_gate(call, upstream, call->gate);
    reset_outputs(call);
    if (call->request.deadline_ms > 0) {
        deadline_set(&upstream->loop->deadlines, &call->deadline, call->request.deadline_ms,
                     on_deadline);
    }
    if (call->stream != NULL) {
        (void)transfer_take(upstream, call);
    }
    call->state = CALL_WAITING;
    queue_put(&upstream->queue, call, false);
    guard_note_waiting(call);
    upstream_admit(upstream);
    return ERR_OK;
}

void upstream_cancel(struct upstream_call *call)
{
    struct upstream *upstream = call->upstream;

    if (upstream == NULL || call->state == CALL_IDLE) {
        return;
    }
    if (call->state == CALL_ACTIVE) {
        upstream_leave_wire(call);
    } else if (call->state == CALL_WAITING) {
        queue_remove(&upstream->queue, call);
    }
    list_remove(&call->link);
    deadline_clear(&call->deadline);
    deadline_clear(&call->retry);
    call->end_code = ERR_CANCELLED;
    upstream_count_end(call);
    release_transfer(call);
    call->state = CALL_IDLE;
    leave_gate(call);
    upstream_admit(upstream);
}
