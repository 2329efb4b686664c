/* What a kept answer is, which requests it may answer, and how it is sent. */
#include "cache_entry.h"

#include "api/gate/etag.h"
#include "api/gate/media.h"
#include "base/clock.h"

const char cache_json_type[] = "application/json; charset=utf-8";

/* ---- keeping ---- */

static bool is_this_caches(struct str name)
{
    return str_is_nocase(name, "Cache-Control") || str_is_nocase(name, "Age") ||
           str_is_nocase(name, "Expires") || str_is_nocase(name, "Pragma") ||
           str_is_nocase(name, "Cache-Status");
}

void cache_entry_fill(struct cache_entry *entry, const struct cache_answer *answer)
{
    struct arena *arena = &entry->extra;

    arena_init(arena);
    entry->etag = STR_EMPTY;
    entry->n_headers = 0;
    entry->headers = arena_calloc(arena, answer->n_headers, sizeof(*entry->headers));
    entry->content_type =
        answer->content_type.len > 0 ? arena_cstr(arena, answer->content_type) : cache_json_type;
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

/* ---- answering ---- */

/* A caller asks each time, and is answered from here. A proxy of our kind keeps the answer for its own callers. */
static struct str control_of(const struct task *task, const struct cache_entry *entry)
{
    uint64_t now = clock_turn_age_ms();
    uint64_t left_s = entry->below_ms > now ? (entry->below_ms - now) / 1000 : 0;

    if (left_s == 0 || cache_n_hops(task->exchange) == 0) {
        return STR("private, no-cache");
    }
    return arena_printf(task->arena, "private, max-age=%llu", (unsigned long long)left_s);
}

enum stage_verdict cache_entry_answer(struct task *task, const struct cache_entry *entry,
                                      const char *status)
{
    struct exchange *exchange = task->exchange;
    struct str body = arena_str(task->arena, (struct str){entry->body, entry->body_len});

    for (size_t i = 0; i < entry->n_headers; i++) {
        exchange_set_header(exchange, arena_cstr(task->arena, entry->headers[i].name),
                            entry->headers[i].value);
    }
    exchange_set_header(exchange, "ETag", entry->etag);
    exchange_set_header(exchange, "Cache-Control", control_of(task, entry));
    exchange_set_header(exchange, "Cache-Status", str_from(status));
    exchange_set_header(
        exchange, "Age",
        arena_int(task->arena, (int64_t)((clock_turn_age_ms() - entry->stored_ms) / 1000)));
    if (etag_is_had(task, entry->etag)) {
        return task_reply(task, 304, NULL, STR_EMPTY);
    }
    return task_reply(task, 200, arena_cstr(task->arena, str_from(entry->content_type)), body);
}

/* ---- what may answer ---- */

static bool is_new_enough(const struct cache_entry *entry, const struct cache_wish *wish)
{
    uint64_t now = clock_turn_age_ms();

    return wish->max_age_ms == UINT64_MAX ||
           (wish->max_age_ms > 0 && now - entry->stored_ms <= wish->max_age_ms);
}

bool cache_entry_is_fresh(const struct cache_entry *entry, const struct cache_wish *wish)
{
    return entry->body != NULL && is_new_enough(entry, wish) &&
           clock_turn_age_ms() + wish->min_fresh_ms < entry->fresh_ms;
}

/* Expired, but the request says that so much is fine. Never past the time for errors. */
bool cache_entry_may_be_old(const struct cache_entry *entry, const struct cache_wish *wish)
{
    uint64_t now = clock_turn_age_ms();

    return entry->body != NULL && wish->max_stale_ms > 0 && is_new_enough(entry, wish) &&
           now < entry->stale_ms &&
           (now < entry->fresh_ms || now - entry->fresh_ms <= wish->max_stale_ms);
}

/* Somebody fetches the next one already, and the request has no wish of its own. */
bool cache_entry_serves_meanwhile(const struct cache_entry *entry, const struct cache_wish *wish)
{
    return entry->body != NULL && entry->leader != NULL && wish->min_fresh_ms == 0 &&
           is_new_enough(entry, wish) && clock_turn_age_ms() < entry->revalidate_ms;
}

/* There was no answer. A request that asked for a newer answer gets the error (RFC 9111 section
 * 5.2.1.4). */
bool cache_entry_stands_in(const struct cache_entry *entry, const struct task *task)
{
    struct cache_wish wish;

    cache_wish_read(&task->exchange->request, &wish);
    return entry->body != NULL && is_new_enough(entry, &wish) &&
           clock_turn_age_ms() < entry->stale_ms;
}
