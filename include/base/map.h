/* map: intrusive hash table from str keys to structs that embed a map_node. It owns neither keys
 * nor nodes. The hash is seeded at random per process, so callers cannot choose collisions. Cost:
 * one pointer per bucket, at most two nodes per bucket on average; grows, never shrinks. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct map_node {
    struct map_node *next;
    struct str key; /* must stay valid while the node is in the map */
    uint64_t hash;
};

struct map {
    struct map_node **buckets;
    size_t n_buckets;
    size_t n_nodes;
};

void map_init(struct map *map);
void map_done(struct map *map);
struct map_node *map_find(const struct map *map, struct str key);
/* Inserts; the key must not be there already (CHECKed). */
void map_insert(struct map *map, struct map_node *node, struct str key);
void map_remove(struct map *map, struct map_node *node);

#endif
