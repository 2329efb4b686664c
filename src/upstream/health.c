/* How the platform does, as the calls that are made anyway show it, and while the breaker is open its
 * probes. Pure. */
#include "upstream_internal.h"

#include "base/check.h"
#include "observe/metrics.h"

enum {
    FAILURES_WARN = 3,
    FAILURES_FAIL = 10,
    STATUS_UNAUTHORIZED = 401,
    STATUS_SERVER_ERROR = 500
};

/* What the caller did wrong tells nothing about the platform, and neither does a mistake of ours. */
static bool is_failure(const struct health_event *event)
{
    if (event->code == ERR_OK) {
        return event->status >= STATUS_SERVER_ERROR || event->is_page;
    }
    return event->code != ERR_UPSTREAM_TOO_BIG && event->code != ERR_INTERNAL;
}

static enum upstream_state state_of(const struct upstream_health *health)
{
    if (health->token_refused || health->breaker_open || health->failures >= FAILURES_FAIL) {
        return UPSTREAM_FAIL;
    }
    return health->failures >= FAILURES_WARN ? UPSTREAM_WARN : UPSTREAM_PASS;
}

static void describe(struct upstream_health *health, const struct health_event *event)
{
    struct buf text;

    buf_init(&text, sizeof(health->last_error) - 1);
    if (event->code != ERR_OK) {
        buf_str(&text, str_sub(str_from(event->why), 0, sizeof(health->last_error) - 1));
    } else if (event->status == STATUS_UNAUTHORIZED) {
        buf_text(&text, "the platform refused the stored token (401)");
    } else if (event->is_page) {
        buf_printf(&text, "a page for people answered (%d): is upstream.base_url right?",
                   event->status);
    } else {
        buf_printf(&text, "the platform answered %d", event->status);
    }
    str_copy(health->last_error, sizeof(health->last_error), buf_view(&text));
    buf_done(&text);
}

static bool is_fine(const struct upstream_health *health)
{
    return health->failures == 0 && !health->token_refused && !health->breaker_open;
}

void health_note(struct upstream_health *health, const struct health_event *event)
{
    bool refused = event->code == ERR_OK && event->status == STATUS_UNAUTHORIZED;
    bool was_fine = is_fine(health);

    if (refused && event->stored_token) {
        metric_add(M_TOKEN_REFUSED, 0, 0, 0, 1);
    }
    if (is_failure(event)) {
        health->failures += health->failures < UINT32_MAX ? 1 : 0;
    } else if (event->code != ERR_INTERNAL) {
        health->failures = 0;
        health->token_refused = event->stored_token ? refused : health->token_refused;
    } else {
        return;
    }
    if (is_fine(health)) {
        *health = (struct upstream_health){.state = UPSTREAM_PASS};
        return;
    }
    if (was_fine) {
        health->since_wall_ms = event->wall_ms;
    }
    if (is_failure(event) || (refused && event->stored_token)) {
        describe(health, event);
    }
    health->state = state_of(health);
}

/* It opens with a failure, which health_note describes. It closes with a probe that went well. */
void health_note_breaker(struct upstream_health *health, bool open, int64_t wall_ms)
{
    if (open && is_fine(health)) {
        health->since_wall_ms = wall_ms;
    }
    health->breaker_open = open;
    health->failures = open ? health->failures : 0;
    if (is_fine(health)) {
        *health = (struct upstream_health){.state = UPSTREAM_PASS};
        return;
    }
    health->state = state_of(health);
}

const char *upstream_state_name(enum upstream_state state)
{
    static const char *const names[] = {"pass", "warn", "fail"};

    CHECK((size_t)state < ARRAY_LEN(names));
    return names[state];
}
