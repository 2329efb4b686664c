/* GET /api/v1/cache/events: told each time that kept answers are forgotten, so that a proxy before this one forgets its
 * own. Nothing is said of what has changed: a write drops everything here, too. */
#include "api/gate/cache.h"
#include "api/gate/sse.h"
#include "api/ops/handlers.h"

struct stream {
    struct sse sse;
    struct cache_watcher watcher;
    uint64_t seen; /* generation of the cache */
    bool greeted;
};

/* The first event says that the stream is open: purges before it are not told. */
static bool next(struct sse *sse, struct buf *out)
{
    struct stream *stream = CONTAINER_OF(sse, struct stream, sse);
    uint64_t now = cache_generation(sse->task->api->cache);

    if (stream->greeted && stream->seen == now) {
        return false;
    }
    buf_printf(out, "event: %s\ndata: {}\n\n", stream->greeted ? "purged" : "open");
    stream->greeted = true;
    stream->seen = now;
    return true;
}

static void let_go(struct sse *sse)
{
    cache_unwatch(&CONTAINER_OF(sse, struct stream, sse)->watcher);
}

static void on_purge(struct cache_watcher *watcher, bool is_ours)
{
    (void)is_ours;
    sse_news(&CONTAINER_OF(watcher, struct stream, watcher)->sse);
}

enum stage_verdict handle_cache_events(struct task *task)
{
    static const struct sse_source source = {next, NULL, let_go};
    enum stage_verdict verdict = sse_admit(task);
    struct stream *stream;

    if (verdict != STAGE_CONTINUE) {
        return verdict;
    }
    stream = arena_zalloc(task->arena, sizeof(*stream));
    stream->watcher.on_purge = on_purge;
    cache_watch(task->api->cache, &stream->watcher);
    return sse_begin(task, &stream->sse, &source);
}
