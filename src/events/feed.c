#include "feed.h"

#include "base/mem.h"
#include "journal_internal.h"
#include "observe/metrics.h"

enum { READ_ENTRIES = 4, ENTRIES_MAX = READ_ENTRIES * (STORE_BYTES_MAX + 16) };

static void read_on(struct feed *feed);

static void on_consumer_news(struct fact_consumer *consumer)
{
    struct feed *feed = CONTAINER_OF(consumer, struct feed, consumer);

    if (!store_is_running(&feed->read)) {
        feed->on_news(feed);
    }
}

static void on_again(struct deadline *deadline)
{
    read_on(CONTAINER_OF(deadline, struct feed, again));
}

/* --- behind: from the journal */
static void keep_entry(struct feed *feed, const struct store_item *item)
{
    uint64_t head[2] = {item->sequence, item->bytes.len};

    buf_append(&feed->entries, head, sizeof(head));
    buf_str(&feed->entries, item->bytes);
}

static void catch_up(struct feed *feed)
{
    feed->is_behind = false;
    feed->seen = facts_until(feed->position);
    feed->rest = STR_EMPTY;
    buf_done(&feed->entries);
    buf_init(&feed->entries, ENTRIES_MAX);
}

/* Reading begins at the entry of the last fact that was given. If that entry is gone, later ones may be gone, too. */
static void on_read(struct store_op *op, const struct store_result *result)
{
    struct feed *feed = CONTAINER_OF(op, struct feed, read);

    if (result->error.code != ERR_OK) {
        deadline_set(&journal_loop(feed->journal)->deadlines, &feed->again, JOURNAL_AGAIN_MS,
                     on_again);
        return;
    }
    if (!feed->is_sure) {
        feed->is_sure = true;
        feed->n_lost +=
            feed->position > 0 && (result->n_items == 0 ||
                                   result->items[0].sequence != sequence_of(feed->position))
                ? 1
                : 0;
    }
    for (size_t i = 0; i < result->n_items; i++) {
        keep_entry(feed, &result->items[i]);
    }
    if (result->n_items == 0 && journal_ring_covers(feed->journal, UINT64_MAX)) {
        catch_up(feed);
    } else if (result->n_items == 0) {
        deadline_set(&journal_loop(feed->journal)->deadlines, &feed->again, JOURNAL_AGAIN_MS,
                     on_again);
        return;
    }
    feed->on_news(feed);
}

static void read_on(struct feed *feed)
{
    const struct store_request request = {.kind = STORE_READ,
                                          .key = STR(JOURNAL_STREAM),
                                          .format = PACK_FORMAT,
                                          .after = feed->after,
                                          .limit = READ_ENTRIES};

    store_start(journal_store(feed->journal), &request, &feed->read, on_read);
}

static void fall_behind(struct feed *feed)
{
    uint64_t sequence = sequence_of(feed->position);

    feed->is_behind = true;
    feed->is_sure = false;
    feed->after = sequence > 0 ? sequence - 1 : 0;
    feed->sequence = 0;
    feed->rest = STR_EMPTY;
    buf_clear(&feed->entries);
    read_on(feed);
}

/* False: all entries that were read are done with. */
static bool next_entry(struct feed *feed)
{
    uint64_t head[2];

    if (feed->entries.len < sizeof(head)) {
        return false;
    }
    mem_copy(head, feed->entries.ptr, sizeof(head));
    feed->sequence = head[0];
    feed->after = head[0];
    feed->index = 0;
    feed->rest = str_sub(buf_view(&feed->entries), sizeof(head), (size_t)head[1]);
    return true;
}

static const struct fact *next_behind(struct feed *feed)
{
    while (!store_is_running(&feed->read) && !deadline_is_set(&feed->again)) {
        uint64_t at;

        if (!unpack(&feed->rest, &feed->packed)) {
            uint64_t head[2];

            if (feed->sequence > 0) { /* there is one in hand */
                mem_copy(head, feed->entries.ptr, sizeof(head));
                buf_consume(&feed->entries, sizeof(head) + (size_t)head[1]);
                feed->rest =
                    STR_EMPTY; /* it may point into an entry that could not be read to its end */
                feed->sequence = 0;
            }
            if (journal_ring_covers(feed->journal, feed->position)) {
                catch_up(feed);
                return NULL;
            }
            if (!next_entry(feed)) {
                read_on(feed);
            }
            continue;
        }
        at = position_of(feed->sequence, feed->index++);
        if (at > feed->position) {
            feed->position = at;
            if (!feed->packed.is_mark) {
                feed->packed.fact.position = at;
                return &feed->packed.fact;
            }
        }
    }
    return NULL;
}

/* --- usually: from the ring */
static bool is_overrun(struct feed *feed)
{
    uint64_t oldest = facts_oldest();

    if (feed->seen + 1 >= oldest) {
        return false;
    }
    if (feed->journal != NULL) {
        fall_behind(feed);
        return true;
    }
    feed->n_lost += oldest - feed->seen - 1;
    feed->seen = oldest - 1;
    return false;
}

const struct fact *feed_next(struct feed *feed)
{
    const struct fact *fact;

    if (feed->is_behind) {
        fact = next_behind(feed);
        if (fact != NULL || feed->is_behind) {
            return fact;
        }
    }
    if (is_overrun(feed)) {
        return NULL;
    }
    fact = fact_at(feed->seen + 1);
    if (fact != NULL) {
        feed->seen++;
        feed->position = fact->position > 0 ? fact->position : feed->position;
    }
    return fact;
}

void feed_again(struct feed *feed)
{
    facts_again(&feed->consumer);
}

uint64_t feed_tell_lost(struct feed *feed, size_t consumer)
{
    uint64_t n_lost = feed->n_lost - feed->n_told_lost;

    if (n_lost > 0) {
        feed->n_told_lost = feed->n_lost;
        metric_add(M_EVENTS_LOST, consumer, 0, 0, n_lost);
    }
    return n_lost;
}

uint64_t feed_lag(const struct feed *feed)
{
    return facts_newest() - (feed->is_behind ? facts_oldest() - 1 : feed->seen);
}

/* --- opening */
void feed_open(struct feed *feed, struct loop *loop, struct journal *journal,
               void (*on_news)(struct feed *feed))
{
    *feed = (struct feed){.on_news = on_news, .journal = journal, .seen = facts_newest()};
    feed->consumer.on_news = on_consumer_news;
    buf_init(&feed->entries, ENTRIES_MAX);
    facts_listen(&feed->consumer, &loop->later);
}

void feed_open_at(struct feed *feed, struct journal *journal, uint64_t position,
                  void (*on_news)(struct feed *feed))
{
    feed_open(feed, journal_loop(journal), journal, on_news);
    feed->position = position;
    if (journal_ring_covers(journal, position)) {
        feed->seen = facts_until(position);
        feed_again(feed);
    } else {
        fall_behind(feed);
    }
}

void feed_close(struct feed *feed)
{
    facts_leave(&feed->consumer);
    store_cancel(&feed->read);
    deadline_clear(&feed->again);
    buf_done(&feed->entries);
    *feed = (struct feed){.on_news = NULL};
}

bool feed_is_open(const struct feed *feed)
{
    return feed->on_news != NULL;
}
