/* Webhooks and their deliveries as their owners see them. */
#include "base/json_form.h"
#include "observe/metrics.h"
#include "webhook_internal.h"

enum { LAG_MS = 1000 };

void webhook_write_kinds(const struct webhook *hook, struct json_writer *w)
{
    for (unsigned i = 0; i < FACT_N; i++) {
        if ((hook->kinds & 1U << i) != 0) {
            jw_text(w, fact_type((enum fact_kind)i));
        }
    }
}

void webhook_write(const struct webhook *hook, struct json_writer *w)
{
    jw_form(w, "{id:%s, url:%s, events:[", hook->id, hook->url);
    webhook_write_kinds(hook, w);
    jw_form(w, "], shape:%s, filter:%s, enabled:%b", webhook_shapes[hook->shape], hook->subject,
            hook->enabled);
    jw_kv_time(w, "created_at", hook->created_ms);
    jw_form(w, "waiting_events:%i, lost_events:%i}",
            feed_is_open(&hook->feed) ? (int64_t)feed_lag(&hook->feed) : 0,
            hook->share.lost_before + hook->feed.n_lost);
}

void webhooks_write(struct webhooks *hooks, const struct digest *owner, struct json_writer *w)
{
    jw_array(w);
    for (struct list *link = hooks->list.next; link != &hooks->list; link = link->next) {
        struct webhook *hook = CONTAINER_OF(link, struct webhook, link);

        if (digest_equal(&hook->owner, owner)) {
            webhook_write(hook, w);
        }
    }
    jw_end(w);
}

static void write_delivery(const struct delivery *delivery, struct json_writer *w)
{
    jw_form(w, "{id:%s, type:%s, status:%s, tries:%i, http_status?:%i, error?:%s", delivery->id,
            fact_type(delivery->fact.kind), delivery_status_name(delivery->status),
            delivery->n_tries, delivery->last_status, delivery->last_error);
    if (delivery->last_wall_ms > 0) {
        jw_kv_time(w, "last_try_at", delivery->last_wall_ms);
    }
    jw_end(w);
}

/* The newest first. */
void webhook_write_deliveries(const struct webhook *hook, struct json_writer *w)
{
    jw_array(w);
    for (size_t i = 1; i <= WEBHOOK_DELIVERIES_KEPT; i++) {
        size_t at = (hook->next_slot + WEBHOOK_DELIVERIES_KEPT - i) % WEBHOOK_DELIVERIES_KEPT;

        if (hook->deliveries[at].id[0] != '\0') {
            write_delivery(&hook->deliveries[at], w);
        }
    }
    jw_end(w);
}

/* --- metrics */
static void on_lag(struct deadline *deadline)
{
    struct webhooks *hooks = CONTAINER_OF(deadline, struct webhooks, lag);
    uint64_t most = 0;
    struct webhook *hook;

    LIST_EACH (hook, &hooks->list, link) {
        uint64_t lag = feed_is_open(&hook->feed) && hook->enabled ? feed_lag(&hook->feed) : 0;

        lag += hook->current != NULL ? 1 : 0;
        most = lag > most ? lag : most;
    }
    metric_set_of(M_EVENT_LAG, CONSUMER_WEBHOOKS, (int64_t)most);
    if (hooks->n > 0) {
        deadline_set(&hooks->loop->deadlines, deadline, LAG_MS, on_lag);
    }
}

void webhooks_tell_lag(struct webhooks *hooks)
{
    if (!deadline_is_set(&hooks->lag)) {
        deadline_set(&hooks->loop->deadlines, &hooks->lag, LAG_MS, on_lag);
    }
}
