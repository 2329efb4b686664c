/* A step that a process which has died may have created: the checkpoint is read until the step is there, or
 * cannot come any more. */
#include "base/clock.h"
#include "step_internal.h"

enum { SEEK_PATIENCE_MS = 10000 };

bool step_seek_is_patient(const struct step_trace *trace)
{
    return clock_age_ms() < trace->until_ms + SEEK_PATIENCE_MS;
}

static enum plan_verdict not_told(struct step *step, struct error *err)
{
    step->phase = STEP_JUDGED;
    (void)error_set(err, ERR_OUTCOME_UNKNOWN,
                    "The process that sent this step has died, and the checkpoint does not tell "
                    "whether the step is there: look at it before sending the step again");
    return PLAN_FAIL;
}

static enum plan_verdict seek_again(struct step *step)
{
    step->begun = lanes_now(step->lanes);
    step->plan->again_ms = SEEK_AGAIN_MS;
    return PLAN_AGAIN;
}

/* The step is not there. It may come until the last call of the dead process must have ended; then it is sent. */
static enum plan_verdict missing(struct step *step, struct plan_row *row, const struct json *steps)
{
    if (clock_age_ms() < step->trace.until_ms) {
        return seek_again(step);
    }
    lane_counted(&step->ticket, &step->begun, steps);
    step->certain = lane_is_certain(&step->ticket);
    row->doubtful = false;
    step_send(step, row, step->position >= 0 ? step->position : (int64_t)json_size(steps));
    return PLAN_AGAIN;
}

/* Where the sought step would stand; -1: that is not known. */
static int64_t sought_place(const struct step *step, const struct json *steps)
{
    int64_t place;

    if (step->trace.behind_id == 0) {
        return step->trace.at;
    }
    place = step_place_in(steps, step->trace.behind_id);
    return place >= 0 ? place + 1 : -1;
}

enum plan_verdict step_sought(struct step *step, struct plan_row *row, struct error *err)
{
    struct plan *plan = step->plan;
    struct look_seen seen = {.steps = checkpoint_steps(row->answer, step->key.id)};
    int64_t n = (int64_t)json_size(seen.steps);
    bool alike;

    if (seen.steps == NULL) {
        return step_unlisted(row, err);
    }
    seen.position = sought_place(step, seen.steps);
    if (seen.position < 0 || seen.position > n) {
        return not_told(step, err);
    }
    seen.step = json_at(seen.steps, (size_t)seen.position);
    plan_set_int(plan, "position", seen.position); /* as in the request of the dead process */
    alike = step_looks_like(plan->passing, seen.step,
                            step_sent(plan->passing, row->call, row->args, plan->variables));
    if (seen.position == n || (step->position >= 0 && !alike)) {
        return missing(step, row, seen.steps);
    }
    if (!alike || n > seen.position + 1) { /* others were at work here */
        return not_told(step, err);
    }
    step->phase = STEP_JUDGED;
    return step_found(step, row, &seen);
}

enum plan_verdict step_seek_failed(struct step *step, struct plan_row *row, struct error *err)
{
    if (step_seek_is_patient(&step->trace)) {
        return seek_again(step);
    }
    row->doubtful = true;
    return not_told(step, err);
}
