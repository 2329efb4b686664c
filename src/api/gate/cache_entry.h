/* One answer of the cache, the requests that wait for it, and what they want. Owner: the cache. */
#ifndef API_CACHE_ENTRY_H
#define API_CACHE_ENTRY_H

#include "api/gate/cache.h"
#include "base/lru.h"
#include "http/exchange.h"

/* What a request asks of a cache on its way (RFC 9111 section 5.2.1). */
struct cache_wish {
    bool no_store;         /* neither take from the cache nor keep */
    bool passes;           /* only the platform can answer it */
    bool only_if_cached;   /* rather 504 than a call */
    uint64_t max_age_ms;   /* UINT64_MAX: any age; 0: none, also for no-cache */
    uint64_t min_fresh_ms; /* at least so long before it expires */
    uint64_t max_stale_ms; /* so long after it has expired; UINT64_MAX: however long */
    /* Limits of the time since it has expired, for what this cache would do by itself; UINT64_MAX: none. */
    uint64_t meanwhile_ms; /* while another request fetches */
    uint64_t error_ms;     /* instead of an error */
};

/* All Cache-Control lines of the request; Pragma: no-cache where there is none. */
void cache_wish_read(const struct http_request *request, struct cache_wish *out);

/* What the platform allows of an answer that has expired (must-revalidate, stale-if-error and so on). */
struct cache_stale {
    uint64_t meanwhile_ms; /* UINT64_MAX: it says nothing, as below */
    uint64_t error_ms;
    bool never; /* whatever the request says */
};

void cache_stale_read(const struct cache_answer *answer, struct cache_stale *out);

struct cache_entry {
    struct lru_entry lru; /* key: `key`. Held while it has no answer */
    char *body;           /* NULL: no answer yet */
    size_t body_len;
    struct arena extra; /* texts of the answer beside its body; begun with it */
    const char *content_type;
    struct str etag;
    struct str lines;    /* of the answer's head, with ETag */
    unsigned lines_hold; /* as exchange_add_lines wants it */
    uint64_t stored_ms;
    uint64_t fresh_ms;
    uint64_t below_ms;      /* until then a proxy of our kind may keep it */
    uint64_t revalidate_ms; /* until then all requests but the one that fetches a new answer get
                             * this one */
    uint64_t stale_ms;      /* until then it may be given instead of an error */
    bool must_revalidate;   /* the platform says that it may never be given when it has expired */
    struct task *leader;    /* the task that fetches; NULL: none */
    struct list waiters;
    char key[]; /* cache_entry_key */
};

extern const char cache_json_type[];

/* The key of the answer to this request, in the task's arena. */
struct str cache_entry_key(const struct task *task);

/* Texts of the answer beside its body; `extra` must be empty. */
void cache_entry_fill(struct cache_entry *entry, const struct cache_answer *answer);
/* `status` is Cache-Status (RFC 9211). */
enum stage_verdict cache_entry_answer(struct task *task, const struct cache_entry *entry,
                                      const char *status);

/* May the entry answer a request with this wish? */
bool cache_entry_is_fresh(const struct cache_entry *entry, const struct cache_wish *wish);
bool cache_entry_may_be_old(const struct cache_entry *entry, const struct cache_wish *wish);
bool cache_entry_serves_meanwhile(const struct cache_entry *entry, const struct cache_wish *wish);
bool cache_entry_stands_in(const struct cache_entry *entry, const struct task *task);

#endif
