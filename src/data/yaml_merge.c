/* Anchors, the copies that aliases make of them, and merge keys (<<), which are applied when their map ends. */
#include "yaml_internal.h"

struct anchor *yaml_anchor_set(struct yaml_reading *reader, const yaml_char_t *name,
                               struct node *value, bool open)
{
    struct str key = str_from((const char *)name);
    struct map_node *known;
    struct anchor *anchor;

    if (name == NULL) {
        return NULL;
    }
    known = map_find(&reader->anchors, key);
    if (known != NULL) { /* YAML lets an anchor be defined anew */
        map_remove(&reader->anchors, known);
    }
    if (!yaml_take_budget(reader, 0, value->line, value->column)) {
        return NULL;
    }
    anchor = arena_zalloc(reader->arena, sizeof(*anchor));
    anchor->value = value;
    anchor->open = open;
    map_insert(&reader->anchors, &anchor->node, arena_str(reader->arena, key));
    return anchor;
}

struct node *yaml_copy_tree(struct yaml_reading *reader, const struct node *source, unsigned depth)
{
    struct node *copy;
    struct node *tail = NULL;

    if (depth > reader->budget.max_depth) {
        yaml_fail(reader, ERR_BAD_YAML, source->line, source->column,
                  "nested deeper than allowed after expanding aliases");
        return NULL;
    }
    if (++reader->budget.n_copied > reader->budget.max_copied) {
        yaml_fail(reader, ERR_TOO_BIG, source->line, source->column,
                  "aliases and merges add more values than allowed; write fewer of them");
        return NULL;
    }
    if (!yaml_take_budget(reader, source->text.len, source->line, source->column)) {
        return NULL;
    }
    copy = arena_alloc(reader->nodes, sizeof(*copy));
    *copy = *source;
    copy->first = NULL;
    copy->next = NULL;
    copy->n_children = 0;
    for (const struct node *child = source->first; child != NULL; child = child->next) {
        struct node *made = yaml_copy_tree(reader, child, depth + 1);

        if (made == NULL) {
            return NULL;
        }
        node_add(copy, &tail, made);
    }
    return copy;
}

/* Copies the members of `from` whose keys the map does not have yet. */
static void merge_map(struct yaml_reading *reader, struct level *level, const struct node *from)
{
    for (const struct node *child = from->first; child != NULL && !reader->failed;
         child = child->next) {
        struct node *copy;

        if (yaml_line_of_key(reader, level, child->key) > 0) {
            continue;
        }
        copy = yaml_copy_tree(reader, child, reader->depth);
        if (copy == NULL) {
            return;
        }
        yaml_key_added(reader, level, copy->key, child->key_line);
        node_add(level->container, &level->tail, copy);
    }
}

static void merge_value(struct yaml_reading *reader, struct level *level, const struct node *value)
{
    if (value->type == NODE_MAP) {
        merge_map(reader, level, value);
        return;
    }
    if (value->type == NODE_LIST) {
        for (const struct node *item = value->first; item != NULL && !reader->failed;
             item = item->next) {
            if (item->type != NODE_MAP) {
                yaml_fail(reader, ERR_BAD_YAML, item->line, item->column,
                          "a merge (<<) takes maps only");
                return;
            }
            merge_map(reader, level, item);
        }
        return;
    }
    yaml_fail(reader, ERR_BAD_YAML, value->line, value->column,
              "a merge (<<) takes a map or a list of maps");
}

void yaml_apply_merge(struct yaml_reading *reader, struct level *level)
{
    struct node *before = NULL;
    struct node *child = level->container->first;

    while (child != NULL && !str_is(child->key, "<<")) {
        before = child;
        child = child->next;
    }
    if (child == NULL) {
        return;
    }
    if (before == NULL) {
        level->container->first = child->next;
    } else {
        before->next = child->next;
    }
    if (level->tail == child) {
        level->tail = before;
    }
    level->container->n_children--;
    child->next = NULL;
    merge_value(reader, level, child);
}
