/* What analytics.c collects and analytics_write.c tells. */
#ifndef EVENTS_ANALYTICS_INTERNAL_H
#define EVENTS_ANALYTICS_INTERNAL_H

#include "base/buckets.h"
#include "base/lru.h"
#include "events/analytics.h"
#include "observe/fact.h"

enum series_kind {
    SERIES_COMMAND,
    SERIES_ROUTE,
    SERIES_PRINCIPAL,
    SERIES_PROJECT, /* by its id: commands and runs that name it */
    SERIES_TEST,
    SERIES_N
};

enum {
    SERIES_NAME_MAX = 128,
    SERIES_KEY_MAX = 1 + FACT_OWNER_BYTES + SERIES_NAME_MAX,
    SERIES_LAST = 20, /* outcomes of a test that are remembered */
    SERIES_RECENT = 16,
    N_TIERS = 3,
    N_SLOTS = 60 + 24 + 30
};

/* A span of time. */
struct slot {
    uint32_t stamp; /* its time in units of its tier; if it is another one, the slot is empty */
    uint32_t n;
    uint32_t passed; /* of a test; what neither passed nor failed was not executed */
    uint32_t failed;
    uint64_t us;
    uint32_t buckets[BUCKETS_N];
};

struct series {
    struct lru_entry entry;
    enum series_kind kind;
    char key[SERIES_KEY_MAX];
    struct str name;    /* in `key` */
    const char *first;  /* of a command or route: texts that live for ever, which tell the name */
    const char *second; /* faster than comparing it */
    struct slot slots[N_SLOTS];
    struct slot open;       /* a minute that is not in `slots` yet; n 0: none */
    char last[SERIES_LAST]; /* 'p' or 'f', the newest last */
    size_t n_last;
};

struct tier {
    int64_t unit_ms;
    unsigned n;
    unsigned first; /* of its slots */
};

struct analytics {
    struct fact_consumer consumer;
    struct lru series;
    struct series *recent[SERIES_N][SERIES_RECENT]; /* found without a key; NULL: none */
    uint64_t seen;                                  /* number of the last fact */
    uint64_t n_lost;                                /* facts that were gone */
    int64_t began_ms;                               /* Unix */
};

extern const struct tier analytics_tiers[N_TIERS];

void slot_add(struct slot *sum, const struct slot *slot);
bool series_is_of(const struct series *series, const uint8_t *owner);
/* Counts all facts that were noted until now, into the slots. */
void analytics_catch_up(struct analytics *analytics);

#endif
