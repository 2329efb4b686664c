#include "webhook_internal.h"

#include "base/check.h"
#include "base/clock.h"
#include "observe/log.h"
#include "observe/metrics.h"

enum { SUCCESS = 200, NO_SUCCESS = 300, GONE = 410, SEND_MS = 15000, MOST_LOOKED_AT = 500 };

/* Pauses between tries, in units of webhooks.retry_ms (5 s): 5 s, 30 s, 2 min, 10 min, 30 min, 1 h, 2 h,
 * 4 h, 8 h and 8 h; a day in all. */
static const unsigned pauses[] = {1, 6, 24, 120, 360, 720, 1440, 2880, 5760, 5760};

const char *delivery_status_name(enum delivery_status status)
{
    static const char *const names[] = {"waiting", "delivered", "dead"};

    CHECK((size_t)status < ARRAY_LEN(names));
    return names[status];
}

static void post(struct webhook *hook);

static void on_retry(struct deadline *deadline)
{
    post(CONTAINER_OF(deadline, struct webhook, retry));
}

static void end_current(struct webhook *hook, enum delivery_status status)
{
    hook->current->status = status;
    hook->current = NULL;
    webhook_state_dirty(hook);
    metric_add(M_WEBHOOK_DELIVERIES, status == DELIVERY_DONE ? RESULT_OK : RESULT_ERROR, 0, 0, 1);
}

static void note_failure(struct webhook *hook, const char *why)
{
    struct delivery *delivery = hook->current;

    str_copy(delivery->last_error, sizeof(delivery->last_error), str_from(why));
    webhook_state_dirty(hook);
    log_event(LOG_WARN, "webhook.failed", F_TEXT("webhook", hook->id), F_TEXT("error", why),
              F_INT("status", delivery->last_status), F_INT("tries", delivery->n_tries));
    if (delivery->n_tries > ARRAY_LEN(pauses)) {
        end_current(hook, DELIVERY_DEAD);
        webhook_pump(hook);
        return;
    }
    deadline_set(&hook->hooks->loop->deadlines, &hook->retry,
                 (uint64_t)pauses[delivery->n_tries - 1] * hook->hooks->retry_ms, on_retry);
}

static void on_done(struct upstream_call *call, enum error_code code)
{
    struct webhook *hook = CONTAINER_OF(call, struct webhook, call);
    struct delivery *delivery = hook->current;
    int status = call->reply.status;

    delivery->last_status = status;
    delivery->last_wall_ms = clock_wall_ms();
    if (code == ERR_OK && status >= SUCCESS && status < NO_SUCCESS) {
        delivery->last_error[0] = '\0';
        end_current(hook, DELIVERY_DONE);
        webhook_pump(hook);
    } else if (code == ERR_OK && status == GONE) {
        hook->enabled = false;
        str_copy(delivery->last_error, sizeof(delivery->last_error),
                 STR("the receiver is gone (410); the webhook is switched off"));
        end_current(hook, DELIVERY_DEAD);
        webhook_put_off(hook);
    } else {
        note_failure(hook,
                     code == ERR_OK ? "the receiver did not answer with 2xx" : call->error.text);
    }
}

static void post(struct webhook *hook)
{
    struct delivery *delivery = hook->current;
    bool is_cloud = hook->shape == WEBHOOK_CLOUDEVENTS;
    struct error err = {0};

    if (!hooks_on_duty(hook->hooks) || !webhook_has_right(hook)) {
        hook->again = delivery; /* it is sent if the lease or the key comes back */
        hook->current = NULL;
        return;
    }
    delivery->n_tries++;
    webhook_write_body(hook, &delivery->fact);
    webhook_sign(hook, delivery->id, clock_wall_ms());
    hook->headers[0] = (struct upstream_header){STR("webhook-id"), str_from(delivery->id)};
    hook->headers[1] =
        (struct upstream_header){STR("webhook-timestamp"), str_from(hook->timestamp)};
    hook->headers[2] =
        (struct upstream_header){STR("webhook-signature"), buf_view(&hook->signature)};
    hook->call = (struct upstream_call){
        .request = {.method = STR("POST"),
                    .path = hook->client->path,
                    .query = hook->client->query,
                    .body = buf_view(&hook->body),
                    .content_type =
                        is_cloud ? STR("application/cloudevents+json") : STR("application/json"),
                    .headers = hook->headers,
                    .n_headers = 3,
                    .class = CALL_CREATE,
                    .deadline_ms = SEND_MS},
        .on_done = on_done,
    };
    if (upstream_start(hook->client->upstream, &hook->call, &err) != ERR_OK) {
        note_failure(hook, err.text);
    }
}

static bool is_wanted(const struct webhook *hook, const struct fact *fact)
{
    bool is_own = str_eq(digest_view(&hook->owner),
                         (struct str){(const char *)fact->owner, FACT_OWNER_BYTES});

    if (fact->kind == FACT_WEBHOOK_TEST) {
        return str_is(str_from(hook->id), fact->subject);
    }
    return (hook->kinds & 1U << fact->kind) != 0 && (is_own || hook->sees_all) &&
           (hook->subject[0] == '\0' || str_is(str_from(hook->subject), fact->subject));
}

static struct delivery *take_slot(struct webhook *hook, const struct fact *fact)
{
    struct delivery *delivery = &hook->deliveries[hook->next_slot];

    hook->next_slot = (hook->next_slot + 1) % WEBHOOK_DELIVERIES_KEPT;
    if (hook->again == delivery) {
        hook->again = NULL;
    }
    *delivery = (struct delivery){.fact = *fact};
    cloud_event_id(fact, delivery->id);
    return delivery;
}

static struct delivery *take_fact(struct webhook *hook)
{
    const struct fact *fact = NULL;
    struct delivery *taken = NULL;
    int n = 0;

    while (taken == NULL && n++ < MOST_LOOKED_AT && (fact = feed_next(&hook->feed)) != NULL) {
        taken = is_wanted(hook, fact) ? take_slot(hook, fact) : NULL;
    }
    (void)feed_tell_lost(&hook->feed, CONSUMER_WEBHOOKS);
    if (n > 1 || taken != NULL) {
        webhook_state_dirty(hook);
    }
    if (taken == NULL && fact != NULL) {
        feed_again(&hook->feed); /* the others in the next turn */
    }
    return taken;
}

void webhook_pump(struct webhook *hook)
{
    if (!hook->enabled || hook->current != NULL || hook->hooks->closing ||
        !feed_is_open(&hook->feed) || hook->gone_ms != 0) {
        return;
    }
    if (hook->again != NULL) {
        hook->current = hook->again;
        hook->current->n_tries = 0;
        hook->current->status = DELIVERY_WAITS;
        hook->again = NULL;
    } else {
        hook->current = take_fact(hook);
    }
    if (hook->current != NULL) {
        post(hook);
    }
}

void webhook_hurry(struct webhook *hook)
{
    if (deadline_is_set(&hook->retry)) {
        deadline_clear(&hook->retry);
        post(hook);
    } else if (hook->current != NULL && !upstream_is_running(&hook->call)) {
        post(hook); /* another process had begun it */
    }
}

void webhook_on_news(struct feed *feed)
{
    webhook_pump(CONTAINER_OF(feed, struct webhook, feed));
}

void webhook_stop(struct webhook *hook)
{
    upstream_cancel(&hook->call);
    deadline_clear(&hook->retry);
    hook->current = NULL;
}
