#include "base/lru.h"

#include "base/check.h"
#include "base/mem.h"

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

static void drop_oldest(struct lru *lru)
{
    struct list *oldest = list_first(&lru->order);
    struct lru_entry *entry;
    char *key;

    CHECK(oldest != NULL); /* the entries of lru_take are never held */
    entry = CONTAINER_OF(oldest, struct lru_entry, link);
    key = unconst(entry->node.key.ptr);

    lru_remove(lru, entry);
    mem_free(key);
    mem_free(entry);
}

void *lru_take(struct lru *lru, struct str key, size_t size, size_t max)
{
    struct map_node *node = map_find(&lru->map, key);
    struct lru_entry *entry;

    if (node != NULL) {
        entry = CONTAINER_OF(node, struct lru_entry, node);
        lru_touch(lru, entry);
        return entry;
    }
    if (lru_size(lru) >= max) {
        drop_oldest(lru);
    }
    entry = mem_zalloc(size);
    lru_add(lru, entry, (struct str){str_dup(key), key.len});
    return entry;
}

void lru_clear(struct lru *lru)
{
    while (lru_size(lru) > 0) {
        drop_oldest(lru);
    }
}
