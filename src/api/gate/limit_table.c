#include "limit_table.h"

#include "base/check.h"
#include "base/mem.h"

enum { LOOKED_AT = 8 /* of the least recently used, when room is wanted */ };

void limit_table_init(struct limit_table *table, size_t max)
{
    *table = (struct limit_table){.max = max};
    map_init(&table->map);
    list_init(&table->lru);
}

static void forget(struct limit_table *table, struct limit_bucket *bucket)
{
    map_remove(&table->map, &bucket->node);
    list_remove(&bucket->lru);
    mem_free(bucket);
}

void limit_table_done(struct limit_table *table)
{
    struct list *link;

    while ((link = list_first(&table->lru)) != NULL) {
        forget(table, CONTAINER_OF(link, struct limit_bucket, lru));
    }
    map_done(&table->map);
}

static void make_room(struct limit_table *table, uint64_t now_ns)
{
    struct list *link;
    struct list *after;
    size_t n = 0;

    LIST_FOREACH_SAFE (link, after, &table->lru) {
        struct limit_bucket *bucket = CONTAINER_OF(link, struct limit_bucket, lru);

        if (n++ == LOOKED_AT) {
            break;
        }
        if (bucket->in_flight == 0 && gcra_is_full(bucket->tat_ns, now_ns)) {
            forget(table, bucket);
        }
    }
}

struct limit_bucket *limit_table_get(struct limit_table *table, struct str key, uint64_t now_ns)
{
    struct map_node *node = map_find(&table->map, key);
    struct limit_bucket *bucket;

    CHECK(key.len <= LIMIT_KEY_BYTES);
    if (node != NULL) {
        bucket = CONTAINER_OF(node, struct limit_bucket, node);
        list_remove(&bucket->lru);
        list_append(&table->lru, &bucket->lru);
        return bucket;
    }
    if (table->map.n_nodes >= table->max) {
        make_room(table, now_ns);
    }
    if (table->map.n_nodes >= table->max) {
        return &table->shared;
    }
    bucket = mem_zalloc(sizeof(*bucket));
    mem_copy(bucket->key, key.ptr, key.len);
    map_insert(&table->map, &bucket->node, (struct str){bucket->key, key.len});
    list_append(&table->lru, &bucket->lru);
    return bucket;
}
