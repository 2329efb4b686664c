/* The life of a call.
 *
 *   start -> WAITING -> ACTIVE -> ENDING -> on_done
 *               ^          |
 *               +- BACKOFF-+   try again: the slot is given up meanwhile
 *
 * Admission is ours and not libcurl's, because libcurl counts waiting against the time limit of the
 * transfer. A call's handle is taken at admission (at start for a stream, which may send at once)
 * and given back at the end of each try. upstream_dispatch is the only place that calls owners; it
 * holds nothing but the upstream meanwhile, and a close asked for from there is carried out after.
 */
#include "upstream_internal.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "observe/metrics.h"

enum {
    LONGEST_WAIT_WITHOUT_DEADLINE_MS = 30 * 1000,
    OVERLOADED_RETRY_AFTER_S = 1,
    WORTH_TRYING_MS = 50 /* less than this before the deadline: no further try */
};

static void admit(struct upstream *upstream);
static void pump(struct upstream *upstream);

static void set_waiting(struct upstream *upstream, int change)
{
    upstream->n_waiting = change > 0 ? upstream->n_waiting + 1 : upstream->n_waiting - 1;
    metric_set(M_UPSTREAM_WAITING, upstream->n_waiting);
}

/* Ends. */
static size_t result_label(const struct upstream_call *call)
{
    static const struct {
        enum error_code code;
        size_t label;
    } labels[] = {
        {ERR_UPSTREAM_TIMEOUT, RESULT_TIMEOUT}, {ERR_UPSTREAM_TOO_BIG, RESULT_TOO_BIG},
        {ERR_CANCELLED, RESULT_CANCELLED},      {ERR_UPSTREAM_CONNECT, RESULT_RESET},
        {ERR_UPSTREAM_RESET, RESULT_RESET},     {ERR_OUTCOME_UNKNOWN, RESULT_RESET},
    };

    if (call->end_code == ERR_OK && call->reply.status < 500) {
        return call->reply.status >= 400 ? RESULT_REFUSED : RESULT_OK;
    }
    for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
        if (labels[i].code == call->end_code) {
            return labels[i].label;
        }
    }
    return RESULT_ERROR;
}

static void count_end(const struct upstream_call *call)
{
    size_t class = call->reply.status > 0 ? metric_class_of(call->reply.status) : CLASS_5XX;

    metric_add(M_UPSTREAM_CALLS, call->request.label, result_label(call), class, 1);
    if (call->tries > 0) {
        metric_observe_us(M_UPSTREAM_SECONDS, call->request.label, call->wire_us);
    }
}

static void release_handle(struct upstream_call *call)
{
    if (call->handle != NULL) {
        handle_give(call->handle);
        call->handle = NULL;
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

static void end_without_try(struct upstream_call *call, enum error_code code)
{
    call->state = CALL_ENDING;
    call->end_code = code;
    upstream_end_later(call);
}

static void finish(struct upstream_call *call)
{
    struct upstream *upstream = call->upstream;
    struct upstream_handle *handle = call->handle;
    enum error_code code = call->end_code;

    count_end(call);
    call->handle = NULL;
    call->state = CALL_IDLE;
    upstream->n_running--;
    call->on_done(call, code); /* may free the call: only the handle, which is ours, is left */
    if (handle != NULL) {
        handle_give(handle);
    }
}

void upstream_dispatch(struct upstream *upstream)
{
    struct list *link;

    if (upstream->dispatching) {
        return; /* the outer one goes on */
    }
    upstream->dispatching = true;
    later_remove(&upstream->due);
    /* Only what is due now: an owner that makes work for ever must not stop the loop. */
    struct list touched;
    struct list ended;

    list_init(&touched);
    list_init(&ended);
    while ((link = list_take_first(&upstream->touched)) != NULL) {
        list_append(&touched, link);
    }
    while ((link = list_take_first(&touched)) != NULL) {
        stream_deliver(CONTAINER_OF(link, struct upstream_handle, touch));
    }
    while ((link = list_take_first(&upstream->ended)) != NULL) {
        list_append(&ended, link);
    }
    while ((link = list_take_first(&ended)) != NULL) {
        finish(CONTAINER_OF(link, struct upstream_call, link));
    }
    upstream->dispatching = false;
    handles_trim(upstream, upstream->options.max_active);
    if (upstream->closing) {
        upstream_close_now(upstream);
        return;
    }
    if (!list_is_empty(&upstream->touched) || !list_is_empty(&upstream->ended)) {
        upstream_dispatch_later(upstream);
    }
}

static void on_due(struct later_item *item)
{
    upstream_dispatch(CONTAINER_OF(item, struct upstream, due));
}

void upstream_dispatch_later(struct upstream *upstream)
{
    if (!upstream->dispatching) {
        later_add(&upstream->loop->later, &upstream->due, on_due);
    }
}

/* Tries. */
static void explain(struct upstream_call *call, enum error_code code, const char *why, bool late)
{
    const struct upstream_options *options = &call->upstream->options;
    struct error *err = &call->error;
    unsigned retry_after_s = call->reply.retry_after_s;

    if (code == ERR_UPSTREAM_CONNECT) {
        (void)error_set(err, code, "no connection to the platform: %s. Nothing was sent", why);
    } else if (code == ERR_UPSTREAM_TIMEOUT) {
        (void)error_set(err, code, "the platform gave no complete answer in time (%u ms a try). %s",
                        call->request.timeout_ms > 0 ? call->request.timeout_ms
                                                     : options->timeout_ms,
                        call->may_have_left ? "The request had been sent" : "Nothing was sent");
    } else if (code == ERR_OUTCOME_UNKNOWN) {
        (void)error_set(err, code,
                        "the request was sent, but no answer came: %s. It may or may not have "
                        "been carried out; look before repeating it",
                        why);
    } else if (code == ERR_UPSTREAM_TOO_BIG) {
        (void)error_set(err, code, "the platform's answer is larger than the limit of %zu bytes",
                        call->request.max_reply_bytes > 0 ? call->request.max_reply_bytes
                                                          : options->max_reply_bytes);
    } else if (code == ERR_UPSTREAM_SHAPE) {
        (void)error_set(err, code, "the platform's answer is not readable HTTP: %s", why);
    } else {
        (void)error_set(err, code, "the connection to the platform broke: %s", why);
    }
    err->upstream_status = call->reply.status;
    err->retry_after_s = retry_after_s;
    err->late = late;
}

/* Takes the handle out of libcurl and notes what the try was. */
static void leave_wire(struct upstream_call *call, struct outcome *outcome)
{
    struct upstream *upstream = call->upstream;
    struct upstream_handle *handle = call->handle;

    handle_read_reply(handle);
    outcome->class = call->request.class;
    outcome->status = call->reply.status;
    outcome->may_have_left = handle_may_have_left(handle);
    outcome->too_big = handle->too_big;
    call->may_have_left = call->may_have_left || outcome->may_have_left;
    CHECK(curl_multi_remove_handle(upstream->wire.multi, handle->easy) == CURLM_OK);
    handle->in_multi = false;
    handle->spoiled = outcome->result != CURLE_OK;
    handle_forget_secret(handle);
    list_remove(&call->link);
    upstream->n_active--;
    metric_set(M_UPSTREAM_ACTIVE, upstream->n_active);
    call->wire_us += clock_now_us() - call->start_us;
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

    call->state = CALL_WAITING;
    list_prepend(&upstream->waiting, &call->link); /* it has waited its turn before */
    set_waiting(upstream, 1);
    admit(upstream);
}

static bool can_repeat_stream(const struct upstream_call *call)
{
    return call->stream == NULL || (!call->handle->head_complete && !call->stream->streams_body);
}

/* True: the call goes on after a pause. */
static bool try_again(struct upstream_call *call, const struct outcome *outcome,
                      enum error_code code)
{
    struct upstream *upstream = call->upstream;
    const struct upstream_options *options = &upstream->options;
    unsigned retry_after_s = call->reply.retry_after_s;
    uint64_t delay_ms = retry_delay_ms(options->retry_base_ms, call->tries, retry_after_s);

    if (call->tries >= options->max_tries || upstream->closing ||
        !outcome_is_retryable(outcome, code, retry_after_s) || !can_repeat_stream(call) ||
        delay_ms + WORTH_TRYING_MS > left_ms(call) ||
        !budget_take(&upstream->budget, clock_now_ms(), options->retry_budget_percent)) {
        return false;
    }
    metric_add(M_UPSTREAM_RETRIES, 0, 0, 0, 1);
    release_handle(call);
    call->reply = (struct upstream_reply){0};
    call->state = CALL_BACKOFF;
    deadline_set(&upstream->loop->deadlines, &call->retry, DEADLINE_RETRY, delay_ms, on_retry);
    return true;
}

static void note_health(struct upstream *upstream, enum error_code code)
{
    if (code == ERR_OK || code == ERR_UPSTREAM_TOO_BIG) {
        upstream->last_ok_ms = clock_wall_ms();
    } else {
        upstream->last_failure_ms = clock_wall_ms();
    }
}

static void end_call(struct upstream_call *call, enum error_code code, const char *why, bool late)
{
    struct upstream_handle *handle = call->handle;

    call->state = CALL_ENDING;
    call->end_code = code;
    if (code != ERR_OK) {
        explain(call, code, why, late);
    }
    if (handle->streaming) {
        handle->wire_done = true; /* what came is told first */
        deadline_clear(&call->deadline);
        deadline_clear(&handle->silence);
        stream_touch(handle);
        upstream_dispatch_later(call->upstream);
        return;
    }
    upstream_end_later(call);
}

/* libcurl's words, but where they speak of how it works inside. */
static const char *words_of(const struct upstream_handle *handle, CURLcode result)
{
    if (result == CURLE_SEND_FAIL_REWIND) {
        return "the platform closed the connection";
    }
    return handle->why[0] != '\0' ? handle->why : curl_easy_strerror(result);
}

void upstream_on_wire_end(struct upstream_handle *handle, CURLcode result)
{
    struct upstream_call *call = handle->call;
    struct upstream *upstream = call->upstream;
    struct outcome outcome = {.result = result};
    enum error_code code;

    leave_wire(call, &outcome);
    code = outcome_code(&outcome);
    note_health(upstream, code);
    if (!try_again(call, &outcome, code)) {
        end_call(call, code, words_of(handle, result),
                 result == CURLE_OPERATION_TIMEDOUT && outcome.may_have_left);
    }
    pump(upstream);
}

void upstream_abort_try(struct upstream_call *call, enum error_code code)
{
    struct upstream *upstream = call->upstream;
    struct outcome outcome = {.result = CURLE_OPERATION_TIMEDOUT};

    leave_wire(call, &outcome);
    if (code == ERR_UPSTREAM_TIMEOUT) {
        code = outcome_code(&outcome);
    }
    note_health(upstream, code);
    end_call(call, code, "the time for it was over", outcome.may_have_left);
    admit(upstream);
}

static void on_deadline(struct deadline *deadline)
{
    struct upstream_call *call = CONTAINER_OF(deadline, struct upstream_call, deadline);
    struct upstream *upstream = call->upstream;

    if (call->state == CALL_ACTIVE) {
        upstream_abort_try(call, ERR_UPSTREAM_TIMEOUT);
        return;
    }
    if (call->state == CALL_WAITING) {
        list_remove(&call->link);
        set_waiting(upstream, -1);
    }
    deadline_clear(&call->retry);
    end_without_try(call, error_set(&call->error, ERR_OVERLOADED,
                                    "no turn within %u ms among %u calls to the platform; "
                                    "nothing was sent",
                                    call->request.deadline_ms, upstream->n_running));
    call->error.retry_after_s = OVERLOADED_RETRY_AFTER_S;
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

static void begin_try(struct upstream_call *call)
{
    struct upstream *upstream = call->upstream;
    struct upstream_handle *handle =
        call->handle != NULL ? call->handle : handle_take(upstream, call);

    call->state = CALL_ACTIVE;
    call->tries++;
    call->start_us = clock_now_us();
    upstream->n_active++;
    metric_set(M_UPSTREAM_ACTIVE, upstream->n_active);
    handle_prepare(handle, try_timeout_ms(call));
    CHECK(curl_multi_add_handle(upstream->wire.multi, handle->easy) == CURLM_OK);
    handle->in_multi = true;
    if (handle->streaming) {
        stream_touch(handle); /* arms its watch over silence */
    }
}

/* Lets waiting calls onto the wire; whoever called drives libcurl then. */
static void pump(struct upstream *upstream)
{
    struct list *link;

    while (upstream->n_active < upstream->options.max_active &&
           (link = list_take_first(&upstream->waiting)) != NULL) {
        struct upstream_call *call = CONTAINER_OF(link, struct upstream_call, link);

        set_waiting(upstream, -1);
        if (call->tries == 0) {
            call->wait_us = clock_now_us() - call->start_us;
            metric_observe_us(M_UPSTREAM_WAIT, 0, call->wait_us);
        }
        begin_try(call);
        upstream->wire.has_news = true;
    }
}

static void admit(struct upstream *upstream)
{
    pump(upstream);
    if (upstream->wire.has_news) {
        wire_drive(upstream);
    }
}

static void reset_outputs(struct upstream_call *call)
{
    call->reply = (struct upstream_reply){0};
    call->error = (struct error){0};
    call->end_code = ERR_OK;
    call->tries = 0;
    call->wait_us = 0;
    call->wire_us = 0;
    call->may_have_left = false;
    call->handle = NULL;
    call->start_us = clock_now_us();
    call->begin_ms = clock_now_ms();
}

enum error_code upstream_start(struct upstream *upstream, struct upstream_call *call,
                               struct error *err)
{
    enum error_code code = request_check(&call->request, err);

    CHECK(call->state == CALL_IDLE && call->on_done != NULL && !upstream->closing);
    if (code != ERR_OK) {
        return code;
    }
    if (upstream->n_active >= upstream->options.max_active &&
        upstream->n_waiting >= upstream->options.max_waiting) {
        (void)error_set(err, ERR_OVERLOADED,
                        "%u calls to the platform are waiting already; try again soon",
                        upstream->n_waiting);
        if (err != NULL) {
            err->retry_after_s = OVERLOADED_RETRY_AFTER_S;
        }
        return ERR_OVERLOADED;
    }
    call->upstream = upstream;
    reset_outputs(call);
    upstream->n_running++;
    budget_call(&upstream->budget, call->begin_ms);
    if (call->request.deadline_ms > 0) {
        deadline_set(&upstream->loop->deadlines, &call->deadline, DEADLINE_UPSTREAM,
                     call->request.deadline_ms, on_deadline);
    }
    if (call->stream != NULL) {
        (void)handle_take(upstream, call);
    }
    call->state = CALL_WAITING;
    list_append(&upstream->waiting, &call->link);
    set_waiting(upstream, 1);
    admit(upstream);
    return ERR_OK;
}

void upstream_cancel(struct upstream_call *call)
{
    struct upstream *upstream = call->upstream;
    struct outcome outcome = {.result = CURLE_ABORTED_BY_CALLBACK};

    if (upstream == NULL || call->state == CALL_IDLE) {
        return;
    }
    if (call->state == CALL_ACTIVE) {
        leave_wire(call, &outcome);
    } else if (call->state == CALL_WAITING) {
        set_waiting(upstream, -1);
    }
    list_remove(&call->link);
    deadline_clear(&call->deadline);
    deadline_clear(&call->retry);
    call->end_code = ERR_CANCELLED;
    count_end(call);
    release_handle(call);
    call->state = CALL_IDLE;
    upstream->n_running--;
    admit(upstream);
}

/* Questions. */
bool upstream_is_running(const struct upstream_call *call)
{
    return call->state != CALL_IDLE;
}

bool upstream_is_on_wire(const struct upstream_call *call)
{
    return call->request.class != CALL_READ &&
           (call->state == CALL_ACTIVE || call->state == CALL_ENDING);
}

unsigned upstream_n_active(const struct upstream *upstream)
{
    return upstream->n_active;
}

unsigned upstream_n_waiting(const struct upstream *upstream)
{
    return upstream->n_waiting;
}

int64_t upstream_last_ok_ms(const struct upstream *upstream)
{
    return upstream->last_ok_ms;
}

int64_t upstream_last_failure_ms(const struct upstream *upstream)
{
    return upstream->last_failure_ms;
}

struct deadlines *upstream_deadlines(const struct upstream *upstream)
{
    return &upstream->loop->deadlines;
}

struct later *upstream_later(const struct upstream *upstream)
{
    return &upstream->loop->later;
}
