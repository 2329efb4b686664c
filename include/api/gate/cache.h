/* Answers to GET, kept for a while (RFC 9111 in a private way): by path, query and the identity at
 * the platform. Single flight: while one task fetches, others with the same key wait for its
 * answer. Who comes after a purge does not wait for a fetch that began before it.
 *
 *   cache_begin ─┬─► HIT   answered
 *                ├─► WAIT  another task fetches, and this one is answered by it
 *                └─► MISS  fetch, then cache_reply or cache_fail
 *
 * The request's own Cache-Control is obeyed (RFC 9111 section 5.2.1): no-store passes by, no-cache
 * and max-age ask for an answer that is new enough, max-stale accepts an expired one, only-if-cached
 * nothing but a kept one. An answer that has just expired serves all requests but the one that fetches the
 * next (stale-while-revalidate).
 * With cache.shared processes share answers and fetches (src/api/gate/cache_share.h).
 * The platform's Cache-Control shortens what is kept, or forbids it; must-revalidate and the like forbid that it is given
 * when it has expired.
 * A leader that is cancelled hands over to the first waiter. It is not known which
 * answers our own writes change, so a write drops all of them. Bounded by bytes; the least recently
 * used answer is dropped first. */
#ifndef API_CACHE_H
#define API_CACHE_H

#include "api/gate/task.h"

struct cache;

struct cache *cache_new(const struct api_options *options);
void cache_stop(struct cache *cache); /* nothing is asked of the shared store any more */
/* Entries stay. If the cache is smaller now, the next answer that is kept pushes the oldest out. */
void cache_configure(struct cache *cache, const struct config *config);
void cache_free(struct cache *cache); /* no task may wait */

/* DONE: a kept answer was sent. Only answers to valid requests are kept, so the request need not be checked
 * before. */
enum stage_verdict cache_look(struct task *task);
/* `resume` is what a waiter does when it becomes the leader. */
enum stage_verdict cache_begin(struct task *task, stage_fn resume); /* CONTINUE: fetch it */

/* The leader has an answer (200). An ETag among the headers is kept; Age, Cache-Status and Cache-Control are
 * left out, since this cache writes its own. But a Cache-Control with no-store goes on to whoever gets this answer. */
struct cache_answer {
    struct str body;
    struct str content_type; /* empty: JSON */
    const struct http_header *headers;
    size_t n_headers;
    unsigned age_s;   /* how old the answer was when it came */
    unsigned below_s; /* for so long another proxy of our kind may keep it, even if we do not */
    bool for_one;     /* for this caller only; the waiters ask the platform themselves */
};
/* Answers the leader and all waiters, and keeps the answer for ttl_s (0: not at all). */
enum stage_verdict cache_reply(struct task *task, const struct cache_answer *answer,
                               unsigned ttl_s);

/* What the platform's answer says about how long it may be kept; empty: nothing. */
struct cache_said {
    struct str control; /* all lines of Cache-Control, joined by commas */
    struct str age;     /* how old the answer was when it came */
    struct str expires;
    bool from_proxy; /* of our kind: `private` means us, max-age is the time left */
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
/* The same after a purge in another process: it is not passed on. */
size_t cache_forget(struct cache *cache);
/* Grows with each purge, of this process or of another one. */
uint64_t cache_generation(const struct cache *cache);

/* Is told of each purge. `is_ours`: this process has purged, and keeps answers (cache.enabled). */
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
