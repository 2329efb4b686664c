/* What a kept answer is, which requests it may answer, and how it is sent. */
#include "cache_entry.h"

#include "api/gate/etag.h"
#include "api/gate/media.h"
#include "base/clock.h"
#include "base/mem.h"

/* As much as direct access passes on (relay.h), and an ETag. */
enum { LINES_MAX = 12 * 1024 + 256, LINES_ROOM = 256 };

const char cache_json_type[] = "application/json; charset=utf-8";

/* ---- whose it is ---- */

struct str cache_identity(const struct task *task)
{
    struct str platform = task->platform->identity;
    char *both;

    if (task->principal.bearer.len == 0) {
        return platform;
    }
    both = arena_alloc(task->arena, platform.len + DIGEST_BYTES);
    mem_copy(both, platform.ptr, platform.len);
    mem_copy(both + platform.len, task->principal.owner.bytes, DIGEST_BYTES);
    return (struct str){both, platform.len + DIGEST_BYTES};
}

/* The key is the whole text, not a hash: the answer for one caller must never go to another one. The prefix of our
 * paths belongs to it: addresses in the answer begin with it. */
struct str cache_entry_key(const struct task *task)
{
    const struct http_request *request = &task->exchange->request;
    struct str identity = cache_identity(task);
    struct str base = task->exchange->base;
    size_t len = sizeof(identity.len) + identity.len + request->path.len + 1 + request->query.len +
                 1 + base.len;
    char *key = arena_alloc(task->arena, len);
    char *to = key + sizeof(identity.len);

    memcpy(key, &identity.len, sizeof(identity.len));
    mem_copy(to, identity.ptr, identity.len);
    to += identity.len;
    mem_copy(to, request->path.ptr, request->path.len);
    to += request->path.len;
    *to++ = '\0'; /* in neither of them */
    mem_copy(to, request->query.ptr, request->query.len);
    to += request->query.len;
    *to++ = '\0';
    mem_copy(to, base.ptr, base.len);
    return (struct str){key, len};
}

/* ---- keeping ---- */

/* Such an answer is for this one request, and its directives go on to the caller as they are. */
static bool forbids_storing(const struct cache_answer *answer)
{
    for (size_t i = 0; i < answer->n_headers; i++) {
        if (str_is_nocase(answer->headers[i].name, "Cache-Control") &&
            header_list_has(answer->headers[i].value, STR("no-store"))) {
            return true;
        }
    }
    return false;
}

void cache_entry_fill(struct cache_entry *entry, const struct cache_answer *answer)
{
    static const char *const own[] = {"Age", "Cache-Status", "Cache-Control"};
    size_t n_own = ARRAY_LEN(own) - (forbids_storing(answer) ? 1 : 0);
    struct arena *arena = &entry->extra;
    struct buf lines;

    arena_init(arena);
    buf_init(&lines, LINES_MAX);
    entry->etag = STR_EMPTY;
    entry->lines_hold = 0;
    entry->content_type =
        answer->content_type.len > 0 ? arena_cstr(arena, answer->content_type) : cache_json_type;
    for (size_t i = 0; i < answer->n_headers; i++) {
        const struct http_header *header = &answer->headers[i];

        if (str_is_nocase(header->name, "ETag")) {
            entry->etag = arena_str(arena, header->value);
        } else if (!str_in_nocase(header->name, own, n_own)) {
            entry->lines_hold |= header_line(&lines, header->name, header->value);
        }
    }
    if (entry->etag.len == 0) {
        entry->etag = etag_of(arena, answer->body);
    }
    (void)header_line(&lines, STR("ETag"), entry->etag);
    entry->lines = arena_take(arena, &lines);
}

/* ---- answering ---- */

/* A client must ask each time (no-cache), and is answered from here. A proxy of our kind before us may keep the answer
 * for its own clients. */
static void put_control(struct buf *out, const struct task *task, const struct cache_entry *entry)
{
    uint64_t now = clock_turn_age_ms();
    uint64_t left_s = entry->below_ms > now ? (entry->below_ms - now) / 1000 : 0;

    if (left_s == 0 || cache_n_hops(task->exchange) == 0) {
        buf_text(out, "Cache-Control: private, no-cache\r\n");
    } else {
        buf_text(out, "Cache-Control: private, max-age=");
        buf_int(out, (int64_t)left_s);
        buf_text(out, entry->must_revalidate ? ", must-revalidate\r\n" : "\r\n");
    }
}

static void add_lines(const struct task *task, const struct cache_entry *entry, const char *status)
{
    UNINITIALISED char room[LINES_ROOM];
    struct buf lines;

    buf_init_on(&lines, room, sizeof(room), LINES_MAX);
    if ((entry->lines_hold & HEADER_CACHE_CONTROL) == 0) {
        put_control(&lines, task, entry);
    }
    buf_text(&lines, "Cache-Status: ");
    buf_text(&lines, status);
    buf_text(&lines, "\r\nAge: ");
    buf_int(&lines, (int64_t)((clock_turn_age_ms() - entry->stored_ms) / 1000));
    buf_text(&lines, "\r\n");
    exchange_add_lines(task->exchange, entry->lines_hold, entry->lines);
    exchange_add_lines(task->exchange, HEADER_CACHE_CONTROL, buf_view(&lines));
    buf_done(&lines);
}

enum stage_verdict cache_entry_answer(struct task *task, const struct cache_entry *entry,
                                      const char *status)
{
    add_lines(task, entry, status);
    if (etag_is_had(task, entry->etag)) {
        return task_reply(task, 304, NULL, STR_EMPTY);
    }
    return task_reply(task, 200, entry->content_type, (struct str){entry->body, entry->body_len});
}

/* ---- what may answer ---- */

static bool is_new_enough(const struct cache_entry *entry, const struct cache_wish *wish)
{
    uint64_t now = clock_turn_age_ms();

    return wish->max_age_ms == UINT64_MAX ||
           (wish->max_age_ms > 0 && now - entry->stored_ms <= wish->max_age_ms);
}

/* True: it has not expired, or not longer ago than that. */
static bool is_not_older(const struct cache_entry *entry, uint64_t limit_ms)
{
    uint64_t now = clock_turn_age_ms();

    return now < entry->fresh_ms || now - entry->fresh_ms < limit_ms;
}

bool cache_entry_is_fresh(const struct cache_entry *entry, const struct cache_wish *wish)
{
    return entry->body != NULL && is_new_enough(entry, wish) &&
           clock_turn_age_ms() + wish->min_fresh_ms < entry->fresh_ms;
}

/* True: the answer has expired, but not longer ago than max-stale of the request allows. Never past stale_ms. */
bool cache_entry_may_be_old(const struct cache_entry *entry, const struct cache_wish *wish)
{
    uint64_t now = clock_turn_age_ms();

    return entry->body != NULL && wish->max_stale_ms > 0 && is_new_enough(entry, wish) &&
           now < entry->stale_ms &&
           (now < entry->fresh_ms || now - entry->fresh_ms <= wish->max_stale_ms);
}

/* True: the answer has expired, another task fetches the next one, and the request does not want a newer one. */
bool cache_entry_serves_meanwhile(const struct cache_entry *entry, const struct cache_wish *wish)
{
    return entry->body != NULL && entry->leader != NULL && wish->min_fresh_ms == 0 &&
           is_new_enough(entry, wish) && is_not_older(entry, wish->meanwhile_ms) &&
           clock_turn_age_ms() < entry->revalidate_ms;
}

/* True: the kept answer may be given instead of an error. A request that asked for a newer answer gets
 * the error (RFC 9111 section 5.2.1.4). */
bool cache_entry_stands_in(const struct cache_entry *entry, const struct task *task)
{
    struct cache_wish wish;

    cache_wish_read(&task->exchange->request, &wish);
    return entry->body != NULL && is_new_enough(entry, &wish) &&
           is_not_older(entry, wish.error_ms) && clock_turn_age_ms() < entry->stale_ms;
}
