#include "audit_internal.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/trouble.h"

enum { BATCH_MAX = 256 * 1024, RETRY_MS = 1000, HEAD_MS = 60000, LAST_WORDS_MS = 3000 };

bool audit_takes(const struct fact *fact)
{
    enum fact_kind kind = fact->kind;

    return (kind == FACT_REQUEST && !fact->is_told) || kind == FACT_AUTH_REFUSED ||
           kind == FACT_COMMAND || kind == FACT_CONFIG_RELOADED || kind == FACT_SESSION_EXPIRED;
}

static void on_again(struct deadline *deadline)
{
    audit_go_on(CONTAINER_OF(deadline, struct audit, again));
}

void audit_try_again(struct audit *audit)
{
    deadline_set(&audit->loop->deadlines, &audit->again, RETRY_MS, on_again);
}

/* Lines of some milliseconds go into one write, since waking a thread and writing cost as much as ten lines. */
static void gather(struct audit *audit)
{
    uint64_t lag = feed_lag(&audit->feed);
    bool is_object = audit->bucket != NULL;

    if (audit->closing || (audit->journal != NULL && !is_object) || lag >= AUDIT_BATCH_LINES) {
        audit_go_on(audit);
    } else if (lag > 0) {
        deadline_set(&audit->loop->deadlines, &audit->again,
                     is_object ? AUDIT_OBJECT_MS : AUDIT_GATHER_MS, on_again);
    }
}

static void tell_failure(struct audit *audit, const char *failure)
{
    const char *where = audit->path != NULL     ? audit->path
                        : audit->bucket != NULL ? "audit.url"
                                                : "the stream of the store";

    if (failure != NULL && !audit->is_failing) {
        log_event(LOG_ERROR, "audit.failed", F_TEXT("file", where), F_TEXT("error", failure),
                  F_TEXT("effect", "events are kept and written when it is possible"));
    } else if (failure == NULL && audit->is_failing) {
        log_event(LOG_INFO, "audit.back", F_TEXT("file", where));
    }
    audit->is_failing = failure != NULL;
    trouble_tell(TROUBLE_AUDIT, failure);
}

void audit_written(struct audit *audit, const char *failure)
{
    tell_failure(audit, failure);
    if (audit->journal != NULL && !feed_is_open(&audit->feed)) { /* this process went off duty */
        trouble_tell(TROUBLE_AUDIT, NULL);
        append_file_close(&audit->file);
        buf_clear(&audit->batch);
        if (audit->closing) {
            audit_finish_close(audit);
        }
        return;
    }
    if (failure == NULL) {
        buf_clear(&audit->batch);
    }
    metric_set_of(M_EVENT_LAG, CONSUMER_AUDIT, (int64_t)feed_lag(&audit->feed));
    metric_add(M_SINK_BATCHES, CONSUMER_AUDIT, failure == NULL ? RESULT_OK : RESULT_ERROR, 0, 1);
    if (failure == NULL) {
        gather(audit);
    } else if (audit->closing) {
        audit_finish_close(audit);
    } else {
        audit_try_again(audit);
    }
}

/* Facts that were overwritten meanwhile are counted, in the file too. */
static void note_lost(struct audit *audit)
{
    uint64_t n_lost = feed_tell_lost(&audit->feed, CONSUMER_AUDIT);

    if (n_lost > 0) {
        audit_write_mark(&audit->batch, &audit->head, "audit.lost", "events", n_lost);
    }
}

static void fill(struct audit *audit)
{
    const struct fact *fact;
    size_t n = 0;

    while (n < AUDIT_BATCH_LINES && (fact = feed_next(&audit->feed)) != NULL) {
        note_lost(audit); /* the loss stands before the facts after it */
        if (audit_takes(fact)) {
            audit_write_fact(&audit->batch, &audit->head, fact);
            n++;
        }
    }
    CHECK(buf_ok(&audit->batch));
}

void audit_has_no_end(struct audit *audit, const char *failure)
{
    tell_failure(audit, failure);
    metric_add(M_SINK_BATCHES, CONSUMER_AUDIT, RESULT_ERROR, 0, 1);
    if (audit->closing) {
        audit_finish_close(audit);
    } else if (audit->journal != NULL) {
        duty_yield(&audit->duty);
    } else {
        audit_try_again(audit);
    }
}

void audit_go_on(struct audit *audit)
{
    if (audit->writes || audit->acts || place_is_busy(&audit->place)) {
        return; /* their ends call this again */
    }
    if (audit->bucket != NULL && audit->journal == NULL && !audit->is_found) {
        audit_bucket_find(audit);
        return;
    }
    if ((audit->batch.len == 0 || audit->place.version == 0) && audit_share_saves(audit)) {
        return;
    }
    if (audit->batch.len == 0 && feed_is_open(&audit->feed)) {
        fill(audit);
    }
    if (audit->batch.len == 0 ||
        (audit->journal != NULL && audit->path == NULL && !duty_lasts(&audit->duty))) {
        if (audit->closing) {
            audit_finish_close(audit);
        }
        return;
    }
    deadline_clear(&audit->again);
    audit->writes = true;
    if (audit->path != NULL) {
        audit_file_write(audit);
    } else if (audit->bucket != NULL) {
        audit_bucket_write(audit);
    } else {
        audit_stream_write(audit);
    }
}

void audit_on_news(struct feed *feed)
{
    struct audit *audit = CONTAINER_OF(feed, struct audit, feed);

    metric_set_of(M_EVENT_LAG, CONSUMER_AUDIT, (int64_t)feed_lag(feed));
    if (!deadline_is_set(&audit->again) ||
        (feed_lag(feed) >= AUDIT_BATCH_LINES && !audit->is_failing)) {
        gather(audit);
    }
}

static void on_head(struct deadline *deadline)
{
    struct audit *audit = CONTAINER_OF(deadline, struct audit, tell_head);

    if (audit->head.number != audit->told.number && audit->batch.len == 0 && !audit->acts) {
        struct fact *fact = fact_begin(FACT_AUDIT_HEAD, "ok");

        fact->ids[0] = (struct fact_id){"number", (int64_t)audit->head.number};
        str_copy(fact->subject, sizeof(fact->subject), str_from(audit->head.hash));
        str_copy(fact->name, sizeof(fact->name), str_from(audit->head.chain));
        fact_end(fact);
        audit->told = audit->head;
    }
    deadline_set(&audit->loop->deadlines, deadline, HEAD_MS, on_head);
}

static void free_all(struct audit *audit)
{
    append_file_close(&audit->file);
    mem_free(audit->path);
    buf_done(&audit->batch);
    mem_free(audit);
}

void audit_begin(struct audit *audit)
{
    audit_write_mark(&audit->batch, &audit->head, "audit.started", "time_ms",
                     (uint64_t)clock_wall_ms());
    audit_go_on(audit);
}

static enum error_code open_place(struct audit *audit, const struct audit_options *options,
                                  struct error *err)
{
    if (options->file != NULL) {
        audit->path = mem_strdup(options->file);
        return audit->journal != NULL ? append_file_try(audit->path, "audit.file", err)
                                      : audit_file_open(audit, err);
    }
    return options->bucket != NULL
               ? store_bucket_open(audit->loop, options->bucket, audit, &audit->bucket, err)
               : ERR_OK;
}

enum error_code audit_open(struct loop *loop, const struct audit_options *options,
                           struct audit **out, struct error *err)
{
    struct audit *audit = mem_zalloc(sizeof(*audit));
    enum error_code code;

    audit->loop = loop;
    audit->file.fd = -1;
    audit->max_bytes = options->max_bytes;
    audit->journal = options->journal;
    audit_head_first(&audit->head);
    str_copy(audit->head.chain, sizeof(audit->head.chain), options->chain);
    buf_init(&audit->batch, BATCH_MAX + (size_t)AUDIT_BATCH_LINES * AUDIT_LINE_MAX);
    code = open_place(audit, options, err);
    if (code != ERR_OK && audit->bucket == NULL) {
        free_all(audit);
        return code;
    }
    *out = audit;
    audit->is_found = code != ERR_OK; /* after an error no end is sought */
    if (code != ERR_OK) {
        return code; /* a client is open: the caller closes *out */
    }
    deadline_set(&loop->deadlines, &audit->tell_head, HEAD_MS, on_head);
    if (audit->journal != NULL) {
        audit_share_open(audit, options->keeps);
        return ERR_OK;
    }
    feed_open(&audit->feed, loop, NULL, audit_on_news);
    if (audit->bucket != NULL) {
        audit_bucket_find(audit);
    } else {
        audit_begin(audit);
    }
    return ERR_OK;
}

static void tell_closed(void *context)
{
    struct audit *audit = context;
    struct callback on_closed = audit->on_closed;

    free_all(audit);
    callback_run(on_closed);
}

void audit_finish_close(struct audit *audit)
{
    trouble_tell(TROUBLE_AUDIT, NULL);
    deadline_clear(&audit->last_words);
    feed_close(&audit->feed);
    audit_share_close(audit);
    if (audit->bucket != NULL) {
        store_bucket_close(audit->bucket, tell_closed);
    } else {
        tell_closed(audit);
    }
}

static void on_last_words(struct deadline *deadline)
{
    struct audit *audit = CONTAINER_OF(deadline, struct audit, last_words);

    if (audit->path != NULL && audit->writes) { /* the batch belongs to a thread */
        deadline_set(&audit->loop->deadlines, deadline, LAST_WORDS_MS, on_last_words);
    } else {
        audit_finish_close(audit);
    }
}

void audit_close(struct audit *audit, void (*on_closed)(void *context), void *context)
{
    audit->closing = true;
    audit->on_closed = (struct callback){on_closed, context};
    facts_leave(&audit->feed.consumer);
    deadline_clear(&audit->again);
    deadline_clear(&audit->tell_head);
    deadline_set(&audit->loop->deadlines, &audit->last_words, LAST_WORDS_MS, on_last_words);
    audit_go_on(audit);
}
