/* One platform at several addresses (regions), in the order in which they are wanted. Each is an upstream of its
 * own, with its connections, its limits and its breaker.
 *
 *   a call ──► the first whose breaker is closed ──► its try failed, nothing of it can have been done ──► the next one
 *
 * Each address is probed all the time. An address that fails its probe is left while another one is up: calls that
 * wait or read there go on at the other. It is used again after `back_after` good probes in a row. A change that may
 * have been sent is never sent to another address: it ends with its answer or as ERR_OUTCOME_UNKNOWN, as with one. */
#include "base/check.h"
#include "base/mem.h"
#include "observe/fact.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "upstream_internal.h"

enum { MOVED_AT_ONCE = 32 /* a turn: each closes a connection */ };

struct upstream *endpoints_pick(const struct endpoints *endpoints)
{
    return endpoints->items[endpoints->in_use];
}

bool endpoints_has_other(const struct upstream *upstream)
{
    const struct endpoints *endpoints = upstream->endpoints;

    for (size_t i = 0; endpoints != NULL && i < endpoints->n; i++) {
        if (endpoints->items[i] != upstream && !endpoints->items[i]->breaker.open) {
            return true;
        }
    }
    return false;
}

static struct upstream *other_of(const struct upstream_call *call)
{
    const struct endpoints *endpoints = call->upstream->endpoints;

    for (size_t i = 0; i < endpoints->n; i++) {
        if (endpoints->items[i] != call->upstream && !endpoints->items[i]->breaker.open) {
            return endpoints->items[i];
        }
    }
    return NULL;
}

static bool move(struct upstream_call *call, unsigned max_moves)
{
    struct upstream *other = other_of(call);

    if (other == NULL || call->n_moves >= max_moves || !upstream_can_repeat(call)) {
        return false;
    }
    call->n_moves++;
    count_one(other, M_UPSTREAM_MOVED);
    upstream_go_on_at(call, other, 0);
    return true;
}

bool endpoints_take_failed(struct upstream_call *call, const struct outcome *outcome,
                           enum error_code code)
{
    bool may_have_done = outcome->may_have_left && call->request.class != CALL_READ;

    return call->request.priority != CALL_PROBE && !may_have_done &&
           breaker_is_failure(code, call->reply.status) && upstream_has_time(call) &&
           move(call, (unsigned)call->upstream->endpoints->n - 1);
}

bool endpoints_take_waiting(struct upstream_call *call)
{
    return move(call,
                UINT16_MAX); /* moves without end are no danger: the call's deadline ends them */
}

static bool may_leave(const struct upstream_call *call)
{
    const struct upstream_transfer *transfer = call->transfer;

    return call->request.priority != CALL_PROBE && !transfer->answered && other_of(call) != NULL &&
           upstream_can_repeat(call) &&
           (call->request.class == CALL_READ || !transfer->may_have_left);
}

void endpoints_empty(struct upstream *upstream)
{
    struct upstream_call *call;
    unsigned n = 0;

    LIST_EACH_SAFE (call, &upstream->on_wire, link) {
        if (!may_leave(call)) {
            continue;
        }
        upstream_leave_wire(call);
        CHECK(move(call, UINT16_MAX));
        if (++n == MOVED_AT_ONCE) {
            upstream_dispatch_later(upstream);
            return;
        }
    }
}

/* ---- which one is in use ---- */

static size_t first_that_is_there(const struct endpoints *endpoints)
{
    for (size_t i = 0; i < endpoints->n; i++) {
        if (!endpoints->items[i]->breaker.open) {
            return i;
        }
    }
    return 0;
}

static size_t count_up(const struct endpoints *endpoints)
{
    size_t n = 0;

    for (size_t i = 0; i < endpoints->n; i++) {
        n += endpoints->items[i]->breaker.open ? 0 : 1;
    }
    return n;
}

/* The gauges change by differences: after a reload the old client counts beside the new one for a while. */
static void tell_use(struct endpoints *endpoints, size_t n_up, size_t in_use)
{
    metric_gauge_add(M_ENDPOINTS_UP, (int64_t)n_up - (int64_t)endpoints->n_up);
    metric_gauge_add(M_ENDPOINT_IN_USE, (int64_t)in_use - (int64_t)endpoints->in_use);
    metric_gauge_add(M_BREAKER_OPEN, (n_up == 0 ? 1 : 0) - (endpoints->n_up == 0 ? 1 : 0));
    endpoints->n_up = n_up;
    endpoints->in_use = in_use;
}

void endpoints_note_change(const struct upstream *upstream, const char *cause)
{
    struct endpoints *endpoints = upstream->endpoints;
    size_t before = endpoints->in_use;

    tell_use(endpoints, count_up(endpoints), first_that_is_there(endpoints));
    fact_note(&(struct fact){.kind = FACT_PLATFORM_DEGRADED,
                             .outcome = upstream_state_name(endpoints_health(endpoints)->state)});
    if (endpoints->in_use == before) {
        return;
    }
    metric_add(M_FAILOVERS, 0, 0, 0, 1);
    log_event(endpoints->in_use > before ? LOG_WARN : LOG_INFO, "upstream.endpoint",
              F_STR("from", endpoints->items[before]->options.base_url),
              F_STR("to", endpoints->items[endpoints->in_use]->options.base_url),
              F_TEXT("cause", cause));
}

/* ---- life ---- */

void endpoints_join(struct upstream *const *items, size_t n)
{
    struct endpoints *endpoints = mem_zalloc(sizeof(*endpoints));

    CHECK(n > 1 && n <= UPSTREAM_ENDPOINTS_MAX);
    endpoints->n = n;
    for (size_t i = 0; i < n; i++) {
        endpoints->items[i] = items[i];
        items[i]->endpoints = endpoints;
    }
    endpoints->n_up = n;
    metric_gauge_add(M_ENDPOINTS, (int64_t)n);
    metric_gauge_add(M_ENDPOINTS_UP, (int64_t)n);
}

static void on_closed(void *context)
{
    struct endpoints *endpoints = context;
    void (*tell)(void *) = endpoints->on_closed;
    void *owner = endpoints->closed_context;

    if (--endpoints->n_open > 0) {
        return;
    }
    mem_free(endpoints);
    if (tell != NULL) {
        tell(owner);
    }
}

void endpoints_close(struct endpoints *endpoints, void (*tell)(void *context), void *context)
{
    size_t n = endpoints->n;
    struct upstream *items[UPSTREAM_ENDPOINTS_MAX];

    endpoints->on_closed = tell;
    endpoints->closed_context = context;
    endpoints->n_open = n;
    metric_gauge_add(M_ENDPOINTS, -(int64_t)n);
    tell_use(endpoints, 1, 0);
    metric_gauge_add(M_ENDPOINTS_UP, -1);
    mem_copy(items, endpoints->items, sizeof(items));
    for (size_t i = 0; i < n; i++) {
        upstream_close_one(items[i], on_closed, endpoints);
    }
}

/* ---- questions ---- */

size_t upstream_each(struct upstream *upstream, struct upstream *out[UPSTREAM_ENDPOINTS_MAX])
{
    const struct endpoints *endpoints = upstream->endpoints;

    out[0] = upstream;
    for (size_t i = 0; endpoints != NULL && i < endpoints->n; i++) {
        out[i] = endpoints->items[i];
    }
    return endpoints != NULL ? endpoints->n : 1;
}

size_t upstream_endpoints(const struct upstream *upstream,
                          struct upstream_endpoint out[UPSTREAM_ENDPOINTS_MAX])
{
    const struct endpoints *endpoints = upstream->endpoints;

    if (endpoints == NULL) {
        return 0;
    }
    for (size_t i = 0; i < endpoints->n; i++) {
        const struct upstream *one = endpoints->items[i];

        out[i] = (struct upstream_endpoint){.host = one->host,
                                            .is_up = !one->breaker.open,
                                            .in_use = i == endpoints->in_use,
                                            .n_good_probes = one->n_good_probes,
                                            .since_wall_ms = one->health.since_wall_ms,
                                            .last_error = one->health.last_error};
    }
    return endpoints->n;
}

bool upstream_is_elsewhere(const struct upstream *upstream)
{
    return upstream != NULL && upstream->endpoints != NULL && upstream->endpoints->in_use > 0;
}

/* The health of the address in use; PASS becomes WARN while that is not the first address. */
const struct upstream_health *endpoints_health(struct endpoints *endpoints)
{
    const struct upstream_health *first = &endpoints->items[0]->health;
    const struct upstream_health *used = &endpoints->items[endpoints->in_use]->health;

    if (endpoints->in_use == 0 || used->state != UPSTREAM_PASS) {
        return used;
    }
    endpoints->health = *first;
    endpoints->health.state = UPSTREAM_WARN;
    endpoints->health.breaker_open = false;
    endpoints->health.token_refused = false;
    return &endpoints->health;
}
