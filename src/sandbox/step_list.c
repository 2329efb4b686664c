#include "sandbox_internal.h"

#include <string.h>

#include "base/check.h"

static void move_gap(struct step_list *list, size_t to)
{
    size_t free_places = list->cap - list->n;

    if (to < list->gap) {
        memmove(list->items + to + free_places, list->items + to,
                (list->gap - to) * sizeof(struct step *));
    } else if (to > list->gap) {
        memmove(list->items + list->gap, list->items + list->gap + free_places,
                (to - list->gap) * sizeof(struct step *));
    }
    list->gap = to;
}

static void grow(struct tenant *tenant, struct step_list *list)
{
    size_t cap = list->cap == 0 ? 8 : 2 * list->cap;
    struct step **items = arena_calloc(&tenant->arena, cap, sizeof(struct step *));

    /* A full list has no gap: its n items are moved as one piece. */
    if (list->n > 0) {
        memcpy(items, list->items, list->n * sizeof(struct step *));
    }
    list->items = items;
    list->cap = cap;
    list->gap = list->n;
}

struct step *step_list_get(const struct step_list *list, size_t at)
{
    CHECK(at < list->n);
    return list->items[at < list->gap ? at : at + (list->cap - list->n)];
}

void step_list_insert(struct tenant *tenant, struct step_list *list, size_t at, struct step *step)
{
    CHECK(at <= list->n);
    if (list->n == list->cap) {
        grow(tenant, list);
    }
    move_gap(list, at);
    list->items[list->gap] = step;
    list->gap++;
    list->n++;
}

void step_list_remove(struct step_list *list, size_t at)
{
    CHECK(at < list->n);
    move_gap(list, at);
    list->n--; /* the item after the gap falls into it */
}

size_t step_list_index(const struct step_list *list, const struct step *step)
{
    for (size_t i = 0; i < list->n; i++) {
        if (step_list_get(list, i) == step) {
            return i;
        }
    }
    return list->n;
}
