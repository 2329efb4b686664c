/* The newest snapshot of a goal, remembered for cache.snapshot_ttl_s by what looked it up, so that
 * executing a goal again is one call. Owner: the api. */
#ifndef API_SNAPSHOT_MEMO_H
#define API_SNAPSHOT_MEMO_H

#include "api_internal.h"

struct snapshot_memo *snapshot_memo_new(void);
void snapshot_memo_free(struct snapshot_memo *memo); /* NULL is fine */
/* Empty: not known, or no longer. */
struct str snapshot_memo_find(const struct task *task, struct str goal_id);
void snapshot_memo_keep(const struct task *task, struct str goal_id, struct str snapshot_id);

#endif
