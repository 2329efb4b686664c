#include "api/gate/cache.h"

#include "api/gate/media.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/lru.h"
#include "base/mem.h"
#include "cache_wish.h"

enum { ENTRY_COST = 512, ETAG_DIGITS = 32 };

static const char json_type_utf8[] = "application/json; charset=utf-8";

struct cache_entry {
    struct lru_entry lru; /* key: `key`. Held while it has no answer */
    struct digest key;
    char *body; /* NULL: no answer yet */
    size_t body_len;
    struct arena extra; /* texts of the answer beside its body; begun with it */
    const char *content_type;
    struct str etag;
    struct http_header *headers;
    size_t n_headers;
    uint64_t stored_ms;
    uint64_t fresh_ms;
    uint64_t revalidate_ms; /* until then all requests but the one that fetches a new answer get
                             * this one */
    uint64_t stale_ms;      /* until then it may be given instead of an error */
    struct task *leader;    /* NULL: nobody fetches */
    struct list waiters;
};

/* A task's place in the cache: in its arena. */
struct cache_seat {
    struct list link; /* of waiters */
    struct task *task;
    struct cache_entry *entry;
    stage_fn resume;
    const char
        *forwards; /* Cache-Status of the leader's answer: why the platform was asked (RFC 9211) */
};

struct cache {
    struct lru entries;
    size_t bytes;
    size_t max_bytes;
    uint64_t stale_if_error_ms;
    uint64_t stale_while_revalidate_ms;
    bool enabled;
    uint64_t generation; /* grows with each purge: what was fetched before it is not kept */
};

struct cache *cache_new(const struct config *config)
{
    struct cache *cache = mem_zalloc(sizeof(*cache));

    lru_init(&cache->entries);
    cache_configure(cache, config);
    return cache;
}

void cache_configure(struct cache *cache, const struct config *config)
{
    cache->max_bytes = config->cache.max_bytes;
    cache->stale_if_error_ms = (uint64_t)config->cache.stale_if_error_s * 1000;
    cache->stale_while_revalidate_ms = (uint64_t)config->cache.stale_while_revalidate_s * 1000;
    cache->enabled = config->cache.enabled;
}

static size_t cost_of(const struct cache_entry *entry)
{
    return ENTRY_COST + entry->body_len + entry->extra.used_bytes;
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

/* Gone when nobody uses it and it holds nothing. */
static void tidy(struct cache *cache, struct cache_entry *entry)
{
    if (entry->leader == NULL && list_is_empty(&entry->waiters) && entry->body == NULL) {
        lru_remove(&cache->entries, &entry->lru);
        mem_free(entry);
    }
}

size_t cache_purge(struct cache *cache)
{
    struct cache_entry *entry;
    size_t n = 0;

    cache->generation++;
    while ((entry = LRU_OLDEST(&cache->entries, struct cache_entry, lru)) != NULL) {
        drop_body(cache, entry);
        tidy(cache, entry);
        n++;
    }
    metric_set(M_CACHE_BYTES, (int64_t)cache->bytes);
    return n;
}

void cache_free(struct cache *cache)
{
    if (cache != NULL) {
        (void)cache_purge(cache);
        lru_done(&cache->entries);
        mem_free(cache);
    }
}

struct str cache_identity(const struct task *task)
{
    if (task->principal.bearer.len > 0) {
        return digest_view(&task->principal.owner);
    }
    return task->platform->tenant.len > 0
               ? arena_printf(task->arena, "stored for %.*s", STR_ARG(task->platform->tenant))
               : STR("stored");
}

static struct cache_entry *entry_for(struct cache *cache, struct task *task)
{
    struct digest key;
    struct cache_entry *entry;
    const struct http_request *request = &task->exchange->request;

    digest_of_parts((struct str[]){cache_identity(task), request->path, request->query}, 3, &key);
    entry = LRU_FIND(&cache->entries, digest_view(&key), struct cache_entry, lru);
    if (entry != NULL) {
        return entry;
    }
    entry = mem_zalloc(sizeof(*entry));
    entry->key = key;
    list_init(&entry->waiters);
    lru_add(&cache->entries, &entry->lru, digest_view(&entry->key));
    lru_hold(&cache->entries, &entry->lru);
    return entry;
}

/* ---- answering ---- */

static struct str opaque_tag(struct str etag)
{
    return str_starts(etag, STR("W/")) ? str_sub(etag, 2, etag.len) : etag;
}

/* Weak comparison (RFC 9110 section 13.1.2). */
static bool matches_etag(const struct task *task, const struct cache_entry *entry)
{
    struct str wanted = exchange_header(task->exchange, "If-None-Match");
    struct str tag;

    if (str_is(wanted, "*")) {
        return true;
    }
    while (header_list_next(&wanted, &tag)) {
        if (tag.len > 0 && str_eq(opaque_tag(tag), opaque_tag(entry->etag))) {
            return true;
        }
    }
    return false;
}

static enum stage_verdict answer_from(struct task *task, const struct cache_entry *entry,
                                      const char *status)
{
    struct exchange *exchange = task->exchange;
    struct str body = arena_str(task->arena, (struct str){entry->body, entry->body_len});

    for (size_t i = 0; i < entry->n_headers; i++) {
        exchange_set_header(exchange, arena_cstr(task->arena, entry->headers[i].name),
                            entry->headers[i].value);
    }
    exchange_set_header(exchange, "ETag", entry->etag);
    exchange_set_header(exchange, "Cache-Control", STR("private, no-cache"));
    exchange_set_header(exchange, "Cache-Status", str_from(status));
    exchange_set_header(
        exchange, "Age",
        arena_printf(task->arena, "%llu",
                     (unsigned long long)((clock_age_ms() - entry->stored_ms) / 1000)));
    if (matches_etag(task, entry)) {
        return task_reply(task, 304, NULL, STR_EMPTY);
    }
    return task_reply(task, 200, arena_cstr(task->arena, str_from(entry->content_type)), body);
}

/* ---- what may answer ---- */

static bool is_new_enough(const struct cache_entry *entry, const struct cache_wish *wish)
{
    uint64_t now = clock_age_ms();

    return wish->max_age_ms == UINT64_MAX ||
           (wish->max_age_ms > 0 && now - entry->stored_ms <= wish->max_age_ms);
}

static bool is_fresh(const struct cache_entry *entry, const struct cache_wish *wish)
{
    return entry->body != NULL && is_new_enough(entry, wish) &&
           clock_age_ms() + wish->min_fresh_ms < entry->fresh_ms;
}

/* Expired, but the request says that so much is fine. Never past the time for errors. */
static bool may_be_old(const struct cache_entry *entry, const struct cache_wish *wish)
{
    uint64_t now = clock_age_ms();

    return entry->body != NULL && wish->max_stale_ms > 0 && is_new_enough(entry, wish) &&
           now < entry->stale_ms &&
           (now < entry->fresh_ms || now - entry->fresh_ms <= wish->max_stale_ms);
}

/* Somebody fetches the next one already, and the request has no wish of its own. */
static bool serves_meanwhile(const struct cache_entry *entry, const struct cache_wish *wish)
{
    return entry->body != NULL && entry->leader != NULL && wish->min_fresh_ms == 0 &&
           is_new_enough(entry, wish) && clock_age_ms() < entry->revalidate_ms;
}

/* There was no answer. A request that asked for a newer answer gets the error (RFC 9111 section
 * 5.2.1.4). */
static bool stands_in(const struct cache_entry *entry, const struct task *task)
{
    struct cache_wish wish;

    cache_wish_read(&task->exchange->request, &wish);
    return entry->body != NULL && is_new_enough(entry, &wish) && clock_age_ms() < entry->stale_ms;
}

static void on_waiter_cancel(struct task *task)
{
    struct cache_entry *entry = task->cache_seat->entry;

    list_remove(&task->cache_seat->link);
    task->cache_seat = NULL;
    tidy(task->api->cache, entry);
}

static enum stage_verdict answer_hit(struct task *task, struct cache_entry *entry,
                                     const char *status)
{
    metric_add(M_CACHE_HITS, 0, 0, 0, 1);
    lru_touch(&task->api->cache->entries, &entry->lru);
    return answer_from(task, entry, status);
}

static enum stage_verdict refuse_uncached(struct task *task)
{
    (void)error_set(
        &task->error, ERR_UPSTREAM_TIMEOUT,
        "No answer to this request is cached, and only-if-cached forbids asking the platform");
    return task_fail(task);
}

static const char *why_forwarded(const struct cache_entry *entry)
{
    if (entry->body == NULL) {
        return "virtuoso-proxy; fwd=miss";
    }
    return clock_age_ms() < entry->fresh_ms ? "virtuoso-proxy; fwd=request"
                                            : "virtuoso-proxy; fwd=stale";
}

enum stage_verdict cache_begin(struct task *task, stage_fn resume)
{
    struct cache *cache = task->api->cache;
    struct cache_wish wish;
    struct cache_entry *entry;
    struct cache_seat *seat;

    if (task->cache_seat != NULL || task->passes_cache) {
        return STAGE_CONTINUE;
    }
    cache_wish_read(&task->exchange->request, &wish);
    if (!cache->enabled || task->raw || wish.no_store || wish.passes) {
        return wish.only_if_cached ? refuse_uncached(task) : STAGE_CONTINUE;
    }
    entry = entry_for(cache, task);
    if (is_fresh(entry, &wish)) {
        return answer_hit(task, entry, "virtuoso-proxy; hit");
    }
    if (serves_meanwhile(entry, &wish) || may_be_old(entry, &wish)) {
        return answer_hit(task, entry, "virtuoso-proxy; hit; detail=stale");
    }
    if (wish.only_if_cached) {
        tidy(cache, entry);
        return refuse_uncached(task);
    }
    if (entry->leader != NULL && wish.max_age_ms != UINT64_MAX) {
        return STAGE_CONTINUE; /* the fetch under way began before this request: asked again */
    }
    seat = arena_zalloc(task->arena, sizeof(*seat));
    *seat = (struct cache_seat){
        .task = task, .entry = entry, .resume = resume, .forwards = why_forwarded(entry)};
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

static struct str etag_of(struct arena *arena, struct str body)
{
    struct digest digest;
    char hex[65];

    digest_of(body, &digest);
    digest_hex(&digest, hex);
    return arena_printf(arena, "\"%.*s\"", ETAG_DIGITS, hex);
}

static bool is_this_caches(struct str name)
{
    return str_is_nocase(name, "Cache-Control") || str_is_nocase(name, "Age") ||
           str_is_nocase(name, "Expires") || str_is_nocase(name, "Pragma") ||
           str_is_nocase(name, "Cache-Status");
}

static void keep_headers(struct cache_entry *entry, const struct cache_answer *answer)
{
    struct arena *arena = &entry->extra;

    arena_init(arena);
    entry->etag = STR_EMPTY;
    entry->n_headers = 0;
    entry->headers = arena_calloc(arena, answer->n_headers, sizeof(*entry->headers));
    entry->content_type =
        answer->content_type.len > 0 ? arena_cstr(arena, answer->content_type) : json_type_utf8;
    for (size_t i = 0; i < answer->n_headers; i++) {
        const struct http_header *header = &answer->headers[i];

        if (str_is_nocase(header->name, "ETag")) {
            entry->etag = arena_str(arena, header->value);
        } else if (!is_this_caches(header->name)) {
            entry->headers[entry->n_headers++] = (struct http_header){
                .name = arena_str(arena, header->name), .value = arena_str(arena, header->value)};
        }
    }
    if (entry->etag.len == 0) {
        entry->etag = etag_of(arena, answer->body);
    }
}

static void keep(struct cache *cache, struct cache_entry *entry, const struct cache_answer *answer,
                 unsigned ttl_s)
{
    drop_body(cache, entry);
    keep_headers(entry, answer);
    entry->body = mem_dup(answer->body.ptr, answer->body.len);
    entry->body_len = answer->body.len;
    entry->stored_ms = clock_age_ms();
    entry->fresh_ms = entry->stored_ms + (uint64_t)ttl_s * 1000;
    entry->revalidate_ms = entry->fresh_ms + (ttl_s > 0 ? cache->stale_while_revalidate_ms : 0);
    entry->stale_ms = entry->fresh_ms + (ttl_s > 0 ? cache->stale_if_error_ms : 0);
    cache->bytes += cost_of(entry);
    lru_touch(&cache->entries, &entry->lru);
}

static void make_room(struct cache *cache, const struct cache_entry *except)
{
    struct list *link;
    struct list *after;

    LIST_FOREACH_SAFE (link, after, &cache->entries.order) {
        struct cache_entry *entry = CONTAINER_OF(link, struct cache_entry, lru.link);

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

/* All at once, each for itself: what the leader was told is not for them. */
static void send_waiters(const struct cache_seat *leader)
{
    struct task *waiter;

    while ((waiter = next_waiter(leader->entry)) != NULL) {
        waiter->passes_cache = true;
        waiter->on_cancel = NULL;
        (void)leader->resume(waiter);
    }
}

enum stage_verdict cache_reply(struct task *task, const struct cache_answer *answer, unsigned ttl_s)
{
    struct cache *cache = task->api->cache;
    struct cache_entry *entry;
    struct task *waiter;
    const char *forwards;
    bool keeps;

    if (task->cache_seat == NULL) {
        return task_reply(task, 200, json_type_utf8, answer->body);
    }
    keeps = ttl_s > 0 && !answer->for_one && task->cache_generation == cache->generation;
    if (answer->for_one) {
        send_waiters(task->cache_seat);
    }
    forwards = task->cache_seat->forwards;
    entry = leave_lead(task);
    keep(cache, entry, answer, ttl_s);
    while ((waiter = next_waiter(entry)) != NULL) {
        metric_add(M_CACHE_HITS, 0, 0, 0, 1);
        (void)answer_from(waiter, entry, "virtuoso-proxy; fwd=miss; collapsed");
    }
    (void)answer_from(task, entry, forwards);
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

static void fail_or_stale(struct task *task, struct cache_entry *entry)
{
    (void)(may_be_stale(&task->error) && stands_in(entry, task)
               ? answer_from(task, entry, "virtuoso-proxy; hit; fwd=stale; detail=error")
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
    entry = leave_lead(task);
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
