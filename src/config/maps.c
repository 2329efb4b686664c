/* Lists of maps: auth.keys, auth.certificates, tenants and server.listeners. */
#include "base/buf.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "config_internal.h"

enum { KNOWN_MAX = 512, ENTRY_MAX = 64 * 1024 };

/* The two fields of struct config that hold such a list. */
struct entries {
    char *items;
    size_t n;
};

static const struct map_list *const lists[] = {
    [OPTION_KEYS] = &keys_list,
    [OPTION_CERTIFICATES] = &certificates_list,
    [OPTION_LISTENERS] = &listeners_list,
    [OPTION_TENANTS] = &tenants_list,
};

const struct map_list *map_list_of(const struct option_row *row)
{
    return lists[row->type];
}

/* mem_copy, because the pointer to the entries has another type in each list. */
static struct entries entries_of(const struct config *config, const struct option_row *row)
{
    struct entries entries;

    mem_copy(&entries, option_field(config, row), sizeof(entries));
    return entries;
}

static void set_entries(struct config *config, const struct option_row *row, struct entries entries)
{
    mem_copy(option_field(config, row), &entries, sizeof(entries));
}

size_t map_count(const struct config *config, const struct option_row *row)
{
    return entries_of(config, row).n;
}

void *map_entry(const struct config *config, const struct option_row *row, size_t index)
{
    return entries_of(config, row).items + index * map_list_of(row)->entry_bytes;
}

const void *map_field(const struct map_member *member, const void *entry)
{
    return (const char *)entry + member->at;
}

void *map_add(struct loader *loader, const struct option_row *row)
{
    const struct map_list *list = map_list_of(row);
    struct config *config = &loader->box->config;
    struct entries entries = entries_of(config, row);
    void *entry;

    if ((int64_t)entries.n >= row->max) {
        (void)loader_fail(loader, "%s: more than %lld entries", row->key, (long long)row->max);
        return NULL;
    }
    entries.items = arena_room(&loader->box->arena, entries.items, entries.n, list->entry_bytes);
    entries.n++;
    set_entries(config, row, entries);
    entry = map_entry(config, row, entries.n - 1);
    if (list->blank != NULL) {
        mem_copy(entry, list->blank, list->entry_bytes);
    }
    return entry;
}

static bool is_secret(const struct map_member *member)
{
    return member->take == map_secret;
}

static void drop_last(struct config *config, const struct option_row *row)
{
    const struct map_list *list = map_list_of(row);
    struct entries entries = entries_of(config, row);
    void *entry = map_entry(config, row, --entries.n);

    for (size_t i = 0; i < list->n_members; i++) {
        if (is_secret(&list->members[i])) {
            secret_done(unconst(map_field(&list->members[i], entry)));
        }
    }
    set_entries(config, row, entries);
}

void maps_clear(struct config *config, const struct option_row *row)
{
    while (map_count(config, row) > 0) {
        drop_last(config, row);
    }
}

/* ---- members ---- */

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

bool map_secret(struct map_reading *reading, void *field)
{
    return secret_from_text(reading->loader, reading->member->option, reading->node->text, field);
}

void put_text(struct buf *out, const struct map_member *member, const void *entry)
{
    const struct str *text = map_field(member, entry);

    if (text->len > 0) {
        yaml_write_scalar(out, *text);
    }
}

void put_number(struct buf *out, const struct map_member *member, const void *entry)
{
    const unsigned *number = map_field(member, entry);

    if (*number != 0) {
        buf_int(out, *number);
    }
}

void put_secret(struct buf *out, const struct map_member *member, const void *entry)
{
    buf_text(out, secret_is_set(map_field(member, entry)) ? "'***'" : "");
}

/* ---- reading ---- */

static bool is_of_list(const struct map_member *member, const struct loader *loader)
{
    return member->list == NULL || str_is(str_from(member->list), loader->list);
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

static bool take_entry(struct loader *loader, const struct option_row *row, const struct node *map)
{
    const struct map_list *list = map_list_of(row);
    struct map_reading reading = {.loader = loader, .entry = map_add(loader, row)};
    bool ok = true;

    if (reading.entry == NULL) {
        return false;
    }
    for (const struct node *node = map->first; node != NULL; node = node->next) {
        place_at(loader, node->key_line, node->key_column);
        reading.node = node;
        ok = take_member(&reading, list) && ok;
    }
    place_at(loader, map->line, map->column);
    ok = ok && list->judge(loader, reading.entry, reading.n_keys);
    if (!ok) {
        drop_last(&loader->box->config, row);
    }
    return ok;
}

bool maps_from_node(struct loader *loader, const struct option_row *row, const struct node *node)
{
    const struct map_list *list = map_list_of(row);
    bool ok = true;

    loader->list = row->key;
    if (node->type == NODE_SCALAR && (node->is_null || node->text.len == 0)) {
        return true;
    }
    if (node->type != NODE_LIST || (int64_t)node->n_children > row->max) {
        return loader_fail(loader, "%s: must be a list of at most %lld entries", row->key,
                           (long long)row->max);
    }
    for (const struct node *item = node->first; item != NULL; item = item->next) {
        place_at(loader, item->line, item->column);
        if (item->type == NODE_MAP) {
            ok = take_entry(loader, row, item) && ok;
        } else if (list->take_text != NULL && item->type == NODE_SCALAR) {
            ok = list->take_text(loader, item->text) && ok;
        } else {
            ok = loader_fail(loader, "%s: each entry is a map: %s", row->key, list->example);
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
    maps_clear(&loader->box->config, row);
    return true;
}

/* ---- printing and comparing ---- */

static void print_entry(struct buf *out, const struct map_list *list, const void *entry, int indent)
{
    const char *begin = "- ";

    for (size_t i = 0; i < list->n_members; i++) {
        const struct map_member *member = &list->members[i];
        struct buf value;

        buf_init(&value, ENTRY_MAX);
        if (member->put != NULL) {
            member->put(&value, member, entry);
        }
        if (value.len > 0) {
            buf_printf(out, "\n%*s%s%s: %s", indent, "", begin, member->name, buf_cstr(&value));
            begin = "  ";
        }
        buf_done(&value);
    }
}

void maps_print(struct buf *out, const struct config *config, const struct option_row *row)
{
    bool is_in_group = str_find_char(str_from(row->key), '.') >= 0;
    size_t n = map_count(config, row);

    buf_text(out, n == 0 ? "[]" : "");
    for (size_t i = 0; i < n; i++) {
        print_entry(out, map_list_of(row), map_entry(config, row, i), is_in_group ? 4 : 2);
    }
}

bool map_is_same_entry(const struct map_list *list, const void *a, const void *b)
{
    struct buf texts[2];
    bool same;

    buf_init(&texts[0], ENTRY_MAX);
    buf_init(&texts[1], ENTRY_MAX);
    print_entry(&texts[0], list, a, 0);
    print_entry(&texts[1], list, b, 0);
    same = str_eq(buf_view(&texts[0]), buf_view(&texts[1]));
    for (size_t i = 0; i < list->n_members; i++) {
        const struct map_member *member = &list->members[i];

        same = same && (!is_secret(member) || str_eq(secret_reveal(map_field(member, a)),
                                                     secret_reveal(map_field(member, b))));
    }
    buf_done(&texts[0]);
    buf_done(&texts[1]);
    return same;
}

bool maps_are_same(const struct config *before, const struct config *after,
                   const struct option_row *row)
{
    size_t n = map_count(after, row);
    bool same = map_count(before, row) == n;

    for (size_t i = 0; i < n && same; i++) {
        same = map_is_same_entry(map_list_of(row), map_entry(before, row, i),
                                 map_entry(after, row, i));
    }
    return same;
}
