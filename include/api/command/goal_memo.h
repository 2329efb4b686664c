/* What was looked up about a goal, remembered so that it is not asked again: its newest snapshot,
 * for cache.snapshot_ttl_s (executing a goal again is one call), and its project, which never
 * changes (a link to an execution needs it); and of a token, its first organization. Owner: the
 * api. */
#ifndef API_GOAL_MEMO_H
#define API_GOAL_MEMO_H

#include "api/gate/task.h"

enum goal_fact { GOAL_SNAPSHOT, GOAL_PROJECT, GOAL_ORGANIZATION, GOAL_N_FACTS };

struct goal_memo *goal_memo_new(void);
void goal_memo_free(struct goal_memo *memo); /* NULL is fine */
/* An id; empty: not known, or no longer. */
struct str goal_memo_find(const struct task *task, enum goal_fact fact, struct str goal_id);
void goal_memo_keep(const struct task *task, enum goal_fact fact, struct str goal_id,
                    struct str id);

/* For rows that look something up (the calls "newest snapshot" and "organization of the token").
 * goal_memo_saves before the call: true if the answer is remembered; the plan has it then.
 * goal_memo_learn after the call: remembers its answer. */
bool goal_memo_saves(const struct task *task, enum named_call call, struct str goal_id);
void goal_memo_learn(const struct task *task, const struct call *call, struct str goal_id);

#endif
