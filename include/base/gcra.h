/* A rate limit in one number: the generic cell rate algorithm. The number is the time at which a
 * bucket will be full again (theoretical arrival time); nothing is refilled by a timer. All times
 * are of the monotonic clock, in nanoseconds. */
#ifndef BASE_GCRA_H
#define BASE_GCRA_H

#include <stdbool.h>
#include <stdint.h>

struct gcra_limit {
    uint32_t per_second; /* 1 to 1,000,000 */
    uint32_t burst;      /* requests at once from a full bucket; at least 1 */
};

struct gcra_verdict {
    bool allowed;
    uint32_t remaining;      /* requests that would be allowed right now */
    uint64_t retry_after_ns; /* 0 when allowed; else the wait until it would be */
    uint64_t full_after_ns;  /* until the bucket is full again */
};

/* Takes one request out of the bucket `*tat_ns` (0: full), unless the bucket is empty. If the limit has
 * become smaller, a bucket owes no more than the new burst. */
struct gcra_verdict gcra_take(uint64_t *tat_ns, struct gcra_limit limit, uint64_t now_ns);
/* The same for `cost` requests at once, all or none; at most the burst. */
struct gcra_verdict gcra_take_many(uint64_t *tat_ns, struct gcra_limit limit, uint32_t cost,
                                   uint64_t now_ns);
/* Puts one request back that was taken and then not carried out. */
void gcra_give_back(uint64_t *tat_ns, struct gcra_limit limit);
/* True: the bucket is full, so forgetting it changes nothing. */
bool gcra_is_full(uint64_t tat_ns, uint64_t now_ns);

#endif
