/* Long work for one request, some of it each turn of the loop. */
#include "api/gate/pieces.h"

static enum stage_verdict all_done(struct pieces *pieces)
{
    pieces->task->on_cancel = NULL;
    pieces->task->state = NULL;
    return pieces->then(pieces);
}

static void on_turn(struct later_item *item)
{
    struct pieces *pieces = CONTAINER_OF(item, struct pieces, item);

    if (pieces->go_on(pieces)) {
        (void)all_done(pieces);
        return;
    }
    later_add(pieces->task->platform->port->later, &pieces->item, on_turn);
}

static void on_cancel(struct task *task)
{
    struct pieces *pieces = task->state;

    later_remove(&pieces->item);
    if (pieces->gone != NULL) {
        pieces->gone(pieces);
    }
}

enum stage_verdict pieces_begin(struct pieces *pieces, size_t n_now)
{
    for (size_t i = 0; i < n_now; i++) {
        if (pieces->go_on(pieces)) {
            return all_done(pieces);
        }
    }
    pieces->task->state = pieces;
    pieces->task->on_cancel = on_cancel;
    later_add(pieces->task->platform->port->later, &pieces->item, on_turn);
    return STAGE_WAIT;
}
