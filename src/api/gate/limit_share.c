#include "limit_parts.h"

#include "base/clock.h"
#include "base/mem.h"
#include "observe/log.h"

enum {
    SLICES_A_SECOND = 20,
    SERVED_A_TURN = 64,
    AWAY_MS = 1000, /* how long a store that was away is not asked */
    NS_PER_MS = 1000000,
    KEY_TEXT_MAX = 80
};

/* One question that is on its way, and the requests that wait for its answer. */
struct ask {
    struct list link;
    struct store_op op;
    struct later_item soon;
    struct limit_share *share;
    struct limit_bucket *bucket;
    struct gcra_limit limit;
    struct list waiting; /* tasks */
    share_ready_fn on_ready;
    uint32_t cost;
};

struct limit_share {
    struct store *store;
    struct later *later;
    struct list asks;
    uint64_t away_until_ns;
    bool is_away; /* told in the log */
};

struct limit_share *limit_share_open(struct store *store, struct later *later)
{
    struct limit_share *share = mem_zalloc(sizeof(*share));

    share->store = store;
    share->later = later;
    list_init(&share->asks);
    return share;
}

static uint64_t now_ns(void)
{
    return clock_now_us() * 1000;
}

static uint32_t slice_of(struct gcra_limit limit)
{
    uint32_t slice = limit.per_second / SLICES_A_SECOND;

    slice = slice > limit.burst ? limit.burst : slice;
    return slice == 0 ? 1 : slice;
}

static void ask_free(struct ask *ask)
{
    ask->bucket->ask = NULL;
    ask->bucket->in_flight--; /* which kept the bucket in the table */
    list_remove(&ask->link);
    later_remove(&ask->soon);
    mem_free(ask);
}

void limit_share_stop(struct limit_share *share)
{
    struct list *link;

    while (share != NULL && (link = list_first(&share->asks)) != NULL) {
        struct ask *ask = CONTAINER_OF(link, struct ask, link);

        store_cancel(&ask->op);
        ask_free(ask);
    }
}

enum share_answer limit_share_take(struct limit_share *share, struct limit_bucket *bucket,
                                   struct gcra_limit limit, uint64_t now, struct gcra_verdict *out)
{
    if (share->away_until_ns > now) {
        return SHARE_AWAY;
    }
    *out = (struct gcra_verdict){.allowed = true};
    if (bucket->permits > 0) {
        bucket->permits--;
    } else if (bucket->refused_until_ns > now) {
        out->allowed = false;
        out->retry_after_ns = bucket->refused_until_ns - now;
    } else {
        return SHARE_LATER;
    }
    out->remaining = bucket->permits + bucket->remaining;
    if (out->remaining > limit.burst) {
        out->remaining = limit.burst;
    }
    out->full_after_ns =
        (uint64_t)(limit.burst - out->remaining) * (UINT64_C(1000000000) / limit.per_second);
    return out->allowed ? SHARE_ALLOWED : SHARE_REFUSED;
}

static void ask_store(struct ask *ask);

/* True: the next request can be answered without asking the store. */
static bool is_decided(const struct ask *ask)
{
    uint64_t now = now_ns();

    return ask->bucket->permits > 0 || ask->bucket->refused_until_ns > now ||
           ask->share->away_until_ns > now;
}

/* A few in each turn: with all at once the turn would be long. */
static void serve(struct later_item *item)
{
    struct ask *ask = CONTAINER_OF(item, struct ask, soon);
    unsigned n = 0;
    struct list *link;

    while (n++ < SERVED_A_TURN && is_decided(ask) &&
           (link = list_take_first(&ask->waiting)) != NULL) {
        ask->on_ready(CONTAINER_OF(link, struct task, waits));
    }
    if (list_is_empty(&ask->waiting)) {
        ask_free(ask);
    } else if (is_decided(ask)) {
        later_add(ask->share->later, &ask->soon, serve);
    } else {
        ask->cost = slice_of(ask->limit);
        ask_store(ask);
    }
}

static void tell(struct limit_share *share, bool away, const char *why)
{
    if (away == share->is_away) {
        return;
    }
    share->is_away = away;
    if (away) {
        log_event(LOG_WARN, "limits.store_away", F_TEXT("reason", why),
                  F_TEXT("effect", "each process allows the full rate"));
    } else {
        log_event(LOG_INFO, "limits.store_back", F_TEXT("effect", "one rate for all"));
    }
}

static void on_counted(struct store_op *op, const struct store_result *result)
{
    struct ask *ask = CONTAINER_OF(op, struct ask, op);
    struct limit_bucket *bucket = ask->bucket;

    tell(ask->share, result->error.code != ERR_OK, result->error.text);
    if (result->error.code != ERR_OK) {
        ask->share->away_until_ns = now_ns() + (uint64_t)AWAY_MS * NS_PER_MS;
    } else if (result->allowed) {
        bucket->permits += ask->cost;
        bucket->remaining = result->remaining;
    } else if (ask->cost > 1) { /* fewer may be left, and one permit comes sooner */
        ask->cost = result->remaining > 1 && result->remaining < ask->cost ? result->remaining : 1;
        ask_store(ask);
        return;
    } else {
        bucket->remaining = 0;
        bucket->refused_until_ns = now_ns() + result->retry_after_ms * NS_PER_MS;
    }
    serve(&ask->soon);
}

/* The store is told only the digest of a credential. */
static void ask_store(struct ask *ask)
{
    char key[KEY_TEXT_MAX];
    struct store_request request = {.kind = STORE_COUNT,
                                    .rate = ask->limit.per_second,
                                    .burst = ask->limit.burst,
                                    .cost = ask->cost};
    struct digest owner;
    char hex[65];

    mem_copy(owner.bytes, ask->bucket->key, sizeof(owner.bytes));
    digest_hex(&owner, hex);
    request.key = str_join(key, sizeof(key), STR("limit/"), str_from(hex));
    store_start(ask->share->store, &request, &ask->op, on_counted);
}

void limit_share_wait(struct limit_share *share, struct limit_bucket *bucket,
                      struct gcra_limit limit, struct task *task, share_ready_fn on_ready)
{
    struct ask *ask = bucket->ask;

    if (ask == NULL) {
        ask = mem_zalloc(sizeof(*ask));
        *ask = (struct ask){.share = share, .bucket = bucket, .limit = limit, .on_ready = on_ready};
        ask->cost = slice_of(limit);
        list_init(&ask->waiting);
        list_append(&share->asks, &ask->link);
        bucket->ask = ask;
        bucket->in_flight++;
        ask_store(ask);
    }
    list_append(&ask->waiting, &task->waits);
}
