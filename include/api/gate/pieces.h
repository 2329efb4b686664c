/* pieces: long work for one request, one piece in each turn of the loop, so that other requests do not wait.
 * Owner: embedded in the struct of the work, which lives in the task's arena; the caller sets task,
 * go_on, then and gone. Ends once: by `then`, or by `gone` when the caller leaves or the time is over. */
#ifndef API_GATE_PIECES_H
#define API_GATE_PIECES_H

#include "api/gate/task.h"
#include "base/later.h"

struct pieces {
    struct later_item item;
    struct task *task;
    bool (*go_on)(struct pieces *pieces); /* one piece: about a millisecond; true: the last */
    enum stage_verdict (*then)(
        struct pieces
            *pieces); /* ends the task, begins what comes next, or CONTINUE: the next stage */
    void (*gone)(struct pieces *pieces); /* NULL: nothing is held */
    bool has_waited;                     /* private: `then` is called from a turn of its own */
    bool waits;                          /* set by go_on: the next piece comes after pieces_go_on */
};

/* Up to `n_now` pieces in this turn, each other one in a turn of its own. */
enum stage_verdict pieces_begin(struct pieces *pieces, size_t n_now);
void pieces_go_on(struct pieces *pieces); /* if it waits; else does nothing */

#endif
