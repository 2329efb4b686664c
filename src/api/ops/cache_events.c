/* GET /api/v1/cache/events: told each time that kept answers are forgotten, so that a proxy before this one forgets its
 * own. Nothing is said of what has changed: a write drops everything here, too. */
#include "api/gate/cache.h"
#include "api/gate/query.h"
#include "api/gate/sse.h"
#include "api/ops/handlers.h"

struct stream {
    struct sse sse;
    struct cache_watcher watcher;
    uint64_t seen; /* generation of the cache */
    bool greeted;
    int64_t left; /* events to send; -1: no end */
};

/* The first event says that the stream is open: whatever was purged before it is not told. */
static bool next(struct sse *sse, struct buf *out)
{
    struct stream *stream = CONTAINER_OF(sse, struct stream, sse);
    uint64_t now = cache_generation(sse->task->api->cache);

    if (stream->left == 0 || (stream->greeted && stream->seen == now)) {
        return false;
    }
    buf_printf(out, "event: %s\ndata: {}\n\n", stream->greeted ? "purged" : "open");
    stream->greeted = true;
    stream->seen = now;
    stream->left -= stream->left > 0 ? 1 : 0;
    return true;
}

static bool is_over(struct sse *sse)
{
    return CONTAINER_OF(sse, struct stream, sse)->left == 0;
}

static void let_go(struct sse *sse)
{
    cache_unwatch(&CONTAINER_OF(sse, struct stream, sse)->watcher);
}

static void on_purge(struct cache_watcher *watcher)
{
    sse_news(&CONTAINER_OF(watcher, struct stream, watcher)->sse);
}

enum stage_verdict handle_cache_events(struct task *task)
{
    static const struct sse_source source = {next, is_over, let_go, .is_endless = true};
    struct stream *stream;

    if (!sse_has_room(task)) {
        return task_fail(task);
    }
    if (str_is(task->exchange->request.method, "HEAD")) {
        return task_reply(task, 200, "text/event-stream", STR_EMPTY);
    }
    stream = arena_zalloc(task->arena, sizeof(*stream));
    stream->left = task_query_number(task, "limit", -1);
    stream->watcher.on_purge = on_purge;
    cache_watch(task->api->cache, &stream->watcher);
    return sse_begin(task, &stream->sse, &source);
}
