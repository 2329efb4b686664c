/* What a client is told about limits: headers of every counted answer, and the 429. */
#ifndef API_LIMIT_TELL_H
#define API_LIMIT_TELL_H

#include "api/gate/task.h"
#include "base/gcra.h"
#include "limit_table.h"

/* One limit that a request is counted against. */
struct limit_count {
    struct str name;        /* of its policy: "key", "tenant:execute" */
    size_t label;           /* LIMIT_LABEL_* */
    enum route_class class; /* ANY: of all routes */
    struct gcra_limit limit;
    uint32_t at_once; /* most requests under way; 0: no limit */
    struct limit_bucket *bucket;
    struct gcra_verdict verdict;
    bool was_shared; /* the store said so, not this process */
};

/* The key's, a tenant's own, and the rules. */
struct limit_counts {
    struct limit_count items[2 + CONFIG_RULES_MAX];
    size_t n;
};

/* Rounded up, at least 1: who waits just so long is served. */
unsigned limit_seconds(uint64_t ns);
/* The one with the longest wait of those that refuse; NULL: none does. */
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
