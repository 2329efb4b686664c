/* lru: a map whose entries also stand in the order of their last use. Structs embed an lru_entry; the
 * lru owns neither them nor their keys. A held entry is taken out of that order, so it is
 * never found as the oldest one when room is made. */
#ifndef BASE_LRU_H
#define BASE_LRU_H

#include "base/attr.h"
#include "base/list.h"
#include "base/map.h"

struct lru_entry {
    struct map_node node;
    struct list link; /* in `order`, unless the entry is held */
};

struct lru {
    struct map map;
    struct list order; /* least recently used first */
    size_t n_idle;     /* entries that are not held */
};

void lru_init(struct lru *lru);
void lru_done(struct lru *lru); /* no entry may be left (CHECKed) */
/* Adds the entry as the most recently used one. The key must not be there already, and must stay valid
 * while the entry is in the lru. */
void lru_add(struct lru *lru, struct lru_entry *entry, struct str key);
void lru_hold(struct lru *lru, struct lru_entry *entry);
void lru_remove(struct lru *lru, struct lru_entry *entry);

/* For an lru that owns its entries: structs of `size` bytes whose first member is the lru_entry, each with a copy of
 * its key. Returns the entry of the key, now the most recently used one. If there is none, a zeroed one is made; with
 * `max` entries the oldest is freed before. */
void *lru_take(struct lru *lru, struct str key, size_t size, size_t max);
void lru_clear(struct lru *lru); /* frees all that lru_take has made */

/* Makes the entry the most recently used one; ends its hold. */
static inline void lru_touch(struct lru *lru, struct lru_entry *entry)
{
    if (list_is_linked(&entry->link)) {
        list_remove(&entry->link);
    } else {
        lru->n_idle++;
    }
    list_append(&lru->order, &entry->link);
}

static inline size_t lru_size(const struct lru *lru)
{
    return lru->map.n_nodes;
}

/* The struct of `type` whose member `member` is the entry found; NULL: there is none. Finding an entry does
 * not change the order. */
#define LRU_FIND(lru, key, type, member)                                                           \
    CONTAINER_OR_NULL(map_find(&(lru)->map, key), type, member.node)
/* The least recently used one that is not held; NULL: there is none. */
#define LRU_OLDEST(lru, type, member)                                                              \
    CONTAINER_OR_NULL(list_first(&(lru)->order), type, member.link)

#endif
