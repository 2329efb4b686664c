#include "base/map.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/random.h"

enum { FIRST_BUCKETS = 16 };

static uint64_t seed(void)
{
    static uint64_t value;

    if (value == 0) {
        value = random_u64() | 1;
    }
    return value;
}

void map_init(struct map *map)
{
    *map = (struct map){0};
}

void map_done(struct map *map)
{
    mem_free(map->buckets);
    *map = (struct map){0};
}

struct map_node *map_find(const struct map *map, struct str key)
{
    uint64_t hash;
    struct map_node *node;

    if (map->n_nodes == 0) {
        return NULL;
    }
    hash = str_hash(key, seed());
    for (node = map->buckets[hash & (map->n_buckets - 1)]; node != NULL; node = node->next) {
        if (node->hash == hash && str_eq(node->key, key)) {
            return node;
        }
    }
    return NULL;
}

static void grow(struct map *map)
{
    size_t n = map->n_buckets > 0 ? map->n_buckets * 2 : FIRST_BUCKETS;
    struct map_node **buckets = mem_calloc(n, sizeof(void *));

    for (size_t i = 0; i < map->n_buckets; i++) {
        struct map_node *node = map->buckets[i];

        while (node != NULL) {
            struct map_node *next = node->next;

            node->next = buckets[node->hash & (n - 1)];
            buckets[node->hash & (n - 1)] = node;
            node = next;
        }
    }
    mem_free(map->buckets);
    map->buckets = buckets;
    map->n_buckets = n;
}

void map_insert(struct map *map, struct map_node *node, struct str key)
{
    DCHECK(map_find(map, key) == NULL);
    if (map->n_nodes >= map->n_buckets * 2 || map->n_buckets == 0) {
        grow(map);
    }
    node->key = key;
    node->hash = str_hash(key, seed());
    node->next = map->buckets[node->hash & (map->n_buckets - 1)];
    map->buckets[node->hash & (map->n_buckets - 1)] = node;
    map->n_nodes++;
}

void map_remove(struct map *map, struct map_node *node)
{
    struct map_node **at = &map->buckets[node->hash & (map->n_buckets - 1)];

    while (*at != node) {
        CHECK(*at != NULL);
        at = &(*at)->next;
    }
    *at = node->next;
    node->next = NULL;
    map->n_nodes--;
}

static struct map_node *first_from(const struct map *map, size_t bucket)
{
    while (bucket < map->n_buckets && map->buckets[bucket] == NULL) {
        bucket++;
    }
    return bucket < map->n_buckets ? map->buckets[bucket] : NULL;
}

struct map_node *map_first(const struct map *map)
{
    return first_from(map, 0);
}

struct map_node *map_next(const struct map *map, const struct map_node *node)
{
    return node->next != NULL ? node->next
                              : first_from(map, (node->hash & (map->n_buckets - 1)) + 1);
}
