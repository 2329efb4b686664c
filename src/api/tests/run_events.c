/* GET /api/v1/tests/runs/{id}/events. After `done` the stream ends; a client that comes back then gets
 * 204, which tells an EventSource to stop. */
#include "api/gate/query.h"
#include "api/gate/sse.h"
#include "api/tests/handlers.h"
#include "run/share.h"
#include "runs.h"

struct stream {
    struct sse sse;
    struct run_watcher watcher;
    size_t sent; /* events that the client has */
};

static bool next(struct sse *sse, struct buf *out)
{
    struct stream *stream = CONTAINER_OF(sse, struct stream, sse);
    const struct run *run = stream->watcher.run;
    struct json_writer w;

    if (stream->sent >= run_n_events(run)) {
        return false;
    }
    stream->sent++;
    buf_printf(out, "id: %zu\nevent: %s\ndata: ", stream->sent, run_event_name(run, stream->sent));
    jw_init(&w, out);
    run_write_event(run, stream->sent, &w);
    buf_text(out, "\n\n");
    return true;
}

/* A stream whose run is lost ends without `done`: the client comes back, and is told why. */
static bool is_over(struct sse *sse)
{
    const struct run *run = CONTAINER_OF(sse, struct stream, sse)->watcher.run;

    return run_is_over(run) || run_lost(run) != NULL;
}

static void let_go(struct sse *sse)
{
    struct run_watcher *watcher = &CONTAINER_OF(sse, struct stream, sse)->watcher;

    run_undrive(watcher->run);
    run_unwatch(watcher);
}

static void on_change(struct run_watcher *watcher)
{
    sse_news(&CONTAINER_OF(watcher, struct stream, watcher)->sse);
}

/* The number of the last event that the client has; a wrong one is an error, not event 0: else a
 * client would see events twice and not know it. */
static enum error_code last_seen(struct task *task, const struct run *run, size_t *out)
{
    struct str text = exchange_header(task->exchange, "Last-Event-ID");
    int64_t most = (int64_t)run_n_events(run);
    int64_t number = task_query_number(task, "last_event_id", 0);

    if ((text.len > 0 && !str_to_i64(text, 0, most, &number)) || number > most) {
        return error_at(&task->error, ERR_INVALID, "Last-Event-ID",
                        "Last-Event-ID must be the number of an event of this run: 0 to %zu",
                        run_n_events(run));
    }
    *out = (size_t)number;
    return ERR_OK;
}

static enum stage_verdict begin(struct task *task, struct run *run, size_t sent)
{
    static const struct sse_source source = {next, is_over, let_go};
    struct stream *stream = arena_zalloc(task->arena, sizeof(*stream));

    stream->sent = sent;
    stream->watcher.on_change = on_change;
    run_watch(run, &stream->watcher);
    run_drive(run); /* with runs.driver: request it advances while it is watched */
    return sse_begin(task, &stream->sse, &source);
}

static enum stage_verdict follow(struct task *task, struct run *run)
{
    enum stage_verdict verdict;
    size_t sent = 0;

    if (last_seen(task, run, &sent) != ERR_OK) {
        return task_fail(task);
    }
    if (run_is_over(run) && sent == run_n_events(run)) {
        return task_reply(task, 204, NULL, STR_EMPTY);
    }
    verdict = sse_admit(task);
    return verdict == STAGE_CONTINUE ? begin(task, run, sent) : verdict;
}

enum stage_verdict handle_run_events(struct task *task)
{
    return task_with_run(task, follow);
}
