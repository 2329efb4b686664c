/* What all processes have noted, on its way from the stream into the ring. */
#include "journal_internal.h"

#include "observe/fact.h"
#include "observe/log.h"

enum {
    READ_ENTRIES = 4, /* at once: at most 2,000 facts a turn */
    WAIT_MS = 30000,
    BEFORE_S = 600,      /* what happened before this process began, as far as the ring has room */
    BEFORE_ENTRIES = 200 /* the same for a store that counts entries */
};

static void read_on(struct journal *journal);

static void on_again(struct deadline *deadline)
{
    read_on(CONTAINER_OF(deadline, struct journal, again));
}

static void take_entry(struct journal *journal, const struct store_item *item)
{
    struct str rest = item->bytes;
    struct packed packed;
    uint64_t index = 0;

    while (unpack(&rest, &packed)) {
        packed.fact.position = position_of(item->sequence, index++);
        if (packed.is_mark) {
            struct list *after;

            for (struct list *link = journal->ears.next; link != &journal->ears; link = after) {
                struct journal_ear *ear = CONTAINER_OF(link, struct journal_ear, link);

                after = link->next;
                ear->on_mark(ear, packed.mark, str_from(packed.fact.subject),
                             str_from(packed.fact.name));
            }
        } else {
            facts_tell(&packed.fact);
        }
    }
    journal->after = item->sequence;
}

/* Entries of a newer version cannot be read: this process waits in front of them. */
static void on_read(struct store_op *op, const struct store_result *result)
{
    struct journal *journal = CONTAINER_OF(op, struct journal, read);

    for (size_t i = 0; i < result->n_items; i++) {
        take_entry(journal, &result->items[i]);
    }
    if (journal->after > sequence_of(journal->tail)) {
        journal->tail = position_of(journal->after, 0);
    }
    if (result->rewound) { /* new entries are numbered from there; lost ones were told before */
        log_event(LOG_WARN, "events.rewound",
                  F_TEXT("reason", "the store has lost events that it had taken"));
        journal->after = result->sequence;
    }
    if (result->error.code != ERR_OK) {
        deadline_set(&journal->loop->deadlines, &journal->again, JOURNAL_AGAIN_MS, on_again);
    } else {
        read_on(journal);
    }
}

static void read_on(struct journal *journal)
{
    const struct store_request request = {.kind = STORE_READ,
                                          .key = STR(JOURNAL_STREAM),
                                          .format = PACK_FORMAT,
                                          .after = journal->after,
                                          .limit = READ_ENTRIES,
                                          .wait_ms = WAIT_MS};

    store_start(journal->store, &request, &journal->read, on_read);
}

/* Redis numbers entries by the microseconds of its clock, other stores by one. */
static uint64_t some_time_before(uint64_t sequence)
{
    uint64_t since_2001_us = UINT64_C(1000000000000000);
    uint64_t before = sequence > since_2001_us ? (uint64_t)BEFORE_S * 1000000 : BEFORE_ENTRIES;

    return sequence > before ? sequence - before : 0;
}

void journal_read_begin(struct journal *journal, uint64_t tail)
{
    if (tail > journal->tail) {
        journal->tail = tail;
    }
    if (journal->began || journal->closing) {
        return;
    }
    journal->began = true;
    journal->after = some_time_before(sequence_of(tail));
    journal->from = position_of(journal->after, 0);
    read_on(journal);
}

void journal_read_stop(struct journal *journal)
{
    store_cancel(&journal->read);
    deadline_clear(&journal->again);
}

uint64_t journal_first(const struct journal *journal)
{
    return journal->first;
}

uint64_t journal_position(const struct journal *journal)
{
    return journal->tail;
}

bool journal_ring_covers(const struct journal *journal, uint64_t position)
{
    const struct fact *oldest = fact_at(facts_oldest());

    if (!journal->began) {
        return false;
    }
    if (oldest == NULL || oldest->number == 1 || oldest->position == 0) { /* none was overwritten */
        return position >= journal->from;
    }
    return position >= oldest->position;
}

void journal_listen(struct journal *journal, struct journal_ear *ear)
{
    list_append(&journal->ears, &ear->link);
}

void journal_leave(struct journal_ear *ear)
{
    list_remove(&ear->link);
}
