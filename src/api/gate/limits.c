#include "api/gate/limits.h"

#include "api/gate/links.h"
#include "base/clock.h"
#include "base/host.h"
#include "base/mem.h"
#include "limit_parts.h"

struct limits {
    struct config_rule own_of_tenant; /* as the rule "tenant", at the tenant's own rate */
    struct limit_share *share;        /* NULL: this process counts alone */
    struct limit_table callers;
    struct limit_table rules; /* credentials and accounts, once for each rule that counts them */
    struct limit_table addresses;
};

struct limits *limits_new(struct store *store, struct later *later)
{
    struct limits *limits = mem_zalloc(sizeof(*limits));

    limits->own_of_tenant = (struct config_rule){.name = STR("tenant"), .scope = RULE_TENANT};
    digest_of(limits->own_of_tenant.name, &limits->own_of_tenant.digest);
    limit_table_init(&limits->callers, LIMIT_CALLERS_MAX);
    limit_table_init(&limits->rules, LIMIT_CALLERS_MAX);
    limit_table_init(&limits->addresses, LIMIT_ADDRESSES_MAX);
    if (store != NULL) {
        limits->share = limit_share_open(store, later);
    }
    return limits;
}

void limits_stop(struct limits *limits)
{
    limit_share_stop(limits->share);
}

void limits_free(struct limits *limits)
{
    if (limits != NULL) {
        mem_free(limits->share);
        limit_table_done(&limits->callers);
        limit_table_done(&limits->rules);
        limit_table_done(&limits->addresses);
        mem_free(limits);
    }
}

static uint64_t now_ns(void)
{
    return clock_turn_us() * 1000;
}

/* The limit for everybody, except for what the credential has of its own. A rate of its own without a
 * burst gets twice the rate as burst, which is also the ratio of the defaults. */
static struct gcra_limit limit_of(const struct config *config, const struct config_rate *rate)
{
    struct gcra_limit limit = {config->limits.per_key, config->limits.burst};

    if (rate != NULL && rate->per_second != 0) {
        limit = (struct gcra_limit){rate->per_second, 2 * rate->per_second};
    }
    if (rate != NULL && rate->burst != 0) {
        limit.burst = rate->burst;
    }
    return limit;
}

/* ---- which limits a request is counted against ---- */

static struct limit_bucket *bucket_of(struct limits *limits, const struct digest *owner,
                                      const struct digest *rule)
{
    struct digest key = *owner;

    for (size_t i = 0; rule != NULL && i < DIGEST_BYTES; i++) {
        key.bytes[i] ^= rule->bytes[i];
    }
    return limit_table_get(rule != NULL ? &limits->rules : &limits->callers, digest_view(&key),
                           now_ns());
}

static void add(struct task *task, struct limit_counts *counts, const struct config_rule *rule,
                const struct config_rate *rate)
{
    bool is_own = task->principal.bearer.len > 0; /* its token is its account */
    const struct digest *owner =
        rule->scope == RULE_KEY || is_own ? &task->principal.owner : &task->platform->owner;

    counts->items[counts->n++] = (struct limit_count){
        .name = rule->name,
        .label = rule->scope == RULE_KEY          ? LIMIT_LABEL_KEY_CLASS
                 : rule->class == ROUTE_CLASS_ANY ? LIMIT_LABEL_TENANT
                                                  : LIMIT_LABEL_TENANT_CLASS,
        .class = rule->class,
        .limit = {rate->per_second, rate->burst > 0 ? rate->burst : 2 * rate->per_second},
        .at_once = rate->concurrency,
        .bucket = bucket_of(task->api->limits, owner, &rule->digest),
    };
}

/* Collects the limit of the credential, then the rules in their order. A tenant with a rate of its own has
 * that instead of the rule for all tenants. */
static void collect(struct task *task, struct limit_counts *counts)
{
    struct limits *limits = task->api->limits;
    const struct config *config = task->api->config;
    const struct config_rate *rate = task->principal.rate;
    const struct config_rate *of_tenant = &task->platform->rate;
    bool has_own = of_tenant->per_second > 0 && task->principal.bearer.len == 0;
    enum route_class class = route_class_of(task->api->routes, task->route);

    counts->n = 0;
    counts->items[counts->n++] = (struct limit_count){
        .name = STR("key"),
        .label = LIMIT_LABEL_KEY,
        .limit = limit_of(config, rate),
        .at_once =
            rate != NULL && rate->concurrency != 0 ? rate->concurrency : config->limits.concurrency,
        .bucket = bucket_of(limits, &task->principal.owner, NULL),
    };
    if (has_own) {
        add(task, counts, &limits->own_of_tenant, of_tenant);
    }
    for (size_t i = 0; i < task->config->limits.n_rules; i++) {
        const struct config_rule *rule = &task->config->limits.rule_rates[i];
        bool is_replaced = has_own && rule->scope == RULE_TENANT && rule->class == ROUTE_CLASS_ANY;

        if (!is_replaced && (rule->class == ROUTE_CLASS_ANY || rule->class == class)) {
            add(task, counts, rule, &rule->rate);
        }
    }
}

/* ---- places under way ---- */

static void release(void *bucket)
{
    ((struct limit_bucket *)bucket)->in_flight--;
}

static enum stage_verdict enter(struct task *task, const struct limit_counts *counts)
{
    for (size_t i = 0; i < counts->n; i++) {
        const struct limit_count *count = &counts->items[i];

        if (count->at_once > 0 &&
            count->bucket->in_flight >= count->at_once + (count->bucket->ask != NULL)) {
            return limit_refuse_place(task, count);
        }
    }
    for (size_t i = 0; i < counts->n; i++) {
        if (counts->items[i].at_once > 0) {
            counts->items[i].bucket->in_flight++;
            arena_defer(task->arena, release, counts->items[i].bucket);
        }
    }
    return STAGE_CONTINUE;
}

/* ---- counting ---- */

static void on_share_ready(struct task *task)
{
    task->on_cancel = NULL;
    task->head_waits = false;
    if (limits_count_caller(task) == STAGE_CONTINUE) {
        task_go_on_head(task);
    }
}

static void on_share_cancel(struct task *task)
{
    list_remove(&task->waits);
    task->head_waits = false;
}

static enum share_answer take(struct limits *limits, struct limit_count *count)
{
    enum share_answer answer = SHARE_AWAY;

    if (limits->share != NULL) {
        answer =
            limit_share_take(limits->share, count->bucket, count->limit, now_ns(), &count->verdict);
        count->was_shared = answer != SHARE_AWAY;
    }
    if (answer == SHARE_AWAY) {
        count->verdict = gcra_take(&count->bucket->tat_ns, count->limit, now_ns());
    }
    return answer;
}

/* Gives back permits that were taken before another limit refused, or before the store had to be asked. */
static void give_back(struct limit_counts *counts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct limit_count *count = &counts->items[i];

        if (!count->verdict.allowed) {
            continue;
        }
        if (count->was_shared) {
            count->bucket->permits++;
        } else {
            gcra_give_back(&count->bucket->tat_ns, count->limit);
        }
        if (count->verdict.remaining < count->limit.burst) {
            count->verdict.remaining++;
        }
    }
}

bool limits_are_told(const struct task *task)
{
    return task->api->config->limits.enabled && task->config->auth.modes != AUTH_NONE;
}

enum stage_verdict limits_count_caller(struct task *task)
{
    struct limits *limits = task->api->limits;
    UNINITIALISED struct limit_counts counts;
    const struct limit_count *refused;

    if (!limits_are_told(task)) {
        return STAGE_CONTINUE;
    }
    collect(task, &counts);
    for (size_t i = 0; i < counts.n; i++) {
        if (take(limits, &counts.items[i]) == SHARE_LATER) {
            give_back(&counts, i);
            task->on_cancel = on_share_cancel;
            task->head_waits = true;
            limit_share_wait(limits->share, counts.items[i].bucket, counts.items[i].limit, task,
                             on_share_ready);
            return STAGE_WAIT;
        }
    }
    refused = limit_slowest(&counts);
    if (refused != NULL) {
        give_back(&counts, counts.n);
    }
    limit_tell(task, &counts);
    return refused != NULL ? limit_refuse_rate(task, &counts, refused) : enter(task, &counts);
}

void limits_count_stranger(struct task *task)
{
    const struct config *config = task->api->config;
    uint8_t address[16];
    struct limit_bucket *bucket;
    struct gcra_verdict verdict;
    size_t n = sizeof(address);

    if (!config->limits.enabled || !client_address(task, address)) {
        return;
    }
    /* A customer with IPv6 has at least a /64: all addresses of a /64 count as one. */
    if (!ip_address_is_v4(address)) {
        n = sizeof(address) / 2;
    }
    bucket = limit_table_get(&task->api->limits->addresses, (struct str){(const char *)address, n},
                             now_ns());
    verdict = gcra_take(
        &bucket->tat_ns,
        (struct gcra_limit){config->limits.per_address, config->limits.address_burst}, now_ns());
    if (!verdict.allowed) {
        metric_add(M_RATE_LIMITED, LIMIT_LABEL_ADDRESS, 0, 0, 1);
        limit_name_violated(task, STR("[\"address\"]"));
        (void)error_set(
            &task->error, ERR_RATE_LIMITED,
            "This address sends too many requests without a valid credential; wait, then send the request again with one");
        task->error.retry_after_s = limit_seconds(verdict.retry_after_ns);
    }
}
