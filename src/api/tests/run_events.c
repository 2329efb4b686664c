/* GET /api/v1/tests/runs/{id}/events: server-sent events (WHATWG HTML, section 9.2). A watcher is a
 * cursor into the events of the run: nothing is kept for it, so a slow reader costs no memory, and
 * who comes back with Last-Event-ID goes on where it was. After `done` the stream ends; who comes
 * back then gets 204, which tells an EventSource to stop. */
#include "api/gate/query.h"
#include "api/tests/handlers.h"
#include "base/clock.h"
#include "observe/metrics.h"
#include "runs.h"

/* So many events are about a millisecond; more follow in the next turn. */
enum { EVENT_MAX = 1024 * 1024, EVENTS_PER_TURN = 300 };

struct stream {
    struct run_watcher watcher;
    struct task *task;
    struct later_item next;
    struct deadline heartbeat;
    size_t sent;       /* events that the client has */
    uint64_t asked_ms; /* when its credential was last found right */
    bool blocked;
};

static void let_go(struct stream *stream)
{
    struct api *api = stream->task->api;

    run_unwatch(&stream->watcher);
    deadline_clear(&stream->heartbeat);
    later_remove(&stream->next);
    stream->task->on_cancel = NULL;
    stream->task->on_writable = NULL;
    api->n_watchers--;
    metric_gauge_add(M_SSE_WATCHERS, -1);
}

static bool send_event(struct stream *stream, size_t number)
{
    const struct run *run = stream->watcher.run;
    struct json_writer w;
    struct buf text;
    bool more;

    buf_init(&text, EVENT_MAX);
    buf_printf(&text, "id: %zu\nevent: %s\ndata: ", number, run_event_name(run, number));
    jw_init(&w, &text);
    run_write_event(run, number, &w);
    buf_text(&text, "\n\n");
    more = exchange_stream_write(stream->task->exchange, buf_view(&text));
    buf_done(&text);
    return more;
}

static void on_heartbeat(struct deadline *deadline);

static void arm_heartbeat(struct stream *stream)
{
    struct api *api = stream->task->api;

    deadline_set(api->options.deadlines, &stream->heartbeat,
                 (uint64_t)api->config->runs.heartbeat_s * 1000, on_heartbeat);
}

/* A stream lasts for hours: once a heartbeat it is asked whether its client would still be let in.
 * True: not, and it has ended; who comes back is told why. */
static bool ends_for_its_client(struct stream *stream)
{
    struct task *task = stream->task;
    uint64_t now_ms = clock_now_ms();

    if (now_ms < stream->asked_ms + (uint64_t)task->config->runs.heartbeat_s * 1000) {
        return false;
    }
    stream->asked_ms = now_ms;
    if (task_is_still_admitted(task)) {
        return false;
    }
    let_go(stream);
    exchange_stream_end(task->exchange);
    return true;
}

static void on_heartbeat(struct deadline *deadline)
{
    struct stream *stream = CONTAINER_OF(deadline, struct stream, heartbeat);

    if (ends_for_its_client(stream)) {
        return;
    }
    arm_heartbeat(stream);
    if (!stream->blocked) {
        stream->blocked = !exchange_stream_write(stream->task->exchange, STR(": still here\n\n"));
    }
}

static void on_next(struct later_item *item);

static void pump(struct stream *stream)
{
    const struct run *run = stream->watcher.run;
    struct exchange *exchange = stream->task->exchange;
    size_t last = stream->sent + EVENTS_PER_TURN;

    if (ends_for_its_client(stream)) {
        return;
    }
    if (stream->sent < run_n_events(run)) {
        arm_heartbeat(stream);
    }
    while (!stream->blocked && stream->sent < run_n_events(run) && stream->sent < last) {
        stream->sent++;
        stream->blocked = !send_event(stream, stream->sent);
    }
    if (!stream->blocked && stream->sent < run_n_events(run)) {
        later_add(stream->task->api->options.later, &stream->next, on_next);
    }
    if (run_is_over(run) && stream->sent == run_n_events(run)) {
        let_go(stream);
        exchange_stream_end(exchange);
    }
}

/* Unless its next turn comes anyway. */
static void pump_now(struct stream *stream)
{
    if (!list_is_linked(&stream->next.link)) {
        pump(stream);
    }
}

static void on_change(struct run_watcher *watcher)
{
    struct stream *stream = CONTAINER_OF(watcher, struct stream, watcher);

    pump_now(stream);
}

static void on_next(struct later_item *item)
{
    pump(CONTAINER_OF(item, struct stream, next));
}

static void on_writable(struct task *task)
{
    struct stream *stream = task->state;

    stream->blocked = false;
    pump_now(stream);
}

static void on_cancel(struct task *task)
{
    let_go(task->state);
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
    struct stream *stream = arena_zalloc(task->arena, sizeof(*stream));

    stream->task = task;
    stream->sent = sent;
    stream->asked_ms = clock_now_ms();
    stream->watcher.on_change = on_change;
    task->state = stream;
    task->on_cancel = on_cancel;
    task->on_writable = on_writable;
    task->api->n_watchers++;
    metric_gauge_add(M_SSE_WATCHERS, 1);
    exchange_set_header(task->exchange, "X-Accel-Buffering", STR("no")); /* nginx in front of us */
    exchange_stream_begin(task->exchange, 200, "text/event-stream", -1);
    (void)exchange_stream_write(task->exchange, STR("retry: 2000\n\n"));
    run_watch(run, &stream->watcher);
    arm_heartbeat(stream);
    later_add(task->api->options.later, &stream->next, on_next);
    return STAGE_WAIT;
}

enum stage_verdict handle_run_events(struct task *task)
{
    struct run *run = task_run(task);
    size_t sent = 0;

    if (run == NULL || last_seen(task, run, &sent) != ERR_OK) {
        return task_fail(task);
    }
    if (run_is_over(run) && sent == run_n_events(run)) {
        return task_reply(task, 204, NULL, STR_EMPTY);
    }
    if (str_is(task->exchange->request.method, "HEAD")) {
        return task_reply(task, 200, "text/event-stream", STR_EMPTY);
    }
    if (task->api->n_watchers >= task->config->runs.max_watchers) {
        task->error.retry_after_s = 5;
        (void)error_set(&task->error, ERR_OVERLOADED, "%u event streams are open already",
                        task->api->n_watchers);
        return task_fail(task);
    }
    return begin(task, run, sent);
}
