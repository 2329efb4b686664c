/* Buckets by key (a caller, an address), bounded: a million addresses cost no more than the table.
 * Only a full bucket is ever forgotten, since forgetting another one would give its owner a fresh
 * burst. Newcomers that find no room share one coarse bucket until there is some. */
#ifndef API_LIMIT_TABLE_H
#define API_LIMIT_TABLE_H

#include <stddef.h>

#include "base/gcra.h"
#include "base/lru.h"

/* A full table of either takes about 12 MiB. */
enum { LIMIT_KEY_BYTES = 32, LIMIT_CALLERS_MAX = 65536, LIMIT_ADDRESSES_MAX = 65536 };

struct ask; /* limit_share.c */

struct limit_bucket {
    struct lru_entry lru;
    char key[LIMIT_KEY_BYTES];
    uint64_t tat_ns;
    uint32_t in_flight; /* requests under way; while there are some, the entry is not evicted */
    /* Only where a store is shared (limit_share.c): permits that were taken from it ahead, permits that were
     * left there then, until when it refuses, and the question on its way. */
    uint32_t permits;
    uint32_t remaining;
    uint64_t refused_until_ns;
    struct ask *ask;
};

struct limit_table {
    struct lru buckets;
    size_t max;
    struct limit_bucket shared; /* for keys that found no room */
};

void limit_table_init(struct limit_table *table, size_t max);
void limit_table_done(struct limit_table *table);
/* Never NULL; `key` has at most LIMIT_KEY_BYTES. */
struct limit_bucket *limit_table_get(struct limit_table *table, struct str key, uint64_t now_ns);

#endif
