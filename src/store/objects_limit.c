#include "objects.h"

#include "base/clock.h"
#include "base/gcra.h"

enum { LIMITS_MAX = 65536 };

struct limit {
    struct lru_entry entry;
    uint64_t full_ns; /* gcra.h */
};

void objects_count(struct work *work)
{
    static const uint64_t MS_NS = 1000000;
    const struct store_request *request = &work->op->request;
    const struct gcra_limit rate = {.per_second = request->rate, .burst = request->burst};
    struct limit *limit = lru_take(&work->objects->limits, work->key, sizeof(*limit), LIMITS_MAX);
    struct gcra_verdict verdict =
        gcra_take_many(&limit->full_ns, rate, request->cost, clock_age_ms() * MS_NS);

    work->op->result.allowed = verdict.allowed;
    work->op->result.remaining = verdict.remaining;
    work->op->result.retry_after_ms = (verdict.retry_after_ns + MS_NS - 1) / MS_NS;
    work_end(work);
}
