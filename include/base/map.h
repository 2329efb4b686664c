/* map: intrusive hash table from str keys to structs that embed a map_node. It owns neither keys
 * nor nodes. The hash is seeded at random per process, so callers cannot choose collisions. Cost:
 * one pointer per bucket, at most two nodes per bucket on average; grows, never shrinks. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
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

/* All nodes, in no order that means anything; NULL: that was the last one. */
struct map_node *map_first(const struct map *map);
struct map_node *map_next(const struct map *map, const struct map_node *node);

/* The struct of `type` whose member `member` is the node found; NULL: there is none. */
#define MAP_FIND(map, key, type, member) CONTAINER_OR_NULL(map_find(map, key), type, member)
/* In the body of MAP_FOREACH_SAFE the current node may be removed, but no other. */
#define MAP_FOREACH(node, map)                                                                     \
    for ((node) = map_first(map); (node) != NULL; (node) = map_next(map, node))
#define MAP_FOREACH_SAFE(node, after, map)                                                         \
    for ((node) = map_first(map); (node) != NULL && ((after) = map_next(map, node), true);         \
         (node) = (after))

#endif
