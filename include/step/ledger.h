/* ledger: the steps that this process is making just now, and those that it has told somebody of.
 * It answers one question: a create's answer was lost, and a step that looks like it stands in the
 * checkpoint; is it that one? It is not where another request was told of it, and nobody can say as
 * long as another create in the same checkpoint, begun before the look, may yet be told of it.
 *
 * Creates of direct access (/virtuoso) are seen but not understood: they may be of any checkpoint,
 * so after one of them nothing is certain that was known before it.
 *
 * Everything that happens has a number; what was known at a number is not asked about again: a step
 * that somebody was told of before then stood there then.
 *
 * Owner: ledger_new/free; marks are embedded by who makes a step and must be ended before they go.
 * Limits: the last LEDGER_MAX ids, and the last create of at most LEDGER_CHECKPOINTS checkpoints
 * are remembered (1.2 MiB, touched as they come). It knows of this process only: another replica
 * that makes an equal step in the same checkpoint at the same moment is not seen. */
#ifndef STEP_LEDGER_H
#define STEP_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "data/json.h"

enum { LEDGER_MAX = 65536, LEDGER_CHECKPOINTS = 16384, LEDGER_ANY_CHECKPOINT = 0 };

struct ledger;

/* A create on its way; zeroed: none. */
struct ledger_mark {
    struct list link;
    uint64_t number;
    int64_t checkpoint_id;
};

struct ledger *ledger_new(void);
void ledger_free(struct ledger *ledger); /* CHECKs that no mark is left; NULL is fine */

void ledger_begin(struct ledger *ledger, struct ledger_mark *mark, int64_t checkpoint_id);
void ledger_end(struct ledger_mark *mark); /* idempotent */
/* One of LEDGER_ANY_CHECKPOINT has ended, in whatever way. */
void ledger_end_unknown(struct ledger *ledger, struct ledger_mark *mark);
/* Somebody learns that this step is the one of his request. */
void ledger_tell(struct ledger *ledger, int64_t step_id);

/* Is it certain that no create of this checkpoint was begun after the one with the number `since`?
 */
bool ledger_is_alone(const struct ledger *ledger, int64_t checkpoint_id, uint64_t since);
/* A look at the checkpoint begins: for ledger_is_alone afterwards. A create that is on its way may
 * be seen or not. */
uint64_t ledger_look(const struct ledger *ledger, int64_t checkpoint_id);

/* The number of what happens next: creates with a smaller one were begun by now. */
uint64_t ledger_now(const struct ledger *ledger);

enum ledger_answer {
    LEDGER_FREE, /* nobody else's; ledger_tell it */
    LEDGER_TOLD, /* another request's, or it is forgotten whether it is */
    LEDGER_WAIT  /* ask again when the creates that were begun before `seen` have ended */
};

struct ledger_question {
    int64_t step_id;
    int64_t checkpoint_id;
    uint64_t since; /* it did not stand there then */
    uint64_t seen;  /* it did by then */
};

enum ledger_answer ledger_ask(const struct ledger *ledger, const struct ledger_question *question);
/* Has a create that nobody understood ended since the ledger's number was `since`, or has anything
 * been forgotten that happened since then? */
bool ledger_is_doubtful(const struct ledger *ledger, uint64_t since);

#endif
