#include "base/later.h"

void later_init(struct later *later)
{
    list_init(&later->items);
    later->on_first = NULL;
}

void later_add(struct later *later, struct later_item *item, later_fn fn)
{
    bool was_empty = list_is_empty(&later->items);

    if (item->link.next != NULL) {
        return;
    }
    item->fn = fn;
    list_append(&later->items, &item->link);
    if (was_empty && later->on_first != NULL) {
        later->on_first(later);
    }
}

void later_remove(struct later_item *item)
{
    list_remove(&item->link);
}

bool later_is_empty(const struct later *later)
{
    return list_is_empty(&later->items);
}

size_t later_run(struct later *later)
{
    struct list now;
    struct list *link;
    size_t n = 0;

    list_init(&now);
    if (list_is_empty(&later->items)) {
        return 0;
    }
    now.next = later->items.next;
    now.prev = later->items.prev;
    now.next->prev = &now;
    now.prev->next = &now;
    list_init(&later->items);
    while ((link = list_take_first(&now)) != NULL) {
        struct later_item *item = CONTAINER_OF(link, struct later_item, link);

        n++;
        item->fn(item);
    }
    return n;
}
