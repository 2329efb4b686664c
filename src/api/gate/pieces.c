#include "api/gate/pieces.h"

static enum stage_verdict all_done(struct pieces *pieces)
{
    struct task *task = pieces->task;
    bool has_waited = pieces->has_waited;
    enum stage_verdict verdict;

    task->on_cancel = NULL;
    task->on_writable = NULL;
    task->state = NULL;
    verdict = pieces->then(pieces);
    if (has_waited && verdict == STAGE_CONTINUE) {
        task_go_on(task);
    }
    return verdict;
}

static void on_turn(struct later_item *item);

static void next_soon(struct pieces *pieces)
{
    if (!pieces->waits) {
        later_add(pieces->task->platform->port.later, &pieces->item, on_turn);
    }
}

static void on_turn(struct later_item *item)
{
    struct pieces *pieces = CONTAINER_OF(item, struct pieces, item);

    if (pieces->go_on(pieces)) {
        (void)all_done(pieces);
    } else {
        next_soon(pieces);
    }
}

void pieces_go_on(struct pieces *pieces)
{
    if (pieces->waits) {
        pieces->waits = false;
        next_soon(pieces);
    }
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
    for (size_t i = 0; i < n_now && !pieces->waits; i++) {
        if (pieces->go_on(pieces)) {
            return all_done(pieces);
        }
    }
    pieces->has_waited = true;
    pieces->task->state = pieces;
    pieces->task->on_cancel = on_cancel;
    next_soon(pieces);
    return STAGE_WAIT;
}
