#include "base/gcra.h"

enum { NS_PER_S = 1000000000 };

bool gcra_is_full(uint64_t tat_ns, uint64_t now_ns)
{
    return tat_ns <= now_ns;
}

struct gcra_verdict gcra_take_many(uint64_t *tat_ns, struct gcra_limit limit, uint32_t cost,
                                   uint64_t now_ns)
{
    uint64_t each_ns = NS_PER_S / limit.per_second;
    uint64_t taken_ns = each_ns * cost;
    uint64_t whole_ns = each_ns * limit.burst;
    uint64_t used_ns = *tat_ns > now_ns ? *tat_ns - now_ns : 0;
    struct gcra_verdict verdict = {.allowed = true};

    used_ns = used_ns < whole_ns ? used_ns : whole_ns;
    if (used_ns + taken_ns > whole_ns) {
        verdict.allowed = false;
        verdict.retry_after_ns = used_ns + taken_ns - whole_ns;
    } else {
        used_ns += taken_ns;
    }
    *tat_ns = now_ns + used_ns;
    verdict.remaining = (uint32_t)((whole_ns - used_ns) / each_ns);
    verdict.full_after_ns = used_ns;
    return verdict;
}

struct gcra_verdict gcra_take(uint64_t *tat_ns, struct gcra_limit limit, uint64_t now_ns)
{
    return gcra_take_many(tat_ns, limit, 1, now_ns);
}

void gcra_give_back(uint64_t *tat_ns, struct gcra_limit limit)
{
    uint64_t each_ns = NS_PER_S / limit.per_second;

    *tat_ns -= *tat_ns < each_ns ? *tat_ns : each_ns;
}
