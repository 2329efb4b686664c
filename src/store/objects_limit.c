#include "objects.h"

#include "base/clock.h"
#include "base/gcra.h"
#include "base/mem.h"

enum { LIMITS_MAX = 65536 };

struct limit {
    struct lru_entry entry;
    uint64_t full_ns; /* gcra.h */
};

static void drop_limit(struct objects *objects, struct limit *limit)
{
    char *key;

    if (limit == NULL) {
        return;
    }
    key = unconst(limit->entry.node.key.ptr);
    lru_remove(&objects->limits, &limit->entry);
    mem_free(key);
    mem_free(limit);
}

void objects_forget_limits(struct objects *objects)
{
    struct limit *limit;

    while ((limit = LRU_OLDEST(&objects->limits, struct limit, entry)) != NULL) {
        drop_limit(objects, limit);
    }
}

static struct limit *find_or_make(struct objects *objects, struct str key)
{
    struct limit *limit = LRU_FIND(&objects->limits, key, struct limit, entry);

    if (limit == NULL) {
        struct limit *oldest;

        if (lru_size(&objects->limits) == LIMITS_MAX &&
            (oldest = LRU_OLDEST(&objects->limits, struct limit, entry)) != NULL) {
            drop_limit(objects, oldest);
        }
        limit = mem_zalloc(sizeof(*limit));
        lru_add(&objects->limits, &limit->entry, (struct str){str_dup(key), key.len});
    }
    lru_touch(&objects->limits, &limit->entry);
    return limit;
}

void objects_count(struct work *work)
{
    static const uint64_t MS_NS = 1000000;
    const struct store_request *request = &work->op->request;
    const struct gcra_limit rate = {.per_second = request->rate, .burst = request->burst};
    struct limit *limit = find_or_make(work->objects, work->key);
    struct gcra_verdict verdict =
        gcra_take_many(&limit->full_ns, rate, request->cost, clock_age_ms() * MS_NS);

    work->op->result.allowed = verdict.allowed;
    work->op->result.remaining = verdict.remaining;
    work->op->result.retry_after_ms = (verdict.retry_after_ns + MS_NS - 1) / MS_NS;
    work_end(work);
}
