/* The interpreter.
 *
 *   run: skip rows whose `when` or `before` says no
 *        -> expand -> port->start ... on_answer -> judge -> capture -> after -> next row
 *
 * A row with a guide first enters (and may wait there), may send several calls, and leaves.
 *
 * Each step of it answers with a flow, and only run and on_answer act on it, so that the end (which
 * may free the plan) is always the last thing that happens:
 *   NEXT  go on with the row at `at`      WAIT  a call, a delay or a later turn will go on
 *   END   result is set: tell the owner   GONE  a hook cancelled the plan: touch nothing */
#include "plan_internal.h"

#include "base/check.h"
#include "base/clock.h"
#include "observe/trace.h"
#include "plan/answer.h"

enum flow plan_end_with(struct plan *plan, enum error_code code, const struct error *err)
{
    plan->result = code;
    if (err != NULL) {
        plan->error = *err;
        plan->error.code = code;
    }
    return FLOW_END;
}

static enum flow end_stopped(struct plan *plan)
{
    struct error err = {0};
    size_t known = plan->n_forgotten + plan->n_rows;
    size_t total = plan->n_total > known ? plan->n_total : known;
    enum error_code code =
        error_set(&err, ERR_CANCELLED, "stopped; %zu of %zu calls were not begun",
                  total - plan->n_forgotten - plan->at, total);

    return plan_end_with(plan, code, &err);
}

void plan_finish(struct plan *plan)
{
    plan->running = false;
    deadline_clear(&plan->limit);
    deadline_clear(&plan->again);
    later_remove(&plan->soon);
    arena_reset(&plan->scratch);
    plan->on_done(plan); /* may free the plan */
}

bool plan_tell_progress(struct plan *plan)
{
    if (plan->on_progress != NULL) {
        plan->on_progress(plan, &plan->rows[plan->at]);
    }
    return plan->running;
}

void plan_close_row(struct plan *plan, enum row_status status)
{
    struct plan_row *row = &plan->rows[plan->at];

    row->status = status;
    row->us = clock_now_us() - plan->row_begin_us;
    plan_span_end_row(plan, row);
    plan->waits = false;
    if (row->guide != NULL && !plan->gated) {
        if (row->guide->leave != NULL) {
            row->guide->leave(row);
        }
        row_forget_other_answer(row);
    }
    plan->gated = false;
}

static enum flow next_row(struct plan *plan)
{
    plan->at++;
    plan->insert_at = plan->at;
    ways_forget(plan);
    plan->polls[0] = NULL; /* they stay, with the answers in them, as long as the plan */
    plan->polls[1] = NULL;
    plan->n_polls = 0;
    plan->n_away = 0;
    return FLOW_NEXT;
}

/* The platform did not give what was asked for. */
static enum flow not_given(struct plan *plan, enum row_status status, const struct error *err)
{
    if (err->code == ERR_UPSTREAM_SHAPE) {
        upstream_note_unfit(&plan->upstream_call);
    }
    return plan_outlives(plan, err) ? FLOW_WAIT : plan_row_failed(plan, status, err);
}

/* Sends the call that the guide wants next. A plan that was asked to stop skips the row instead. */
static enum flow send_again(struct plan *plan)
{
    struct plan_row *row = &plan->rows[plan->at];

    if (plan->stop_asked) {
        plan_close_row(plan, ROW_SKIPPED);
        return end_stopped(plan);
    }
    ways_forget(plan);
    row->status = ROW_RUNNING;
    row_forget_error(row);
    row->answer = NULL;
    if (plan->again_ms > 0) {
        plan_run_in(plan, plan->again_ms);
        plan->again_ms = 0;
        return FLOW_WAIT;
    }
    return FLOW_NEXT;
}

enum flow plan_row_failed(struct plan *plan, enum row_status status, const struct error *err)
{
    struct plan_row *row = &plan->rows[plan->at];
    enum plan_verdict verdict = PLAN_FAIL;
    struct error why;

    *plan_row_error(plan, row) = *err;
    row->status = row->doubtful ? ROW_UNKNOWN : status;
    if (row->guide != NULL && !plan->stop_asked) {
        if (row->guide->failed(plan, row) == PLAN_AGAIN) {
            return send_again(plan);
        }
    }
    plan_close_row(plan, row->status);
    if (!plan_tell_progress(plan)) {
        return FLOW_GONE;
    }
    row_forget_answer(row);
    if (row->failed != NULL && !plan->stop_asked) {
        verdict = row->failed(plan, row);
        if (!plan->running) {
            return FLOW_GONE;
        }
    }
    CHECK(verdict != PLAN_AGAIN);
    if (verdict == PLAN_DONE) {
        return plan_end_with(plan, ERR_OK, NULL);
    }
    row = &plan->rows[plan->at]; /* the hook may have inserted rows */
    if (verdict == PLAN_NEXT || row->keep_going) {
        return next_row(plan);
    }
    why = *row->error; /* in the words of the hook */
    return plan_end_with(plan, why.code, &why);
}

static void on_answer(struct upstream_call *call, enum error_code code);

static enum error_code send_row(struct plan *plan, struct error *err)
{
    struct plan_row *row = &plan->rows[plan->at];
    const struct call_spec *spec;
    struct upstream_call *call = &plan->upstream_call;
    struct row_request made;
    unsigned left_ms;
    enum error_code code;

    row->http_status = 0;
    if (plan_is_over_time(plan, &left_ms)) {
        return plan_out_of_time(plan, err);
    }
    if (plan->ways == NULL) {
        ways_begin(plan);
    }
    spec = plan->way->spec;
    arena_reset(&plan->scratch);
    code = row_expand(plan, row, plan->way, plan->n_calls == 0 ? plan->arena : &plan->scratch,
                      &made, err);
    if (code != ERR_OK) {
        return code;
    }
    *call = (struct upstream_call){.on_done = on_answer};
    call->request = (struct upstream_request){
        .method = str_from(spec->method),
        .path = made.path,
        .query = made.query,
        .body = made.body,
        .token = plan->options.bearer.len > 0 ? NULL : plan->options.token,
        .tokens = plan->options.bearer.len > 0 ? NULL : plan->options.tokens,
        .bearer = plan->options.bearer,
        .request_id = plan->options.request_id,
        .class = spec->class,
        .priority = plan->options.priority,
        .label = plan->way->label,
        .deadline_ms = left_ms,
        .sieve = row_sieve(row),
    };
    if ((row->guide != NULL && row->guide->may_send != NULL) ||
        (plan->may_send != NULL && spec->class != CALL_READ)) {
        call->request.may_send = plan_may_send;
        call->request.sender = plan;
    }
    if (plan->options.trace != NULL) {
        trace_child(plan->options.trace, plan->traceparent);
        call->request.traceparent = str_from(plan->traceparent);
        call->request.tracestate = plan->options.trace->state;
        call->request.trace = plan->options.trace;
        call->request.parent_span = str_from(plan->row_span);
    }
    code = plan->port->start(plan->port->context, call, err);
    if (code == ERR_OK) {
        plan->n_calls++;
    }
    return code;
}

static enum flow enter_guide(struct plan *plan)
{
    struct plan_row *row = &plan->rows[plan->at];
    struct error err = {0};
    enum plan_verdict verdict;

    if (row->guide == NULL) {
        return FLOW_NEXT;
    }
    verdict = row->guide->enter(plan, row, &err);
    plan->waits = verdict == PLAN_AGAIN;
    if (verdict == PLAN_FAIL) {
        return plan_row_failed(plan, ROW_FAILED, &err);
    }
    return plan->waits ? FLOW_WAIT : FLOW_NEXT;
}

/* NEXT: it may be sent. */
static enum flow enter_row(struct plan *plan)
{
    struct plan_row *row = &plan->rows[plan->at];

    row->status = ROW_RUNNING;
    row->started_ms = clock_turn_ms();
    plan->row_begin_us = clock_turn_us();
    plan_span_begin_row(plan);
    if (!plan_tell_progress(plan)) {
        return FLOW_GONE;
    }
    if (plan->gate != NULL && row->call->spec->class != CALL_READ &&
        plan->gate(plan, row) == PLAN_AGAIN) {
        plan->waits = true;
        plan->gated = true;
        return FLOW_WAIT;
    }
    return enter_guide(plan);
}

static enum flow begin_row(struct plan *plan)
{
    struct plan_row *row = &plan->rows[plan->at];
    struct error err = {0};
    enum error_code code;

    if (row->status != ROW_RUNNING) { /* not polling */
        size_t at = plan->at;
        bool go = row_when(plan, row) && (row->before == NULL || row->before(plan, row));
        enum flow flow;

        if (!plan->running) {
            return FLOW_GONE;
        }
        if (!go) {
            plan->rows[plan->at].status = ROW_SKIPPED; /* the hook may have inserted rows */
            return next_row(plan);
        }
        flow = enter_row(plan);
        if (flow != FLOW_NEXT || plan->at != at) {
            return flow;
        }
    }
    code = send_row(plan, &err);
    if (code != ERR_OK) {
        err.code = code;
        return not_given(plan, ROW_FAILED, &err);
    }
    return FLOW_WAIT;
}

void plan_follow(struct plan *plan, enum flow flow)
{
    while (flow == FLOW_NEXT) {
        if (plan->at >= plan->n_rows && !plan_take_more(plan)) {
            flow = plan_end_with(plan, ERR_OK, NULL);
        } else if (plan->stop_asked) {
            flow = end_stopped(plan);
        } else {
            flow = begin_row(plan);
        }
    }
    if (flow == FLOW_END) {
        plan_finish(plan);
    }
}

static void on_again(struct deadline *deadline)
{
    plan_follow(CONTAINER_OF(deadline, struct plan, again), FLOW_NEXT);
}

void plan_run_in(struct plan *plan, uint64_t ms)
{
    deadline_set(plan->port->deadlines, &plan->again, ms, on_again);
}

static void on_soon(struct later_item *item)
{
    plan_follow(CONTAINER_OF(item, struct plan, soon), FLOW_NEXT);
}

void plan_run_soon(struct plan *plan)
{
    later_add(plan->port->later, &plan->soon, on_soon);
}

static enum flow ask_after(struct plan *plan)
{
    struct plan_row *row = &plan->rows[plan->at];
    struct error err = {0};
    uint64_t delay_ms = 0;
    enum plan_verdict verdict = PLAN_NEXT;

    if (row->after != NULL) {
        verdict = row->after(plan, row, row->answer, &delay_ms, &err);
        if (!plan->running) {
            return FLOW_GONE;
        }
    }
    if (verdict == PLAN_AGAIN && !plan->stop_asked) {
        plan->n_polls++;
        plan_run_in(plan, delay_ms);
        return FLOW_WAIT;
    }
    if (verdict == PLAN_FAIL) {
        if (err.code == ERR_OK) {
            (void)error_set(&err, ERR_UPSTREAM_SHAPE, "%s: the platform's answer is not usable",
                            row_name(&plan->rows[plan->at]));
        }
        if (err.code == ERR_UPSTREAM_SHAPE) {
            upstream_note_unfit(&plan->upstream_call);
        }
        if (err.upstream_status == 0 && err.code != ERR_OUTCOME_UNKNOWN) {
            err.upstream_status = plan->last_status;
        }
        return plan_row_failed(plan, ROW_FAILED, &err);
    }
    plan_close_row(plan, ROW_DONE);
    if (!plan_tell_progress(plan)) {
        return FLOW_GONE;
    }
    row_forget_answer(&plan->rows[plan->at]);
    if (verdict == PLAN_DONE) {
        plan->at++;
        return plan_end_with(plan, ERR_OK, NULL);
    }
    return next_row(plan);
}

/* Asks the guide about an answer that is a success, then the row's own `after`. */
static enum flow ask_guide(struct plan *plan)
{
    struct plan_row *row = &plan->rows[plan->at];
    struct error err = {0};

    if (row->guide != NULL && row->guide->answered != NULL) {
        switch (row->guide->answered(plan, row, &err)) {
        case PLAN_AGAIN:
            way_answered(plan);
            return send_again(plan);
        case PLAN_FAIL:
            if (err.code == ERR_UPSTREAM_SHAPE) {
                upstream_doubt_answer(&plan->upstream_call);
                upstream_note_unfit(&plan->upstream_call);
            }
            return way_refused(plan, &err) ? FLOW_NEXT : plan_row_failed(plan, ROW_FAILED, &err);
        case PLAN_NEXT:
        case PLAN_DONE:
            break;
        }
    }
    plan_note_made(plan);
    way_answered(plan);
    return ask_after(plan);
}

static enum flow take_answer(struct plan *plan, struct plan_row *row,
                             const struct upstream_reply *reply)
{
    struct answer answer = {.status = reply->status,
                            .content_type = reply->content_type,
                            .body = reply->body,
                            .retry_after_s = reply->retry_after_s,
                            .token = upstream_call_token(&plan->upstream_call),
                            .token_is_gone = upstream_call_token_is_gone(&plan->upstream_call)};
    struct error err = {0};
    enum error_code code;

    plan_parse_answer(plan, row, reply);
    answer.json = row->answer;
    plan_note_cache_control(plan, reply->cache_control);
    code = answer_judge(&answer, plan->way->spec, plan->options.stored_token, &err);
    if (code == ERR_OK) {
        code = plan_judge_subject(plan, row, &answer, &err);
    }
    if (code == ERR_UPSTREAM_SHAPE && answer_may_be_anothers(&answer)) {
        upstream_doubt_answer(&plan->upstream_call);
    }
    if (code != ERR_OK && way_refused(plan, &err)) {
        return FLOW_NEXT;
    }
    if (code != ERR_OK) {
        /* Answered with success, but not readable: a change may well have happened. */
        bool unknown = row_sends(row)->spec->class != CALL_READ &&
                       (code == ERR_UPSTREAM_SHAPE || code == ERR_OUTCOME_UNKNOWN);

        return not_given(plan, unknown ? ROW_UNKNOWN : ROW_FAILED, &err);
    }
    plan->n_away = 0;
    plan_keep_values(plan, row);
    return ask_guide(plan);
}

static enum flow take_end(struct plan *plan, enum error_code code)
{
    struct upstream_call *call = &plan->upstream_call;
    struct plan_row *row = &plan->rows[plan->at];
    struct error err = {0};

    plan->wait_us += call->wait_us;
    plan->wire_us += call->wire_us;
    row->tries += call->tries;
    row->http_status = call->reply.status;
    if (call->reply.status != 0) {
        plan->last_status = call->reply.status;
    }
    if (code == ERR_OK) {
        return take_answer(plan, row, &call->reply);
    }
    (void)error_set(&err, code, "%s: %s", row_sends(row)->spec->name, call->error.text);
    err.upstream_status = call->error.upstream_status;
    err.retry_after_s = call->error.retry_after_s;
    err.late = call->error.late;
    return not_given(plan, code == ERR_OUTCOME_UNKNOWN ? ROW_UNKNOWN : ROW_FAILED, &err);
}

static void on_answer(struct upstream_call *call, enum error_code code)
{
    struct plan *plan = CONTAINER_OF(call, struct plan, upstream_call);

    plan_follow(plan, take_end(plan, code));
}

static void on_limit(struct deadline *deadline)
{
    (void)plan_time_over(CONTAINER_OF(deadline, struct plan, limit));
}

void plan_go_on(struct plan *plan)
{
    bool gated = plan->gated;
    enum flow flow = FLOW_NEXT;

    CHECK(plan->running && plan->waits);
    plan->waits = false;
    plan->gated = false;
    plan_span_wait(plan);
    if (gated) {
        flow = enter_guide(plan);
    }
    plan_follow(plan, flow);
}

void plan_start(struct plan *plan, plan_done_fn on_done, void *owner)
{
    CHECK(!plan->running && plan->at == 0 && on_done != NULL);
    plan->on_done = on_done;
    plan->owner = owner;
    if (plan->n_rows == 0) {
        (void)plan_take_more(plan);
    }
    plan->running = true;
    plan->begin_ms = clock_turn_ms();
    if (plan->options.deadline_ms > 0) {
        deadline_set(plan->port->deadlines, &plan->limit, plan->options.deadline_ms, on_limit);
    }
    plan_run_soon(plan);
}
