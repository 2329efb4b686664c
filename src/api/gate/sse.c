#include "api/gate/sse.h"

#include "api/gate/query.h"
#include "base/clock.h"
#include "observe/metrics.h"

/* So many events are about a millisecond; more follow in the next turn. */
enum { EVENTS_PER_TURN = 300 };

static void let_go(struct sse *stream)
{
    struct api *api = stream->task->api;

    stream->source->let_go(stream);
    list_remove(&stream->link);
    deadline_clear(&stream->heartbeat);
    later_remove(&stream->soon);
    stream->task->on_cancel = NULL;
    stream->task->on_writable = NULL;
    api->n_watchers--;
    metric_gauge_add(M_SSE_WATCHERS, -1);
}

static void on_heartbeat(struct deadline *deadline);

static void arm_heartbeat(struct sse *stream)
{
    struct api *api = stream->task->api;

    deadline_set(api->options.deadlines, &stream->heartbeat,
                 (uint64_t)api->config->runs.heartbeat_s * 1000, on_heartbeat);
}

/* A stream lasts for hours. Once a heartbeat, and after a reload or a new key set before anything else, it
 * is checked whether its client would still be admitted. True: it would not, and the stream has ended; a
 * client that comes back is told why. Streams that were checked stand at the end of the list. */
static bool ends_for_its_client(struct sse *stream)
{
    struct task *task = stream->task;
    uint64_t now_ms = clock_now_ms();

    if (stream->n_changes == task->api->n_changes &&
        now_ms < stream->asked_ms + (uint64_t)task->config->runs.heartbeat_s * 1000) {
        return false;
    }
    stream->asked_ms = now_ms;
    stream->n_changes = task->api->n_changes;
    if (task_is_still_admitted(task)) {
        list_remove(&stream->link);
        list_append(&task->api->streams, &stream->link);
        return false;
    }
    let_go(stream);
    exchange_stream_end(task->exchange);
    return true;
}

static void on_heartbeat(struct deadline *deadline)
{
    struct sse *stream = CONTAINER_OF(deadline, struct sse, heartbeat);

    if (ends_for_its_client(stream)) {
        return;
    }
    arm_heartbeat(stream);
    if (!stream->blocked) {
        stream->blocked = !exchange_stream_write(stream->task->exchange, STR(": still here\n\n"));
    }
}

/* Checks one stream in each turn: the signature of a token may have to be checked again. */
static void on_ask(struct later_item *item)
{
    struct api *api = CONTAINER_OF(item, struct api, ask_streams);
    struct sse *stream = CONTAINER_OR_NULL(list_first(&api->streams), struct sse, link);

    if (stream == NULL || stream->n_changes == api->n_changes) {
        return;
    }
    later_add(api->options.later, &api->ask_streams, on_ask);
    (void)ends_for_its_client(stream);
}

void sse_ask_all(void *context)
{
    struct api *api = context;

    api->n_changes++;
    later_add(api->options.later, &api->ask_streams, on_ask);
}

/* False: there is no event now. */
static bool send_event(struct sse *stream)
{
    struct buf text;
    bool has_one;

    buf_init(&text, SSE_EVENT_MAX);
    has_one = stream->left != 0 && stream->source->next(stream, &text);
    if (has_one) {
        stream->left -= stream->left > 0 ? 1 : 0;
        stream->blocked = !exchange_stream_write(stream->task->exchange, buf_view(&text));
    }
    buf_done(&text);
    return has_one;
}

static bool is_over(struct sse *stream)
{
    return stream->left == 0 ||
           (stream->source->is_over != NULL && stream->source->is_over(stream));
}

static void on_soon(struct later_item *item);

static void pump(struct sse *stream)
{
    struct exchange *exchange = stream->task->exchange;
    bool has_more = true;
    unsigned n = 0;

    if (ends_for_its_client(stream)) {
        return;
    }
    while (!stream->blocked && has_more && n < EVENTS_PER_TURN) {
        has_more = send_event(stream);
        n += has_more ? 1 : 0;
    }
    if (n > 0) {
        arm_heartbeat(stream);
    }
    if (!stream->blocked && has_more) {
        later_add(stream->task->api->options.later, &stream->soon, on_soon);
    } else if (!has_more && is_over(stream)) {
        let_go(stream);
        exchange_stream_end(exchange);
    }
}

static void on_soon(struct later_item *item)
{
    pump(CONTAINER_OF(item, struct sse, soon));
}

/* Does nothing if the next turn of the stream is on its way. */
void sse_news(struct sse *stream)
{
    if (!list_is_linked(&stream->soon.link)) {
        pump(stream);
    }
}

static void on_writable(struct task *task)
{
    struct sse *stream = task->state;

    stream->blocked = false;
    sse_news(stream);
}

static void on_cancel(struct task *task)
{
    let_go(task->state);
}

enum stage_verdict sse_admit(struct task *task)
{
    if (task->api->n_watchers >= task->config->runs.max_watchers) {
        task->error.retry_after_s = 5;
        return task_refuse(task, ERR_OVERLOADED, "%u event streams are open already",
                           task->api->n_watchers);
    }
    return str_is(task->exchange->request.method, "HEAD")
               ? task_reply(task, 200, "text/event-stream", STR_EMPTY)
               : STAGE_CONTINUE;
}

enum stage_verdict sse_begin(struct task *task, struct sse *stream, const struct sse_source *source)
{
    stream->source = source;
    stream->task = task;
    stream->left = task_query_number(task, "limit", -1);
    stream->asked_ms = clock_now_ms();
    stream->n_changes = stream->task->api->n_changes;
    task->state = stream;
    task->on_cancel = on_cancel;
    task->on_writable = on_writable;
    list_append(&task->api->streams, &stream->link);
    task->api->n_watchers++;
    metric_gauge_add(M_SSE_WATCHERS, 1);
    exchange_set_header(task->exchange, "X-Accel-Buffering", STR("no")); /* nginx in front of us */
    exchange_stream_begin(task->exchange, 200, "text/event-stream", -1);
    (void)exchange_stream_write(task->exchange, STR("retry: 2000\n\n"));
    arm_heartbeat(stream);
    later_add(task->api->options.later, &stream->soon, on_soon);
    return STAGE_WAIT;
}

void sse_end_endless(struct api *api)
{
    struct sse *stream;

    LIST_EACH_SAFE (stream, &api->streams, link) {
        if (stream->source->is_over == NULL) {
            struct exchange *exchange = stream->task->exchange;

            let_go(stream);
            exchange_stream_end(exchange);
        }
    }
}
