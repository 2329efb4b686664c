#include "step/step.h"

#include "plan/answer.h"
#include "step_internal.h"

void step_init(struct step *step, struct lanes *lanes, const struct call *count)
{
    *step = (struct step){.lanes = lanes, .count = count};
}

void step_to(struct step *step, int64_t checkpoint_id, int64_t position)
{
    step->key = (struct lane_key){LANE_CHECKPOINT, checkpoint_id};
    step->position = position;
    step->trace = (struct step_trace){0};
}

void step_seek(struct step *step, const struct step_trace *trace)
{
    step->trace = *trace;
    step->trace.seeks = true;
}

void step_to_library(struct step *step, int64_t library_checkpoint_id)
{
    step->key = (struct lane_key){LANE_LIBRARY, library_checkpoint_id};
}

/* --- the turn */

void step_send(struct step *step, struct plan_row *row, int64_t at)
{
    step->phase = STEP_SENDS;
    step->begun = lanes_now(step->lanes);
    step->at = at;
    plan_set_int(step->plan, "position", at);
    row->sends = NULL;
    row->disproved = false;
}

static void take_turn(struct step *step, struct plan_row *row)
{
    int64_t end = lane_end(&step->ticket);

    step->certain = end >= 0;
    if (step->trace.seeks) {
        step->phase = STEP_SEEKS;
        step->begun = lanes_now(step->lanes);
        row->sends = step->count;
        row->disproved = false;
        row->doubtful = true;
    } else if (step->position < 0 && end < 0) {
        step->phase = STEP_COUNTS;
        step->begun = lanes_now(step->lanes);
        row->sends = step->count;
    } else {
        step_send(step, row, step->position >= 0 ? step->position : end);
    }
}

static void on_turn(struct lane_ticket *ticket)
{
    struct step *step = CONTAINER_OF(ticket, struct step, ticket);

    if (ticket->refusal != NULL) {
        plan_refuse(step->plan, ticket->refusal);
        return;
    }
    step->take_turn(step, &step->plan->rows[step->plan->at]);
    plan_go_on(step->plan);
}

static enum plan_verdict wait_for_turn(struct step *step, struct plan *plan, struct plan_row *row,
                                       struct error *err)
{
    bool now = false;

    step->plan = plan;
    step->phase = STEP_WAITS;
    row->disproved = true; /* until it is sent */
    if (lane_enter(step->lanes, step->key, &step->ticket, on_turn, &now, err) != ERR_OK) {
        return PLAN_FAIL;
    }
    if (!now) {
        return PLAN_AGAIN;
    }
    step->take_turn(step, row);
    return PLAN_NEXT;
}

static enum plan_verdict enter(struct plan *plan, struct plan_row *row, struct error *err)
{
    struct step *step = row->guided;

    step->take_turn = take_turn;
    step->id = 0;
    step->at = -1;
    step->end = -1;
    step->recovered = false;
    step->seen = NULL;
    return wait_for_turn(step, plan, row, err);
}

/* --- answers */

static enum plan_verdict counted(struct step *step, struct plan_row *row, struct error *err)
{
    const struct json *steps = checkpoint_steps(row->answer, step->key.id);

    if (steps == NULL) {
        (void)error_set(err, ERR_UPSTREAM_SHAPE,
                        "The platform's answer about the checkpoint does not list its steps");
        err->upstream_status = row->http_status;
        return PLAN_FAIL;
    }
    lane_counted(&step->ticket, &step->begun, steps);
    step->certain = lane_is_certain(&step->ticket);
    step_send(step, row, (int64_t)json_size(steps));
    return PLAN_AGAIN;
}

/* True: this connection has told the id before, of a step (in this lane or in another one), or of something else that
 * has no action. */
static bool was_told(const struct step *step, const struct json *told, int64_t id)
{
    const struct plan *plan = step->plan;
    const char *kind = told_find(plan->port->told, id, plan->upstream_call.connection_serial);

    return kind != NULL && (str_is(STR("step_id"), kind) || json_get(told, "action") == NULL);
}

static bool is_another(const struct json *id, int64_t wanted)
{
    int64_t number = id_number(id);

    return number != 0 && number != wanted;
}

/* An answer that names another checkpoint, the checkpoint itself, or a step that existed before,
 * belongs to another request. */
static enum error_code check_answer(const struct step *step, const struct json *told,
                                    const struct json *checkpoint, int64_t id, struct error *err)
{
    if (id == 0) {
        return error_set(err, ERR_UPSTREAM_SHAPE,
                         "create step: the platform's answer has no usable id");
    }
    if (is_another(json_get(told, "checkpointId"), step->key.id) ||
        is_another(json_get(checkpoint, "id"), step->key.id)) {
        return error_set(err, ERR_UPSTREAM_SHAPE,
                         "create step: the platform's answer is about another checkpoint");
    }
    if (json_get(told, "action") == NULL &&
        (id == step->key.id || json_get(told, "steps") != NULL)) {
        return error_set(err, ERR_UPSTREAM_SHAPE,
                         "create step: the platform's answer is a checkpoint, not a step");
    }
    if (lane_has(&step->ticket, id) || was_told(step, told, id)) {
        return error_set(err, ERR_UPSTREAM_SHAPE,
                         "create step: the platform's answer names a step that is older");
    }
    return ERR_OK;
}

static const struct json *id_in(const struct json *step)
{
    return json_get(step, "id");
}

int64_t step_place_in(const struct json *steps, int64_t id)
{
    const struct json *step;
    int64_t at = 0;

    JSON_FOREACH (step, steps) {
        if (id_number(id_in(step)) == id) {
            return at;
        }
        at++;
    }
    return -1;
}

static const struct json *member_or(const struct json *object, const char *name,
                                    const struct json *otherwise)
{
    const struct json *member = json_get(object, name);

    return member != NULL ? member : otherwise;
}

/* The platform answers a created step with its checkpoint (PLATFORM.md, "Structure"), with all
 * steps or without. What the answer says replaces what the lane knew. */
static void learn(struct step *step, const struct json *told, const struct json *checkpoint)
{
    const struct json *steps =
        checkpoint != NULL ? checkpoint_steps(checkpoint, step->key.id) : NULL;
    int64_t place = step_place_in(steps, step->id);
    int64_t index;

    lane_made(&step->ticket, step->id);
    if (place >= 0) {
        step->at = place;
        lane_counted(&step->ticket, &step->begun, steps);
    } else if (json_to_i64(json_get(told, "stepIndex"), &index) && index >= 0 &&
               index != step->at) {
        step->at = index;
        lane_doubt(&step->ticket); /* the checkpoint has other steps than the lane knew */
    }
    step->end = lane_end_seen(&step->ticket);
}

static enum plan_verdict made(struct step *step, const struct plan_row *row, struct error *err)
{
    int64_t id = id_number(plan_get(step->plan, "step_id"));
    const struct json *item = member_or(row->answer, "item", row->answer);
    const struct json *told = member_or(item, "testStep", item);
    const struct json *checkpoint = json_get(item, "checkpoint");

    if (check_answer(step, told, checkpoint, id, err) != ERR_OK) {
        err->upstream_status = row->http_status;
        return PLAN_FAIL;
    }
    step->id = id;
    learn(step, told, checkpoint);
    return PLAN_NEXT;
}

/* --- an answer that was lost */

enum plan_verdict step_found(struct step *step, struct plan_row *row, const struct look_seen *seen)
{
    struct plan *plan = step->plan;
    const struct json *id = id_in(seen->step);

    plan_set(plan, "step_id", json_copy(plan->arena, id));
    step->id = id_number(id);
    step->at = seen->position;
    step->recovered = true;
    row->answer = json_copy(plan->arena, seen->step);
    row->sends = NULL; /* so that the answer is the row's own */
    row->doubtful = false;
    lane_counted(&step->ticket, &step->begun, seen->steps);
    step->end = lane_end_seen(&step->ticket);
    return PLAN_NEXT;
}

static enum plan_verdict not_found(struct step *step, struct plan_row *row, enum look_result result,
                                   const struct look_seen *seen, struct error *err)
{
    row->http_status = step->lost_status;
    if (result == LOOK_MISSING && look_is_final(&step->lost)) {
        *err = step->lost;
        row->disproved = true;
        row->doubtful = false;
        lane_counted(&step->ticket, &step->begun, seen->steps);
        return PLAN_FAIL;
    }
    if (result == LOOK_MISSING && step->lost.code == ERR_UPSTREAM_SHAPE) {
        *err = step->lost; /* which says what came instead */
        return PLAN_FAIL;
    }
    look_not_known(result, &step->lost, err);
    if (result == LOOK_OTHER) {
        step->seen = json_copy(step->plan->arena, seen->step);
        step->seen_at = seen->position;
    }
    return PLAN_FAIL;
}

enum plan_verdict step_unlisted(const struct plan_row *row, struct error *err)
{
    (void)error_set(err, ERR_UPSTREAM_SHAPE, "the answer lists no steps of the checkpoint");
    err->upstream_status = row->http_status;
    return PLAN_FAIL;
}

static enum plan_verdict looked(struct step *step, struct plan_row *row, struct error *err)
{
    struct plan *plan = step->plan;
    const struct look look = {
        .lane = &step->ticket,
        .certain = step->certain && lane_is_certain(&step->ticket),
        .checkpoint_id = step->key.id,
        .position = step->at,
        .sent = step_sent(plan->passing, row->call, row->args, plan->variables),
    };
    struct look_seen seen;
    enum look_result result = look_at(&look, plan->passing, row->answer, &seen);

    if (seen.steps == NULL) { /* another way of asking may tell more */
        return step_unlisted(row, err);
    }
    step->phase = STEP_JUDGED;
    return result == LOOK_FOUND ? step_found(step, row, &seen)
                                : not_found(step, row, result, &seen, err);
}

static enum plan_verdict answered(struct plan *plan, struct plan_row *row, struct error *err)
{
    struct step *step = row->guided;

    (void)plan;
    switch (step->phase) {
    case STEP_COUNTS:
        return counted(step, row, err);
    case STEP_SENDS:
        return made(step, row, err);
    case STEP_LOOKS:
        return looked(step, row, err);
    case STEP_SEEKS:
        return step_sought(step, row, err);
    case STEP_JUDGED: /* another way of asking has answered: the verdict stands, and is no success */
        *err = step->lost;
        return PLAN_FAIL;
    case STEP_IDLE:
    case STEP_WAITS:
        break;
    }
    return PLAN_NEXT;
}

static enum plan_verdict begin_look(struct step *step, struct plan_row *row)
{
    step->phase = STEP_LOOKS;
    step->begun = lanes_now(step->lanes);
    step->lost = *row->error;
    step->lost_status = row->http_status;
    row->doubtful = true;
    row->sends = step->count;
    return PLAN_AGAIN;
}

/* True: nothing was sent, since the lease of the checkpoint was about to end. Sets the error of the row. */
static bool is_unsent(const struct step *step, struct plan *plan, struct plan_row *row)
{
    struct error *err = plan_row_error(plan, row);

    if (err->code != ERR_OVERLOADED || lane_may_send(&step->ticket)) {
        return false;
    }
    (void)error_set(err, ERR_STORE_AWAY,
                    "The lease of this checkpoint could not be renewed in time, so the step was "
                    "not sent; send the request again");
    err->retry_after_s = 1;
    row->disproved = true;
    return true;
}

/* Only sending the step needs the lease; reading does not. */
static bool may_send(const struct plan_row *row)
{
    const struct step *step = row->guided;

    return step->phase != STEP_SENDS || lane_may_send(&step->ticket);
}

static enum plan_verdict failed(struct plan *plan, struct plan_row *row)
{
    struct step *step = row->guided;
    struct error *err = plan_row_error(plan, row);

    if (step->phase == STEP_SENDS && is_unsent(step, plan, row)) {
        return PLAN_FAIL;
    }
    if (step->phase == STEP_SENDS && row_may_have_acted(row)) {
        return begin_look(step, row);
    }
    if (step->phase == STEP_SEEKS) {
        return step_seek_failed(step, row, err);
    }
    if (step->phase == STEP_LOOKS && row->error->code == ERR_UPSTREAM_SHAPE) {
        const struct look_seen nothing = {.steps = NULL};

        step->phase = STEP_JUDGED;
        (void)not_found(step, row, LOOK_BLIND, &nothing, err);
    } else if (step->phase == STEP_LOOKS) {
        (void)error_set(err, ERR_OUTCOME_UNKNOWN,
                        "The platform's answer was lost, and the checkpoint could not be read "
                        "back: look at it before sending the step again");
        err->late = step->lost.late;
        err->upstream_status = step->lost.upstream_status;
        row->http_status = step->lost_status;
    }
    return PLAN_FAIL;
}

static void leave(struct plan_row *row)
{
    struct step *step = row->guided;

    if (step->ticket.lane != NULL) {
        if (row_may_have_acted(row)) {
            lane_doubt(&step->ticket);
        }
        lane_leave(&step->ticket);
    }
    json_sift_done(&step->sift);
    step->phase = STEP_IDLE;
}

void step_guide(struct plan_row *row, struct step *step)
{
    static const struct plan_guide guide = {.enter = enter,
                                            .answered = answered,
                                            .failed = failed,
                                            .leave = leave,
                                            .may_send = may_send,
                                            .sieve = step_sieve};

    row->guide = &guide;
    row->guided = step;
}

/* --- other changes: their effect is not read, only their order is kept */

static void order_turn(struct step *step, struct plan_row *row)
{
    step->phase = STEP_SENDS;
    row->disproved = false;
    lanes_foreign_begin(step->lanes, &step->foreign);
}

static enum plan_verdict order_enter(struct plan *plan, struct plan_row *row, struct error *err)
{
    struct step *step = row->guided;

    step->take_turn = order_turn;
    return wait_for_turn(step, plan, row, err);
}

static enum plan_verdict order_failed(struct plan *plan, struct plan_row *row)
{
    (void)plan;
    (void)is_unsent(row->guided, plan, row);
    return PLAN_FAIL;
}

static void order_leave(struct plan_row *row)
{
    struct step *step = row->guided;

    lanes_foreign_end(&step->foreign);
    lane_leave(&step->ticket);
    step->phase = STEP_IDLE;
}

void step_order(struct plan_row *row, struct step *step)
{
    static const struct plan_guide guide = {
        .enter = order_enter, .failed = order_failed, .leave = order_leave, .may_send = may_send};

    row->guide = &guide;
    row->guided = step;
}
