#include "api/gate/limits.h"

#include "api/gate/links.h"
#include "base/clock.h"
#include "base/host.h"
#include "base/mem.h"
#include "limit_share.h"
#include "limit_table.h"

enum { NS_PER_S = 1000000000, MAX_CALLERS = 65536, MAX_ADDRESSES = 65536, POLICY_MAX = 64 };

struct limits {
    bool enabled;
    struct gcra_limit caller;
    struct gcra_limit address;
    uint32_t at_once;
    struct limit_share *share; /* NULL: this process counts alone */
    struct limit_table callers;
    struct limit_table addresses;
};

struct limits *limits_new(const struct config *config, struct store *store, struct later *later)
{
    struct limits *limits = mem_zalloc(sizeof(*limits));

    limits_configure(limits, config);
    limit_table_init(&limits->callers, MAX_CALLERS);
    limit_table_init(&limits->addresses, MAX_ADDRESSES);
    if (store != NULL) {
        limits->share = limit_share_open(store, later);
    }
    return limits;
}

void limits_configure(struct limits *limits, const struct config *config)
{
    limits->enabled = config->limits.enabled;
    limits->caller = (struct gcra_limit){config->limits.per_key, config->limits.burst};
    limits->address = (struct gcra_limit){config->limits.per_address, config->limits.address_burst};
    limits->at_once = config->limits.concurrency;
}

void limits_stop(struct limits *limits)
{
    limit_share_stop(limits->share);
}

void limits_free(struct limits *limits)
{
    if (limits != NULL) {
        limit_share_free(limits->share);
        limit_table_done(&limits->callers);
        limit_table_done(&limits->addresses);
        mem_free(limits);
    }
}

static uint64_t now_ns(void)
{
    return clock_now_us() * 1000;
}

/* Rounded up, at least 1: who waits just so long is served. */
static unsigned seconds_up(uint64_t ns)
{
    uint64_t seconds = (ns + NS_PER_S - 1) / NS_PER_S;

    return seconds > 0 ? (unsigned)seconds : 1;
}

/* "key";q=2000;w=2: so many at once, and the seconds after which the bucket is full again. */
static void put_policy(struct buf *out, struct gcra_limit limit)
{
    buf_text(out, "\"key\";q=");
    buf_int(out, limit.burst);
    buf_text(out, ";w=");
    buf_int(out, (limit.burst + limit.per_second - 1) / limit.per_second);
}

/* RateLimit as structured fields (draft-ietf-httpapi-ratelimit-headers-10), and the X- names that
 * came before. */
static void tell(struct task *task, struct gcra_limit limit, const struct gcra_verdict *verdict)
{
    struct exchange *exchange = task->exchange;
    unsigned reset_s = seconds_up(verdict->full_after_ns);
    UNINITIALISED char room[POLICY_MAX];
    struct buf text;

    buf_init_on(&text, room, sizeof(room), POLICY_MAX);
    put_policy(&text, limit);
    exchange_set_header(exchange, "RateLimit-Policy", buf_view(&text));
    buf_clear(&text);
    buf_text(&text, "\"key\";r=");
    buf_int(&text, verdict->remaining);
    buf_text(&text, ";t=");
    buf_int(&text, reset_s);
    exchange_set_header(exchange, "RateLimit", buf_view(&text));
    buf_clear(&text);
    buf_int(&text, limit.burst);
    exchange_set_header(exchange, "X-RateLimit-Limit", buf_view(&text));
    buf_clear(&text);
    buf_int(&text, verdict->remaining);
    exchange_set_header(exchange, "X-RateLimit-Remaining", buf_view(&text));
    buf_clear(&text);
    buf_int(&text, reset_s);
    exchange_set_header(exchange, "X-RateLimit-Reset", buf_view(&text));
    buf_done(&text);
}

/* Of everybody, but for what the credential says itself. A rate of its own without a burst has the
 * burst that everybody's has to everybody's rate by default: twice as much. */
static struct gcra_limit limit_of(const struct limits *limits, const struct config_rate *rate)
{
    struct gcra_limit limit = limits->caller;

    if (rate != NULL && rate->per_second != 0) {
        limit = (struct gcra_limit){rate->per_second, 2 * rate->per_second};
    }
    if (rate != NULL && rate->burst != 0) {
        limit.burst = rate->burst;
    }
    return limit;
}

static void release(void *bucket)
{
    ((struct limit_bucket *)bucket)->in_flight--;
}

static enum stage_verdict refuse(struct task *task, unsigned retry_after_s, const char *text)
{
    metric_add(M_RATE_LIMITED, 0, 0, 0, 1);
    (void)error_set(&task->error, ERR_RATE_LIMITED, "%s", text);
    task->error.retry_after_s = retry_after_s;
    return task_fail(task);
}

static enum stage_verdict enter(struct task *task, struct limit_bucket *bucket)
{
    const struct config_rate *rate = task->principal.rate;
    uint32_t at_once =
        rate != NULL && rate->concurrency != 0 ? rate->concurrency : task->api->limits->at_once;

    if (bucket->in_flight >= at_once + (bucket->ask != NULL)) {
        return refuse(task, 1,
                      "This credential has as many requests under way as it may; wait for one "
                      "to end and send the request again");
    }
    bucket->in_flight++;
    arena_defer(task->arena, release, bucket);
    return STAGE_CONTINUE;
}

static void on_share_ready(struct share_wait *wait)
{
    struct task *task = wait->task;

    task->on_cancel = NULL;
    task->head_waits = false;
    if (limits_count_caller(task) == STAGE_CONTINUE) {
        task_go_on_head(task);
    }
}

static void on_share_cancel(struct task *task)
{
    share_wait_cancel(task->state);
    task->head_waits = false;
}

static enum stage_verdict wait_for_share(struct task *task, struct limit_bucket *bucket,
                                         struct gcra_limit limit)
{
    struct share_wait *wait = arena_zalloc(task->arena, sizeof(*wait));

    wait->task = task;
    task->state = wait;
    task->on_cancel = on_share_cancel;
    task->head_waits = true;
    limit_share_wait(task->api->limits->share, bucket, limit, wait, on_share_ready);
    return STAGE_WAIT;
}

enum stage_verdict limits_count_caller(struct task *task)
{
    struct limits *limits = task->api->limits;
    enum share_answer answer = SHARE_AWAY;
    struct limit_bucket *bucket;
    struct gcra_verdict verdict;
    struct gcra_limit limit;

    if (!limits->enabled || task->config->auth.modes == AUTH_NONE) {
        return STAGE_CONTINUE;
    }
    bucket = limit_table_get(&limits->callers, digest_view(&task->principal.owner), now_ns());
    limit = limit_of(limits, task->principal.rate);
    if (limits->share != NULL) {
        answer = limit_share_take(limits->share, bucket, limit, now_ns(), &verdict);
    }
    if (answer == SHARE_LATER) {
        return wait_for_share(task, bucket, limit);
    }
    if (answer == SHARE_AWAY) {
        verdict = gcra_take(&bucket->tat_ns, limit, now_ns());
    }
    tell(task, limit, &verdict);
    if (!verdict.allowed) {
        return refuse(task, seconds_up(verdict.retry_after_ns),
                      "This credential sends more requests a second than it may; wait and send "
                      "the request again");
    }
    return enter(task, bucket);
}

void limits_count_stranger(struct task *task)
{
    struct limits *limits = task->api->limits;
    uint8_t address[16];
    struct limit_bucket *bucket;
    struct gcra_verdict verdict;
    size_t n = sizeof(address);

    if (!limits->enabled || !client_address(task, address)) {
        return;
    }
    /* Of IPv6 a customer has at least a /64: its addresses are one. */
    if (!ip_address_is_v4(address)) {
        n = sizeof(address) / 2;
    }
    bucket = limit_table_get(&limits->addresses, (struct str){(const char *)address, n}, now_ns());
    verdict = gcra_take(&bucket->tat_ns, limits->address, now_ns());
    if (!verdict.allowed) {
        metric_add(M_RATE_LIMITED, 0, 0, 0, 1);
        (void)error_set(
            &task->error, ERR_RATE_LIMITED,
            "This address sends too many requests without a valid credential; wait, then send the request again with one");
        task->error.retry_after_s = seconds_up(verdict.retry_after_ns);
    }
}
