/* The names of groups, each group in the order of its names. Entries are embedded by their owner.
 * Cost: a pointer a name; adding and removing move the pointers behind it. */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include <stddef.h>

#include "base/map.h"
#include "base/str.h"

struct index_entry {
    struct index_group *group; /* NULL: in none */
    struct str name;           /* must stay valid while it is in the group */
};

struct index_group {
    struct map_node node;
    struct index_entry **entries;
    size_t n;
    size_t cap;
};

void index_add(struct map *groups, struct str group, struct index_entry *entry, struct str name);
void index_remove(struct map *groups, struct index_entry *entry);           /* idempotent */
struct index_group *index_find(const struct map *groups, struct str group); /* NULL: no name */
/* The place of the first name behind `name`. */
size_t index_behind(const struct index_group *group, struct str name);

#endif
