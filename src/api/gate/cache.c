#include "api/gate/cache.h"

#include "base/clock.h"
#include "base/mem.h"
#include "cache_entry.h"
#include "cache_share.h"
#include "http/problem.h"

enum { ENTRY_COST = 512 };

/* A task's place in the cache: in its arena. A waiter stands in the entry's list with task->waits. */
struct cache_seat {
    struct cache_entry *entry;
    stage_fn resume;
    struct cache_flight *flight; /* of all processes; NULL: not shared */
    const char *forwards; /* Cache-Status (RFC 9211) of the leader: why the platform was asked */
};

struct cache {
    struct lru entries;
    size_t bytes;
    size_t max_bytes;
    uint64_t stale_if_error_ms;
    uint64_t stale_while_revalidate_ms;
    bool enabled;
    struct cache_share *share; /* NULL: there is no store */
    bool shared;               /* cache.shared */
    struct list watchers;
    uint64_t generation; /* grows with each purge: what was fetched before it is not kept */
};

struct cache *cache_new(const struct api_options *options)
{
    struct cache *cache = mem_zalloc(sizeof(*cache));

    lru_init(&cache->entries);
    list_init(&cache->watchers);
    cache->share = cache_share_new(options);
    cache_configure(cache, options->config);
    return cache;
}

void cache_stop(struct cache *cache)
{
    cache_share_stop(cache->share);
}

void cache_configure(struct cache *cache, const struct config *config)
{
    cache->max_bytes = config->cache.max_bytes;
    cache->stale_if_error_ms = (uint64_t)config->cache.stale_if_error_s * 1000;
    cache->stale_while_revalidate_ms = (uint64_t)config->cache.stale_while_revalidate_s * 1000;
    cache->enabled = config->cache.enabled;
    cache->shared = config->cache.shared && cache->share != NULL;
}

static size_t cost_of(const struct cache_entry *entry)
{
    return ENTRY_COST + entry->lru.node.key.len + entry->body_len + entry->extra.used_bytes;
}

static void drop_body(struct cache *cache, struct cache_entry *entry)
{
    if (entry->body != NULL) {
        cache->bytes -= cost_of(entry);
        lru_hold(&cache->entries, &entry->lru);
        mem_free(entry->body);
        arena_done(&entry->extra);
        entry->body = NULL;
        entry->body_len = 0;
    }
}

/* Frees an entry that no task uses and that holds no answer. */
static void tidy(struct cache *cache, struct cache_entry *entry)
{
    if (entry->leader == NULL && list_is_empty(&entry->waiters) && entry->body == NULL) {
        lru_remove(&cache->entries, &entry->lru);
        mem_free(entry);
    }
}

static size_t forget(struct cache *cache, bool is_ours)
{
    struct cache_entry *entry;
    struct cache_watcher *watcher;
    size_t n = 0;

    cache->generation++;
    if (cache->shared) {
        cache_share_purged(cache->share);
    }
    while ((entry = LRU_OLDEST(&cache->entries, struct cache_entry, lru)) != NULL) {
        drop_body(cache, entry);
        tidy(cache, entry);
        n++;
    }
    metric_set(M_CACHE_BYTES, (int64_t)cache->bytes);
    LIST_EACH_SAFE (watcher, &cache->watchers, link) {
        watcher->on_purge(watcher, is_ours && cache->enabled);
    }
    return n;
}

size_t cache_purge(struct cache *cache)
{
    return forget(cache, true);
}

size_t cache_forget(struct cache *cache)
{
    return forget(cache, false);
}

uint64_t cache_generation(const struct cache *cache)
{
    return cache->generation;
}

void cache_watch(struct cache *cache, struct cache_watcher *watcher)
{
    list_append(&cache->watchers, &watcher->link);
}

void cache_unwatch(struct cache_watcher *watcher)
{
    list_remove(&watcher->link);
}

void cache_free(struct cache *cache)
{
    if (cache != NULL) {
        (void)cache_forget(cache);
        lru_done(&cache->entries);
        cache_share_free(cache->share);
        mem_free(cache);
    }
}

static struct cache_entry *entry_for(struct cache *cache, struct task *task)
{
    struct str key = cache_entry_key(task);
    struct cache_entry *entry = LRU_FIND(&cache->entries, key, struct cache_entry, lru);

    if (entry != NULL) {
        return entry;
    }
    entry = mem_zalloc(sizeof(*entry) + key.len);
    mem_copy(entry->key, key.ptr, key.len);
    list_init(&entry->waiters);
    lru_add(&cache->entries, &entry->lru, (struct str){entry->key, key.len});
    lru_hold(&cache->entries, &entry->lru);
    return entry;
}

static void on_waiter_cancel(struct task *task)
{
    struct cache_entry *entry = task->cache_seat->entry;

    list_remove(&task->waits);
    task->cache_seat = NULL;
    tidy(task->api->cache, entry);
}

static enum stage_verdict answer_hit(struct task *task, struct cache_entry *entry,
                                     const char *status)
{
    metric_add(M_CACHE_HITS, 0, 0, 0, 1);
    lru_touch(&task->api->cache->entries, &entry->lru);
    return cache_entry_answer(task, entry, status);
}

static enum stage_verdict refuse_uncached(struct task *task)
{
    return task_refuse(
        task, ERR_UPSTREAM_TIMEOUT,
        "No answer to this request is cached, and only-if-cached forbids asking the platform");
}

static void take_seat(struct task *task, struct cache_entry *entry, stage_fn resume)
{
    struct cache_seat *seat = arena_zalloc(task->arena, sizeof(*seat));

    seat->entry = entry;
    seat->resume = resume;
    seat->forwards = entry->body == NULL                     ? "virtuoso-proxy; fwd=miss"
                     : clock_turn_age_ms() < entry->fresh_ms ? "virtuoso-proxy; fwd=request"
                                                             : "virtuoso-proxy; fwd=stale";
    task->cache_seat = seat;
}

/* --- other processes */

/* The key is the same in each process: account and address, the caller's token, path and query, and the prefix of our
 * paths for the caller. */
static struct str shared_key_of(const struct task *task)
{
    const struct http_request *request = &task->exchange->request;
    struct str base = task->exchange->base;
    char owner[65] = "";

    if (task->principal.bearer.len > 0) {
        digest_hex(&task->principal.owner, owner);
    }
    return arena_printf(task->arena, "%s %s %.*s?%.*s%s%.*s", task->platform->scope, owner,
                        STR_ARG(request->path), STR_ARG(request->query), base.len > 0 ? " " : "",
                        STR_ARG(base));
}

static void on_others(struct task *task, const struct cache_shared *found)
{
    struct cache_seat *seat = task->cache_seat;

    task->on_cancel = NULL;
    if (found != NULL) {
        metric_add(M_CACHE_HITS, 0, 0, 0, 1);
        seat->forwards = "virtuoso-proxy; hit; detail=shared";
        (void)cache_reply(task, &found->answer, found->ttl_s);
        return;
    }
    metric_add(M_CACHE_MISSES, 0, 0, 0, 1);
    (void)seat->resume(task);
}

static bool is_asked(const struct task *task, const struct cache_wish *wish)
{
    return task->api->cache->enabled && !task->raw && !wish->no_store && !wish->passes;
}

/* CONTINUE: *wish says what is wanted, if the cache is asked at all. */
static enum stage_verdict look(struct task *task, struct cache_wish *wish)
{
    struct cache *cache = task->api->cache;
    struct cache_entry *entry;

    if (task->cache_seat != NULL || task->passes_cache) {
        return STAGE_CONTINUE;
    }
    cache_wish_read(&task->exchange->request, wish);
    if (!is_asked(task, wish)) {
        return STAGE_CONTINUE;
    }
    entry = LRU_FIND(&cache->entries, cache_entry_key(task), struct cache_entry, lru);
    if (entry == NULL) {
        return STAGE_CONTINUE;
    }
    if (cache_entry_is_fresh(entry, wish)) {
        return answer_hit(task, entry, "virtuoso-proxy; hit");
    }
    if (cache_entry_serves_meanwhile(entry, wish) || cache_entry_may_be_old(entry, wish)) {
        return answer_hit(task, entry, "virtuoso-proxy; hit; detail=stale");
    }
    return STAGE_CONTINUE;
}

enum stage_verdict cache_look(struct task *task)
{
    struct cache_wish wish;

    return look(task, &wish);
}

enum stage_verdict cache_begin(struct task *task, stage_fn resume)
{
    struct cache *cache = task->api->cache;
    struct cache_wish wish;
    enum stage_verdict verdict = look(task, &wish);
    struct cache_entry *entry;

    if (verdict != STAGE_CONTINUE || task->cache_seat != NULL || task->passes_cache) {
        return verdict;
    }
    if (!is_asked(task, &wish)) {
        return wish.only_if_cached ? refuse_uncached(task) : STAGE_CONTINUE;
    }
    entry = entry_for(cache, task);
    if (wish.only_if_cached) {
        tidy(cache, entry);
        return refuse_uncached(task);
    }
    if (entry->leader != NULL &&
        (wish.max_age_ms != UINT64_MAX || entry->leader->cache_generation != cache->generation)) {
        return STAGE_CONTINUE; /* the fetch under way began too early for this request: fetch once more */
    }
    take_seat(task, entry, resume);
    task->cache_generation = cache->generation;
    if (entry->leader == NULL) {
        entry->leader = task;
        if (cache->shared && wish.max_age_ms == UINT64_MAX && wish.min_fresh_ms == 0) {
            task->on_cancel = cache_abandon;
            task->cache_seat->flight =
                cache_flight_begin(cache->share, task, shared_key_of(task),
                                   task->config->upstream.timeout_ms, on_others);
            return STAGE_WAIT;
        }
        metric_add(M_CACHE_MISSES, 0, 0, 0, 1);
        return STAGE_CONTINUE;
    }
    list_append(&entry->waiters, &task->waits);
    task->on_cancel = on_waiter_cancel;
    return STAGE_WAIT;
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void keep(struct cache *cache, struct cache_entry *entry, const struct cache_answer *answer,
                 unsigned ttl_s)
{
    uint64_t now = clock_turn_age_ms();
    uint64_t age_ms = (uint64_t)answer->age_s * 1000;
    struct cache_stale stale;

    drop_body(cache, entry);
    cache_stale_read(answer, &stale);
    cache_entry_fill(entry, answer);
    entry->body = mem_dup(answer->body.ptr, answer->body.len);
    entry->body_len = answer->body.len;
    entry->stored_ms = age_ms < now ? now - age_ms : 0;
    entry->fresh_ms = now + (uint64_t)ttl_s * 1000;
    entry->below_ms = now + (uint64_t)answer->below_s * 1000;
    entry->must_revalidate = stale.never;
    entry->revalidate_ms =
        entry->fresh_ms +
        (ttl_s > 0 ? lesser(cache->stale_while_revalidate_ms, stale.meanwhile_ms) : 0);
    entry->stale_ms =
        entry->fresh_ms + (ttl_s > 0 ? lesser(cache->stale_if_error_ms, stale.error_ms) : 0);
    cache->bytes += cost_of(entry);
    lru_touch(&cache->entries, &entry->lru);
}

static void make_room(struct cache *cache, const struct cache_entry *except)
{
    struct cache_entry *entry;

    LIST_EACH_SAFE (entry, &cache->entries.order, lru.link) {
        if (cache->bytes <= cache->max_bytes) {
            break;
        }
        if (entry != except) {
            drop_body(cache, entry);
            tidy(cache, entry);
        }
    }
    metric_set(M_CACHE_BYTES, (int64_t)cache->bytes);
}

/* Waiters are taken out one at a time, since answering a waiter may free it. */
static struct task *next_waiter(struct cache_entry *entry)
{
    struct task *task = CONTAINER_OR_NULL(list_take_first(&entry->waiters), struct task, waits);

    if (task != NULL) {
        task->cache_seat = NULL;
    }
    return task;
}

/* `answer`: for other processes; NULL: none. */
static struct cache_entry *leave_lead(struct task *task, const struct cache_answer *answer,
                                      unsigned ttl_s)
{
    struct cache_entry *entry = task->cache_seat->entry;

    if (task->cache_seat->flight != NULL) {
        cache_flight_end(task->cache_seat->flight, answer, ttl_s);
    }
    task->cache_seat = NULL;
    entry->leader = NULL;
    return entry;
}

enum stage_verdict cache_reply(struct task *task, const struct cache_answer *answer, unsigned ttl_s)
{
    struct cache *cache = task->api->cache;
    struct cache_entry *entry;
    struct task *waiter;
    const char *forwards;
    bool keeps;

    if (task->cache_seat == NULL) {
        return task_reply(task, 200, cache_json_type, answer->body);
    }
    keeps = ttl_s > 0 && !answer->for_one && task->cache_generation == cache->generation;
    /* The answer is for the leader alone: all waiters ask the platform themselves, at once. */
    while (answer->for_one && (waiter = next_waiter(task->cache_seat->entry)) != NULL) {
        waiter->passes_cache = true;
        waiter->on_cancel = NULL;
        (void)task->cache_seat->resume(waiter);
    }
    forwards = task->cache_seat->forwards;
    entry = leave_lead(task, keeps ? answer : NULL, ttl_s);
    keep(cache, entry, answer, keeps ? ttl_s : 0);
    if (task->cache_generation != cache->generation) {
        entry->below_ms = 0; /* the answer may be older than the change that purged */
    }
    while ((waiter = next_waiter(entry)) != NULL) {
        metric_add(M_CACHE_HITS, 0, 0, 0, 1);
        (void)cache_entry_answer(waiter, entry, "virtuoso-proxy; fwd=miss; collapsed");
    }
    (void)cache_entry_answer(task, entry, forwards);
    if (!keeps) {
        drop_body(cache, entry);
    }
    make_room(cache, entry);
    tidy(cache, entry);
    return STAGE_DONE;
}

static void fail_or_stale(struct task *task, struct cache_entry *entry)
{
    bool may_be_stale = problem_row(task->error.code)->status >= 500;

    (void)(may_be_stale && cache_entry_stands_in(entry, task)
               ? cache_entry_answer(task, entry, "virtuoso-proxy; hit; fwd=stale; detail=error")
               : task_fail(task));
}

enum stage_verdict cache_fail(struct task *task)
{
    struct cache *cache = task->api->cache;
    struct error err = task->error;
    struct cache_entry *entry;
    struct task *waiter;

    if (task->cache_seat == NULL) {
        return task_fail(task);
    }
    entry = leave_lead(task, NULL, 0);
    while ((waiter = next_waiter(entry)) != NULL) {
        waiter->error = err;
        fail_or_stale(waiter, entry);
    }
    fail_or_stale(task, entry);
    tidy(cache, entry);
    return STAGE_DONE;
}

void cache_abandon(struct task *task)
{
    struct cache *cache = task->api->cache;
    struct cache_entry *entry;
    struct task *waiter;
    stage_fn resume;

    if (task->cache_seat == NULL) {
        return;
    }
    resume = task->cache_seat->resume;
    entry = leave_lead(task, NULL, 0);
    waiter = next_waiter(entry);
    if (waiter != NULL) {
        take_seat(waiter, entry, resume);
        waiter->on_cancel = NULL;
        entry->leader = waiter;
        waiter->cache_generation = cache->generation; /* its own fetch begins now */
        (void)resume(waiter);
        return;
    }
    tidy(cache, entry);
}
