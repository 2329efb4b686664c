/* Operations: what operators and their tools ask. */
#include "api/gate/query.h"
#include "api/gate/task.h"
#include "api/ops/handlers.h"
#include "base/clock.h"
#include "base/json_form.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/metrics_shared.h"

void ops_set_gauges(const struct api *api)
{
    if (api->options.sessions != NULL) {
        metric_set(M_SESSIONS, (int64_t)session_store_size(api->options.sessions));
    }
    metric_set(M_DRAINING, api->draining ? 1 : 0);
    expiry_set_gauge(api);
}

enum stage_verdict handle_metrics(struct task *task)
{
    bool openmetrics = str_contains(exchange_header_lines(task->exchange, "Accept"),
                                    STR("application/openmetrics-text"));
    struct buf text;

    ops_set_gauges(task->api);
    buf_init(&text, 8U << 20);
    metrics_write(&text, openmetrics, VP_VERSION);
    return task_reply_text(task, 200,
                           openmetrics
                               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                               : "text/plain; version=0.0.4; charset=utf-8",
                           &text);
}

static void write_quantiles(struct json_writer *w, const char *name, enum metric metric)
{
    jw_key(w, name);
    jw_form(w, "{p50:%d, p95:%d, p99:%d}", metric_quantile_seconds(metric, 0.50) * 1000.0,
            metric_quantile_seconds(metric, 0.95) * 1000.0,
            metric_quantile_seconds(metric, 0.99) * 1000.0);
}

struct figure {
    const char *group; /* NULL: as the row before */
    const char *name;
    enum metric metric;
    bool sum;
};

static void write_figures(struct json_writer *w)
{
    static const struct figure figures[] = {
        {"requests", "total", M_REQUESTS, true},
        {NULL, "in_flight", M_IN_FLIGHT, false},
        {NULL, "malformed", M_REFUSED_REQUESTS, true},
        {NULL, "auth_failures", M_AUTH_FAILURES, true},
        {"connections", "open", M_CONNECTIONS, false},
        {NULL, "total", M_CONNECTIONS_TOTAL, true},
        {NULL, "paused", M_CONNECTIONS_REFUSED, true},
        {"upstream", "calls", M_UPSTREAM_CALLS, true},
        {NULL, "retries", M_UPSTREAM_RETRIES, true},
        {NULL, "active", M_UPSTREAM_ACTIVE, false},
        {NULL, "waiting", M_UPSTREAM_WAITING, false},
        {NULL, "limit", M_UPSTREAM_LIMIT, false},
        {NULL, "shed", M_UPSTREAM_SHED, true},
        {NULL, "breaker_open", M_BREAKER_OPEN, false},
        {NULL, "breaker_refused", M_BREAKER_REFUSED, true},
        {"sessions", "active", M_SESSIONS, false},
        {NULL, "evicted", M_SESSIONS_EVICTED, true},
        {"cache", "hits", M_CACHE_HITS, true},
        {NULL, "misses", M_CACHE_MISSES, true},
        {NULL, "bytes", M_CACHE_BYTES, false},
        {"runs", "active", M_RUNS_ACTIVE, false},
        {NULL, "watchers", M_SSE_WATCHERS, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(figures); i++) {
        if (figures[i].group != NULL) {
            if (i > 0) {
                jw_end(w);
            }
            jw_key(w, figures[i].group);
            jw_object(w);
        }
        jw_kv_int(w, figures[i].name,
                  figures[i].sum ? (int64_t)metric_sum(figures[i].metric)
                                 : metric_value(figures[i].metric));
    }
    jw_end(w);
}

enum stage_verdict handle_stats(struct task *task)
{
    struct json_writer *w = task_writer(task);
    struct process_figures process;

    ops_set_gauges(task->api);
    metrics_gather();
    process_figures_read(&process);
    jw_form(w, "{uptime_seconds:%i, latency_ms:{",
            (int64_t)((clock_now_ms() - task->api->opened_ms) / 1000));
    write_quantiles(w, "request", M_REQUEST_SECONDS);
    write_quantiles(w, "upstream", M_UPSTREAM_SECONDS);
    write_quantiles(w, "upstream_wait", M_UPSTREAM_WAIT);
    write_quantiles(w, "loop_lag", M_LOOP_LAG);
    jw_end(w);
    write_figures(w);
    jw_form(w,
            "memory:{rss_bytes:%i, virtual_bytes:%i}, process:{cpu_seconds:%d, "
            "open_fds:%i, max_fds:%i, log_lines_dropped:%i}}",
            process.rss_bytes, process.virtual_bytes, process.cpu_seconds, process.open_fds,
            process.max_fds, log_dropped());
    return task_written(task, 200);
}

static void write_route(struct json_writer *w, const struct task *task, const struct route *route)
{
    const struct member *member = route_query_rows(route);
    bool is_open = route->access == ACCESS_PUBLIC;

    jw_form(
        w, "{method:%s, path:%s, operation?:%s, summary?:%s, permission?:%s, class?:%s, needs?:%s",
        route->method, route->pattern, route->operation, route->summary,
        is_open ? NULL : permission_name(route->access),
        is_open ? NULL : route_class_name(route_class_of(task->api->routes, route)), route->needs);
    if (member->name != NULL) {
        jw_shape(w, "query:[");
        for (; member->name != NULL; member++) {
            jw_text(w, member->name);
        }
        jw_end(w);
    }
    jw_end(w);
}

enum stage_verdict handle_routes(struct task *task)
{
    const struct route_table *routes = task->api->routes;
    struct json_writer *w = task_writer(task);

    jw_shape(w, "{routes:[");
    for (size_t i = 0; i < routes->n; i++) {
        write_route(w, task, &routes->rows[i]);
    }
    jw_shape(w, "]}");
    return task_written(task, 200);
}
