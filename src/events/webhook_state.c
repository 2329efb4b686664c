/* How far a webhook came, written by the process that posts: after a delivery, a quarter of a second later at
 * most. A process that takes over begins there, so deliveries since the last writing are sent again. */
#include "webhook_internal.h"

#include "base/mem.h"
#include "observe/log.h"
#include "observe/trouble.h"

enum { SAVE_MS = 250, STATE_MAX = 512 * 1024, STATE_FORMAT = 1 };

static void save(struct webhook *hook);

static struct str state_key(const struct webhook *hook, char room[WEBHOOK_KEY_MAX])
{
    return hook_key(WEBHOOK_STATES, str_from(hook->id), room);
}

/* --- writing */
static void on_save(struct deadline *deadline)
{
    save(CONTAINER_OF(deadline, struct webhook, share.save));
}

/* If the webhook was deleted, only it is removed; else the duty is yielded, and begins anew with all of them. */
static void on_looked(struct store_op *op, const struct store_result *result)
{
    struct webhook *hook = CONTAINER_OF(op, struct webhook, share.op);

    hook->share.writes = false;
    if (result->error.code == ERR_NOT_FOUND) {
        webhook_remove(hook);
    } else {
        duty_yield(&hook->hooks->share->duty); /* another process posts, too: it is its turn */
    }
}

static void on_saved(struct store_op *op, const struct store_result *result)
{
    struct webhook *hook = CONTAINER_OF(op, struct webhook, share.op);

    hook->share.writes = false;
    if (result->error.code == ERR_OK) {
        hook->share.state_version = result->version;
        trouble_tell_of(TROUBLE_WEBHOOKS, &hook->share.fails, NULL);
    } else if (result->error.code == ERR_CONFLICT && !result->in_doubt) {
        char room[WEBHOOK_KEY_MAX];
        const struct store_request request = {
            .kind = STORE_GET,
            .key = hook_key(WEBHOOK_DOCUMENTS, str_from(hook->id), room),
            .format = STATE_FORMAT};

        hook->share.writes = true; /* until the reason is known */
        store_start(hook->hooks->share->store, &request, &hook->share.op, on_looked);
        return;
    } else {
        hook->share.dirty = true;
        trouble_tell_of(TROUBLE_WEBHOOKS, &hook->share.fails, result->error.text);
    }
    if (hook->share.dirty) {
        webhook_state_dirty(hook);
    }
}

static void put(struct webhook *hook, struct store_op *op, store_done_fn on_done)
{
    char room[WEBHOOK_KEY_MAX];
    struct buf text;
    struct store_request request = {.kind = STORE_PUT,
                                    .key = state_key(hook, room),
                                    .format = STATE_FORMAT,
                                    .expect = hook->share.state_version > 0 ? STORE_VERSION
                                                                            : STORE_ABSENT,
                                    .version = hook->share.state_version};

    buf_init(&text, STATE_MAX);
    webhook_state_write(hook, &text);
    request.bytes = buf_view(&text);
    hook->share.dirty = false;
    store_start(hook->hooks->share->store, &request, op, on_done);
    buf_done(&text);
}

static void save(struct webhook *hook)
{
    if (!hook->share.writes && hooks_on_duty(hook->hooks)) {
        hook->share.writes = true;
        put(hook, &hook->share.op, on_saved);
    }
}

void webhook_state_dirty(struct webhook *hook)
{
    if (hook->hooks->share == NULL) {
        return;
    }
    hook->share.dirty = true;
    if (!hook->share.writes && !deadline_is_set(&hook->share.save)) {
        deadline_set(&hook->hooks->loop->deadlines, &hook->share.save, SAVE_MS, on_save);
    }
}

/* --- the last time */
struct last_save {
    struct store_op op;
    struct webhooks *hooks;
};

static void on_last_saved(struct store_op *op, const struct store_result *result)
{
    struct last_save *last = CONTAINER_OF(op, struct last_save, op);
    struct webhooks *hooks = last->hooks;

    (void)result; /* if it failed: deliveries since then are repeated */
    mem_free(last);
    hooks->n_clients--;
    hooks_maybe_closed(hooks);
}

void webhook_state_leave(struct webhook *hook)
{
    struct webhooks *hooks = hook->hooks;
    bool wants = hook->share.dirty && !hook->share.writes && hooks_on_duty(hooks) &&
                 hooks->closing && hook->share.version > 0;

    if (wants && hooks->share != NULL) {
        struct last_save *last = mem_zalloc(sizeof(*last));

        last->hooks = hooks;
        hooks->n_clients++;
        put(hook, &last->op, on_last_saved);
    }
    webhook_state_end(hook);
}

/* --- taking over */
/* What waited to be sent again is sent now. */
static void resume(struct webhook *hook)
{
    for (size_t i = 0; i < WEBHOOK_DELIVERIES_KEPT && hook->current == NULL; i++) {
        struct delivery *delivery = &hook->deliveries[i];

        if (delivery->id[0] != '\0' && delivery->status == DELIVERY_WAITS) {
            hook->current = delivery;
        }
    }
    if (hook->current != NULL && hook->enabled) {
        webhook_hurry(hook);
    } else {
        hook->again = hook->current;
        hook->current = NULL;
        webhook_pump(hook);
    }
}

static void on_read(struct store_op *op, const struct store_result *result)
{
    struct webhook *hook = CONTAINER_OF(op, struct webhook, share.op);
    uint64_t position = hook->share.begins;

    hook->share.reads = false;
    hook->share.state_version = result->version;
    if (result->error.code == ERR_NOT_FOUND) {
        hook->share.state_version = 0;
    } else if (result->error.code != ERR_OK) {
        duty_yield(&hook->hooks->share->duty); /* and begin anew with all webhooks */
        return;
    } else if (!webhook_state_read(hook, result->bytes, &position)) {
        log_event(LOG_WARN, "webhook.state_unreadable", F_TEXT("webhook", hook->id));
    }
    feed_open_at(&hook->feed, hook->hooks->share->journal, position, webhook_on_news);
    resume(hook);
}

void webhook_state_begin(struct webhook *hook)
{
    char room[WEBHOOK_KEY_MAX];
    const struct store_request request = {
        .kind = STORE_GET, .key = state_key(hook, room), .format = STATE_FORMAT};

    if (!hook->share.reads && !feed_is_open(&hook->feed)) {
        hook->share.reads = true;
        store_start(hook->hooks->share->store, &request, &hook->share.op, on_read);
    }
}

void webhook_state_end(struct webhook *hook)
{
    trouble_tell_of(TROUBLE_WEBHOOKS, &hook->share.fails, NULL);
    trouble_tell_of(TROUBLE_WEBHOOKS, &hook->share.put_off_fails, NULL);
    store_cancel(&hook->share.op);
    if (store_is_running(&hook->share.put_off.op) && hook->share.version > 0) {
        hook->share.version = 1; /* whether it was saved is not known: the walk reads it again */
    }
    webhook_ask_cancel(&hook->share.put_off);
    deadline_clear(&hook->share.save);
    hook->share.reads = false;
    hook->share.writes = false;
    hook->share.dirty = false;
    feed_close(&hook->feed);
    webhook_stop(hook);
    hook->again = NULL; /* who posts next finds what waits among the deliveries */
}
