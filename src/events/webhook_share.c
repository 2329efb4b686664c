/* Webhooks that live in the store: "webhooks/<id>" is a document, and each process knows all of them. A walk
 * lists them and reads those that have changed; it comes before a webhook is looked for, after each mark
 * that another process leaves in the journal, and every WALK_MS by the process that posts. */
#include "webhook_internal.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "observe/log.h"
#include "observe/trouble.h"

enum {
    WALK_MS = 30000,
    AGAIN_MS = 1000,
    DOCUMENT_FORMAT = 1,
    DOCUMENT_MAX = 64 * 1024,
    FOUND_MAX = 4 * WEBHOOKS_MAX
};

bool webhooks_are_shared(const struct webhooks *hooks)
{
    return hooks->share != NULL;
}

bool hooks_on_duty(const struct webhooks *hooks)
{
    return hooks->share == NULL || duty_lasts(&hooks->share->duty);
}

struct str hook_key(const char *group, struct str id, char room[WEBHOOK_KEY_MAX])
{
    return str_print(room, WEBHOOK_KEY_MAX, "%s/%.*s", group, STR_ARG(id));
}

/* --- walking through all of them */
static void walk(struct hooks_share *share);
static void read_next(struct hooks_share *share);
static void end_those_that_are_gone(struct hooks_share *share);

static void on_walk(struct deadline *deadline)
{
    walk(CONTAINER_OF(deadline, struct hooks_share, again));
}

static void on_state(struct store_op *op, const struct store_result *result)
{
    struct webhook_ask *ask = CONTAINER_OF(op, struct webhook_ask, op);
    struct webhook *hook = hook_by_id(ask->hooks, str_from(ask->id));
    uint64_t position;

    if (result->error.code == ERR_OK && hook != NULL && !feed_is_open(&hook->feed)) {
        (void)webhook_state_read(hook, result->bytes, &position);
    }
    ask->on_done(ask, result->error.code == ERR_OK || result->error.code == ERR_NOT_FOUND
                          ? NULL
                          : &result->error);
}

static void answer(struct webhook_ask *ask, const struct error *error)
{
    const struct webhook *hook = hook_by_id(ask->hooks, str_from(ask->id));

    if (error == NULL && hook != NULL && !feed_is_open(&hook->feed)) {
        char room[WEBHOOK_KEY_MAX];
        const struct store_request request = {.kind = STORE_GET,
                                              .key =
                                                  hook_key(WEBHOOK_STATES, str_from(ask->id), room),
                                              .format = DOCUMENT_FORMAT};

        /* Only a process that does not post asks the store. The process that posts has the state in memory. */
        store_start(ask->hooks->share->store, &request, &ask->op, on_state);
    } else {
        ask->on_done(ask, error);
    }
}

static void answer_all(struct list *asks, const struct error *error)
{
    struct list told;
    struct list *link;

    list_init(&told);
    list_append_all(&told, asks);
    while ((link = list_take_first(&told)) != NULL) {
        answer(CONTAINER_OF(link, struct webhook_ask, link), error);
    }
}

/* Questions that came during this walk are answered by the next walk. */
static void end_walk(struct hooks_share *share, const struct error *error)
{
    share->walks = false;
    arena_done(&share->arena);
    answer_all(&share->waiting, error);
    share->walks_again = share->walks_again || !list_is_empty(&share->late);
    list_append_all(&share->waiting, &share->late);
    if (share->walks_again) {
        walk(share);
        return;
    }
    end_those_that_are_gone(share);
    if (error == NULL) {
        webhooks_sweep(&share->sweep);
    }
    deadline_set(&share->hooks->loop->deadlines, &share->again, error == NULL ? WALK_MS : AGAIN_MS,
                 on_walk);
}

static void begin(struct webhook *hook)
{
    if (hooks_on_duty(hook->hooks) && hook->share.version > 0 && webhook_has_right(hook)) {
        webhook_state_begin(hook);
        webhook_pump(hook);
    }
}

static void take_document(struct hooks_share *share, struct str id,
                          const struct store_result *result)
{
    struct webhook *hook = NULL;

    if (webhook_document_read(share->hooks, id, result->bytes, &hook)) {
        hook->share.version = result->version;
        begin(hook);
    } else {
        log_event(LOG_WARN, "webhook.unreadable", F_STR("webhook", id));
    }
}

static void on_document(struct store_op *op, const struct store_result *result)
{
    struct hooks_share *share = CONTAINER_OF(op, struct hooks_share, op);
    struct str id = share->found[share->next].name;

    share->next++;
    if (result->error.code == ERR_OK) {
        take_document(share, id, result);
    } else if (result->error.code != ERR_NOT_FOUND) {
        end_walk(share, &result->error);
        return;
    }
    read_next(share);
}

static void read_next(struct hooks_share *share)
{
    char room[WEBHOOK_KEY_MAX];
    struct store_request request = {.kind = STORE_GET, .format = DOCUMENT_FORMAT};

    while (share->next < share->n_found) {
        const struct store_item *item = &share->found[share->next];
        const struct webhook *hook = hook_by_id(share->hooks, item->name);

        if (hook == NULL || hook->share.version < item->sequence) {
            request.key = hook_key(WEBHOOK_DOCUMENTS, item->name, room);
            store_start(share->store, &request, &share->op, on_document);
            return;
        }
        share->next++;
    }
    end_walk(share, NULL);
}

static bool was_found(const struct hooks_share *share, const struct webhook *hook)
{
    for (size_t i = 0; i < share->n_found; i++) {
        if (str_is(share->found[i].name, hook->id)) {
            return true;
        }
    }
    return false;
}

static void drop_missing(struct hooks_share *share)
{
    struct webhook *hook;

    LIST_EACH_SAFE (hook, &share->hooks->list, link) {
        if (hook->share.version > 0 && share->n_saves == share->saves_before &&
            !was_found(share, hook)) {
            webhook_remove(hook);
        }
    }
}

static void list_page(struct hooks_share *share, struct str after);

static void on_listed(struct store_op *op, const struct store_result *result)
{
    struct hooks_share *share = CONTAINER_OF(op, struct hooks_share, op);

    if (result->error.code != ERR_OK) {
        end_walk(share, &result->error);
        return;
    }
    for (size_t i = 0; i < result->n_items && share->n_found < FOUND_MAX; i++) {
        share->found[share->n_found++] =
            (struct store_item){.name = arena_str(&share->arena, result->items[i].name),
                                .sequence = result->items[i].sequence};
    }
    if (result->next.len > 0 && share->n_found < FOUND_MAX) {
        list_page(share, arena_str(&share->arena, result->next));
        return;
    }
    drop_missing(share);
    read_next(share);
}

/* There may be more than WEBHOOKS_MAX, if processes make webhooks at the same time. */
static void list_page(struct hooks_share *share, struct str after)
{
    const struct store_request request = {.kind = STORE_LIST,
                                          .key = STR(WEBHOOK_DOCUMENTS),
                                          .format = DOCUMENT_FORMAT,
                                          .name = after,
                                          .limit = STORE_LIMIT_MAX};

    store_start(share->store, &request, &share->op, on_listed);
}

static void walk(struct hooks_share *share)
{
    if (share->walks) {
        share->walks_again = true;
        return;
    }
    deadline_clear(&share->again);
    share->walks = true;
    share->walks_again = false;
    share->saves_before = share->n_saves;
    arena_init(&share->arena);
    share->found = arena_calloc(&share->arena, FOUND_MAX, sizeof(struct store_item));
    share->n_found = 0;
    share->next = 0;
    list_page(share, STR_EMPTY);
}

/* --- questions */
void webhooks_refresh(struct webhooks *hooks, struct str id, struct webhook_ask *ask)
{
    struct hooks_share *share = hooks->share;

    ask->hooks = hooks;
    str_copy(ask->id, sizeof(ask->id), id);
    list_append(share->walks ? &share->late : &share->waiting, &ask->link);
    if (!share->walks) {
        walk(share);
    }
}

static void tell_others(struct hooks_share *share, struct str id)
{
    (void)journal_mark(share->journal, ".webhook", id, STR_EMPTY);
}

static void on_put(struct store_op *op, const struct store_result *result)
{
    struct webhook_ask *ask = CONTAINER_OF(op, struct webhook_ask, op);
    struct hooks_share *share = ask->hooks->share;
    struct webhook *hook = hook_by_id(ask->hooks, str_from(ask->id));

    share->n_saves++;
    if (hook != NULL && result->error.code == ERR_OK) {
        hook->share.version = result->version;
        begin(hook);
    } else if (hook != NULL && ask->version == 0) {
        webhook_remove(hook);
    } else if (hook != NULL) {
        hook->share.version = 1; /* so the walk reads it again */
        walk(share);
    }
    tell_others(share, str_from(ask->id));
    ask->on_done(ask, result->error.code == ERR_OK ? NULL : &result->error);
}

void webhook_save(struct webhook *hook, struct webhook_ask *ask)
{
    char room[WEBHOOK_KEY_MAX];
    struct buf text;
    struct store_request request = {
        .kind = STORE_PUT,
        .key = hook_key(WEBHOOK_DOCUMENTS, str_from(hook->id), room),
        .format = DOCUMENT_FORMAT,
        .expect = hook->share.version > 0 ? STORE_VERSION : STORE_ABSENT,
        .version = hook->share.version,
    };

    ask->hooks = hook->hooks;
    ask->version = hook->share.version;
    str_copy(ask->id, sizeof(ask->id), str_from(hook->id));
    buf_init(&text, DOCUMENT_MAX);
    webhook_document_write(hook, &text);
    request.bytes = buf_view(&text);
    hook->hooks->share->n_saves++;
    store_start(hook->hooks->share->store, &request, &ask->op, on_put);
    mem_wipe(text.ptr, text.len);
    buf_done(&text);
}

static void on_state_removed(struct store_op *op, const struct store_result *result)
{
    struct webhook_ask *ask = CONTAINER_OF(op, struct webhook_ask, op);
    struct webhook *hook = hook_by_id(ask->hooks, str_from(ask->id));

    (void)result; /* if it failed, the next sweep removes the state */
    ask->on_done(ask, NULL);
    if (hook != NULL) {
        webhook_remove(hook); /* last: `ask` may be a part of it */
    }
}

static void on_removed(struct store_op *op, const struct store_result *result)
{
    struct webhook_ask *ask = CONTAINER_OF(op, struct webhook_ask, op);
    char room[WEBHOOK_KEY_MAX];
    const struct store_request request = {.kind = STORE_REMOVE,
                                          .key = hook_key(WEBHOOK_STATES, str_from(ask->id), room)};

    tell_others(ask->hooks->share, str_from(ask->id));
    if (result->error.code == ERR_OK || result->error.code == ERR_NOT_FOUND) {
        store_start(ask->hooks->share->store, &request, &ask->op, on_state_removed);
    } else {
        ask->on_done(ask, &result->error);
    }
}

/* The document goes first: the process that posts then knows why the state is gone. */
void webhook_remove_shared(struct webhook *hook, struct webhook_ask *ask)
{
    char room[WEBHOOK_KEY_MAX];
    const struct store_request request = {
        .kind = STORE_REMOVE, .key = hook_key(WEBHOOK_DOCUMENTS, str_from(hook->id), room)};

    ask->hooks = hook->hooks;
    str_copy(ask->id, sizeof(ask->id), str_from(hook->id));
    store_start(hook->hooks->share->store, &request, &ask->op, on_removed);
}

void webhook_ask_cancel(struct webhook_ask *ask)
{
    list_remove(&ask->link);
    store_cancel(&ask->op);
}

/* --- what the process that posts does */
static void on_own_done(struct webhook_ask *ask, const struct error *error)
{
    struct webhook *hook = CONTAINER_OF(ask, struct webhook, share.put_off);
    bool is_saved = error == NULL || error->code == ERR_CONFLICT; /* by another process */

    trouble_tell_of(TROUBLE_WEBHOOKS, &hook->share.put_off_fails, is_saved ? NULL : error->text);
    if (error != NULL) {
        log_event(LOG_WARN, "webhook.not_saved", F_TEXT("error", error->text));
    }
}

static struct webhook_ask *own_ask(struct webhook *hook)
{
    webhook_ask_cancel(&hook->share.put_off);
    hook->share.put_off = (struct webhook_ask){.on_done = on_own_done};
    return &hook->share.put_off;
}

void webhook_put_off(struct webhook *hook)
{
    if (hook->hooks->share != NULL) {
        webhook_save(hook, own_ask(hook));
    }
}

/* Waits for WEBHOOK_GONE_MS: during a rollout the keys of processes differ, and another one may know the key. */
static void end_those_that_are_gone(struct hooks_share *share)
{
    struct webhook *hook;

    LIST_EACH_SAFE (hook, &share->hooks->list, link) {
        if (!webhook_has_right(hook) && clock_age_ms() - hook->gone_ms >= WEBHOOK_GONE_MS &&
            hooks_on_duty(share->hooks)) {
            hook_tell_end(hook);
            webhook_remove_shared(hook, own_ask(hook));
        }
    }
}

static void on_begin(struct duty *duty)
{
    struct hooks_share *share = CONTAINER_OF(duty, struct hooks_share, duty);
    struct webhook *hook;

    LIST_EACH (hook, &share->hooks->list, link) {
        begin(hook);
    }
}

static void on_end(struct duty *duty)
{
    struct hooks_share *share = CONTAINER_OF(duty, struct hooks_share, duty);
    struct webhook *hook;

    LIST_EACH (hook, &share->hooks->list, link) {
        webhook_state_end(hook);
    }
}

static void redeliver(struct webhook *hook, struct str delivery)
{
    struct error err = {0};

    if (webhook_redeliver(hook, delivery, &err) != ERR_OK) {
        log_event(LOG_INFO, "webhook.not_sent_again", F_TEXT("webhook", hook->id),
                  F_TEXT("reason", err.text));
    }
}

static void on_mark(struct journal_ear *ear, const char *mark, struct str subject, struct str name)
{
    struct hooks_share *share = CONTAINER_OF(ear, struct hooks_share, ear);
    struct webhook *hook = hook_by_id(share->hooks, subject);

    if (str_is(str_from(mark), ".webhook")) {
        walk(share);
    } else if (hook == NULL || !feed_is_open(&hook->feed)) {
        return;
    } else if (str_is(str_from(mark), ".hurry")) {
        webhook_hurry(hook);
    } else if (str_is(str_from(mark), ".redeliver")) {
        redeliver(hook, name);
    }
}

/* --- opening */
void hooks_share_open(struct webhooks *hooks)
{
    struct hooks_share *share = mem_zalloc(sizeof(*share));

    hooks->share = share;
    share->hooks = hooks;
    share->sweep.hooks = hooks;
    share->journal = hooks->options.journal;
    share->store = journal_store(share->journal);
    share->keeps = hooks->options.keeps;
    share->ear.on_mark = on_mark;
    share->duty =
        (struct duty){.name = "consumer:webhooks", .on_begin = on_begin, .on_end = on_end};
    list_init(&share->waiting);
    list_init(&share->late);
    journal_listen(share->journal, &share->ear);
    deadline_set(&hooks->loop->deadlines, &share->again, 0, on_walk);
    if (journal_is_on_duty(share->journal)) {
        duty_open(&share->duty, hooks->loop, share->keeps);
    }
}

/* Keeps the lease until all has been written; hooks_share_free lets it go. */
void hooks_share_close(struct webhooks *hooks)
{
    struct hooks_share *share = hooks->share;

    if (share != NULL) {
        CHECK(list_is_empty(&share->waiting) && list_is_empty(&share->late));
        journal_leave(&share->ear);
        deadline_clear(&share->again);
        store_cancel(&share->sweep.op);
        if (share->walks) {
            store_cancel(&share->op);
            arena_done(&share->arena);
            share->walks = false;
        }
    }
}

void hooks_share_free(struct webhooks *hooks)
{
    if (hooks->share != NULL) {
        duty_close(&hooks->share->duty);
        mem_free(hooks->share);
    }
}
