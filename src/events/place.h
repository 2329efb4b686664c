/* place: how far a consumer came in the journal, as a document of the store. Whoever takes over goes on there. */
#ifndef EVENTS_PLACE_H
#define EVENTS_PLACE_H

#include "feed.h"
#include "store/store.h"

/* An audit chain, which may have the name of a machine, is one. */
enum { PLACE_WRITER_MAX = 72 };

struct place {
    struct store *store;
    const char *key; /* "consumers/audit" */
    struct store_op op;
    uint64_t version;              /* of the document; 0: there is none */
    uint64_t position;             /* that it tells */
    uint64_t sequence;             /* the same */
    char writer[PLACE_WRITER_MAX]; /* the same: who has written it */
    void (*on_done)(struct place *place, const struct error *error);
};

struct place_told {
    uint64_t position;
    struct str writer;
    uint64_t sequence; /* of the writer's own */
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
/* Behind the position; without a document, from the start of this process on, which place_save then tells: whoever takes over before anything was done
 * begins there, too. */
void place_open_feed(const struct place *place, struct feed *feed, struct journal *journal,
                     void (*on_news)(struct feed *feed));

#endif
