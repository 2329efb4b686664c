/* One changed option as text for people: its old and its new value, but never a secret or a digest. */
#include "base/buf.h"
#include "config_internal.h"

enum { VALUE_MAX = 64 * 1024 };

/* The name of entry i in a list of keys, certificates or tenants. */
static struct str name_of(const struct config *config, const struct option_row *row, size_t i)
{
    const struct map_member *first = &map_list_of(row)->members[0];

    return *(const struct str *)map_field(first, map_entry(config, row, i));
}

/* The index of the entry with that name; the number of entries if none has it. */
static size_t find(const struct config *config, const struct option_row *row, struct str name)
{
    size_t i = 0;

    while (i < map_count(config, row) && !str_eq(name_of(config, row, i), name)) {
        i++;
    }
    return i;
}

static void put(struct buf *out, const char *what, struct str name)
{
    buf_text(out, out->len > 0 ? ", " : "");
    buf_printf(out, "%s %.*s", what, STR_ARG(name));
}

static void put_named(struct buf *out, const struct config *before, const struct config *after,
                      const struct option_row *row)
{
    const struct map_list *list = map_list_of(row);
    size_t n_before = map_count(before, row);
    size_t n_after = map_count(after, row);
    struct buf words;

    buf_init(&words, VALUE_MAX);
    for (size_t i = 0; i < n_before; i++) {
        struct str name = name_of(before, row, i);
        size_t k = find(after, row, name);

        if (k == n_after) {
            put(&words, "removed", name);
        } else if (!map_is_same_entry(list, map_entry(before, row, i), map_entry(after, row, k))) {
            put(&words, "changed", name);
        }
    }
    for (size_t k = 0; k < n_after; k++) {
        if (find(before, row, name_of(after, row, k)) == n_before) {
            put(&words, "added", name_of(after, row, k));
        }
    }
    buf_str(out, words.len > 0 ? buf_view(&words) : STR("another order"));
    buf_done(&words);
}

static void put_values(struct buf *out, const struct config *before, const struct config *after,
                       const struct option_row *row)
{
    struct buf was;
    struct buf is;

    buf_init(&was, VALUE_MAX);
    buf_init(&is, VALUE_MAX);
    option_kind_of(row)->print(&was, before, row);
    option_kind_of(row)->print(&is, after, row);
    if (str_eq(buf_view(&was), buf_view(&is))) {
        buf_text(out, row->type == OPTION_SECRET ? "another value" : "another content");
    } else {
        buf_printf(out, "%.*s -> %.*s", STR_ARG(buf_view(&was)), STR_ARG(buf_view(&is)));
    }
    buf_done(&was);
    buf_done(&is);
}

void config_print_change(const struct config *before, const struct config *after,
                         const struct option_row *row, struct buf *out)
{
    buf_printf(out, "%s: ", row->key);
    if (row->type == OPTION_LISTENERS) {
        buf_text(out, "other listeners, or other certificates of theirs");
    } else if (map_list_of(row) != NULL) {
        put_named(out, before, after, row);
    } else {
        put_values(out, before, after, row);
    }
    if (config_change_waits(before, after, row)) {
        buf_text(out, " (needs a restart)");
    }
}
