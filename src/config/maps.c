/* Lists of maps: auth.keys, auth.certificates, tenants and server.listeners. A list is a table of the members that an
 * entry may have. */
#include "base/buf.h"
#include "base/nearest.h"
#include "config_internal.h"

enum { KNOWN_MAX = 512 };

bool map_text(struct map_reading *reading, void *field)
{
    const struct node *node = reading->node;
    struct loader *loader = reading->loader;

    if (node->type != NODE_SCALAR) {
        return loader_fail(loader, "%s: %.*s must be one value", loader->list, STR_ARG(node->key));
    }
    *(struct str *)field = node->is_null ? STR_EMPTY : arena_str(&loader->box->arena, node->text);
    return true;
}

bool map_name(struct map_reading *reading, void *field)
{
    if (!map_text(reading, field)) {
        return false;
    }
    if (((struct str *)field)->len > MAP_NAME_MAX) {
        return loader_fail(reading->loader, "%s: a name has up to %d bytes", reading->loader->list,
                           MAP_NAME_MAX);
    }
    return true;
}

bool map_number(struct map_reading *reading, void *field)
{
    const struct option_row *row = option_find(str_from(reading->member->option));
    const struct node *node = reading->node;
    int64_t value;

    if (!str_to_i64(node->text, row->min, row->max, &value)) {
        return loader_fail(reading->loader,
                           "%s: %.*s: \"%.*s\" is not a whole number from %lld to %lld",
                           reading->loader->list, STR_ARG(node->key), SHOWN(node->text),
                           (long long)row->min, (long long)row->max);
    }
    *(unsigned *)field = (unsigned)value;
    return true;
}

static bool is_of_list(const struct map_member *member, const struct loader *loader)
{
    return member->list == NULL || member->list == loader->list;
}

static void unknown(struct loader *loader, const struct map_list *list, struct str name)
{
    struct nearest nearest;
    struct buf known;

    nearest_init(&nearest, name);
    buf_init(&known, KNOWN_MAX);
    for (size_t i = 0; i < list->n_members; i++) {
        if (is_of_list(&list->members[i], loader)) {
            nearest_offer(&nearest, str_from(list->members[i].name));
            buf_printf(&known, "%s%s", known.len > 0 ? ", " : "", list->members[i].name);
        }
    }
    if (nearest.best.len > 0) {
        buf_printf(&known, "; did you mean \"%.*s\"?", STR_ARG(nearest.best));
    }
    loader_fail(loader, "%s: unknown member \"%.*s\"; known are %s", loader->list, SHOWN(name),
                buf_cstr(&known));
    buf_done(&known);
}

static bool take_member(struct map_reading *reading, const struct map_list *list)
{
    for (size_t i = 0; i < list->n_members; i++) {
        const struct map_member *member = &list->members[i];

        if (is_of_list(member, reading->loader) && str_is(reading->node->key, member->name)) {
            reading->member = member;
            reading->n_keys += member->is_key ? 1 : 0;
            return member->take(reading, (char *)reading->entry + member->at);
        }
    }
    unknown(reading->loader, list, reading->node->key);
    return false;
}

static void place_at(struct loader *loader, unsigned line, unsigned column)
{
    loader->line = line;
    loader->column = column;
}

bool map_read(struct loader *loader, const struct map_list *list, const struct node *map,
              void *entry, unsigned *n_keys)
{
    struct map_reading reading = {.loader = loader, .entry = entry};
    bool ok = true;

    for (const struct node *node = map->first; node != NULL; node = node->next) {
        place_at(loader, node->key_line, node->key_column);
        reading.node = node;
        ok = take_member(&reading, list) && ok;
    }
    place_at(loader, map->line, map->column);
    *n_keys = reading.n_keys;
    return ok;
}

bool maps_read(struct loader *loader, const struct map_list *list, const struct node *node,
               map_fn take, bool (*take_text)(struct loader *loader, struct str text))
{
    int64_t max = option_find(str_from(loader->list))->max;
    bool ok = true;

    if (node->type == NODE_SCALAR && (node->is_null || node->text.len == 0)) {
        return true;
    }
    if (node->type != NODE_LIST || (int64_t)node->n_children > max) {
        return loader_fail(loader, "%s: must be a list of at most %lld entries", loader->list,
                           (long long)max);
    }
    for (const struct node *item = node->first; item != NULL; item = item->next) {
        place_at(loader, item->line, item->column);
        if (item->type == NODE_MAP) {
            ok = take(loader, item) && ok;
        } else if (take_text != NULL && item->type == NODE_SCALAR) {
            ok = take_text(loader, item->text) && ok;
        } else {
            loader_fail(loader, "%s: each entry is a map: %s", loader->list, list->example);
            ok = false;
        }
    }
    return ok;
}

bool maps_from_text(struct loader *loader, const struct option_row *row, struct str text)
{
    if (text.len > 0 && !str_is(text, "[]")) {
        return loader_fail(loader, "%s: is a list of maps; write it into the configuration file",
                           row->key);
    }
    if (row->type == OPTION_LISTENERS) {
        loader->box->config.server.n_listeners = 0;
    } else if (row->type == OPTION_CERTIFICATES) {
        loader->box->config.auth.n_certificates = 0;
    }
    return true;
}
