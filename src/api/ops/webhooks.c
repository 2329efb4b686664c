/* /api/v1/webhooks: src/api/README.md, "Contract". Thin over room events. */
#include "events/webhooks.h"
#include "api/gate/members.h"
#include "api/gate/task.h"
#include "api/ops/handlers.h"
#include "base/json_form.h"
#include "config/permission.h"

#define SHAPES "cloudevents slack teams"

const struct member webhook_create_members[] = {
    {"url", PARAM_HTTP_URL,
     "where events are posted to; of the public internet, unless webhooks.allow_private",
     .required = true},
    {"events", PARAM_LIST,
     "types: command.executed, run.finished and so on (GET /api/v1/events shows them live)",
     .required = true},
    {"secret", PARAM_TEXT, "whsec_ and 24 to 64 bytes in base64; without it one is made"},
    {"filter", PARAM_TEXT, "only events with this subject: the id of a run or a session",
     .max = FACT_TEXT_MAX - 1},
    {"shape", PARAM_ENUM, "form of the body", .words = SHAPES},
    {"enabled", PARAM_FLAG},
    {.name = NULL},
};

const struct member webhook_patch_members[] = {
    {"url", PARAM_HTTP_URL},
    {"events", PARAM_LIST},
    {"secret", PARAM_TEXT, "a new one; the old one signs, too, for a day"},
    {"filter", PARAM_TEXT, .max = FACT_TEXT_MAX - 1},
    {"shape", PARAM_ENUM, .words = SHAPES},
    {"enabled", PARAM_FLAG},
    {.name = NULL},
};

static bool read_kinds(struct task *task, const struct json *events, uint32_t *out)
{
    for (const struct json *one = json_first(events); one != NULL; one = json_next(one)) {
        unsigned kind = 0;

        while (kind < FACT_N && !str_is(json_str(one), fact_type((enum fact_kind)kind))) {
            kind++;
        }
        if (kind == FACT_N) {
            (void)error_at(&task->error, ERR_INVALID, "/events",
                           "there are no events of the type \"%.*s\"",
                           STR_ARG(str_sub(json_str(one), 0, 40)));
            return false;
        }
        *out |= 1U << kind;
    }
    return true;
}

static int shape_of(struct str word)
{
    struct str rest = STR(SHAPES);
    struct str shape;

    for (int i = 0; str_next(&rest, ' ', &shape); i++) {
        if (str_eq(shape, word)) {
            return i;
        }
    }
    return -1;
}

/* Reads the body into task->state. False: task->error or task->errors say why not. */
static bool read_wish(struct task *task, const struct member *members)
{
    struct webhook_wish *wish = arena_zalloc(task->arena, sizeof(*wish));
    const struct json *body = task_members(task, members);
    const struct json *enabled = json_get(body, "enabled");

    if (body == NULL || task_errors(task)->n > 0) {
        return false;
    }
    task->state = wish;
    *wish = (struct webhook_wish){.owner = &task->principal.owner,
                                  .sees_all = task_may(task, PERMISSION_ADMIN),
                                  .is_listed = task->principal.is_listed,
                                  .url = json_str(json_get(body, "url")),
                                  .secret = json_str(json_get(body, "secret")),
                                  .subject = json_str(json_get(body, "filter")),
                                  .shape = shape_of(json_str(json_get(body, "shape"))),
                                  .enabled = enabled == NULL ? -1 : json_true(enabled)};
    return read_kinds(task, json_get(body, "events"), &wish->kinds);
}

/* What is done with one webhook, or with all. */
struct action {
    enum stage_verdict (*act)(struct task *task, struct webhook *hook); /* hook NULL: all */
    bool is_of_one;
    const struct member *members; /* the body is read by them into task->state; NULL: none is */
};

static struct webhook *find(struct task *task, struct str id)
{
    struct webhook *hook = webhook_find(task->api->options.webhooks, &task->principal.owner, id);

    if (hook == NULL) {
        (void)error_set(&task->error, ERR_NOT_FOUND, "There is no such webhook of your key");
    }
    return hook;
}

static enum stage_verdict perform(struct task *task, const struct action *action)
{
    struct webhook *hook = action->is_of_one ? find(task, task_param(task, "id")) : NULL;

    if ((action->is_of_one && hook == NULL) ||
        (action->members != NULL && !read_wish(task, action->members))) {
        return task_fail(task);
    }
    return task->dry_run ? task_reply_nothing_sent(task) : action->act(task, hook);
}

static enum stage_verdict reply(struct task *task, int status, const struct webhook *hook,
                                const char *secret)
{
    struct json_writer *w = task_writer(task);

    if (secret != NULL) {
        jw_shape(w, "{webhook:");
        webhook_write(hook, w);
        jw_form(w, "secret:%s}", secret);
    } else {
        webhook_write(hook, w);
    }
    return task_written(task, status);
}

/* --- webhooks in the store: read before they are looked for, written before the answer */
struct asking {
    struct webhook_ask ask;
    struct task *task;
    const struct action *action; /* once all is fresh */
    int status;                  /* once it is saved */
    struct str id;
    const char *secret; /* to be shown; NULL: not */
};

static void on_cancel(struct task *task)
{
    webhook_ask_cancel(&((struct asking *)task->state)->ask);
}

/* What was begun is finished when the client leaves: else this process might know a webhook that the store does not. */
static bool must_finish(struct task *task)
{
    (void)task;
    return true;
}

static struct asking *new_asking(struct task *task,
                                 void (*on_done)(struct webhook_ask *, const struct error *))
{
    struct asking *asking = arena_zalloc(task->arena, sizeof(*asking));

    asking->ask.on_done = on_done;
    asking->task = task;
    task->state = asking;
    task->on_cancel = on_cancel;
    task->must_finish = must_finish;
    return asking;
}

/* False: the store did not take or tell it, and the task has failed. */
static bool went_well(struct asking *asking, const struct error *error)
{
    asking->task->on_cancel = NULL;
    asking->task->must_finish = NULL;
    if (error != NULL) {
        (void)task_fail_with(asking->task, error);
    }
    return error == NULL;
}

static void on_fresh(struct webhook_ask *ask, const struct error *error)
{
    struct asking *asking = CONTAINER_OF(ask, struct asking, ask);

    if (went_well(asking, error)) {
        (void)perform(asking->task, asking->action);
    }
}

static enum stage_verdict when_fresh(struct task *task, const struct action *action)
{
    struct webhooks *hooks = task->api->options.webhooks;
    struct asking *asking;

    if (!webhooks_are_shared(hooks)) {
        return perform(task, action);
    }
    asking = new_asking(task, on_fresh);
    asking->action = action;
    webhooks_refresh(hooks, action->is_of_one ? task_param(task, "id") : STR_EMPTY, &asking->ask);
    return STAGE_WAIT;
}

/* Another request may have removed the webhook meanwhile. */
static void on_saved(struct webhook_ask *ask, const struct error *error)
{
    struct asking *asking = CONTAINER_OF(ask, struct asking, ask);
    struct webhook *hook;

    if (went_well(asking, error)) {
        hook = find(asking->task, asking->id);
        (void)(hook == NULL ? task_fail(asking->task)
                            : reply(asking->task, asking->status, hook, asking->secret));
    }
}

static enum stage_verdict save_and_reply(struct task *task, int status, struct webhook *hook,
                                         const char *secret)
{
    struct asking *asking;

    if (!webhooks_are_shared(task->api->options.webhooks)) {
        return reply(task, status, hook, secret);
    }
    asking = new_asking(task, on_saved);
    asking->status = status;
    asking->id = arena_str(task->arena, webhook_id(hook));
    asking->secret = secret;
    webhook_save(hook, &asking->ask);
    return STAGE_WAIT;
}

static void on_removed(struct webhook_ask *ask, const struct error *error)
{
    struct asking *asking = CONTAINER_OF(ask, struct asking, ask);

    if (went_well(asking, error)) {
        (void)task_reply(asking->task, 204, NULL, STR_EMPTY);
    }
}

/* --- routes */
static enum stage_verdict create(struct task *task, struct webhook *hook)
{
    char *secret = arena_zalloc(task->arena, WEBHOOK_SECRET_MAX);

    if (webhook_new(task->api->options.webhooks, task->state, &hook, secret, &task->error) !=
        ERR_OK) {
        return task_fail(task);
    }
    task_set_location(
        task, arena_printf(task->arena, "/api/v1/webhooks/%.*s", STR_ARG(webhook_id(hook))));
    return save_and_reply(task, 201, hook, secret);
}

static enum stage_verdict get(struct task *task, struct webhook *hook)
{
    return reply(task, 200, hook, NULL);
}

static enum stage_verdict patch(struct task *task, struct webhook *hook)
{
    return webhook_change(hook, task->state, &task->error) != ERR_OK
               ? task_fail(task)
               : save_and_reply(task, 200, hook, NULL);
}

static enum stage_verdict remove_it(struct task *task, struct webhook *hook)
{
    if (webhooks_are_shared(task->api->options.webhooks)) {
        webhook_remove_shared(hook, &new_asking(task, on_removed)->ask);
        return STAGE_WAIT;
    }
    webhook_remove(hook);
    return task_reply(task, 204, NULL, STR_EMPTY);
}

/* All webhooks, or the deliveries of one. */
static enum stage_verdict list(struct task *task, struct webhook *hook)
{
    struct json_writer *w = task_writer(task);

    jw_object(w);
    if (hook != NULL) {
        jw_key(w, "deliveries");
        webhook_write_deliveries(hook, w);
    } else {
        jw_key(w, "webhooks");
        webhooks_write(task->api->options.webhooks, &task->principal.owner, w);
    }
    jw_end(w);
    return task_written(task, 200);
}

/* 202: the deliveries of the webhook tell what became of it. */
static enum stage_verdict test(struct task *task, struct webhook *hook)
{
    return webhook_test(hook, &task->error) != ERR_OK ? task_fail(task)
                                                      : reply(task, 202, hook, NULL);
}

static enum stage_verdict redeliver(struct task *task, struct webhook *hook)
{
    return webhook_redeliver(hook, task_param(task, "delivery"), &task->error) != ERR_OK
               ? task_fail(task)
               : reply(task, 202, hook, NULL);
}

#define HANDLER(name, ...)                                                                         \
    enum stage_verdict handle_webhook_##name(struct task *task)                                    \
    {                                                                                              \
        static const struct action action = {__VA_ARGS__};                                         \
                                                                                                   \
        return when_fresh(task, &action);                                                          \
    }

HANDLER(create, create, false, webhook_create_members)
HANDLER(get, get, true, NULL)
HANDLER(patch, patch, true, webhook_patch_members)
HANDLER(delete, remove_it, true, NULL)
HANDLER(list, list, false, NULL)
HANDLER(deliveries, list, true, NULL)
HANDLER(test, test, true, NULL)
HANDLER(redeliver, redeliver, true, NULL)
