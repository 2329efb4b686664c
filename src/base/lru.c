#include "base/lru.h"

#include "base/check.h"

void lru_init(struct lru *lru)
{
    map_init(&lru->map);
    list_init(&lru->order);
    lru->n_idle = 0;
}

void lru_done(struct lru *lru)
{
    CHECK(lru->map.n_nodes == 0);
    map_done(&lru->map);
}

void lru_add(struct lru *lru, struct lru_entry *entry, struct str key)
{
    map_insert(&lru->map, &entry->node, key);
    list_append(&lru->order, &entry->link);
    lru->n_idle++;
}

void lru_hold(struct lru *lru, struct lru_entry *entry)
{
    if (list_is_linked(&entry->link)) {
        list_remove(&entry->link);
        lru->n_idle--;
    }
}

void lru_remove(struct lru *lru, struct lru_entry *entry)
{
    lru_hold(lru, entry);
    map_remove(&lru->map, &entry->node);
}
