/* What this process notes, on its way into the stream. */
#include "journal_internal.h"

#include "base/clock.h"
#include "base/mem.h"
#include "observe/fact.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/trouble.h"

enum {
    PACE_MS = 20, /* between two appends: under load they take more facts at once */
    LAST_WORDS_MS = 1000
};

static bool owned; /* facts are one ring of the process */

static void flush(struct journal *journal);

/* --- appending */
static void on_flush(struct deadline *deadline)
{
    flush(CONTAINER_OF(deadline, struct journal, flush));
}

static void on_soon(struct later_item *item)
{
    flush(CONTAINER_OF(item, struct journal, soon));
}

static void finish_close(struct journal *journal)
{
    struct callback on_closed = journal->on_closed;

    trouble_tell(TROUBLE_JOURNAL, NULL);
    deadline_clear(&journal->flush);
    deadline_clear(&journal->last_words);
    later_remove(&journal->soon);
    store_cancel(&journal->append);
    buf_done(&journal->gathers);
    mem_free(journal);
    callback_run(on_closed);
}

static void tell_state(struct journal *journal, const struct error *error)
{
    bool failed = error->code != ERR_OK;

    if (failed && !journal->is_failing) {
        log_event(LOG_WARN, "events.away", F_TEXT("error", error->text),
                  F_TEXT("effect", "events are kept in memory and appended when it is possible"));
    } else if (!failed && journal->is_failing) {
        log_event(LOG_INFO, "events.back", F_INT("waiting_bytes", journal->gathers.len));
    }
    journal->is_failing = failed;
    trouble_tell(TROUBLE_JOURNAL, failed ? error->text : NULL);
}

/* An append that is in doubt is sent again: at least once. */
static void on_appended(struct store_op *op, const struct store_result *result)
{
    struct journal *journal = CONTAINER_OF(op, struct journal, append);

    tell_state(journal, &result->error);
    if (result->error.code == ERR_OK) {
        buf_consume(&journal->gathers, journal->n_bytes);
        journal->n_bytes = 0;
        if (journal->first == 0) {
            journal->first = position_of(result->version, 0);
        }
        journal_read_begin(journal, position_of(result->version, 0));
        if (journal->closing && journal->gathers.len == 0) {
            finish_close(journal);
            return;
        }
        flush(journal);
    } else {
        deadline_set(&journal->loop->deadlines, &journal->flush, JOURNAL_AGAIN_MS, on_flush);
    }
}

static void flush(struct journal *journal)
{
    uint64_t now_ms = clock_now_ms();
    struct store_request request = {.kind = STORE_APPEND,
                                    .key = STR(JOURNAL_STREAM),
                                    .format = PACK_FORMAT,
                                    .limit = STORE_STREAM_MAX};
    size_t n;

    if (store_is_running(&journal->append) || journal->gathers.len == 0) {
        return;
    }
    if (!journal->closing && now_ms < journal->sent_ms + PACE_MS) {
        deadline_set(&journal->loop->deadlines, &journal->flush,
                     journal->sent_ms + PACE_MS - now_ms, on_flush);
        return;
    }
    deadline_clear(&journal->flush);
    if (journal->n_bytes == 0) { /* else the same entry goes once more */
        journal->n_bytes =
            packed_len(buf_view(&journal->gathers), JOURNAL_BATCH_BYTES, JOURNAL_BATCH_FACTS, &n);
        journal->n_entries++;
    }
    request.bytes = str_sub(buf_view(&journal->gathers), 0, journal->n_bytes);
    journal->sent_ms = now_ms;
    store_start(journal->store, &request, &journal->append, on_appended);
}

/* False: there was no room for what was written behind `before`. */
static bool gather_done(struct journal *journal, size_t before)
{
    if (!buf_ok(&journal->gathers)) {
        buf_truncate(&journal->gathers, before);
        journal->gathers.overflowed = false;
        metric_add(M_EVENTS_LOST, CONSUMER_JOURNAL, 0, 0, 1);
        return false;
    }
    if (!store_is_running(&journal->append) && !deadline_is_set(&journal->flush)) {
        later_add(&journal->loop->later, &journal->soon, on_soon);
    }
    return true;
}

static void take(void *context, const struct fact *fact)
{
    struct journal *journal = context;
    size_t before = journal->gathers.len;

    pack_fact(&journal->gathers, fact);
    (void)gather_done(journal, before);
}

uint64_t journal_gathering(const struct journal *journal)
{
    return journal->n_entries + 1;
}

uint64_t journal_mark(struct journal *journal, const char *mark, struct str subject,
                      struct str name)
{
    size_t before = journal->gathers.len;

    pack_mark(&journal->gathers, mark, subject, name);
    return gather_done(journal, before) ? journal_gathering(journal) : 0;
}

/* --- opening and closing */
struct journal *journal_open(struct loop *loop, struct store *store, bool on_duty)
{
    struct journal *journal;

    if (owned) {
        return NULL;
    }
    owned = true;
    journal = mem_zalloc(sizeof(*journal));
    journal->loop = loop;
    journal->store = store;
    journal->on_duty = on_duty;
    list_init(&journal->ears);
    buf_init(&journal->gathers, JOURNAL_GATHERS_MAX);
    facts_divert(take, journal);
    (void)journal_mark(journal, ".opened", STR_EMPTY,
                       STR_EMPTY); /* its answer tells the position */
    return journal;
}

bool journal_is_on_duty(const struct journal *journal)
{
    return journal->on_duty;
}

static void on_last_words(struct deadline *deadline)
{
    struct journal *journal = CONTAINER_OF(deadline, struct journal, last_words);

    if (journal->gathers.len > 0) {
        log_event(LOG_WARN, "events.lost", F_INT("bytes", journal->gathers.len),
                  F_TEXT("reason", "the store did not take them before the end"));
    }
    finish_close(journal);
}

void journal_close(struct journal *journal, void (*on_closed)(void *context), void *context)
{
    owned = false;
    facts_divert(NULL, NULL);
    journal->closing = true;
    journal->on_closed = (struct callback){on_closed, context};
    journal_read_stop(journal);
    deadline_set(&journal->loop->deadlines, &journal->last_words,
                 journal->gathers.len > 0 ? LAST_WORDS_MS : 0, on_last_words);
    flush(journal);
}

struct store *journal_store(const struct journal *journal)
{
    return journal->store;
}

struct loop *journal_loop(const struct journal *journal)
{
    return journal->loop;
}
