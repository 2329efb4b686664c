#include "index.h"

#include <string.h>

#include "base/attr.h"
#include "base/mem.h"

struct index_group *index_find(const struct map *groups, struct str group)
{
    return MAP_FIND(groups, group, struct index_group, node);
}

/* The first place whose name is `name` or comes after it; with `behind` only a later name. */
static size_t place_of(const struct index_group *group, struct str name, bool behind)
{
    size_t from = 0;
    size_t to = group->n;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = str_compare(group->entries[middle]->name, name);

        if (order < 0 || (behind && order == 0)) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

size_t index_behind(const struct index_group *group, struct str name)
{
    return place_of(group, name, true);
}

void index_add(struct map *groups, struct str name_of_group, struct index_entry *entry,
               struct str name)
{
    struct index_group *group = index_find(groups, name_of_group);
    size_t place;

    if (group == NULL) {
        struct str key = {str_dup(name_of_group), name_of_group.len};

        group = mem_zalloc(sizeof(*group));
        map_insert(groups, &group->node, key);
    }
    if (group->n == group->cap) {
        group->cap = group->cap == 0 ? 4 : group->cap * 2;
        group->entries = mem_realloc(group->entries, group->cap * sizeof(struct index_entry *));
    }
    place = place_of(group, name, false);
    memmove(&group->entries[place + 1], &group->entries[place],
            (group->n - place) * sizeof(struct index_entry *));
    group->entries[place] = entry;
    group->n++;
    *entry = (struct index_entry){group, name};
}

void index_remove(struct map *groups, struct index_entry *entry)
{
    struct index_group *group = entry->group;
    size_t place;

    if (group == NULL) {
        return;
    }
    place = place_of(group, entry->name, false);
    group->n--;
    memmove(&group->entries[place], &group->entries[place + 1],
            (group->n - place) * sizeof(struct index_entry *));
    *entry = (struct index_entry){0};
    if (group->n == 0) {
        char *key = unconst(group->node.key.ptr);

        map_remove(groups, &group->node);
        mem_free(key);
        mem_free(group->entries);
        mem_free(group);
    }
}
