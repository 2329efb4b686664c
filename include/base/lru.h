/* lru: a map whose entries also stand in the order of their last use. Structs embed an lru_entry; the
 * lru owns neither them nor their keys. An entry that is held stands in no order: a user of the lru
 * that makes room by dropping the oldest entries never meets it. */
#ifndef BASE_LRU_H
#define BASE_LRU_H

#include "base/attr.h"
#include "base/list.h"
#include "base/map.h"

struct lru_entry {
    struct map_node node;
    struct list link; /* of `order`, unless it is held */
};

struct lru {
    struct map map;
    struct list order; /* least recently used first */
    size_t n_idle;     /* entries that are not held */
};

void lru_init(struct lru *lru);
void lru_done(struct lru *lru); /* no entry may be left (CHECKed) */
/* As the most recently used. The key must not be there already, and stays valid as long as the
 * entry is in the lru. */
void lru_add(struct lru *lru, struct lru_entry *entry, struct str key);
void lru_hold(struct lru *lru, struct lru_entry *entry);
void lru_remove(struct lru *lru, struct lru_entry *entry);

/* For an lru that owns its entries: structs of `size` bytes whose first member is the lru_entry, zeroed at first, each with a copy
 * of its key. The entry of the key, as the most recently used; where there is none and `max` are there already, the oldest makes
 * room. */
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

/* The struct of `type` whose member `member` is the entry found; NULL: there is none. Finding is not
 * using: the order stays. */
#define LRU_FIND(lru, key, type, member)                                                           \
    CONTAINER_OR_NULL(map_find(&(lru)->map, key), type, member.node)
/* The least recently used one that is not held; NULL: there is none. */
#define LRU_OLDEST(lru, type, member)                                                              \
    CONTAINER_OR_NULL(list_first(&(lru)->order), type, member.link)

#endif
