/* read_back: a step was sent and its answer was lost; is it there? The checkpoint is read again,
 * and a step that looks like what was sent is ours where it cannot be an older one or another's:
 *
 *   the steps that stood there when they were counted are known (`old`): any step that is not among
 *   them; else only the one at `position`, and only if that was the end a moment ago (`was_end`).
 *   In both cases the ledger must agree: nobody else was or will be told of it, and nothing that it
 *   does not understand was done since then.
 *
 * Pure, but for the ledger. Facts: virtuoso.md section 6 (what is stored is flat and richer than
 * what was sent). */
#ifndef STEP_READ_BACK_H
#define STEP_READ_BACK_H

#include "base/error.h"
#include "data/json.h"
#include "plan/call.h"
#include "step/ledger.h"

enum read_back_result {
    READ_BACK_FOUND,   /* *out is it; the ledger knows that it is told */
    READ_BACK_MISSING, /* nothing looks like it */
    READ_BACK_OTHER,   /* *out looks like it, but may be older or another's */
    READ_BACK_BLIND,   /* the answer tells nothing about the checkpoint: nothing is known */
    READ_BACK_WAIT     /* read it again in a moment: who is asked now may be told of it yet */
};

struct read_back {
    struct ledger *ledger;
    int64_t checkpoint_id;
    const struct json *sent; /* the parsedStep; NULL: nothing looks like it */
    const int64_t *old;      /* ids of the steps that stood there, read_back_ids; NULL: not known */
    size_t n_old;
    int64_t position;
    bool was_end;    /* without `old`: nothing stood at `position` */
    uint64_t number; /* of its create; without `old`, nobody may have begun one since then */
    uint64_t since;  /* the ledger's number when `old` or `was_end` became known */
    /* private */
    int64_t candidate; /* id of the step that is waited for; 0 none */
    uint64_t seen;     /* the ledger's number then */
};

struct read_back_step {
    const struct json *step; /* in the answer */
    int64_t position;
};

/* `answer` is the platform's about the checkpoint; the same `look` again after WAIT. *out: not
 * touched when MISSING or BLIND. */
enum read_back_result read_back_look(struct read_back *look, struct arena *arena,
                                     const struct json *answer, struct read_back_step *out);

/* ERR_OUTCOME_UNKNOWN in words, for whatever a look ended with that is not FOUND. */
void read_back_not_known(enum read_back_result result, const struct error *lost, struct error *err);

/* The parsedStep that `call` with `args` and `variables` sends; NULL: it cannot be made. */
const struct json *read_back_sent(struct arena *arena, const struct call *call,
                                  const struct json *args, const struct json *variables);
/* The platform itself said that it failed (500): it is done with it. A gateway's word (502, 504,
 * ...) and an answer that cannot be read leave open whether it still works on it. */
bool read_back_is_final(const struct error *lost);
/* The id of a step, as a number or as text of one; 0: it has none. */
int64_t step_id_of(const struct json *id);
/* The ids of a list of steps, sorted; never NULL. */
const int64_t *read_back_ids(struct arena *arena, const struct json *steps, size_t *out_n);
/* What does this answer say about the checkpoint? Its steps; NULL: nothing. It says nothing when it
 * lists no steps, when an element of the list is not a step with an id, or when it names another
 * checkpoint. A success without content ({}, null, []) must never be read as "there are no steps".
 */
const struct json *read_back_steps(const struct json *answer, int64_t checkpoint_id);

#endif
