/* A step was sent and its answer leaves open whether it exists: none came, it could not be read, or
 * it was a failure behind the point of no return (row_may_have_acted). Sending it again could make
 * it twice, so the checkpoint is read back and what is seen is told:
 *
 *   at its position, and nothing stood there before     it exists: success, with a warning
 *   at its position, but something may have stood there not known
 *   not there, and the platform said that it failed     failed
 *   not there, and the platform said nothing            not known: it may still carry it out
 *
 * The next command counts the checkpoint's steps again. */
#include "batch.h"
#include "run/run.h"

void batch_position_unknown(struct batch_item *item)
{
    struct batch *batch = item->batch;

    item->cursor->position = -1;
    if (item->cursor->is_session) {
        session_advance(batch->task->api->options.sessions, &batch->task->principal.owner,
                        batch->session.id, batch->session.version, -1, 0);
    }
}

static enum plan_verdict not_known(struct batch_item *item, const struct json *stored,
                                   struct error *err)
{
    struct arena *arena = item->batch->task->arena;
    const struct json *id = json_get(stored, "id");

    if (stored != NULL) {
        (void)error_set(
            err, ERR_OUTCOME_UNKNOWN,
            "The platform's answer was lost. A step like this one stands at position %lld (id %.*s), but it may "
            "be older: look at the checkpoint before sending the command again",
            (long long)item->position, STR_ARG(json_number_text(id, arena)));
    } else {
        (void)error_set(
            err, ERR_OUTCOME_UNKNOWN,
            "The platform's answer was lost and the step was not in the checkpoint when it was read back; it may "
            "still appear: look at the checkpoint before sending the command again");
    }
    return PLAN_FAIL;
}

static enum plan_verdict after_read_back(struct plan *plan, struct plan_row *row,
                                         const struct json *answer, uint64_t *delay_ms,
                                         struct error *err)
{
    struct batch_item *item = unconst(row->context);
    const struct json *sent =
        read_back_sent(plan->arena, catalog_call(item->bound.command), item->args, plan->variables);
    const struct json *stored = read_back_find(plan->arena, answer, item->position, sent);

    *delay_ms = 0;
    item->doubt = DOUBT_LOOKED;
    if (stored == NULL && item->error.code != ERR_OUTCOME_UNKNOWN) {
        *err = item->error; /* the platform said so, and the step is not there */
        item->status = item->error.code == ERR_UPSTREAM_ERROR ? ITEM_FAILED : ITEM_UNKNOWN;
        return PLAN_FAIL;
    }
    if (stored == NULL || !item->was_end) {
        return not_known(item, stored, err);
    }
    plan_set(plan, "step_id", json_copy(plan->arena, json_get(stored, "id")));
    item->recovered = true;
    item->cursor->position = item->position;
    batch_cursor_moves(item);
    item->data = batch_step_data(item, stored);
    item->status = ITEM_DONE;
    item->error = (struct error){0};
    return PLAN_NEXT;
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
    }
    return PLAN_FAIL;
}

enum plan_verdict batch_step_failed(struct plan *plan, struct plan_row *row)
{
    struct batch_item *item = unconst(row->context);
    const struct json *args = row->args;
    bool keep_going = row->keep_going;
    struct plan_row *read_back;

    if (!row_may_have_acted(row)) {
        return PLAN_FAIL;
    }
    item->doubt = DOUBT_LOOKS;
    item->status = ITEM_UNKNOWN;
    item->error = row->error;
    item->was_end = item->cursor->position >= 0 && item->position == item->cursor->position;
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
