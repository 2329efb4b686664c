/* What the files of limits share.
 *
 * limit_table.c   buckets
 * limit_share.c   one limit for all processes that share a store: each process takes permits of a credential there in
 *                 slices, ahead, so that most requests need not ask. While a slice is on its way, requests wait in
 *                 their head stage.
 *                 While the store is away each process counts for itself.
 * limit_tell.c    what a client is told: headers of every counted answer, and the 429 */
#ifndef API_LIMIT_PARTS_H
#define API_LIMIT_PARTS_H

#include "api/gate/task.h"
#include "base/gcra.h"
#include "limit_table.h"
#include "store/store.h"

enum share_answer {
    SHARE_ALLOWED,
    SHARE_REFUSED,
    SHARE_LATER, /* a slice has to be asked for */
    SHARE_AWAY   /* the store is away: count here */
};

struct limit_share;
/* The store has answered: the task is counted again. */
typedef void (*share_ready_fn)(struct task *task);

struct limit_share *limit_share_open(struct store *store, struct later *later);
/* No task waits any more. Then mem_free frees the share. NULL is fine. */
void limit_share_stop(struct limit_share *share);

/* Takes one permit. ALLOWED, REFUSED: *out is the verdict. */
enum share_answer limit_share_take(struct limit_share *share, struct limit_bucket *bucket,
                                   struct gcra_limit limit, uint64_t now_ns,
                                   struct gcra_verdict *out);
/* After LATER: on_ready (the same for all tasks) comes once from a later turn, unless task->waits was removed. */
void limit_share_wait(struct limit_share *share, struct limit_bucket *bucket,
                      struct gcra_limit limit, struct task *task, share_ready_fn on_ready);

/* One limit that a request is counted against. */
struct limit_count {
    struct str name;        /* of its policy: "key", "tenant:execute" */
    size_t label;           /* LIMIT_LABEL_* */
    enum route_class class; /* ANY: of all routes */
    struct gcra_limit limit;
    uint32_t at_once; /* most requests under way; 0: no limit */
    struct limit_bucket *bucket;
    struct gcra_verdict verdict;
    bool was_shared; /* the verdict is that of the store, not of this process */
};

/* The limits of the key, of a tenant with a rate of its own, and of the rules. */
struct limit_counts {
    struct limit_count items[2 + CONFIG_RULES_MAX];
    size_t n;
};

/* Rounded up, at least 1: a client that waits just so long is served. */
unsigned limit_seconds(uint64_t ns);
/* Of the limits that refuse, the one with the longest wait; NULL: none refuses. */
const struct limit_count *limit_slowest(const struct limit_counts *counts);
/* RateLimit-Policy, RateLimit and X-RateLimit-*. */
void limit_tell(struct task *task, const struct limit_counts *counts);
/* The member "violated-policies" of the problem; JSON text. */
void limit_name_violated(struct task *task, struct str names);
/* They answer 429. */
enum stage_verdict limit_refuse_rate(struct task *task, const struct limit_counts *counts,
                                     const struct limit_count *slowest);
enum stage_verdict limit_refuse_place(struct task *task, const struct limit_count *full);

#endif
