/* look: what the platform's answer about a checkpoint says, and whether a step whose answer was
 * lost is in it. A step is ours if it is new, if it looks like what was sent, and if no other new
 * one does. A step is new if the lane did not know it, and that counts only if the lane knew all steps. Pure.
 * Facts: PLATFORM.md, "Steps" (what is stored is flat and richer than what was sent). */
#ifndef STEP_LOOK_H
#define STEP_LOOK_H

#include "base/error.h"
#include "data/json.h"
#include "plan/call.h"
#include "step/lane.h"

/* The steps of the checkpoint, as this answer lists them; NULL: it says nothing. The answer may be the
 * checkpoint, its journey with all checkpoints, or the list of its steps. It says nothing when it
 * lists no steps, when an element of the list is not a step with an id, or when it names another
 * checkpoint. A success without content ({}, null, []) must never be read as "there are no steps".
 */
const struct json *checkpoint_steps(const struct json *answer, int64_t checkpoint_id);
/* The parsedStep that `call` with `args` and `variables` sends; NULL: it cannot be made. */
const struct json *step_sent(struct arena *arena, const struct call *call, const struct json *args,
                             const struct json *variables);

enum look_result {
    LOOK_FOUND,   /* out->step is the lost one */
    LOOK_MISSING, /* no step can be the lost one */
    LOOK_OTHER,   /* out->step may be the lost one, or an older one, or another request's */
    LOOK_BLIND    /* the answer tells nothing about the checkpoint, or leaves steps out */
};

struct look {
    const struct lane_ticket *lane; /* holds the lane */
    bool certain;                   /* the lane knew all steps when this one was sent */
    int64_t checkpoint_id;
    int64_t position;        /* that was sent */
    const struct json *sent; /* the parsedStep that was sent; NULL: no step can look like it */
};

struct look_seen {
    const struct json *steps; /* of the answer; NULL: it tells nothing */
    const struct json *step;  /* one of them; NULL none */
    int64_t position;         /* of `step` */
};

/* True: the stored step may be the one that was sent. */
bool step_looks_like(struct arena *arena, const struct json *stored, const struct json *sent);
enum look_result look_at(const struct look *look, struct arena *arena, const struct json *answer,
                         struct look_seen *out);
/* Sets ERR_OUTCOME_UNKNOWN, in words for this result of a look (any but LOOK_FOUND). */
void look_not_known(enum look_result result, const struct error *lost, struct error *err);
/* True: the platform itself said that it failed (500), so it is done with the step. After a gateway's
 * answer (502, 504, ...) or an unreadable one the platform may still be at work on the step. */
bool look_is_final(const struct error *lost);

#endif
