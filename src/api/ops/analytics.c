/* /api/v1/analytics: what room events has counted, of the caller or, for admins, of everybody. */
#include "events/analytics.h"
#include "api/gate/query.h"
#include "api/gate/task.h"
#include "api/ops/handlers.h"
#include "base/clock.h"
#include "config/permission.h"

typedef void (*write_fn)(struct analytics *analytics, const struct analytics_wish *wish,
                         struct json_writer *w);

static enum stage_verdict reply_analytics(struct task *task, write_fn write)
{
    struct analytics_wish wish = {.range = ANALYTICS_24H, .now_ms = clock_wall_ms()};
    struct str range = task_query_text(task, "time_range");
    struct json_writer *w = task_writer(task);

    if (task->api->options.analytics == NULL) {
        return task_refuse(task, ERR_CONFLICT, "Nothing is counted here: analytics.enabled is off");
    }
    if (range.len > 0) {
        (void)analytics_range_parse(range, &wish.range); /* one of the words of its table */
    }
    if (!task_may(task, PERMISSION_ADMIN)) {
        wish.owner = task->principal.owner.bytes;
    }
    write(task->api->options.analytics, &wish, w);
    return task_written(task, 200);
}

#define HANDLER(name)                                                                              \
    enum stage_verdict handle_analytics_##name(struct task *task)                                  \
    {                                                                                              \
        return reply_analytics(task, analytics_write_##name);                                      \
    }

HANDLER(dashboard)
HANDLER(commands)
HANDLER(tests)
