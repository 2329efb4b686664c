#include "limit_table.h"

#include "base/check.h"
#include "base/mem.h"

enum { LOOKED_AT = 8 /* of the least recently used, when room is wanted */ };

void limit_table_init(struct limit_table *table, size_t max)
{
    *table = (struct limit_table){.max = max};
    lru_init(&table->buckets);
}

static void forget(struct limit_table *table, struct limit_bucket *bucket)
{
    lru_remove(&table->buckets, &bucket->lru);
    mem_free(bucket);
}

void limit_table_done(struct limit_table *table)
{
    struct limit_bucket *bucket;

    while ((bucket = LRU_OLDEST(&table->buckets, struct limit_bucket, lru)) != NULL) {
        forget(table, bucket);
    }
    lru_done(&table->buckets);
}

static void make_room(struct limit_table *table, uint64_t now_ns)
{
    struct limit_bucket *bucket;
    size_t n = 0;

    LIST_EACH_SAFE (bucket, &table->buckets.order, lru.link) {
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
    struct limit_bucket *bucket = LRU_FIND(&table->buckets, key, struct limit_bucket, lru);

    CHECK(key.len <= LIMIT_KEY_BYTES);
    if (bucket != NULL) {
        lru_touch(&table->buckets, &bucket->lru);
        return bucket;
    }
    if (lru_size(&table->buckets) >= table->max) {
        make_room(table, now_ns);
    }
    if (lru_size(&table->buckets) >= table->max) {
        return &table->shared;
    }
    bucket = mem_zalloc(sizeof(*bucket));
    mem_copy(bucket->key, key.ptr, key.len);
    lru_add(&table->buckets, &bucket->lru, (struct str){bucket->key, key.len});
    return bucket;
}
