/* What the files of the journal share. journal.c: what this process notes; journal_read.c: what all have
 * noted; feed.c: one consumer's way through it. */
#ifndef EVENTS_JOURNAL_INTERNAL_H
#define EVENTS_JOURNAL_INTERNAL_H

#include "base/buf.h"
#include "events/journal.h"
#include "net/loop.h"
#include "pack.h"
#include "store/store.h"

#define JOURNAL_STREAM "events"

enum {
    JOURNAL_BATCH_BYTES = 64 * 1024, /* of one entry of the stream */
    JOURNAL_BATCH_FACTS = 500,
    POSITION_BITS = 12, /* of the place in an entry; those above are its sequence number */
    JOURNAL_AGAIN_MS = 500
};

struct journal {
    struct loop *loop;
    struct store *store;
    struct list ears;
    bool on_duty;
    /* out */
    struct buf gathers;
    size_t n_bytes;     /* of `gathers`, on their way */
    uint64_t n_entries; /* entries that were sent, once or more */
    struct store_op append;
    uint64_t sent_ms;
    struct deadline flush;
    struct later_item soon;
    bool is_failing;
    /* in */
    struct store_op read;
    struct deadline again;
    uint64_t from;  /* the ring has what is behind this position */
    uint64_t after; /* sequence number of the entry that was read last */
    uint64_t tail;  /* position of the newest entry that is known */
    uint64_t first; /* position of what this process wrote first */
    bool began;
    bool closing;
    struct deadline last_words;
    struct callback on_closed;
};

static inline uint64_t position_of(uint64_t sequence, uint64_t index)
{
    return sequence << POSITION_BITS | index;
}

static inline uint64_t sequence_of(uint64_t position)
{
    return position >> POSITION_BITS;
}

void journal_read_begin(struct journal *journal, uint64_t tail);
void journal_read_stop(struct journal *journal);

#endif
