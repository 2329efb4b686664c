/* cache_share: the second tier of the cache, in the store that processes share (cache.shared), and single
 * flight between them. A request for which this process keeps no answer goes one of these ways:
 *
 *   begin ─► look ─► HIT: answered ◄──────────────────────┐
 *              └─► lease ─┬─► ours: fetch ─► put, let go ──┤
 *                         └─► another's: wait, look ───────┘ └─► fetch all the same
 *
 * A task that waits asks the platform itself when the holder of the lease lets go without an answer and no other
 * process has the lease, or after the longest time of a call (upstream.timeout_ms). While the store is away
 * each process asks for itself. Keys are digests of account, caller, path and query. An answer whose fetch
 * began before this process changed something is not taken from the store.
 * Owner: the cache. A flight belongs to one task until its answer is put. */
#ifndef API_GATE_CACHE_SHARE_H
#define API_GATE_CACHE_SHARE_H

#include "api/gate/cache.h"
#include "store/store.h"

struct cache_share;
struct cache_flight;

struct cache_share *cache_share_new(const struct api_options *options);
void cache_share_stop(struct cache_share *share); /* nothing is asked of the store any more */
void cache_share_free(struct cache_share *share); /* NULL is fine, for both */
/* This process has changed something: it takes no older answer from the store. */
void cache_share_purged(struct cache_share *share);

struct cache_shared {
    struct cache_answer answer; /* lives until on_end returns */
    unsigned ttl_s;             /* the time that is left */
};

/* The task leads the fetch of `key`. on_end comes from a later turn, once: with an answer, or NULL: fetch it. */
struct cache_flight *
cache_flight_begin(struct cache_share *share, struct task *task, struct str key, unsigned call_ms,
                   void (*on_end)(struct task *task, const struct cache_shared *found));
/* The fetch has ended, or the task has left. `answer` NULL: there is none for other processes. */
void cache_flight_end(struct cache_flight *flight, const struct cache_answer *answer,
                      unsigned ttl_s);

#endif
