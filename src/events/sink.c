#include "base/clock.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/trouble.h"
#include "sink_internal.h"

enum { FIRST_PAUSE_MS = 1000 };

bool sink_is_on(const struct sink *sink)
{
    return sink->kind != NULL;
}

bool sink_is_idle(const struct sink *sink)
{
    return !sink->sends && !place_is_busy(&sink->place) && sink->n_rows == 0;
}

static void on_again(struct deadline *deadline)
{
    sink_go_on(CONTAINER_OF(deadline, struct sink, again));
}

static void wait(struct sink *sink, uint64_t ms)
{
    deadline_set(&sink->sinks->loop->deadlines, &sink->again, ms, on_again);
}

static void tell_lag(const struct sink *sink)
{
    metric_set_of(M_EVENT_LAG, sink->kind->consumer,
                  (int64_t)(feed_lag(&sink->feed) + sink->n_rows));
}

static void count_lost(struct sink *sink, uint64_t n)
{
    metric_add(M_EVENTS_LOST, sink->kind->consumer, 0, 0, n);
}

/* --- a batch */
static bool has_room(const struct sink *sink)
{
    return sink->n_rows == 0 ||
           (sink->n_rows < SINK_BATCH_ROWS && sink->batch.len + SINK_ROW_MAX < SINK_BATCH_BYTES);
}

static void fill(struct sink *sink)
{
    const struct fact *fact;

    while (has_room(sink) && (fact = feed_next(&sink->feed)) != NULL) {
        if (fact->kind == FACT_WEBHOOK_TEST) {
            continue;
        }
        if (sink->n_rows == 0) {
            buf_clear(&sink->batch);
            sink->kind->begin(sink);
        }
        sink->kind->row(sink, fact);
        sink->n_rows++;
    }
    (void)feed_tell_lost(&sink->feed, sink->kind->consumer);
    if (sink->n_rows > 0) {
        sink->kind->end(sink);
        sink->began_ms = clock_now_ms();
        sink->tries = 0;
    }
}

static void end_batch(struct sink *sink)
{
    sink->n_rows = 0;
    tell_lag(sink);
}

static void on_saved(struct place *place, const struct error *error)
{
    struct sink *sink = CONTAINER_OF(place, struct sink, place);

    if (error != NULL && error->code == ERR_CONFLICT) {
        duty_yield(&sink->sinks->duty); /* another process hands over, too */
    } else if (error != NULL && !sink->sinks->closing) {
        wait(sink, FIRST_PAUSE_MS);
    } else {
        sink_go_on(sink);
    }
    sinks_maybe_idle(sink->sinks);
}

static bool saves_place(struct sink *sink)
{
    return sink->sinks->journal != NULL &&
           place_save(&sink->place, &(struct place_told){.position = sink->feed.position},
                      on_saved);
}

void sink_go_on(struct sink *sink)
{
    if (sink->sends || place_is_busy(&sink->place) || !feed_is_open(&sink->feed) ||
        (sink->sinks->journal != NULL && !duty_lasts(&sink->sinks->duty))) {
        return;
    }
    deadline_clear(&sink->again);
    if (sink->n_rows == 0) {
        if (saves_place(sink)) {
            return;
        }
        fill(sink);
    }
    if (sink->n_rows > 0) {
        sink->sends = true;
        sink->tries++;
        sink->kind->send(sink);
    }
}

void sink_sent(struct sink *sink, const char *failure, size_t n_refused)
{
    sink->sends = false;
    if (!feed_is_open(&sink->feed)) { /* this process went off duty */
        append_file_close(&sink->file);
        sink->n_rows = 0;
        sinks_maybe_idle(sink->sinks);
        return;
    }
    if (failure != NULL && !sink->is_failing) {
        log_event(LOG_WARN, "analytics.sink_away", F_TEXT("sink", sink->kind->name),
                  F_TEXT("error", failure), F_TEXT("effect", "the batch is tried again"));
    } else if (failure == NULL && sink->is_failing) {
        log_event(LOG_INFO, "analytics.sink_back", F_TEXT("sink", sink->kind->name));
    }
    sink->is_failing = failure != NULL;
    trouble_tell(sink->kind->trouble, failure);
    metric_add(M_SINK_BATCHES, sink->kind->consumer, failure == NULL ? RESULT_OK : RESULT_ERROR, 0,
               1);
    count_lost(sink, n_refused);
    if (failure == NULL) {
        end_batch(sink);
        sink_go_on(sink);
    } else if (!sink->kind->keeps && clock_now_ms() - sink->began_ms >= SINK_TRIES_MS) {
        count_lost(sink, sink->n_rows);
        end_batch(sink);
        sink_go_on(sink);
    } else {
        wait(sink, duty_pause_ms(FIRST_PAUSE_MS, sink->tries));
    }
    sinks_maybe_idle(sink->sinks);
}

/* News are gathered for interval_ms: a batch costs the sink as much as one event. */
void sink_on_news(struct feed *feed)
{
    struct sink *sink = CONTAINER_OF(feed, struct sink, feed);

    tell_lag(sink);
    if (!sink->sends && !deadline_is_set(&sink->again)) {
        wait(sink, sink->sinks->closing ? 0 : sink->sinks->interval_ms);
    }
}

void sink_stop(struct sink *sink)
{
    deadline_clear(&sink->again);
    place_cancel(&sink->place);
    sink->kind->cancel(sink);
    feed_close(&sink->feed);
    metric_set_of(M_EVENT_LAG, sink->kind->consumer, 0);
}
