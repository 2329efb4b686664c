/* Answers to GET, kept for a while (RFC 9111 in a private way): by path, query and the identity at
 * the platform. Single flight: while one task fetches, others with the same key wait for its
 * answer.
 *
 *   cache_begin ─► HIT (answered) | WAIT (another fetches; answered by it) | MISS: fetch, then
 * cache_reply or cache_fail
 *
 * A leader that is cancelled hands over to the first waiter. What our own writes change is unknown
 * in detail, so a write drops everything. Bounded by bytes, least recently used first. */
#ifndef API_CACHE_H
#define API_CACHE_H

#include "api_internal.h"

struct cache;

struct cache *cache_new(const struct config *config);
void cache_free(struct cache *cache); /* nobody may wait */

/* `resume` is what a waiter does when it becomes the leader. */
enum stage_verdict cache_begin(struct task *task, stage_fn resume); /* CONTINUE: fetch it */
/* The leader has an answer (JSON text, 200): kept for ttl_s (0: only given to the waiters), given
 * to all. */
enum stage_verdict cache_reply(struct task *task, struct str body, unsigned ttl_s);
/* The leader failed (task->error): a stale answer if there is one that may stand in, else the error
 * for all. */
enum stage_verdict cache_fail(struct task *task);
/* The leader's client left. */
void cache_abandon(struct task *task);
void cache_purge(struct cache *cache);

/* The newest snapshot of a goal, remembered for cache.snapshot_ttl_s by what looked it up. Empty:
 * not known. */
struct str cache_snapshot_of(const struct task *task, struct str goal_id);
void cache_snapshot_set(const struct task *task, struct str goal_id, struct str snapshot_id);

#endif
