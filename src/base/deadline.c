#include "base/deadline.h"

#include "base/clock.h"

void deadlines_init(struct deadlines *deadlines)
{
    for (size_t i = 0; i < DEADLINE_N_KINDS; i++) {
        list_init(&deadlines->queues[i]);
    }
}

static struct deadline *first_due(struct deadlines *deadlines, size_t kind, uint64_t now_ms)
{
    struct list *first = list_first(&deadlines->queues[kind]);
    struct deadline *deadline = first != NULL ? CONTAINER_OF(first, struct deadline, link) : NULL;

    return deadline != NULL && deadline->at_ms <= now_ms ? deadline : NULL;
}

/* Each queue gives what was due when it was reached: a deadline that its own callback sets again,
 * with no wait even, comes in the next run. One set for a later kind may still come in this run. */
size_t deadlines_run(struct deadlines *deadlines, uint64_t now_ms)
{
    size_t n = 0;

    for (size_t kind = 0; kind < DEADLINE_N_KINDS; kind++) {
        struct list due;
        struct list *link;
        struct deadline *deadline;

        list_init(&due);
        while ((deadline = first_due(deadlines, kind, now_ms)) != NULL) {
            list_remove(&deadline->link);
            list_append(&due, &deadline->link);
        }
        while ((link = list_take_first(&due)) != NULL) {
            deadline = CONTAINER_OF(link, struct deadline, link);
            n++;
            deadline->on_expire(deadline);
        }
    }
    return n;
}

bool deadlines_is_empty(const struct deadlines *deadlines)
{
    for (size_t i = 0; i < DEADLINE_N_KINDS; i++) {
        if (!list_is_empty(&deadlines->queues[i])) {
            return false;
        }
    }
    return true;
}

void deadline_set(struct deadlines *deadlines, struct deadline *deadline, enum deadline_kind kind,
                  uint64_t wait_ms, deadline_fn on_expire)
{
    struct list *queue = &deadlines->queues[kind];
    struct list *at;

    list_remove(&deadline->link);
    deadline->at_ms = clock_now_ms() + wait_ms;
    deadline->on_expire = on_expire;
    at = queue->prev;
    while (at != queue && CONTAINER_OF(at, struct deadline, link)->at_ms > deadline->at_ms) {
        at = at->prev;
    }
    list_insert_before(at->next, &deadline->link);
}

void deadline_clear(struct deadline *deadline)
{
    list_remove(&deadline->link);
}

bool deadline_is_set(const struct deadline *deadline)
{
    return deadline->link.next != NULL;
}
