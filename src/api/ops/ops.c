/* Operations: what load balancers, Kubernetes and operators ask. Health follows
 * draft-inadarei-api-health-check (pass, warn, fail and checks). */
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

enum health { HEALTH_PASS, HEALTH_WARN, HEALTH_FAIL };

/* One member of `checks`. */
struct check {
    const char *name; /* NULL: there is no such thing */
    enum health health;
    bool has_routes;       /* it tells which routes the platform offers */
    struct str output;     /* what is wrong; empty: nothing */
    int64_t since_wall_ms; /* 0: not told */
    const char *breaker;   /* "open" or "closed"; NULL: it has none */
    struct str last_error; /* empty: none */
    unsigned limit;        /* most calls at once, as found out; 0: not told */
};

enum {
    CHECK_CONFIG,
    CHECK_LIFECYCLE,
    CHECK_UPSTREAM,
    CHECK_TENANTS,
    CHECK_SESSIONS,
    CHECK_STORE,
    N_CHECKS
};

enum { HEALTH_SHORT = 1024 /* longer ones take memory from the heap */ };

static const char *health_name(enum health health)
{
    static const char *const names[] = {"pass", "warn", "fail"};

    return names[health];
}

static struct str platform_trouble(struct task *task, const struct upstream_health *state)
{
    if (state->token_refused && !state->breaker_open) {
        return arena_printf(task->arena, "%s; set a valid VIRTUOSO_API_TOKEN", state->last_error);
    }
    if (state->breaker_open) {
        return arena_printf(task->arena,
                            "the platform is away, commands are answered with 503 until a probe "
                            "finds it again; the last error: %s",
                            state->last_error);
    }
    return arena_printf(task->arena, "the last %u calls failed; the last one: %s", state->failures,
                        state->last_error);
}

/* Traffic tells how the platform does, and probes while it is away: no call is made to answer this. */
static void check_upstream(struct task *task, struct check *check)
{
    static const enum health words[] = {[UPSTREAM_PASS] = HEALTH_PASS,
                                        [UPSTREAM_WARN] = HEALTH_WARN,
                                        [UPSTREAM_FAIL] = HEALTH_FAIL};
    const struct upstream_health *state;

    if (task->platform->upstream == NULL) {
        return;
    }
    state = upstream_health(task->platform->upstream);
    check->health = words[state->state];
    check->breaker = state->breaker_open ? "open" : "closed";
    check->limit = upstream_limit(task->platform->upstream);
    if (check->health == HEALTH_PASS) {
        return;
    }
    check->since_wall_ms = state->since_wall_ms;
    check->last_error = str_from(state->last_error);
    check->output = platform_trouble(task, state);
}

/* Tenants whose platform is another one: how many of these do not do well. Who they are is nobody's business
 * here: health needs no key. */
static void check_tenants(struct task *task, struct check *check)
{
    const struct setup *setup = task->setup;
    const struct upstream *shared = setup->platforms[0]->upstream;
    const struct upstream_health *worst = NULL;
    unsigned n = 0;
    unsigned n_bad = 0;

    for (size_t i = 1; i < setup->n_platforms; i++) {
        const struct upstream *upstream = setup->platforms[i]->upstream;
        const struct upstream_health *state;

        if (upstream == NULL || upstream == shared) {
            continue;
        }
        n++;
        state = upstream_health(upstream);
        n_bad += state->state != UPSTREAM_PASS ? 1 : 0;
        worst = state->state != UPSTREAM_PASS && (worst == NULL || state->state > worst->state)
                    ? state
                    : worst;
    }
    *check = (struct check){.name = n > 0 ? "tenants" : NULL};
    if (worst != NULL) {
        check->health = HEALTH_WARN; /* the others are served */
        check->since_wall_ms = worst->since_wall_ms;
        check->breaker = worst->breaker_open ? "open" : "closed";
        check->last_error = str_from(worst->last_error);
        check->output =
            arena_printf(task->arena, "the platforms of %u of %u tenants do not do well; %s", n_bad,
                         n, platform_trouble(task, worst).ptr);
    }
}

/* Sessions are served from memory: that they cannot be saved harms at the next start only. */
static void check_sessions(struct task *task, struct check *check)
{
    const struct session_trouble *trouble;

    if (task->api->options.sessions == NULL) {
        return;
    }
    trouble = session_store_trouble(task->api->options.sessions);
    if (trouble->since_wall_ms == 0) {
        return;
    }
    check->health = HEALTH_WARN;
    check->since_wall_ms = trouble->since_wall_ms;
    check->output = arena_printf(task->arena, "the snapshot of the sessions cannot be saved: %s",
                                 trouble->last_error);
}

/* Requests are served while it is away: each process counts for itself. */
static void check_store(struct task *task, struct check *check)
{
    const struct store *store = task->api->options.store;
    const char *trouble = store != NULL ? store_trouble(store) : NULL;

    *check = (struct check){.name = store != NULL ? "store" : NULL};
    if (trouble != NULL) {
        check->health = HEALTH_WARN;
        check->output = arena_printf(task->arena, "the store is away: %s", trouble);
    }
}

static void make_checks(struct task *task, struct check checks[N_CHECKS])
{
    bool draining = task->api->draining;

    checks[CHECK_CONFIG] = (struct check){.name = "config"};
    if (task->api->config_error[0] != '\0') {
        checks[CHECK_CONFIG] = (struct check){
            .name = "config",
            .health = HEALTH_WARN,
            .since_wall_ms = task->api->config_error_wall_ms,
            .output = arena_printf(task->arena, "the new configuration was refused: %s",
                                   task->api->config_error)};
    }
    checks[CHECK_LIFECYCLE] = (struct check){.name = "lifecycle",
                                             .health = draining ? HEALTH_FAIL : HEALTH_PASS,
                                             .output = draining ? STR("shutting down") : STR_EMPTY};
    checks[CHECK_UPSTREAM] = (struct check){.name = "upstream", .has_routes = true};
    checks[CHECK_SESSIONS] = (struct check){.name = "sessions"};
    check_upstream(task, &checks[CHECK_UPSTREAM]);
    check_tenants(task, &checks[CHECK_TENANTS]);
    check_sessions(task, &checks[CHECK_SESSIONS]);
    check_store(task, &checks[CHECK_STORE]);
}

static enum health worst_of(const struct check checks[N_CHECKS])
{
    enum health worst = HEALTH_PASS;

    for (size_t i = 0; i < N_CHECKS; i++) {
        worst = checks[i].health > worst ? checks[i].health : worst;
    }
    return worst;
}

/* Of the routes that only some sources know: which the platform offers, once that is known. */
static void write_routes(struct json_writer *w, const struct task *task)
{
    static const char *const words[] = {[OFFER_YES] = "answers", [OFFER_NO] = "not offered"};
    const struct offers *offers = task->platform->port.offers;
    size_t n = offers != NULL && offers->any_known ? catalog_n_calls() : 0;
    bool begun = false;

    for (size_t i = 0; i < n; i++) {
        const struct call *call = catalog_call_at(i);
        enum offer offer = offer_of(offers, call);

        if (offer == OFFER_UNKNOWN || call->route != i) {
            continue;
        }
        if (!begun) {
            jw_key(w, "routes");
            jw_object(w);
            begun = true;
        }
        jw_kv_text(w,
                   arena_cstr(task->arena, arena_printf(task->arena, "%s %s", call->spec->method,
                                                        call->spec->path)),
                   words[offer]);
    }
    if (begun) {
        jw_end(w);
    }
}

static void write_check(struct json_writer *w, const struct task *task, const struct check *check)
{
    jw_key(w, check->name);
    jw_object(w);
    jw_kv_text(w, "status", health_name(check->health));
    if (check->output.len > 0) {
        jw_kv_str(w, "output", check->output);
    }
    if (check->breaker != NULL) {
        jw_kv_text(w, "breaker", check->breaker);
    }
    if (check->limit > 0) {
        jw_kv_int(w, "limit", check->limit);
    }
    if (check->last_error.len > 0) {
        jw_kv_str(w, "last_error", check->last_error);
    }
    if (check->since_wall_ms != 0) {
        struct buf since;

        buf_init(&since, 64);
        clock_format(&since, check->since_wall_ms);
        jw_kv_str(w, "since", buf_view(&since));
        buf_done(&since);
    }
    if (check->has_routes) {
        write_routes(w, task);
    }
    jw_end(w);
}

static enum stage_verdict answer_health(struct task *task, enum health health,
                                        const struct check checks[N_CHECKS], int status)
{
    UNINITIALISED char room[HEALTH_SHORT];
    struct buf text;
    struct json_writer w;

    buf_init_on(&text, room, sizeof(room), 8192);
    jw_init(&w, &text);
    jw_object(&w);
    jw_kv_text(&w, "status", health_name(health));
    jw_kv_text(&w, "version", VP_VERSION);
    jw_kv_text(&w, "service_id", "virtuoso-proxy");
    jw_kv_int(&w, "uptime_seconds", (int64_t)((clock_now_ms() - task->api->opened_ms) / 1000));
    jw_key(&w, "checks");
    jw_object(&w);
    for (size_t i = 0; i < N_CHECKS; i++) {
        if (checks[i].name != NULL) {
            write_check(&w, task, &checks[i]);
        }
    }
    jw_end(&w);
    jw_end(&w);
    task->exchange->notes.is_probe = true;
    return task_reply(task, status, "application/health+json", finish(task, &text));
}

enum stage_verdict handle_health(struct task *task)
{
    struct check checks[N_CHECKS];

    make_checks(task, checks);
    return answer_health(task, worst_of(checks), checks, 200);
}

enum stage_verdict handle_live(struct task *task)
{
    struct check checks[N_CHECKS];

    make_checks(task, checks);
    return answer_health(task, HEALTH_PASS, checks, 200);
}

/* A platform that is away makes no replica unready: the others would not fare better. */
enum stage_verdict handle_ready(struct task *task)
{
    struct check checks[N_CHECKS];

    make_checks(task, checks);
    return answer_health(task, worst_of(checks), checks, task->api->draining ? 503 : 200);
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
