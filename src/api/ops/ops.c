/* Operations: what operators and their tools ask. */
#include "api/gate/links.h"
#include "api/gate/page.h"
#include "api/gate/query.h"
#include "api/gate/task.h"
#include "api/ops/handlers.h"
#include "base/clock.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/metrics_shared.h"

static const char json_type_utf8[] = "application/json; charset=utf-8";

static struct str finish(struct task *task, struct buf *text)
{
    struct str copy = arena_str(task->arena, buf_view(text));

    buf_done(text);
    return copy;
}

void ops_set_gauges(const struct api *api)
{
    if (api->options.sessions != NULL) {
        metric_set(M_SESSIONS, (int64_t)session_store_size(api->options.sessions));
    }
    metric_set(M_DRAINING, api->draining ? 1 : 0);
}

enum stage_verdict handle_metrics(struct task *task)
{
    bool openmetrics = str_contains(exchange_header_lines(task->exchange, "Accept"),
                                    STR("application/openmetrics-text"));
    struct buf text;

    ops_set_gauges(task->api);
    buf_init(&text, 8U << 20);
    metrics_write(&text, openmetrics, VP_VERSION);
    return task_reply(task, 200,
                      openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                  : "text/plain; version=0.0.4; charset=utf-8",
                      finish(task, &text));
}

static void write_quantiles(struct json_writer *w, const char *name, enum metric metric)
{
    jw_key(w, name);
    jw_object(w);
    jw_key(w, "p50");
    jw_double(w, metric_quantile_seconds(metric, 0.50) * 1000.0);
    jw_key(w, "p95");
    jw_double(w, metric_quantile_seconds(metric, 0.95) * 1000.0);
    jw_key(w, "p99");
    jw_double(w, metric_quantile_seconds(metric, 0.99) * 1000.0);
    jw_end(w);
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

static void write_process(struct json_writer *w)
{
    struct process_figures process;

    process_figures_read(&process);
    jw_key(w, "memory");
    jw_object(w);
    jw_kv_int(w, "rss_bytes", (int64_t)process.rss_bytes);
    jw_kv_int(w, "virtual_bytes", (int64_t)process.virtual_bytes);
    jw_end(w);
    jw_key(w, "process");
    jw_object(w);
    jw_key(w, "cpu_seconds");
    jw_double(w, process.cpu_seconds);
    jw_kv_int(w, "open_fds", (int64_t)process.open_fds);
    jw_kv_int(w, "max_fds", (int64_t)process.max_fds);
    jw_kv_int(w, "log_lines_dropped", (int64_t)log_dropped());
    jw_end(w);
}

enum stage_verdict handle_stats(struct task *task)
{
    struct buf text;
    struct json_writer w;

    ops_set_gauges(task->api);
    metrics_gather();
    buf_init(&text, 16384);
    jw_init(&w, &text);
    jw_object(&w);
    jw_kv_int(&w, "uptime_seconds", (int64_t)((clock_now_ms() - task->api->opened_ms) / 1000));
    jw_key(&w, "latency_ms");
    jw_object(&w);
    write_quantiles(&w, "request", M_REQUEST_SECONDS);
    write_quantiles(&w, "upstream", M_UPSTREAM_SECONDS);
    write_quantiles(&w, "upstream_wait", M_UPSTREAM_WAIT);
    write_quantiles(&w, "loop_lag", M_LOOP_LAG);
    jw_end(&w);
    write_figures(&w);
    write_process(&w);
    jw_end(&w);
    return task_reply(task, 200, json_type_utf8, finish(task, &text));
}

static void put_text(struct task *task, struct json *row, const char *name, const char *text)
{
    if (text != NULL) {
        json_set(row, str_from(name), json_new_string(task->arena, str_from(text)));
    }
}

static struct json *describe_route(struct task *task, const struct route *route)
{
    struct json *row = json_new_object(task->arena);
    struct json *query = json_new_array(task->arena);

    put_text(task, row, "method", route->method);
    put_text(task, row, "path", route->pattern);
    put_text(task, row, "operation", route->operation);
    put_text(task, row, "summary", route->summary);
    if (route->access != ACCESS_PUBLIC) {
        put_text(task, row, "permission", permission_name(route->access));
        put_text(task, row, "class", route_class_name(route_class_of(task->api->routes, route)));
    }
    put_text(task, row, "needs", route->needs);
    for (const struct member *member = route_query_rows(route); member->name != NULL; member++) {
        json_append(query, json_new_string(task->arena, str_from(member->name)));
    }
    if (json_size(query) > 0) {
        json_set(row, STR("query"), query);
    }
    return row;
}

enum stage_verdict handle_routes(struct task *task)
{
    struct json *list = json_new_array(task->arena);
    struct json *body = json_new_object(task->arena);
    const struct route_table *routes = task->api->routes;

    for (size_t i = 0; i < routes->n; i++) {
        json_append(list, describe_route(task, &routes->rows[i]));
    }
    json_set(body, STR("routes"), list);
    return task_reply_json(task, 200, body);
}
