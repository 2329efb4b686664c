#include "cache.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"

enum { ENTRY_COST = 512, ETAG_DIGITS = 32 };

static const char json_type_utf8[] = "application/json; charset=utf-8";

struct cache_entry {
    struct map_node node; /* key: `key` */
    struct list lru;      /* entries with an answer, oldest use first */
    struct digest key;
    char *body; /* NULL: no answer yet */
    size_t body_len;
    char etag[ETAG_DIGITS + 3];
    uint64_t stored_ms;
    uint64_t fresh_ms;
    uint64_t stale_ms;   /* may stand in for an error until then */
    struct task *leader; /* NULL: nobody fetches */
    struct list waiters;
};

/* A task's place in the cache: in its arena. */
struct cache_seat {
    struct list link; /* of waiters */
    struct task *task;
    struct cache_entry *entry;
    stage_fn resume;
};

enum { SNAPSHOTS_KEPT = 256, ID_BYTES = 24 };

/* A few look-ups, replaced in turn. */
struct snapshot {
    char goal_id[ID_BYTES];
    char snapshot_id[ID_BYTES];
    struct digest identity;
    uint64_t until_ms;
};

struct cache {
    struct snapshot snapshots[SNAPSHOTS_KEPT];
    size_t next_snapshot;
    struct map entries;
    struct list lru;
    size_t bytes;
    size_t max_bytes;
    uint64_t stale_if_error_ms;
    bool enabled;
    uint64_t generation; /* grows with each purge: what was fetched before it is not kept */
};

struct cache *cache_new(const struct config *config)
{
    struct cache *cache = mem_zalloc(sizeof(*cache));

    map_init(&cache->entries);
    list_init(&cache->lru);
    cache->max_bytes = config->cache.max_bytes;
    cache->stale_if_error_ms = (uint64_t)config->cache.stale_if_error_s * 1000;
    cache->enabled = config->cache.enabled;
    return cache;
}

static size_t cost_of(const struct cache_entry *entry)
{
    return ENTRY_COST + entry->body_len;
}

static void drop_body(struct cache *cache, struct cache_entry *entry)
{
    if (entry->body != NULL) {
        cache->bytes -= cost_of(entry);
        list_remove(&entry->lru);
        mem_free(entry->body);
        entry->body = NULL;
        entry->body_len = 0;
    }
}

/* Gone when nobody uses it and it holds nothing. */
static void tidy(struct cache *cache, struct cache_entry *entry)
{
    if (entry->leader == NULL && list_is_empty(&entry->waiters) && entry->body == NULL) {
        map_remove(&cache->entries, &entry->node);
        mem_free(entry);
    }
}

void cache_purge(struct cache *cache)
{
    cache->generation++;
    while (!list_is_empty(&cache->lru)) {
        struct cache_entry *entry = CONTAINER_OF(list_first(&cache->lru), struct cache_entry, lru);

        drop_body(cache, entry);
        tidy(cache, entry);
    }
    metric_set(M_CACHE_BYTES, (int64_t)cache->bytes);
}

void cache_free(struct cache *cache)
{
    if (cache != NULL) {
        cache_purge(cache);
        CHECK(cache->entries.n_nodes == 0);
        map_done(&cache->entries);
        mem_free(cache);
    }
}

static struct str key_view(const struct digest *key)
{
    return (struct str){(const char *)key->bytes, DIGEST_BYTES};
}

/* Whoever uses the stored token is one identity at the platform; a token of one's own is another.
 */
static struct str identity_of(const struct task *task)
{
    return task->principal.bearer.len > 0 ? key_view(&task->principal.owner) : STR("stored");
}

static struct cache_entry *entry_for(struct cache *cache, struct task *task)
{
    struct digest key;
    struct map_node *node;
    struct cache_entry *entry;
    const struct http_request *request = &task->exchange->request;

    digest_of_parts((struct str[]){identity_of(task), request->path, request->query}, 3, &key);
    node = map_find(&cache->entries, key_view(&key));
    if (node != NULL) {
        return CONTAINER_OF(node, struct cache_entry, node);
    }
    entry = mem_zalloc(sizeof(*entry));
    entry->key = key;
    list_init(&entry->waiters);
    map_insert(&cache->entries, &entry->node, key_view(&entry->key));
    return entry;
}

/* --- answering
 * ------------------------------------------------------------------------------------------ */

static bool matches_etag(const struct task *task, const struct cache_entry *entry)
{
    struct str wanted = exchange_header(task->exchange, "If-None-Match");

    return wanted.len > 0 && (str_is(wanted, "*") || str_contains(wanted, str_from(entry->etag)));
}

static enum stage_verdict answer_from(struct task *task, const struct cache_entry *entry,
                                      const char *status)
{
    struct exchange *exchange = task->exchange;
    struct str body = arena_str(task->arena, (struct str){entry->body, entry->body_len});

    exchange_set_header(exchange, "ETag", str_from(entry->etag));
    exchange_set_header(exchange, "Cache-Control", STR("private, no-cache"));
    exchange_set_header(exchange, "Cache-Status", str_from(status));
    exchange_set_header(
        exchange, "Age",
        arena_printf(task->arena, "%llu",
                     (unsigned long long)((clock_now_ms() - entry->stored_ms) / 1000)));
    if (matches_etag(task, entry)) {
        return task_reply(task, 304, NULL, STR_EMPTY);
    }
    return task_reply(task, 200, json_type_utf8, body);
}

static void on_waiter_cancel(struct task *task)
{
    struct cache_entry *entry = task->cache_seat->entry;

    list_remove(&task->cache_seat->link);
    task->cache_seat = NULL;
    tidy(task->api->cache, entry);
}

enum stage_verdict cache_begin(struct task *task, stage_fn resume)
{
    struct cache *cache = task->api->cache;
    struct cache_entry *entry;
    struct cache_seat *seat;

    if (!cache->enabled || task->raw || task->cache_seat != NULL) {
        return STAGE_CONTINUE;
    }
    entry = entry_for(cache, task);
    if (entry->body != NULL && clock_now_ms() < entry->fresh_ms) {
        metric_add(M_CACHE_HITS, 0, 0, 0, 1);
        list_remove(&entry->lru);
        list_append(&cache->lru, &entry->lru);
        return answer_from(task, entry, "virtuoso-proxy; hit");
    }
    seat = arena_zalloc(task->arena, sizeof(*seat));
    *seat = (struct cache_seat){.task = task, .entry = entry, .resume = resume};
    task->cache_seat = seat;
    task->cache_generation = cache->generation;
    if (entry->leader == NULL) {
        metric_add(M_CACHE_MISSES, 0, 0, 0, 1);
        entry->leader = task;
        return STAGE_CONTINUE;
    }
    list_append(&entry->waiters, &seat->link);
    task->on_cancel = on_waiter_cancel;
    return STAGE_WAIT;
}

static void keep(struct cache *cache, struct cache_entry *entry, struct str body, unsigned ttl_s)
{
    struct digest digest;
    char hex[65];

    drop_body(cache, entry);
    digest_of(body, &digest);
    digest_hex(&digest, hex);
    hex[ETAG_DIGITS] = '\0';
    entry->body = mem_dup(body.ptr, body.len);
    entry->body_len = body.len;
    entry->etag[0] = '"';
    mem_copy(entry->etag + 1, hex, ETAG_DIGITS);
    entry->etag[ETAG_DIGITS + 1] = '"';
    entry->etag[ETAG_DIGITS + 2] = '\0';
    entry->stored_ms = clock_now_ms();
    entry->fresh_ms = entry->stored_ms + (uint64_t)ttl_s * 1000;
    entry->stale_ms = entry->fresh_ms + (ttl_s > 0 ? cache->stale_if_error_ms : 0);
    cache->bytes += cost_of(entry);
    list_append(&cache->lru, &entry->lru);
}

static void make_room(struct cache *cache, const struct cache_entry *except)
{
    struct list *link;
    struct list *after;

    LIST_FOREACH_SAFE (link, after, &cache->lru) {
        struct cache_entry *entry = CONTAINER_OF(link, struct cache_entry, lru);

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

/* Waiters are taken out one by one: answering one may free it. */
static struct task *next_waiter(struct cache_entry *entry)
{
    struct list *first = list_take_first(&entry->waiters);
    struct cache_seat *seat = first != NULL ? CONTAINER_OF(first, struct cache_seat, link) : NULL;

    if (seat == NULL) {
        return NULL;
    }
    seat->task->cache_seat = NULL;
    return seat->task;
}

static struct cache_entry *leave_lead(struct task *task)
{
    struct cache_entry *entry = task->cache_seat->entry;

    task->cache_seat = NULL;
    entry->leader = NULL;
    return entry;
}

enum stage_verdict cache_reply(struct task *task, struct str body, unsigned ttl_s)
{
    struct cache *cache = task->api->cache;
    struct cache_entry *entry;
    struct task *waiter;
    bool keeps;

    if (task->cache_seat == NULL) {
        return task_reply(task, 200, json_type_utf8, body);
    }
    keeps = ttl_s > 0 && task->cache_generation == cache->generation;
    entry = leave_lead(task);
    keep(cache, entry, body, ttl_s);
    while ((waiter = next_waiter(entry)) != NULL) {
        metric_add(M_CACHE_HITS, 0, 0, 0, 1);
        (void)answer_from(waiter, entry, "virtuoso-proxy; fwd=miss; collapsed");
    }
    (void)answer_from(task, entry, "virtuoso-proxy; fwd=miss");
    if (!keeps) {
        drop_body(cache, entry);
    }
    make_room(cache, entry);
    tidy(cache, entry);
    return STAGE_DONE;
}

static bool may_be_stale(const struct error *err)
{
    return error_row(err->code)->status >= 500;
}

enum stage_verdict cache_fail(struct task *task)
{
    struct cache *cache = task->api->cache;
    struct error err = task->error;
    struct cache_entry *entry;
    struct task *waiter;
    bool stale;

    if (task->cache_seat == NULL) {
        return task_fail(task);
    }
    entry = leave_lead(task);
    stale = entry->body != NULL && may_be_stale(&err) && clock_now_ms() < entry->stale_ms;
    while ((waiter = next_waiter(entry)) != NULL) {
        waiter->error = err;
        (void)(stale ? answer_from(waiter, entry, "virtuoso-proxy; hit; fwd=stale; detail=error")
                     : task_fail(waiter));
    }
    (void)(stale ? answer_from(task, entry, "virtuoso-proxy; hit; fwd=stale; detail=error")
                 : task_fail(task));
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
    entry = leave_lead(task);
    waiter = next_waiter(entry);
    if (waiter != NULL) {
        struct cache_seat *seat = arena_zalloc(waiter->arena, sizeof(*seat));

        *seat = (struct cache_seat){.task = waiter, .entry = entry, .resume = resume};
        waiter->cache_seat = seat;
        waiter->on_cancel = NULL;
        entry->leader = waiter;
        (void)resume(waiter);
        return;
    }
    tidy(cache, entry);
}

static struct digest identity_digest(const struct task *task)
{
    struct digest digest;

    digest_of(identity_of(task), &digest);
    return digest;
}

struct str cache_snapshot_of(const struct task *task, struct str goal_id)
{
    const struct cache *cache = task->api->cache;
    struct digest identity = identity_digest(task);

    for (size_t i = 0; cache->enabled && i < SNAPSHOTS_KEPT; i++) {
        const struct snapshot *snapshot = &cache->snapshots[i];

        if (snapshot->until_ms > clock_now_ms() && str_is(goal_id, snapshot->goal_id) &&
            digest_equal(&snapshot->identity, &identity)) {
            return arena_str(task->arena, str_from(snapshot->snapshot_id));
        }
    }
    return STR_EMPTY;
}

void cache_snapshot_set(const struct task *task, struct str goal_id, struct str snapshot_id)
{
    struct cache *cache = task->api->cache;
    struct snapshot *snapshot = &cache->snapshots[cache->next_snapshot++ % SNAPSHOTS_KEPT];

    if (goal_id.len >= ID_BYTES || snapshot_id.len >= ID_BYTES || snapshot_id.len == 0) {
        return;
    }
    str_copy(snapshot->goal_id, ID_BYTES, goal_id);
    str_copy(snapshot->snapshot_id, ID_BYTES, snapshot_id);
    snapshot->identity = identity_digest(task);
    snapshot->until_ms = clock_now_ms() + (uint64_t)task->api->config->cache.snapshot_ttl_s * 1000;
}
