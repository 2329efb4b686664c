/* What operators change in a running process, and what they see of it that others do not. */
#include "api/gate/cache.h"
#include "api/gate/task.h"
#include "api/ops/handlers.h"
#include "base/json_form.h"
#include "observe/log.h"

enum { CONFIG_TEXT_MAX = 1024 * 1024 };

const struct member log_level_members[] = {
    {"level", PARAM_ENUM,
     "Lowest level that is written, until log.level is changed or the process starts again",
     .required = true, .words = "debug info warn error off"},
    {.name = NULL},
};

static enum stage_verdict reply_level(struct task *task, const char *level)
{
    jw_form(task_writer(task), "{level:%s, configured:%s, dry_run?:%b}", level,
            task->config->log.level, task->dry_run);
    return task_written(task, 200);
}

enum stage_verdict handle_log_level(struct task *task)
{
    return reply_level(task, log_level_name(log_level()));
}

enum stage_verdict handle_log_level_set(struct task *task)
{
    enum log_level level = LOG_INFO;
    const struct json *values = task_members(task, log_level_members);

    if (task->errors->n > 0) {
        return task_fail(task);
    }
    (void)log_level_from(json_str(json_get(values, "level")), &level); /* one of the words */
    if (task->dry_run) {
        return reply_level(task, log_level_name(level));
    }
    log_event(LOG_WARN, "log.level", F_TEXT("before", log_level_name(log_level())),
              F_TEXT("now", log_level_name(level)), F_STR("principal", task->principal.name));
    log_set_level(level);
    if (task->api->options.tell_others != NULL) {
        task->api->options.tell_others(task->api->options.teller, API_NEWS_LOG_LEVEL,
                                       str_from(log_level_name(level)));
    }
    return reply_level(task, log_level_name(level));
}

/* Prints what virtuoso-proxy check --print does. */
enum stage_verdict handle_config(struct task *task)
{
    struct buf text;

    buf_init(&text, CONFIG_TEXT_MAX);
    config_print(task->config, &text);
    exchange_set_header(task->exchange, "Cache-Control", STR("no-store"));
    return task_reply_text(task, 200, "application/yaml; charset=utf-8", &text);
}

enum stage_verdict handle_cache_purge(struct task *task)
{
    if (task->dry_run) {
        return task_reply_nothing_sent(task);
    }
    jw_form(task_writer(task), "{purged:%i}", cache_purge(task->api->cache));
    log_event(LOG_INFO, "cache.purged", F_STR("principal", task->principal.name));
    return task_written(task, 200);
}
