/* States in the store whose webhook was deleted: their removal failed, or they were written behind it. The process that posts looks for them
 * after each walk, a page of the store at a time. */
#include "webhook_internal.h"

enum { FORMAT = 1 /* of documents and of states */ };

static void look(struct webhooks_sweep *sweep);

static void ask(struct webhooks_sweep *sweep, enum store_kind kind, const char *group,
                store_done_fn on_done)
{
    char room[WEBHOOK_KEY_MAX];
    const struct store_request request = {.kind = kind,
                                          .key =
                                              hook_key(group, str_from(sweep->ids[sweep->n]), room),
                                          .format = FORMAT};

    store_start(sweep->hooks->share->store, &request, &sweep->op, on_done);
}

/* If it failed, a later sweep finds the state again. */
static void on_removed(struct store_op *op, const struct store_result *result)
{
    (void)result;
    look(CONTAINER_OF(op, struct webhooks_sweep, op));
}

static void on_document(struct store_op *op, const struct store_result *result)
{
    struct webhooks_sweep *sweep = CONTAINER_OF(op, struct webhooks_sweep, op);

    if (result->error.code == ERR_NOT_FOUND) {
        ask(sweep, STORE_REMOVE, WEBHOOK_STATES, on_removed);
    } else {
        look(sweep);
    }
}

/* The document of a webhook is written before its state. So if there is a state and no document, the webhook was deleted. */
static void look(struct webhooks_sweep *sweep)
{
    if (sweep->n > 0) {
        sweep->n--;
        ask(sweep, STORE_GET, WEBHOOK_DOCUMENTS, on_document);
    }
}

static void on_listed(struct store_op *op, const struct store_result *result)
{
    struct webhooks_sweep *sweep = CONTAINER_OF(op, struct webhooks_sweep, op);
    struct str after = result->next;

    if (result->error.code != ERR_OK) {
        return;
    }
    for (size_t i = 0; i < result->n_items; i++) {
        struct str id = result->items[i].name;

        if (sweep->n == WEBHOOKS_SWEPT) {
            after = result->items[i - 1].name;
            break;
        }
        if (hook_by_id(sweep->hooks, id) == NULL) {
            str_copy(sweep->ids[sweep->n++], WEBHOOK_ID_MAX, id);
        }
    }
    str_copy(sweep->after, sizeof(sweep->after), after);
    look(sweep);
}

void webhooks_sweep(struct webhooks_sweep *sweep)
{
    const struct store_request request = {.kind = STORE_LIST,
                                          .key = STR(WEBHOOK_STATES),
                                          .format = FORMAT,
                                          .name = str_from(sweep->after),
                                          .limit = STORE_LIMIT_MAX};

    if (!store_is_running(&sweep->op) && hooks_on_duty(sweep->hooks)) {
        sweep->n = 0;
        store_start(sweep->hooks->share->store, &request, &sweep->op, on_listed);
    }
}
