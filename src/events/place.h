/* place: how far a consumer came in the journal, as a document of the store. A process that takes over goes on
 * there. */
#ifndef EVENTS_PLACE_H
#define EVENTS_PLACE_H

#include "feed.h"
#include "store/store.h"

/* The writer may be an audit chain, whose name may be that of a machine. */
enum { PLACE_WRITER_MAX = 72 };

struct place {
    struct store *store;
    const char *key; /* "consumers/audit" */
    struct store_op op;
    uint64_t version;              /* of the document; 0: there is none */
    uint64_t position;             /* in the document */
    uint64_t sequence;             /* in the document */
    char writer[PLACE_WRITER_MAX]; /* of the document */
    void (*on_done)(struct place *place, const struct error *error);
};

struct place_told {
    uint64_t position;
    struct str writer;
    uint64_t sequence; /* a number of the writer's own */
};

/* on_done comes once, from a later turn: with NULL, or with why not. */
void place_read(struct place *place, struct journal *journal, const char *key,
                void (*on_done)(struct place *place, const struct error *error));
/* False: the document tells this position already, and on_done does not come. ERR_CONFLICT: another process has
 * written it. */
bool place_save(struct place *place, const struct place_told *told,
                void (*on_done)(struct place *place, const struct error *error));
bool place_is_busy(const struct place *place);
void place_cancel(struct place *place); /* idempotent; zeroed is fine */
/* Opens the feed behind the position. Without a document it begins at the start of this process, and place_save writes
 * that: a process that takes over before anything was done begins there, too. */
void place_open_feed(const struct place *place, struct feed *feed, struct journal *journal,
                     void (*on_news)(struct feed *feed));

#endif
