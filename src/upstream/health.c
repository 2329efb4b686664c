/* The health of the platform, judged by the calls that are made anyway, and by the probes while the breaker
 * is open. Pure. */
#include "upstream_internal.h"

#include "base/check.h"
#include "observe/metrics.h"

enum {
    FAILURES_WARN = 3,
    FAILURES_FAIL = 10,
    STATUS_REFUSED = 400,
    STATUS_UNAUTHORIZED = 401,
    STATUS_FORBIDDEN = 403,
    STATUS_SERVER_ERROR = 500,
    QUIET_MS = 1000
};

/* Refusals by a proxy or gateway before the platform, or of our account: no caller can mend them. */
static bool is_refusal_of_all(const struct upstream_health *health,
                              const struct health_event *event)
{
    static const struct {
        int status;
        bool of_token; /* counts with the stored token only, not with a caller's own */
        bool in_a_row; /* good answers between them are normal while the limit is found */
    } rows[] = {
        {402, true, false},  {403, true, false},  {407, false, false}, {408, false, false},
        {421, false, false}, {426, false, false}, {429, true, true},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].status == event->status) {
            return (event->stored_token || !rows[i].of_token) &&
                   (!rows[i].in_a_row || event->wall_ms - health->good_wall_ms >= QUIET_MS);
        }
    }
    return false;
}

/* Mistakes of a caller or of this program say nothing about the platform. A page with 404 may mean that this platform
 * does not offer the route, unless the platform has never given a good answer. */
static bool is_failure(const struct upstream_health *health, const struct health_event *event)
{
    if (event->code == ERR_OK) {
        return event->status >= STATUS_SERVER_ERROR || event->is_unfit ||
               (event->is_page && (event->status < STATUS_REFUSED || health->good_wall_ms == 0)) ||
               is_refusal_of_all(health, event);
    }
    return event->code != ERR_UPSTREAM_TOO_BIG && event->code != ERR_INTERNAL;
}

/* A row of 403 may come from one caller that asks again and again for things of others. So 403 alone does not make
 * the health FAIL if there was a good answer before. */
static unsigned failures_after(const struct upstream_health *health,
                               const struct health_event *event)
{
    bool may_be_one_caller =
        event->code == ERR_OK && event->status == STATUS_FORBIDDEN && health->good_wall_ms != 0;
    unsigned most = may_be_one_caller ? FAILURES_FAIL - 1 : UINT32_MAX;

    return health->failures + (health->failures < most ? 1 : 0);
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
    } else if (event->is_unfit) {
        buf_printf(&text,
                   "the answer (%d) does not hold what was asked for: is upstream.base_url right?",
                   event->status);
    } else if (event->status == STATUS_FORBIDDEN) {
        buf_text(&text, "the platform refuses what is asked for with the stored token (403)");
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

static void set_fine(struct upstream_health *health)
{
    *health =
        (struct upstream_health){.state = UPSTREAM_PASS, .good_wall_ms = health->good_wall_ms};
}

void health_note(struct upstream_health *health, const struct health_event *event)
{
    bool refused = event->code == ERR_OK && event->status == STATUS_UNAUTHORIZED;
    bool was_fine = is_fine(health);
    bool failed = is_failure(health, event);

    if (refused && event->stored_token) {
        metric_add(M_TOKEN_REFUSED, 0, 0, 0, 1);
    }
    if (failed) {
        health->failures = failures_after(health, event);
    } else if (event->code != ERR_INTERNAL) {
        health->failures = 0;
        health->token_refused = event->stored_token ? refused : health->token_refused;
        health->good_wall_ms =
            event->status < STATUS_REFUSED ? event->wall_ms : health->good_wall_ms;
    } else {
        return;
    }
    if (is_fine(health)) {
        set_fine(health);
        return;
    }
    if (was_fine) {
        health->since_wall_ms = event->wall_ms;
    }
    if (failed || (refused && event->stored_token)) {
        describe(health, event);
    }
    health->state = state_of(health);
}

/* The failure that opens the breaker is described by health_note. A probe that went well closes the breaker. */
void health_note_breaker(struct upstream_health *health, bool open, int64_t wall_ms)
{
    if (open && is_fine(health)) {
        health->since_wall_ms = wall_ms;
    }
    health->breaker_open = open;
    health->failures = open ? health->failures : 0;
    if (is_fine(health)) {
        set_fine(health);
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
