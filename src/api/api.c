/* The service that http calls: one task per exchange, made on the head, gone with the exchange's
 * arena. Cancellation comes from above (on_abort, on_deadline) and goes down to whatever the
 * handler waits for. */
#include "api/api.h"

#include "api/command/goal_memo.h"
#include "api/gate/cache.h"
#include "api/gate/limits.h"
#include "api/gate/links.h"
#include "api/gate/sse.h"
#include "api/gate/task.h"
#include "api/gate/verdict.h"
#include "api/ops/handlers.h"
#include "api_internal.h"
#include "base/clock.h"
#include "base/host.h"
#include "base/mem.h"
#include "events/webhooks.h"
#include "observe/log.h"

static void on_begin(void *context, struct exchange *exchange)
{
    links_begin(context, exchange);
    cors_apply(context, exchange);
}

static enum http_verdict begin(struct api *api, struct exchange *exchange, bool on_admin,
                               size_t *max_body)
{
    struct task *task = arena_zalloc(&exchange->arena, sizeof(*task));

    task->api = api;
    task->setup = setup_hold(api->setup);
    arena_defer(&exchange->arena, setup_release, task->setup);
    task->config = task->setup->config;
    task->exchange = exchange;
    task->on_admin = on_admin;
    task->platform = task->setup->platforms[0];
    task->arena = &exchange->arena;
    task->begin_us = clock_turn_us();
    exchange->task = task;
    return task_head_verdict(task, stages_head_run(task), max_body);
}

static enum http_verdict on_head(void *context, struct exchange *exchange, size_t *max_body)
{
    return begin(context, exchange, false, max_body);
}

static enum http_verdict on_admin_head(void *context, struct exchange *exchange, size_t *max_body)
{
    return begin(context, exchange, true, max_body);
}

static void on_body(void *context, struct exchange *exchange)
{
    struct task *task = exchange->task;

    (void)context;
    (void)stages_body_run(task);
}

static void on_chunk(void *context, struct exchange *exchange, struct str bytes, bool last)
{
    struct task *task = exchange->task;

    (void)context;
    if (task->on_chunk != NULL) {
        task->on_chunk(task, bytes, last);
    }
}

static void on_writable(void *context, struct exchange *exchange)
{
    struct task *task = exchange->task;

    (void)context;
    if (task->on_writable != NULL) {
        task->on_writable(task);
    }
}

static void task_cancel(struct task *task)
{
    void (*on_cancel)(struct task *) = task->on_cancel;

    task->on_cancel = NULL;
    if (on_cancel != NULL) {
        on_cancel(task);
    }
}

static void on_deadline(void *context, struct exchange *exchange)
{
    struct task *task = exchange->task;

    (void)context;
    task->stages = NULL;
    if (task->on_deadline != NULL) {
        task->on_deadline(task);
        return;
    }
    task_cancel(task);
    (void)task_refuse(
        task, ERR_UPSTREAM_TIMEOUT,
        "The answer was not ready within the time that this route allows; what was already "
        "sent to the platform may have taken effect");
}

static enum http_abort_verdict on_abort(void *context, struct exchange *exchange)
{
    struct task *task = exchange->task;

    (void)context;
    if (task->must_finish != NULL && task->must_finish(task)) {
        return HTTP_ABORT_DETACHED;
    }
    task_cancel(task);
    idempotency_abandon(task);
    return HTTP_ABORT_ENDED;
}

static void on_cancel_orphan(void *context, struct exchange *exchange)
{
    (void)context;
    task_cancel(exchange->task);
    idempotency_abandon(exchange->task);
}

#define SERVICE(head)                                                                              \
    {                                                                                              \
        .on_begin = on_begin, .on_head = (head), .on_body = on_body, .on_chunk = on_chunk,         \
        .on_writable = on_writable, .on_deadline = on_deadline, .on_abort = on_abort,              \
        .on_cancel_orphan = on_cancel_orphan,                                                      \
    }

const struct http_service *api_service(void)
{
    static const struct http_service service = SERVICE(on_head);

    return &service;
}

const struct http_service *api_admin_service(void)
{
    static const struct http_service service = SERVICE(on_admin_head);

    return &service;
}

static void read_trusted(struct api *api)
{
    size_t n = api->config->server.n_trusted_proxies;

    mem_free(api->trusted);
    api->n_trusted = 0;
    api->trusted = mem_zalloc((n + 1) * sizeof(*api->trusted));
    for (size_t i = 0; i < n; i++) {
        if (ip_range_parse(api->config->server.trusted_proxies[i],
                           &api->trusted[api->n_trusted])) { /* the configuration was checked */
            api->n_trusted++;
        }
    }
}

static bool lists_owner(void *context, const struct digest *owner)
{
    return auth_lists(context, owner);
}

static void judge_webhooks(struct api *api)
{
    if (api->options.webhooks != NULL) {
        webhooks_judge(api->options.webhooks, lists_owner, api->auth);
    }
}

struct api *api_open(const struct api_options *options)
{
    struct api *api = mem_zalloc(sizeof(*api));
    /* AWS Lambda and Cloud Run stop the process between two requests. */
    bool is_stopped_between = str_is(options->config->runs.driver, "request") ||
                              options->config->lambda.runtime_api.len > 0;

    api->options = *options;
    api->rests = is_stopped_between ? options->keeps : NULL;
    api->catalog = options->catalog;
    api->dictionary = options->dictionary;
    api->routes = api_routes_new();
    api->config = options->config;
    setup_open(api, options->config, options->links);
    read_trusted(api);
    api->idempotency = idempotency_store_new(options);
    api->cache = cache_new(options);
    api->purges = purges_open(api);
    api->goals = goal_memo_new();
    api->auth = auth_open(&(struct auth_options){.config = options->config,
                                                 .source = options->key_source,
                                                 .deadlines = options->deadlines,
                                                 .later = options->later,
                                                 .on_other_keys = sse_ask_all,
                                                 .context = api});
    api->limits = limits_new(options->store, options->later);
    api->verdicts = verdict_store_new(api);
    api->opened_ms = clock_turn_ms();
    list_init(&api->streams);
    judge_webhooks(api);
    expiry_begin(api);
    return api;
}

void api_configure(struct api *api, const struct config *config, const struct api_link *links)
{
    const struct config *before = api->config;
    bool is_other = setup_change(api, config, links);

    api->config = config;
    read_trusted(api);
    cache_configure(api->cache, config);
    auth_configure(api->auth, config);
    judge_webhooks(api);
    expiry_follow(api, before);
    sse_ask_all(api);
    if (is_other) { /* another platform: what was learned of callers' tokens is not true there */
        verdict_store_restart(api->verdicts);
    }
}

void api_set_config_error(struct api *api, struct str text)
{
    bool was_set = api->config_error[0] != '\0';

    str_copy(api->config_error, sizeof(api->config_error), text);
    if (text.len > 0 && !was_set) {
        api->config_error_wall_ms = clock_wall_ms();
    }
}

void api_stop(struct api *api)
{
    later_remove(&api->ask_streams);
    deadline_clear(&api->expiry);
    purges_close(api->purges);
    setup_stop(api);
    cache_stop(api->cache);
    verdict_store_stop(api->verdicts);
    auth_stop(api->auth);
    limits_stop(api->limits);
    idempotency_store_stop(api->idempotency);
}

size_t api_n_running(const struct api *api)
{
    return setup_n_running(api);
}

void api_close(struct api *api)
{
    if (api != NULL) {
        verdict_store_free(api->verdicts);
        idempotency_store_free(api->idempotency);
        cache_free(api->cache);
        goal_memo_free(api->goals);
        buf_done(&api->openapi);
        buf_done(&api->docs_bundle);
        buf_done(&api->docs_style);
        limits_free(api->limits);
        auth_close(api->auth);
        mem_free(api->trusted);
        mem_free(api->routes);
        setup_close(api);
        mem_free(api);
    }
}

void api_hear(struct api *api, enum api_news news, struct str text)
{
    enum log_level level;

    switch (news) {
    case API_NEWS_PURGED:
        (void)cache_forget(api->cache);
        break;
    case API_NEWS_LOG_LEVEL:
        if (log_level_from(text, &level)) {
            log_set_level(level);
        }
        break;
    }
}

void api_set_gauges(struct api *api)
{
    ops_set_gauges(api);
}

void api_end_streams(struct api *api)
{
    sse_end_endless(api);
}

void api_set_draining(struct api *api)
{
    api->draining = true;
    setup_drain(api);
}
