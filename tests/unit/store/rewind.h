/* A store in memory that loses what it had taken of a stream, and numbers what comes from one on again. */
#ifndef UNIT_STORE_REWIND_H
#define UNIT_STORE_REWIND_H

#include "base/buf.h"
#include "base/check.h"
#include "store/memory_internal.h"

/* What the store numbers next is behind `last`. */
static inline void number_from(struct store *store, uint64_t last)
{
    ((struct memory *)(void *)store)->last = last;
}

/* `key`: "group/name", or a name alone. */
static inline void rewind_stream(struct store *store, struct str key)
{
    struct memory *memory = (struct memory *)(void *)store;
    struct record *record;
    struct str group = key;
    struct str name = STR_EMPTY;
    struct list *link;
    struct buf full;

    buf_init(&full, STORE_KEY_MAX + STORE_PREFIX_MAX + 8);
    (void)str_cut(key, '/', &group, &name);
    buf_printf(&full, "%.*ss:{%.*s}%s%.*s", STR_ARG(store->prefix), STR_ARG(group),
               name.len > 0 ? "/" : "", STR_ARG(name));
    record = memory_find(memory, buf_view(&full));
    buf_done(&full);
    CHECK(record != NULL && record->n_entries > 0);
    while ((link = list_first(&record->entries)) != NULL) {
        memory_drop_entry(record, CONTAINER_OF(link, struct entry, link));
    }
    number_from(store, 0);
}

#endif
