/* Keys and certificates of clients that expire while the program runs: the log tells it fourteen days before, and when
 * it has happened. Dates are of the wall clock, which may be set, so it is looked at once a day at least. */
#include "api/gate/task.h"
#include "api/ops/handlers.h"
#include "base/clock.h"
#include "config/config.h"
#include "observe/log.h"
#include "observe/metrics.h"

#define DAY_MS INT64_C(86400000)

enum { MS_PER_S = 1000 };

void expiry_set_gauge(const struct api *api)
{
    const struct config *config = api->config;
    int64_t now_ms = clock_wall_ms();
    int64_t first_ms = 0;

    for (size_t i = 0; i < config->auth.n_keys; i++) {
        int64_t at_ms = config->auth.keys[i].expires_ms;

        if (at_ms > now_ms && (first_ms == 0 || at_ms < first_ms)) {
            first_ms = at_ms;
        }
    }
    metric_set(M_KEY_EXPIRY, first_ms / MS_PER_S);
}

static void log_warning(void *context, const char *text)
{
    (void)context;
    log_event(LOG_WARN, "config.warning", F_TEXT("text", text));
}

static void on_due(struct deadline *deadline)
{
    struct api *api = CONTAINER_OF(deadline, struct api, expiry);

    expiry_follow(api, api->config);
}

void expiry_follow(struct api *api, const struct config *before)
{
    const struct config_told told = {before, api->expiry_told_ms};
    int64_t now_ms = clock_wall_ms();
    int64_t next_ms = config_warn_expiries(api->config, &told, now_ms, log_warning, NULL);

    if (api->expiry_told_ms < now_ms) {
        api->expiry_told_ms = now_ms;
    }
    expiry_set_gauge(api);
    deadline_clear(&api->expiry);
    if (next_ms != INT64_MAX) {
        int64_t wait_ms = next_ms - now_ms < DAY_MS ? next_ms - now_ms : DAY_MS;

        deadline_set(api->options.deadlines, &api->expiry, (uint64_t)wait_ms, on_due);
    }
}

void expiry_begin(struct api *api)
{
    api->expiry_told_ms = clock_wall_ms();
    expiry_follow(api, api->config);
}
