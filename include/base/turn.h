/* turns: one holder at a time, the others wait in order of arrival.
 * Owner: both structs are embedded; a turn that was taken must be given back before its memory is freed.
 * Promise: on_turn comes from a later turn of the loop, at most once, and never after turn_give. */
#ifndef BASE_TURN_H
#define BASE_TURN_H

#include <stdbool.h>

#include "base/later.h"
#include "base/list.h"

struct turn;
typedef void (*turn_fn)(struct turn *turn);

struct turns {
    struct later *later;
    struct list waiting; /* oldest first */
    struct turn *holder; /* NULL none */
    unsigned n_waiting;
};

struct turn {
    struct list link;
    struct turns *turns; /* NULL: neither holds nor waits */
    turn_fn on_turn;
    struct later_item soon;
    bool holds;
};

void turns_init(struct turns *turns, struct later *later);
/* True: `turn` is the holder now, and on_turn will not come. */
bool turn_take(struct turns *turns, struct turn *turn, turn_fn on_turn);
/* Ends holding or waiting; idempotent; zeroed is fine. True: no other turn holds or waits.
 */
bool turn_give(struct turn *turn);

#endif
