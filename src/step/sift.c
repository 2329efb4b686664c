/* What is kept of a long answer about a checkpoint: of each step its id, and all of those that may be the one that is
 * looked for. */
#include "plan/answer.h"
#include "step/look.h"
#include "step_internal.h"

enum { ALIKE_KEPT = 2 /* more of them tell no more than two do */ };

/* look_at takes a new step without an action for one that cannot be read. So a new step that can be read, and is not
 * kept whole, keeps an action that is like none that was sent: "". */
static void keep_id(const struct step *step, const struct json *stored, int64_t id,
                    struct buf *kept)
{
    bool is_other = step->phase == STEP_LOOKS && !lane_has(&step->ticket, id) &&
                    json_type(json_get(stored, "action")) == JSON_STRING;

    buf_text(kept, "{\"id\":");
    buf_int(kept, id);
    buf_text(kept, is_other ? ",\"action\":\"\"}" : "}");
}

/* True: look_at may take the step for the lost one. */
static bool may_be_lost(struct step *step, struct arena *arena, const struct json *stored,
                        size_t index)
{
    return step_looks_like(arena, stored, step->sent) &&
           (step->n_alike++ < ALIKE_KEPT || (int64_t)index == step->at);
}

/* True: the step stands where the sought one was sent to: right behind step behind_id (or behind a step whose id was
 * not read), or at the place `at`. */
static bool may_be_sought(const struct step *step, size_t index)
{
    const struct step_trace *trace = &step->trace;

    if (trace->behind_id != 0) {
        return step->last_id == trace->behind_id || step->last_id < 0;
    }
    return (int64_t)index == trace->at;
}

static bool is_whole(struct step *step, struct arena *arena, const struct json *stored, int64_t id,
                     size_t index)
{
    switch (step->phase) {
    case STEP_LOOKS:
        return !lane_has(&step->ticket, id) && may_be_lost(step, arena, stored, index);
    case STEP_SEEKS:
        return may_be_sought(step, index);
    case STEP_IDLE:
    case STEP_WAITS:
    case STEP_COUNTS:
    case STEP_SENDS:
    case STEP_JUDGED:
        break;
    }
    return false;
}

static void on_step(struct json_sift *sift, struct str text, size_t index, struct buf *kept)
{
    struct step *step = CONTAINER_OF(sift, struct step, sift);
    const struct json_limits limits = {.max_depth = 64, .allow_duplicate_names = true};
    struct json *stored = NULL;
    struct arena arena;
    int64_t id = 0;

    if (index == 0) {
        step->n_alike = 0;
        step->last_id = 0;
    }
    if (text.len == 0) {
        step->last_id = -1;
        return;
    }
    arena_init(&arena);
    if (json_parse(&arena, text, &limits, &stored, NULL) == ERR_OK) {
        id = id_number(json_get(stored, "id"));
    }
    if (id == 0 || is_whole(step, &arena, stored, id, index)) {
        buf_str(kept, text);
    } else {
        keep_id(step, stored, id, kept);
    }
    step->last_id = id != 0 ? id : -1;
    arena_done(&arena);
}

static void take(struct upstream_sieve *sieve, size_t at, struct str piece, struct buf *kept)
{
    static const char *const lists[] = {"steps", "testSteps", "items", "item"}; /* STEPS_PLACES */
    struct step *step = CONTAINER_OF(sieve, struct step, sieve);

    if (at == 0) {
        step->n_alike = 0;
        step->last_id = 0;
        json_sift_begin(&step->sift, lists, ARRAY_LEN(lists), on_step);
    }
    json_sift_piece(&step->sift, piece, kept);
}

struct upstream_sieve *step_sieve(const struct plan_row *row)
{
    struct step *step = row->guided;

    if (step->phase == STEP_SENDS && step->tells_answer) {
        return NULL;
    }
    if (step->phase == STEP_LOOKS) {
        step->sent = step_sent(step->plan->arena, row->call, row->args, step->plan->variables);
    }
    step->sieve.take = take;
    return &step->sieve;
}
