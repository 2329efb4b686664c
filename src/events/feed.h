/* feed: the facts behind a position, one after another, for one consumer. They come from the ring
 * (observe/fact.h). Where there is a journal, a feed that is so far behind that the ring has lost what comes
 * next reads it from the journal; without one, or where the journal has lost it, too, the loss is counted. */
#ifndef EVENTS_FEED_H
#define EVENTS_FEED_H

#include "base/buf.h"
#include "events/journal.h"
#include "net/loop.h"
#include "observe/fact.h"
#include "pack.h"
#include "store/store.h"

struct feed {
    struct fact_consumer consumer;
    void (*on_news)(struct feed *feed); /* in a later turn: feed_next may have something */
    struct journal *journal;            /* NULL: there is none */
    uint64_t seen;                      /* number of the last fact of the ring */
    uint64_t position;                  /* of the last fact; in the journal */
    uint64_t n_lost;                    /* facts that are lost; with a journal: at least */
    uint64_t n_told_lost;               /* of these */
    /* The rest is of a feed that is behind. */
    bool is_behind;
    bool is_sure; /* the entry of `position` was found: nothing is missing */
    uint64_t after;
    struct store_op read;
    struct deadline again;
    struct buf entries; /* as they were read: sequence number, length, bytes */
    struct str rest;    /* of the entry in hand */
    uint64_t sequence;
    uint64_t index;
    struct packed packed;
};

/* Opens a feed of the facts from now on. It must be zeroed, or closed. */
void feed_open(struct feed *feed, struct loop *loop, struct journal *journal,
               void (*on_news)(struct feed *feed));
/* Opens a feed of the facts behind a position of the journal. */
void feed_open_at(struct feed *feed, struct journal *journal, uint64_t position,
                  void (*on_news)(struct feed *feed));
void feed_close(struct feed *feed); /* idempotent; zeroed is fine */
bool feed_is_open(const struct feed *feed);

/* NULL: there is none now; on_news comes. Lives until the next call. */
const struct fact *feed_next(struct feed *feed);
void feed_again(struct feed *feed); /* on_news comes in the next turn in any case */
/* How many facts were lost since the last call; they are added to the metric of the consumer (observe/metrics.h). */
uint64_t feed_tell_lost(struct feed *feed, size_t consumer);
/* How many facts of the ring are still to come; a feed that is behind has at least so many. */
uint64_t feed_lag(const struct feed *feed);

#endif
