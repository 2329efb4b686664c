/* A step was sent and its answer leaves open whether it exists: none came, it could not be read, or
 * it was a failure behind the point of no return (row_may_have_acted). Sending it again could make
 * it twice, so the checkpoint is read back and what is seen is told:
 *
 *   it is certainly ours (step/read_back.h)              it exists: success, with a warning
 *   one like it, but perhaps older or another's         not known
 *   not there, and the platform said that it failed     failed
 *   not there otherwise                                 not known: it may still be carried out
 *   the answer tells nothing about the checkpoint       not known
 *
 * The next command counts the checkpoint's steps again. */
#include "batch.h"

#include "base/clock.h"

/* How long others may take that could be told of the same step. */
enum { LOOK_MAX_MS = 2000, LOOK_AGAIN_MS = 20, LOOK_DOUBLINGS = 4 };

void batch_position_unknown(struct batch_item *item)
{
    item->cursor->position = -1;
    item->cursor->end_ms = 0;
    batch_cursor_tell(item, 0);
}

static enum plan_verdict not_known(const struct batch_item *item, enum read_back_result result,
                                   struct error *err)
{
    read_back_not_known(result, &item->error, err);
    return PLAN_FAIL;
}

/* A step that may be it is told of. */
static enum plan_verdict not_certain(struct batch_item *item, const struct read_back_step *step,
                                     struct error *err)
{
    struct arena *arena = item->batch->task->arena;
    struct json *seen = json_new_object(arena);
    struct str id = arena_printf(arena, "%lld", (long long)step_id_of(json_get(step->step, "id")));

    json_set(seen, STR("step_id"), json_new_string(arena, id));
    json_set(seen, STR("checkpoint_id"), json_new_string(arena, item->cursor->checkpoint_id));
    json_set(seen, STR("position"), json_new_int(arena, step->position));
    item->seen = seen;
    (void)not_known(item, READ_BACK_OTHER, err);
    (void)error_set(
        err, ERR_OUTCOME_UNKNOWN,
        "The platform's answer was lost. A step like this one stands at position %lld (id %.*s), but it may "
        "be older, or another request's: look at the checkpoint before sending the command again",
        (long long)step->position, STR_ARG(id));
    return PLAN_FAIL;
}

/* Not there, and it was said that it failed. */
static enum plan_verdict failed(struct batch_item *item, struct plan *plan, struct error *err)
{
    *err = item->error;
    item->status = ITEM_FAILED;
    for (size_t i = 0; i < plan->n_rows; i++) {
        if (plan->rows[i].context == item && plan->rows[i].call->spec->class == CALL_CREATE) {
            plan->rows[i].disproved = true;
        }
    }
    return PLAN_FAIL;
}

static enum plan_verdict found(struct batch_item *item, struct plan *plan,
                               const struct read_back_step *seen)
{
    plan_set(plan, "step_id", json_copy(plan->arena, json_get(seen->step, "id")));
    item->recovered = true;
    if (item->was_end && seen->position == item->position) {
        item->cursor->position = seen->position; /* the end, and the next place is behind it */
        item->cursor->end_ms = (int64_t)clock_age_ms();
    }
    item->position = seen->position;
    batch_cursor_moves(item);
    item->data = batch_step_data(item, seen->step);
    item->status = ITEM_DONE;
    item->error = (struct error){0};
    return PLAN_NEXT;
}

static enum plan_verdict after_read_back(struct plan *plan, struct plan_row *row,
                                         const struct json *answer, uint64_t *delay_ms,
                                         struct error *err)
{
    struct batch_item *item = unconst(row->context);
    struct read_back_step seen = {0};
    enum read_back_result result = read_back_look(&item->look, plan->arena, answer, &seen);
    unsigned doublings = item->n_looks < LOOK_DOUBLINGS ? item->n_looks : LOOK_DOUBLINGS;

    *delay_ms = (uint64_t)LOOK_AGAIN_MS << doublings;
    item->look_ms = item->n_looks++ == 0 ? clock_now_ms() : item->look_ms;
    if (result == READ_BACK_WAIT && clock_now_ms() - item->look_ms < LOOK_MAX_MS) {
        return PLAN_AGAIN;
    }
    item->doubt = DOUBT_LOOKED;
    switch (result) {
    case READ_BACK_FOUND:
        return found(item, plan, &seen);
    case READ_BACK_MISSING:
        if (item->error.code == ERR_UPSTREAM_SHAPE) { /* which says what came instead */
            *err = item->error;
            return PLAN_FAIL;
        }
        return read_back_is_final(&item->error) ? failed(item, plan, err)
                                                : not_known(item, result, err);
    case READ_BACK_BLIND:
        return not_known(item, result, err);
    case READ_BACK_WAIT:
    case READ_BACK_OTHER:
        break;
    }
    return not_certain(item, &seen, err);
}

static enum plan_verdict read_back_failed(struct plan *plan, struct plan_row *row)
{
    const struct batch_item *item = row->context;

    (void)plan;
    if (item->doubt != DOUBT_LOOKED) {
        (void)error_set(
            &row->error, ERR_OUTCOME_UNKNOWN,
            "The platform's answer was lost, and the checkpoint could not be read back: look at it before sending "
            "the command again");
        row->error.late = item->error.late;
        row->error.upstream_status = item->error.upstream_status;
    }
    return PLAN_FAIL;
}

enum plan_verdict batch_step_failed(struct plan *plan, struct plan_row *row)
{
    struct batch_item *item = unconst(row->context);
    const struct json *args = row->args;
    bool keep_going = row->keep_going;
    struct plan_row *read_back;

    ledger_end(&item->mark);
    if (!row_may_have_acted(row)) {
        return PLAN_FAIL;
    }
    item->doubt = DOUBT_LOOKS;
    item->status = ITEM_UNKNOWN;
    item->error = row->error;
    item->look = (struct read_back){
        .ledger = item->batch->task->api->ledger,
        .checkpoint_id = item->cursor->checkpoint_number,
        .sent = read_back_sent(plan->arena, row->call, args, plan->variables),
        .position = item->position,
        .was_end = item->was_end,
        .number = item->mark.number,
        .since = item->cursor->seen.since,
    };
    if (item->cursor->counted != NULL) {
        item->look.old = read_back_ids(plan->arena, item->cursor->counted, &item->look.n_old);
        item->look.since = item->cursor->counted_since;
    }
    batch_position_unknown(
        item); /* at once: whatever ends the looking must not leave the old one */
    read_back = plan_insert(plan, catalog_extra_call("count steps"));
    read_back->args = args;
    read_back->context = item;
    read_back->keep_going = keep_going;
    read_back->after = after_read_back;
    read_back->failed = read_back_failed;
    read_back->label = "read back";
    return PLAN_NEXT;
}
