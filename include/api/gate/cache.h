/* Answers to GET, kept for a while (RFC 9111 in a private way): by path, query and the identity at
 * the platform. Single flight: while one task fetches, others with the same key wait for its
 * answer.
 *
 *   cache_begin ─┬─► HIT   answered
 *                ├─► WAIT  another task fetches, and this one is answered by it
 *                └─► MISS  fetch, then cache_reply or cache_fail
 *
 * The request's own Cache-Control is obeyed (RFC 9111 section 5.2.1): no-store passes by, no-cache
 * and max-age ask for an answer that is new enough, max-stale and only-if-cached for less. An answer
 * that has just expired serves all but the one who fetches the next (stale-while-revalidate).
 * With cache.shared processes share answers and fetches (src/api/gate/cache_share.h).
 * The platform's Cache-Control shortens what is kept, or forbids it.
 * A leader that is cancelled hands over to the first waiter. What our own writes change is unknown
 * in detail, so a write drops everything. Bounded by bytes, least recently used first. */
#ifndef API_CACHE_H
#define API_CACHE_H

#include "api/gate/task.h"

struct cache;

struct cache *cache_new(const struct api_options *options);
void cache_stop(struct cache *cache); /* nothing is asked of the shared store any more */
/* Entries stay. If the cache is smaller now, the next answer that is kept pushes the oldest out. */
void cache_configure(struct cache *cache, const struct config *config);
void cache_free(struct cache *cache); /* nobody may wait */

/* DONE: what is kept answers it. An answer is kept only of a request that was right, so nothing of it needs to be
 * read before. */
enum stage_verdict cache_look(struct task *task);
/* `resume` is what a waiter does when it becomes the leader. */
enum stage_verdict cache_begin(struct task *task, stage_fn resume); /* CONTINUE: fetch it */

/* The leader has an answer (200). An ETag among the headers is the answer's own; Cache-Control, Age, Expires and Cache-Status are this cache's to say and left out. */
struct cache_answer {
    struct str body;
    struct str content_type; /* empty: JSON */
    const struct http_header *headers;
    size_t n_headers;
    unsigned age_s;   /* so old it was when it came */
    unsigned below_s; /* for so long a proxy of our kind may keep it, also where we do not */
    bool for_one;     /* for this caller only; who waited for it asks the platform anew */
};
/* Kept for ttl_s (0: only given to the waiters), given to all. */
enum stage_verdict cache_reply(struct task *task, const struct cache_answer *answer,
                               unsigned ttl_s);

/* What the platform's answer says about its keeping; empty: nothing. */
struct cache_said {
    struct str control; /* all lines of Cache-Control, joined by commas */
    struct str age;     /* so old it was when it came */
    struct str expires;
    bool from_proxy; /* of our kind: `private` means us, and max-age is what is left */
};

/* For how long such an answer may be kept: at most ttl_s, 0 where it says no-store, private, no-cache or
 * something that cannot be read (RFC 9111 sections 5.2.2 and 5.3). */
unsigned cache_keep_s(const struct cache_said *said, unsigned ttl_s);
/* How many proxies of our kind the request has passed. */
unsigned cache_n_hops(const struct exchange *exchange);

/* The leader failed (task->error): a stale answer if there is one that may stand in, else the error
 * for all. */
enum stage_verdict cache_fail(struct task *task);
/* The leader's client left. */
void cache_abandon(struct task *task);
size_t cache_purge(struct cache *cache); /* how many answers it held */
/* The same, because somebody else has purged: nobody is told. */
size_t cache_forget(struct cache *cache);
/* Grows with each purge, whoever's it was. */
uint64_t cache_generation(const struct cache *cache);

/* Told whenever that grows. `is_ours`: this process has purged, and keeps answers (cache.enabled). */
struct cache_watcher {
    struct list link;
    void (*on_purge)(struct cache_watcher *watcher, bool is_ours);
};

void cache_watch(struct cache *cache, struct cache_watcher *watcher);
void cache_unwatch(struct cache_watcher *watcher); /* idempotent; zeroed is fine */

/* The caller and the platform as a part of keys. All callers who use the platform's stored token share one; each
 * token that a caller brings has its own. */
struct str cache_identity(const struct task *task);

#endif
