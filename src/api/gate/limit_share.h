/* One limit for all processes that share a store: permits of a credential are taken there in slices,
 * ahead, so that most requests ask nobody. While a slice is on its way requests wait in their head
 * stage. While the store is away each process counts for itself. */
#ifndef API_LIMIT_SHARE_H
#define API_LIMIT_SHARE_H

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
/* The task may ask again, or take what its verdict says. */
typedef void (*share_ready_fn)(struct task *task);

struct limit_share *limit_share_open(struct store *store, struct later *later);
void limit_share_stop(struct limit_share *share); /* nothing waits any more; NULL is fine */
void limit_share_free(struct limit_share *share); /* NULL is fine */

/* Takes one permit. ALLOWED, REFUSED: *out is the verdict. */
enum share_answer limit_share_take(struct limit_share *share, struct limit_bucket *bucket,
                                   struct gcra_limit limit, uint64_t now_ns,
                                   struct gcra_verdict *out);
/* After LATER: on_ready, which all tasks have alike, comes once from a later turn, unless task->waits was removed. */
void limit_share_wait(struct limit_share *share, struct limit_bucket *bucket,
                      struct gcra_limit limit, struct task *task, share_ready_fn on_ready);

#endif
