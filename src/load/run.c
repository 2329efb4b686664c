/* The schedule: which request is due, how each one ended, and when the run ends. */
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "load_internal.h"

enum {
    N_EVENTS = 512,
    ROOM_BYTES = 65536,
    CHECK_US = 100000, /* how often time-outs are looked for */
    SECOND_US = 1000000,
    CONNECTING_MAX = 128, /* at once, in the beginning: fewer than fit into a server's backlog */
    DESCRIPTORS_LEFT = 32
};

static uint64_t due_of(const struct load *load, uint64_t i)
{
    return load->start_us + i * SECOND_US / load->options->rate;
}

static bool is_open_loop(const struct load *load)
{
    return load->options->rate > 0;
}

/* ---- what became of a request ---- */

/* Frees a sender. If none was free, requests that are due by now are late because of the server, not of us. */
static void set_free(struct load *load, size_t at)
{
    if (load->n_idle == 0) {
        load->starved_us = clock_now_us();
    }
    load->idle[load->n_idle++] = at;
}

static void end_request(struct load *load, struct sender *sender)
{
    sender->has_request = false;
    load->in_flight--;
}

void load_answered(struct load *load, size_t at, int status)
{
    struct sender *sender = &load->senders[at];
    struct load_result *result = load->result;
    uint64_t took_us = clock_now_us() - sender->due_us;

    CHECK(sender->has_request && status > 0 && status < LOAD_STATUS_END);
    if (sender->counts) {
        histogram_add(&result->latency, took_us);
        result->n_answered++;
        result->statuses[status]++;
    }
    if (load->second != NULL) {
        histogram_add(load->second, took_us);
    }
    load->n_answered++;
    load->n_failed += status >= 400 ? 1 : 0;
    end_request(load, sender);
    set_free(load, at);
}

void load_failed(struct load *load, size_t at, enum load_failure failure)
{
    struct sender *sender = &load->senders[at];

    if (sender->has_request) {
        load->result->failures[failure] += sender->counts ? 1 : 0;
        load->n_failed++;
        end_request(load, sender);
        set_free(load, at);
    }
}

void load_connected(struct load *load, size_t at)
{
    set_free(load, at);
}

/* ---- what is due ---- */

static void note_lateness(struct load *load, uint64_t due_us, uint64_t now_us)
{
    uint64_t from_us = due_us > load->starved_us ? due_us : load->starved_us;

    if (load->in_window) {
        histogram_add(&load->result->late, now_us > from_us ? now_us - from_us : 0);
    }
}

/* False: nothing is due, or no connection is free. */
static bool begin_one(struct load *load, uint64_t now_us)
{
    uint64_t due_us = is_open_loop(load) ? due_of(load, load->n_begun) : now_us;
    uint64_t timeout_us = (uint64_t)load->options->timeout_ms * 1000U;

    if (load->n_begun >= load->n_total || due_us >= load->end_us) {
        load->ends = true;
        return false;
    }
    if (due_us > now_us) {
        return false;
    }
    if (load->n_idle == 0) {
        return false;
    }
    load->n_begun++;
    load->result->n_due += load->in_window ? 1 : 0;
    if (now_us - due_us > timeout_us) { /* it would have timed out already */
        load->result->failures[LOAD_NOT_SENT] += load->in_window ? 1 : 0;
        load->n_failed++;
        return true;
    }
    note_lateness(load, due_us, now_us);
    sender_send(load, load->idle[--load->n_idle], due_us, now_us);
    return true;
}

static void set_window(struct load *load, bool is_open, uint64_t now_us)
{
    load->in_window = is_open;
    if (is_open) {
        load->window_us = now_us;
    } else {
        load->result->elapsed_us = now_us - load->window_us;
    }
    if (load->options->on_window != NULL) {
        load->options->on_window(load->options->context, is_open);
    }
}

static void send_due(struct load *load, uint64_t now_us)
{
    if (!load->in_window && now_us >= load->window_us && !load->ends) {
        set_window(load, true, now_us);
    }
    for (size_t n = 0; n < N_EVENTS && !load->ends && begin_one(load, now_us); n++) {
    }
}

/* ---- time ---- */

static void check_timeouts(struct load *load, uint64_t now_us)
{
    uint64_t timeout_us = (uint64_t)load->options->timeout_ms * 1000U;

    for (size_t i = 0; i < load->options->connections; i++) {
        const struct sender *sender = &load->senders[i];

        if (sender->has_request && now_us > sender->began_us &&
            now_us - sender->began_us > timeout_us) {
            sender_fail(load, i,
                        sender->state == SENDER_CONNECTING ? LOAD_CONNECT : LOAD_TIMED_OUT);
        }
    }
}

static void tell_progress(struct load *load, uint64_t now_us)
{
    struct load_progress progress;
    uint64_t all_us = load->end_us != UINT64_MAX ? load->end_us - load->start_us
                                                 : load->n_total * SECOND_US / load->options->rate;

    if (load->second == NULL || now_us - load->second_us < SECOND_US) {
        return;
    }
    progress = (struct load_progress){.elapsed_us = now_us - load->start_us,
                                      .total_us = all_us,
                                      .n_answered = load->n_answered,
                                      .n_failed = load->n_failed,
                                      .answered_per_second =
                                          load->second->n * SECOND_US / (now_us - load->second_us),
                                      .p50_us = histogram_quantile(load->second, 0.5),
                                      .p99_us = histogram_quantile(load->second, 0.99),
                                      .in_flight = load->in_flight};
    load->options->on_second(load->options->context, &progress);
    histogram_clear(load->second);
    load->second_us = now_us;
}

/* How long to wait for events: until the next request is due, at most CHECK_US. */
static uint64_t pause_us(const struct load *load, uint64_t now_us)
{
    uint64_t due_us;

    if (load->ends || load->n_idle == 0) {
        return CHECK_US;
    }
    if (!is_open_loop(load)) {
        return 0;
    }
    due_us = due_of(load, load->n_begun);
    if (due_us <= now_us) {
        return 0;
    }
    return due_us - now_us < CHECK_US ? due_us - now_us : CHECK_US;
}

static void wait_for_events(struct load *load, uint64_t us)
{
    struct epoll_event events[N_EVENTS];
    const struct timespec pause = {.tv_nsec = (long)us * 1000};
    int n = epoll_pwait2(load->epoll, events, N_EVENTS, &pause, NULL);

    for (int i = 0; i < n; i++) {
        sender_on_event(load, (size_t)events[i].data.u64, events[i].events);
    }
}

static bool is_stopped(const struct load *load)
{
    return load->options->stop != NULL && *load->options->stop != 0;
}

static void run(struct load *load)
{
    uint64_t checked_us = load->start_us;

    while (!(load->ends && load->in_flight == 0) && !is_stopped(load)) {
        uint64_t now_us = clock_now_us();

        send_due(load, now_us);
        wait_for_events(load, pause_us(load, now_us));
        if (now_us - checked_us >= CHECK_US) {
            checked_us = now_us;
            check_timeouts(load, now_us);
            tell_progress(load, now_us);
        }
    }
    load->result->stopped = is_stopped(load);
    if (load->in_window) {
        set_window(load, false, clock_now_us());
    }
}

/* ---- up and down ---- */

static enum error_code judge(const struct load_options *options, struct error *err)
{
    if (options->rate > LOAD_MAX_RATE) {
        return error_set(err, ERR_INVALID, "the rate must be at most %d a second", LOAD_MAX_RATE);
    }
    if (options->connections == 0 || options->connections > LOAD_MAX_CONNECTIONS) {
        return error_set(err, ERR_INVALID, "connections must be from 1 to %d",
                         LOAD_MAX_CONNECTIONS);
    }
    if (options->count == 0 && options->duration_ms <= options->warmup_ms) {
        return error_set(err, ERR_INVALID, "the duration must be longer than the warm-up");
    }
    if (options->first_id > options->last_id || options->n_headers > LOAD_MAX_HEADERS) {
        return error_set(err, ERR_INVALID, "%s",
                         options->first_id > options->last_id
                             ? "the first id must not be above the last one"
                             : "there are more than 64 headers");
    }
    return ERR_OK;
}

static enum error_code take_descriptors(unsigned wanted, struct error *err)
{
    uint64_t limit = fd_take_limit();

    if (limit < wanted) {
        return error_set(err, ERR_INVALID,
                         "the system lets this program open %llu files; take fewer connections, or "
                         "raise the limit (ulimit -n)",
                         (unsigned long long)limit);
    }
    return ERR_OK;
}

/* All connections are made before the first request is due, so the time for that is not measured. */
static enum error_code connect_all(struct load *load, struct error *err)
{
    uint64_t limit_us = clock_now_us() + (uint64_t)load->options->timeout_ms * 1000U;
    struct error first = {0};
    size_t n = 0;

    load->connect_error = &first;
    while (load->n_idle < load->options->connections && first.code == ERR_OK && !is_stopped(load)) {
        while (n < load->options->connections && load->n_connecting < CONNECTING_MAX &&
               first.code == ERR_OK) {
            sender_open(load, n++);
        }
        if (first.code == ERR_OK) {
            wait_for_events(load, CHECK_US);
        }
        if (clock_now_us() > limit_us && load->n_idle < load->options->connections) {
            (void)error_set(&first, ERR_IO, "only %zu of %u connections to %s were made in time",
                            load->n_idle, load->options->connections, load->target.shown);
        }
    }
    load->connect_error = NULL;
    if (first.code != ERR_OK) {
        *err = first;
    }
    return first.code;
}

static void set_times(struct load *load)
{
    const struct load_options *options = load->options;

    load->start_us = clock_now_us();
    load->second_us = load->start_us;
    load->window_us = load->start_us + (uint64_t)options->warmup_ms * 1000U;
    load->end_us = options->count > 0 && options->rate > 0
                       ? UINT64_MAX
                       : load->start_us + (uint64_t)options->duration_ms * 1000U;
    load->n_total = options->count > 0 ? options->count : UINT64_MAX;
}

static void open_all(struct load *load)
{
    load->senders = mem_calloc(load->options->connections, sizeof(*load->senders));
    load->idle = mem_calloc(load->options->connections, sizeof(*load->idle));
    load->room = mem_alloc(ROOM_BYTES);
    load->second = load->options->on_second != NULL ? mem_zalloc(sizeof(*load->second)) : NULL;
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    CHECK(load->epoll >= 0);
    for (size_t i = 0; i < load->options->connections; i++) {
        load->senders[i].answer = http_answer_new();
        buf_init(&load->senders[i].own, (size_t)2 * LOAD_MAX_BODY);
    }
}

static void close_all(struct load *load)
{
    for (size_t i = 0; i < load->options->connections; i++) {
        struct sender *sender = &load->senders[i];

        sender_close(load, i);
        http_answer_free(sender->answer);
        mem_wipe(sender->own.ptr, sender->own.len);
        buf_done(&sender->own);
    }
    (void)close(load->epoll);
    mem_free(load->second);
    mem_free(load->room);
    mem_free(load->idle);
    mem_free(load->senders);
}

enum error_code load_run(const struct load_options *options, struct load_result *out,
                         struct error *err)
{
    struct load load = {.options = options, .result = out};
    enum error_code code = judge(options, err);

    *out = (struct load_result){.n_due = 0};
    if (code == ERR_OK) {
        code = target_read(options->url, options->any_host, &load.target, err);
    }
    if (code == ERR_OK) {
        code = take_descriptors(options->connections + DESCRIPTORS_LEFT, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    code = request_init(&load.request, options, &load.target, err);
    if (code == ERR_OK) {
        /* Otherwise sleeps end up to 50 us late, because Linux ends several of them together. */
        (void)prctl(PR_SET_TIMERSLACK, 1UL);
        open_all(&load);
        code = connect_all(&load, err);
        if (code == ERR_OK) {
            set_times(&load);
            run(&load);
        }
        close_all(&load);
    }
    request_done(&load.request);
    return code;
}
