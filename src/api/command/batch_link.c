/* Asks for the project of an execution's goal, where the link to the execution needs it. The row belongs
 * to no item (context NULL), so its failure does not fail the command. */
#include "api/command/batch.h"

#include "api/command/execution_link.h"
#include "base/check.h"

/* Finds the item by its arguments: each item has its own, and the row has those of its item. */
static struct batch_item *item_of_link(const struct plan *plan, const struct plan_row *row)
{
    struct batch *batch = plan_state(plan);
    size_t at = 0;

    while (batch->items[at].args != row->args) {
        at++;
        CHECK(at < batch->n_items);
    }
    return &batch->items[at];
}

static struct str goal_of(const struct batch_item *item)
{
    return json_str(json_get(item->args, "goal_id"));
}

static bool before_project(struct plan *plan, struct plan_row *row)
{
    const struct batch_item *item = item_of_link(plan, row);

    return (item->status == ROW_DONE || item->batch->is_dry) &&
           execution_link_asks(item->batch->task, item->answer, goal_of(item));
}

static enum plan_verdict after_project(struct plan *plan, struct plan_row *row,
                                       const struct json *answer, uint64_t *delay_ms,
                                       struct error *err)
{
    struct batch_item *item = item_of_link(plan, row);

    (void)err;
    *delay_ms = 0;
    execution_link_take(item->batch->task, answer);
    execution_link_set(item->batch->task, item->data, item->answer, goal_of(item));
    return PLAN_NEXT;
}

void batch_add_project(struct batch_item *item)
{
    struct plan_row *row;

    if (item->bound.command->reply == REPLY_EXECUTION) {
        row =
            plan_append(item->batch->task->plan,
                        catalog_named_call(item->batch->task->api->catalog, CALL_PROJECT_OF_GOAL));
        row->args = item->args;
        row->before = before_project;
        row->after = after_project;
        row->keep_going = true;
    }
}
