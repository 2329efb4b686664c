/* step: the making of one step as one row of a plan, whoever asked for it. The row waits for the
 * lane of its checkpoint, counts the steps where the lane does not know the end, creates, and looks
 * for the step when the answer was lost:
 *
 *   waits ──► counts ──► sends ──► made
 *      └───────────────────┘└────► looks ──► made, failed, or not known
 *
 * After a lost answer (row_may_have_acted) the checkpoint is read once, and what is seen is told:
 *   certainly ours (step/look.h)                             made; `recovered`
 *   one like it, but perhaps older or another's              not known; `seen`
 *   not there, and the platform said that it failed (500)    failed
 *   not there otherwise                                      not known: it may still be carried out
 *   the answer tells nothing about the checkpoint            not known
 *
 * Owner: the owner of the plan; one struct step serves all rows of a plan, since one row runs at a time.
 * It must live as long as the plan. */
#ifndef STEP_STEP_H
#define STEP_STEP_H

#include "data/json_sift.h"
#include "plan/plan.h"
#include "step/lane.h"

enum step_phase {
    STEP_IDLE,
    STEP_WAITS,
    STEP_COUNTS,
    STEP_SENDS,
    STEP_LOOKS,
    STEP_JUDGED,
    STEP_SEEKS
};

/* Where a step must stand if another process, which has died, has created it. */
struct step_trace {
    bool seeks;
    int64_t behind_id; /* right behind this step; 0: at the place `at` */
    int64_t at;        /* from 0; -1: not known, so nothing can be told */
    uint64_t until_ms; /* clock_age_ms: until then it may still appear */
};

/* Between two looks for what such a process may have made. */
enum { SEEK_AGAIN_MS = 500 };

struct step {
    /* in */
    struct lanes *lanes;
    const struct call *count; /* reads the checkpoint with its steps */
    struct lane_key key;
    int64_t position;  /* where the step is to stand; -1: behind the last one */
    bool tells_answer; /* the answer about the created step is kept whole */
    /* out, for the row's `after` and `failed` */
    int64_t id;              /* of the step; 0: there is none */
    int64_t at;              /* where it stands; -1: not known */
    int64_t end;             /* of the checkpoint behind it; -1: not known */
    bool recovered;          /* found when its answer was lost */
    const struct json *seen; /* a step that may be the lost one (the plan's arena); NULL none */
    int64_t seen_at;
    /* private */
    struct plan *plan;
    struct lane_ticket ticket;
    void (*take_turn)(struct step *step, struct plan_row *row); /* in the lane */
    enum step_phase phase;
    bool certain;             /* the lane knew all steps when this one was sent */
    struct lane_moment begun; /* when the call in flight began */
    struct step_trace trace;
    struct lanes_foreign foreign;
    struct upstream_sieve sieve; /* of long answers */
    struct json_sift sift;
    const struct json *sent; /* the parsedStep; in phase STEP_LOOKS */
    size_t n_alike;
    int64_t last_id; /* of the step before in the list; 0: there is none; -1: not known */
    struct error lost;
    int lost_status;
};

void step_init(struct step *step, struct lanes *lanes, const struct call *count);
/* To be called before the row that creates the step begins (in its `before`). */
void step_to(struct step *step, int64_t checkpoint_id, int64_t position);
/* After step_to, for a step that may be there already, or still appear. The step is created once it is certain that
 * it is not there and will not appear. If that cannot be told, the row fails with ERR_OUTCOME_UNKNOWN. */
void step_seek(struct step *step, const struct step_trace *trace);
/* True: a look that failed is repeated. That ends a while after until_ms. */
bool step_seek_is_patient(const struct step_trace *trace);
/* Makes the row one that creates a step. It sets the plan's variables "position" and "step_id"; its answer
 * is what the platform answered to the create, or the step that was found after a lost answer. */
void step_guide(struct plan_row *row, struct step *step);
/* Before a row of step_order begins. */
void step_to_library(struct step *step, int64_t library_checkpoint_id);
/* A row that changes steps otherwise (moves or removes one): it waits for its turn in the lane of
 * its library checkpoint, and what is known of steps is doubtful afterwards. */
void step_order(struct plan_row *row, struct step *step);

#endif
