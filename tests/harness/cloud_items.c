#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "harness/cloud_child.h"

enum { ITEM_MAX = 8 << 20 };

size_t cloud_behind(const struct cloud_items *items, struct str after, bool same)
{
    size_t at = 0;

    while (at < items->n) {
        int order = str_compare(str_from(items->items[at].name), after);

        if (order > 0 || (same && order == 0)) {
            break;
        }
        at++;
    }
    return at;
}

struct cloud_item *cloud_find(struct cloud_items *items, struct str name)
{
    size_t at = cloud_behind(items, name, true);

    return at < items->n && str_is(name, items->items[at].name) ? &items->items[at] : NULL;
}

struct cloud_item *cloud_put(struct cloud_items *items, struct str name, struct str bytes)
{
    struct cloud_item *item = cloud_find(items, name);

    if (item == NULL) {
        size_t at = cloud_behind(items, name, true);

        if (items->n == CLOUD_ITEMS_MAX) {
            abort();
        }
        item = &items->items[at];
        memmove(item + 1, item, (items->n - at) * sizeof(*item));
        *item = (struct cloud_item){.name = strndup(name.ptr, name.len)};
        buf_init(&item->bytes, ITEM_MAX);
        items->seen->n_items = (unsigned)++items->n;
    }
    buf_clear(&item->bytes);
    buf_str(&item->bytes, items->seen->foreign ? str_sub(bytes, 1, bytes.len) : bytes);
    item->version = ++items->last;
    item->changed_ms = clock_wall_ms();
    return item;
}

void cloud_drop(struct cloud_items *items, struct cloud_item *item)
{
    size_t at = (size_t)(item - items->items);

    free(item->name);
    buf_done(&item->bytes);
    items->seen->n_items = (unsigned)--items->n;
    memmove(item, item + 1, (items->n - at) * sizeof(*item));
}

bool cloud_disturb(struct cloud_request *request, struct str conflict)
{
    struct cloud_seen *seen = request->child->seen;

    seen->n_changes++;
    if (seen->conflicts > 0) {
        seen->conflicts--;
        cloud_answer(request, 409, conflict);
        return true;
    }
    if (seen->lost > 0) {
        seen->lost--;
        request->is_lost = true;
    }
    return false;
}
