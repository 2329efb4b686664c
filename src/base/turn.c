#include "base/turn.h"

#include "base/attr.h"
#include "base/check.h"

void turns_init(struct turns *turns, struct later *later)
{
    *turns = (struct turns){.later = later};
    list_init(&turns->waiting);
}

bool turn_take(struct turns *turns, struct turn *turn, turn_fn on_turn)
{
    CHECK(turn->turns == NULL);
    *turn = (struct turn){.turns = turns, .on_turn = on_turn, .holds = turns->holder == NULL};
    if (turn->holds) {
        turns->holder = turn;
    } else {
        list_append(&turns->waiting, &turn->link);
        turns->n_waiting++;
    }
    return turn->holds;
}

static void on_soon(struct later_item *item)
{
    struct turn *turn = CONTAINER_OF(item, struct turn, soon);

    turn->on_turn(turn);
}

static void next_turn(struct turns *turns)
{
    turns->holder = CONTAINER_OR_NULL(list_take_first(&turns->waiting), struct turn, link);
    if (turns->holder != NULL) {
        turns->n_waiting--;
        turns->holder->holds = true;
        later_add(turns->later, &turns->holder->soon, on_soon);
    }
}

bool turn_give(struct turn *turn)
{
    struct turns *turns = turn->turns;

    if (turns == NULL) {
        return false;
    }
    turn->turns = NULL;
    later_remove(&turn->soon);
    if (turn->holds) {
        turn->holds = false;
        next_turn(turns);
    } else {
        list_remove(&turn->link);
        turns->n_waiting--;
    }
    return turns->holder == NULL;
}
