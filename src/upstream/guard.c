/* What the end of each try means: for the limit of its gate (adapt.h), for the breaker (breaker.h),
 * and for what is told about the platform (health.c).
 *
 * While the breaker is open nothing but probes is sent: the first PROBE_MS after it opened, each further one
 * PROBE_MS after the begin of the one before. If no connection could be made last, a probe only connects, and
 * the connection is kept for the next call. Otherwise it sends GET /user, and any answer that is no failure is
 * good: even 401 shows that the platform is there. */
#include "base/check.h"
#include "base/clock.h"
#include "observe/fact.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "upstream_internal.h"

enum {
    PROBE_MS = 900, /* so that the platform's return is known within a second */
    PROBE_TIMEOUT_MS = 5000,
    AWAY_RETRY_AFTER_S = 1,
    DROP_AT_ONCE = 64, /* each ends in an answer: many of them would make a long turn */
    LIMIT_LOG_MS = 1000,
    WIDEN_MS = ADAPT_PACE_MIN_US / 1000,
    STATUS_TOO_MANY = 429,
    STATUS_SERVER_ERROR = 500,
    STATUS_UNAVAILABLE = 503
};

/* --- the breaker */
static void probe_later(struct upstream *upstream, uint64_t wait_ms);

static void tell_breaker(const struct upstream *upstream, const char *state, const char *cause)
{
    uint64_t open_ms = clock_now_ms() - upstream->breaker.opened_ms;

    if (upstream->endpoints == NULL) { /* several addresses: endpoints.c sets the gauge */
        metric_gauge_add(M_BREAKER_OPEN, upstream->breaker.open ? 1 : -1);
    }
    log_event(upstream->breaker.open ? LOG_WARN : LOG_INFO, "upstream.breaker",
              F_TEXT("state", state), F_TEXT("cause", cause), F_STR("host", upstream->host),
              F_INT("failures", upstream->breaker.n_row), F_INT("open_ms", (int64_t)open_ms));
}

static void tell_health(struct upstream *upstream, enum upstream_state before)
{
    const struct upstream_health *health = &upstream->health;

    if (health->state != before && !upstream->options.is_other) {
        log_event(health->state > before ? LOG_WARN : LOG_INFO, "upstream.health",
                  F_TEXT("state", upstream_state_name(health->state)),
                  F_INT("failures", health->failures), F_TEXT("error", health->last_error),
                  F_STR("host", upstream->host));
    }
    if (health->state != before && !upstream->options.is_other && upstream->endpoints == NULL) {
        fact_note(&(struct fact){.kind = FACT_PLATFORM_DEGRADED,
                                 .outcome = upstream_state_name(health->state)});
    }
}

static void set_open(struct upstream *upstream, bool open, const char *cause)
{
    enum upstream_state before = upstream->health.state;

    health_note_breaker(&upstream->health, open, clock_wall_ms());
    tell_health(upstream, before);
    upstream->n_good_probes = 0;
    if (upstream->endpoints != NULL) {
        endpoints_note_change(upstream, cause);
    }
}

/* The breaker has just opened. */
static void note_open(struct upstream *upstream, const char *cause)
{
    metric_add(M_BREAKER_OPENED, 0, 0, 0, 1);
    tell_breaker(upstream, "open", cause);
    set_open(upstream, true, cause);
    upstream_dispatch_later(upstream); /* drops what waits */
}

static void close_breaker(struct upstream *upstream, const char *cause)
{
    uint64_t opened_ms = upstream->breaker.opened_ms;

    breaker_close(&upstream->breaker, clock_now_ms());
    upstream->breaker.opened_ms = opened_ms;
    tell_breaker(upstream, "closed", cause);
    set_open(upstream, false, cause);
    queue_restart(&upstream->queue);
}

/* While no address is up, each is probed as often as a single address would be. */
static uint64_t probe_each_ms(const struct upstream *upstream)
{
    unsigned each_ms = upstream->options.probe_each_ms;
    bool is_sought =
        upstream->endpoints == NULL || (upstream->breaker.open && !endpoints_has_other(upstream));

    return is_sought || each_ms == 0 ? PROBE_MS : each_ms;
}

/* A bad probe makes an address count as away only while another address is up. Otherwise the results of calls
 * decide. */
static void note_bad_probe(struct upstream *upstream, enum error_code code)
{
    const struct upstream_call *probe = &upstream->probe;

    upstream->n_good_probes = 0;
    if (!upstream->breaker.open && endpoints_has_other(upstream)) {
        const struct health_event event = {.code = code,
                                           .status = probe->reply.status,
                                           .why = probe->error.text,
                                           .wall_ms = clock_wall_ms()};

        health_note(&upstream->health, &event);
        breaker_open(&upstream->breaker, clock_now_ms());
        note_open(upstream, "a probe failed");
    }
    upstream->breaker.unconnected = code == ERR_UPSTREAM_CONNECT;
}

static void on_probe_done(struct upstream_call *call, enum error_code code)
{
    struct upstream *upstream = CONTAINER_OF(call, struct upstream, probe);
    uint64_t gone_ms = clock_now_ms() - call->begin_ms;
    uint64_t each_ms;

    if (breaker_is_failure(code, call->reply.status)) {
        note_bad_probe(upstream, code);
    } else {
        unsigned n_wanted = endpoints_has_other(upstream) ? upstream->options.back_after : 1;

        if (upstream->breaker.open && ++upstream->n_good_probes >= n_wanted) {
            close_breaker(upstream, "probes went well");
        }
    }
    each_ms = probe_each_ms(upstream);
    if (upstream->breaker.open || upstream->endpoints != NULL) {
        probe_later(upstream, gone_ms < each_ms ? each_ms - gone_ms : 0);
    }
}

static unsigned probe_timeout_ms(const struct upstream *upstream)
{
    unsigned timeout_ms = upstream->options.timeout_ms;
    unsigned each_ms = upstream->options.probe_each_ms;

    timeout_ms = timeout_ms < PROBE_TIMEOUT_MS ? timeout_ms : PROBE_TIMEOUT_MS;
    return upstream->endpoints != NULL && each_ms > 0 && each_ms < timeout_ms ? each_ms
                                                                              : timeout_ms;
}

static void on_probe_due(struct deadline *deadline)
{
    struct upstream *upstream = CONTAINER_OF(deadline, struct upstream, probe_after);
    struct upstream_call *probe = &upstream->probe;
    unsigned timeout_ms = probe_timeout_ms(upstream);
    struct error err = {0};
    enum error_code code;

    *probe = (struct upstream_call){.on_done = on_probe_done};
    probe->connects_only = upstream->breaker.open && upstream->breaker.unconnected;
    probe->request = (struct upstream_request){
        .method = STR("GET"),
        .path = STR("/user"),
        .token = secret_is_set(&upstream->probe_token) ? &upstream->probe_token : NULL,
        .class = CALL_READ,
        .priority = CALL_PROBE,
        .timeout_ms = timeout_ms,
    };
    metric_add(M_PROBES, 0, 0, 0, 1);
    code = upstream_start(upstream, probe, &err);
    CHECK(code == ERR_OK); /* nothing refuses a probe, and the request is ours */
}

static void probe_later(struct upstream *upstream, uint64_t wait_ms)
{
    deadline_set(&upstream->loop->deadlines, &upstream->probe_after, wait_ms, on_probe_due);
}

static void stop_probes(struct upstream *upstream)
{
    deadline_clear(&upstream->probe_after);
    upstream_cancel(&upstream->probe);
}

void guard_close(struct upstream *upstream)
{
    deadline_clear(&upstream->widen_after);
    stop_probes(upstream);
    if (upstream->breaker.open && upstream->endpoints == NULL) {
        metric_gauge_add(M_BREAKER_OPEN, -1);
    }
}

void guard_begin_probes(struct upstream *upstream)
{
    probe_later(upstream, probe_each_ms(upstream));
}

void guard_configure(struct upstream *upstream, const struct upstream_options *options)
{
    upstream->options.breaker = options->breaker;
    upstream->options.probe_each_ms = options->probe_each_ms;
    upstream->options.back_after = options->back_after;
    upstream->options.probe_token = NULL; /* the caller's memory: a copy is kept below */
    if (upstream->breaker.open && !options->breaker) {
        stop_probes(upstream);
        close_breaker(upstream, "it was turned off");
    }
    secret_set(&upstream->probe_token,
               options->probe_token != NULL ? secret_reveal(options->probe_token) : STR_EMPTY);
}

enum error_code guard_say_away(const struct upstream *upstream, struct error *err)
{
    uint64_t since_ms = clock_now_ms() - upstream->breaker.opened_ms;

    metric_add(M_BREAKER_REFUSED, 0, 0, 0, 1);
    (void)error_set(err, ERR_UPSTREAM_AWAY,
                    "the platform has been away for %llu s (%s). It is looked for every second; "
                    "nothing was sent",
                    (unsigned long long)(since_ms / 1000), upstream->health.last_error);
    if (err != NULL) {
        err->retry_after_s = AWAY_RETRY_AFTER_S;
    }
    return ERR_UPSTREAM_AWAY;
}

void guard_drop_waiting(struct upstream *upstream)
{
    struct upstream_call *call;

    for (int i = 0; i < DROP_AT_ONCE && upstream->breaker.open; i++) {
        call = queue_drop(&upstream->queue);
        if (call == NULL) {
            return;
        }
        if (upstream->endpoints == NULL || !endpoints_take_waiting(call)) {
            upstream_end_waiting(call, guard_say_away(upstream, &call->error));
        }
    }
    if (upstream->breaker.open && upstream->queue.n_waiting > 0) {
        upstream_dispatch_later(upstream);
    }
}

enum error_code guard_admits(struct upstream *upstream, struct upstream_call *call,
                             struct error *err)
{
    enum error_code code;

    call->gate = queue_gate(&upstream->queue, &call->request);
    if (upstream->breaker.open &&
        call->request.priority !=
            CALL_PROBE) { /* nor is another address up: the caller would have picked that */
        return guard_say_away(upstream, err);
    }
    code = queue_admits(&upstream->queue, call->gate, call, err);
    if (code != ERR_OK) {
        count_one(upstream, M_UPSTREAM_SHED);
    }
    return code;
}

/* --- tries */
static void tell_limit(struct upstream *upstream, const struct gate *gate, bool is_new,
                       uint64_t now_us)
{
    uint64_t now_ms = now_us / 1000;

    upstream->limit = gate->adapt.limit;
    if (upstream->options.is_other) {
        return;
    }
    metric_set(M_UPSTREAM_LIMIT, gate->adapt.limit);
    if (is_new && now_ms - upstream->limit_told_ms >= LIMIT_LOG_MS) {
        upstream->limit_told_ms = now_ms;
        log_event(LOG_INFO, "upstream.limit", F_TEXT("cause", "the platform refused more at once"),
                  F_INT("limit", gate->adapt.limit));
    }
}

/* --- limits that grow without answers */
static void widen(struct upstream *upstream, uint64_t now_us);

static void on_widen(struct deadline *deadline)
{
    struct upstream *upstream = CONTAINER_OF(deadline, struct upstream, widen_after);

    widen(upstream, clock_now_us());
    upstream_admit(upstream);
}

/* True: the limit of the gate may grow later. */
static bool widen_gate(struct upstream *upstream, struct gate *gate, uint64_t now_us)
{
    if (!gate_must_wait(gate)) {
        return false;
    }
    if (adapt_note_waiting(&gate->adapt, now_us)) {
        tell_limit(upstream, gate, false, now_us);
        queue_refresh(&upstream->queue, gate);
    }
    return adapt_is_open(&gate->adapt);
}

static void widen(struct upstream *upstream, uint64_t now_us)
{
    bool again = false;
    struct gate *gate;

    LIST_EACH (gate, &upstream->queue.gates, link) {
        again = widen_gate(upstream, gate, now_us) || again;
    }
    if (again) {
        deadline_set(&upstream->loop->deadlines, &upstream->widen_after, WIDEN_MS, on_widen);
    }
}

void guard_note_waiting(const struct upstream_call *call)
{
    struct upstream *upstream = call->upstream;

    if (upstream->options.initial_active > 0 && widen_gate(upstream, call->gate, call->start_us) &&
        !deadline_is_set(&upstream->widen_after)) {
        deadline_set(&upstream->loop->deadlines, &upstream->widen_after, WIDEN_MS, on_widen);
    }
}

void guard_note_connected(const struct upstream_call *call, uint64_t now_us)
{
    adapt_note_connected(&call->gate->adapt, now_us - call->start_us);
}

/* False: the call is a stream that may have waited for its owner, so its time says nothing of the platform. */
static bool is_own_pace(const struct upstream_call *call)
{
    return call->stream == NULL || (!call->stream->streams_body && !call->transfer->owner_slow);
}

static void note_limit(struct upstream_call *call, int status, uint64_t now_us)
{
    struct gate *gate = call->gate;
    unsigned before = gate->adapt.limit;
    bool refused = status == STATUS_TOO_MANY || status == STATUS_UNAVAILABLE;
    bool is_new = false;

    if (refused) {
        is_new = adapt_note_refused(&gate->adapt, gate->n_active - 1);
    } else {
        uint64_t connected_us = call->transfer->connected_us;
        const struct adapt_end end = {
            .began_us = connected_us > 0 ? connected_us : call->start_us,
            .now_us = now_us,
            .n_active = gate->n_active,
            .full = gate->n_active >= before,
            .timed = status / 100 == 2 && is_own_pace(call),
        };

        adapt_note_good(&gate->adapt, &end);
    }
    if (gate->adapt.limit != before) {
        tell_limit(call->upstream, gate, is_new, now_us);
    }
}

/* A caller's own short deadline proves nothing about the platform. */
static bool is_own_deadline(const struct upstream_call *call, enum error_code code, uint64_t now_us)
{
    uint64_t took_ms = (now_us - call->start_us) / 1000;

    return (code == ERR_UPSTREAM_CONNECT || code == ERR_UPSTREAM_TIMEOUT ||
            code == ERR_OUTCOME_UNKNOWN) &&
           call->request.deadline_ms > 0 && !deadline_is_set(&call->deadline) &&
           took_ms < call->upstream->options.timeout_ms / 2;
}

void guard_note_try(struct upstream_call *call, enum error_code code, uint64_t now_us)
{
    struct upstream *upstream = call->upstream;
    int status = call->reply.status;
    bool failed = breaker_is_failure(code, status);

    if (call->request.priority == CALL_PROBE) {
        return; /* on_probe_done judges probes */
    }
    if (code == ERR_OK && status < STATUS_SERVER_ERROR && status != STATUS_TOO_MANY) {
        budget_save(&upstream->budget, upstream->options.retry_budget_percent);
    }
    if (upstream->options.initial_active > 0 && code == ERR_OK) {
        note_limit(call, status, now_us);
    }
    if (!upstream->options.breaker || is_own_deadline(call, code, now_us) ||
        !breaker_note(&upstream->breaker, failed, code == ERR_UPSTREAM_CONNECT,
                      call->start_us / 1000, now_us / 1000)) {
        return;
    }
    note_open(upstream, code == ERR_OK ? "it answered 502, 503, 504 or 52x" : error_slug(code));
    if (!upstream_is_running(&upstream->probe)) { /* with several addresses each is probed anyway */
        probe_later(upstream, probe_each_ms(upstream));
    }
}

/* A login page or a redirection: the server answers, but the call fails. Direct access may ask for pages. */
static bool is_page(const struct upstream_call *call)
{
    return call->stream == NULL && (call->reply.status / 100 == 3 ||
                                    str_starts_nocase(call->reply.content_type, STR("text/html")));
}

static struct health_event event_of(const struct upstream_call *call, enum error_code code)
{
    return (struct health_event){.code = code,
                                 .status = call->reply.status,
                                 .why = call->error.text,
                                 .stored_token =
                                     call->request.token != NULL || call->request.tokens != NULL,
                                 .is_page = code == ERR_OK && is_page(call),
                                 .wall_ms = clock_wall_ms()};
}

static void note_event(struct upstream *upstream, const struct health_event *event)
{
    enum upstream_state before = upstream->health.state;

    health_note(&upstream->health, event);
    tell_health(upstream, before);
}

static bool is_judged(const struct upstream_call *call, enum error_code code)
{
    return code == ERR_OK && !call->connects_only;
}

void guard_note_call(struct upstream_call *call, enum error_code code)
{
    struct health_event event;

    if (call->connects_only || code == ERR_OVERLOADED || is_judged(call, code)) {
        return; /* it had no answer, was not sent, or its owner judges first */
    }
    event = event_of(call, code);
    note_event(call->upstream, &event);
}

void guard_note_starved(struct upstream_call *call, const char *why)
{
    struct health_event event = event_of(call, ERR_OVERLOADED);

    event.why = why;
    note_event(call->upstream, &event);
}

void guard_awaits_judgement(const struct upstream_call *call, enum error_code code)
{
    struct upstream *upstream = call->upstream;

    upstream->judged = is_judged(call, code) ? call : NULL;
    if (upstream->judged != NULL) {
        upstream->event = event_of(call, code);
        upstream->is_unfit = call->is_unfit;
    }
}

void upstream_note_unfit(struct upstream_call *call)
{
    call->is_unfit = true;
    if (call->upstream != NULL && call->upstream->judged == call) {
        call->upstream->is_unfit = true;
    }
}

void upstream_note_undecided(const struct upstream_call *call)
{
    if (call->upstream != NULL && call->upstream->judged == call) {
        call->upstream->judged = NULL;
    }
}

void guard_note_judged(struct upstream *upstream)
{
    if (upstream->judged != NULL) {
        upstream->event.is_unfit = upstream->is_unfit;
        upstream->judged = NULL;
        note_event(upstream, &upstream->event);
    }
}
