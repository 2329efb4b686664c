#include "top_figures.h"

#include <math.h>

#include "base/attr.h"
#include "base/buckets.h"
#include "base/json_form.h"

#define PREFIX "virtuoso_proxy_"

/* ---- families ---- */

/* The value of a label in {name="value",...}; empty: it is not there. Values that the proxy writes
 * hold no quotes. */
static struct str label_of(struct str labels, struct str name_quote)
{
    ptrdiff_t at = str_find(labels, name_quote);
    struct str value = STR_EMPTY;
    struct str rest;

    if (at >= 0) {
        (void)str_cut(str_sub(labels, (size_t)at + name_quote.len, labels.len), '"', &value, &rest);
    }
    return value;
}

static bool takes_all(struct str labels)
{
    (void)labels;
    return true;
}

/* True for requests of users, which the figures of requests count, as in conf/prometheus/rules.yaml. Event streams do
 * not count, since they last as long as a client watches; probes and reads of the metrics come from machines. */
static bool takes_traffic(struct str labels)
{
    struct str route = label_of(labels, STR("http_route=\""));

    return !(str_starts(route, STR("/health")) || str_is(route, "/livez") ||
             str_is(route, "/readyz") || str_is(route, "/metrics") ||
             str_ends(route, STR("/events")));
}

static bool takes_errors(struct str labels)
{
    return takes_traffic(labels) && str_is(label_of(labels, STR("code=\"")), "5xx");
}

/* A cancelled call has not failed: its client no longer wanted it. */
static bool takes_failed_calls(struct str labels)
{
    struct str result = label_of(labels, STR("result=\""));

    return !(str_is(result, "ok") || str_is(result, "cancelled")) ||
           str_is(label_of(labels, STR("code=\"")), "5xx");
}

static const struct {
    const char *name;
    bool (*takes)(struct str labels);
} sum_rows[TOP_N_SUMS] = {
    [SUM_REQUESTS] = {PREFIX "http_requests_total", takes_traffic},
    [SUM_ERRORS] = {PREFIX "http_requests_total", takes_errors},
    [SUM_LIMITED] = {PREFIX "rate_limited_total", takes_all},
    [SUM_IN_FLIGHT] = {PREFIX "http_requests_in_flight", takes_all},
    [SUM_CONNECTIONS] = {PREFIX "connections", takes_all},
    [SUM_CALLS] = {PREFIX "upstream_calls_total", takes_all},
    [SUM_CALLS_FAILED] = {PREFIX "upstream_calls_total", takes_failed_calls},
    [SUM_TOKEN_REFUSED] = {PREFIX "upstream_token_refused_total", takes_all},
    [SUM_BREAKER] = {PREFIX "upstream_breaker_open", takes_all},
    [SUM_ACTIVE] = {PREFIX "upstream_active", takes_all},
    [SUM_LIMIT] = {PREFIX "upstream_limit", takes_all},
    [SUM_QUEUE] = {PREFIX "upstream_queue_length", takes_all},
    [SUM_SHED] = {PREFIX "upstream_shed_total", takes_all},
    [SUM_LANES] = {PREFIX "lanes_active", takes_all},
    [SUM_LANE_WAITING] = {PREFIX "lane_waiting", takes_all},
    [SUM_SESSIONS] = {PREFIX "sessions", takes_all},
    [SUM_RUNS] = {PREFIX "test_runs_active", takes_all},
    [SUM_WATCHERS] = {PREFIX "event_watchers", takes_all},
    [SUM_CPU_SECONDS] = {"process_cpu_seconds_total", takes_all},
    [SUM_CPU_CORES] = {PREFIX "cpu_limit_cores", takes_all},
    [SUM_MEMORY] = {"process_resident_memory_bytes", takes_all},
    [SUM_MEMORY_LIMIT] = {PREFIX "memory_limit_bytes", takes_all},
    [SUM_DRAINING] = {PREFIX "draining", takes_all},
    [SUM_CONFIG_GOOD] = {PREFIX "config_last_reload_successful", takes_all},
    [SUM_STARTED] = {"process_start_time_seconds", takes_all},
};

static const struct {
    const char *name;
    bool (*takes)(struct str labels);
} times_rows[TOP_N_TIMES] = {
    [TIMES_REQUESTS] = {"http_server_request_duration_seconds_bucket", takes_traffic},
    [TIMES_CALLS] = {"http_client_request_duration_seconds_bucket", takes_all},
    [TIMES_QUEUE] = {PREFIX "upstream_queue_wait_seconds_bucket", takes_all},
    [TIMES_LOOP] = {PREFIX "loop_lag_seconds_bucket", takes_all},
};

/* ---- reading ---- */

static void add_bucket(struct top_buckets *buckets, struct str labels, double count)
{
    struct str text = label_of(labels, STR("le=\""));
    double bound = INFINITY;

    if (!str_is(text, "+Inf") && !str_to_double(text, &bound)) {
        return;
    }
    for (size_t i = 0; i < buckets->n; i++) {
        if (buckets->bounds[i] == bound) {
            buckets->counts[i] += count;
            return;
        }
    }
    if (buckets->n < TOP_MAX_BOUNDS &&
        (buckets->n == 0 || bound > buckets->bounds[buckets->n - 1])) {
        buckets->bounds[buckets->n] = bound;
        buckets->counts[buckets->n++] = count;
    }
}

static void take_sample(struct top_read *out, struct str name, struct str labels, double value)
{
    for (size_t i = 0; i < TOP_N_SUMS; i++) {
        if (str_is(name, sum_rows[i].name) && sum_rows[i].takes(labels)) {
            out->sums[i] += value;
        }
    }
    for (size_t i = 0; i < TOP_N_TIMES; i++) {
        if (str_is(name, times_rows[i].name) && times_rows[i].takes(labels)) {
            add_bucket(&out->times[i], labels, value);
        }
    }
    if (str_is(name, PREFIX "build_info")) {
        str_copy(out->version, sizeof(out->version), label_of(labels, STR("version=\"")));
    }
}

/* name{labels} value, where an exemplar or a time may follow. */
static void take_line(struct top_read *out, struct str line)
{
    ptrdiff_t brace = str_find_char(line, '{');
    ptrdiff_t blank = str_find_char(line, ' ');
    struct str labels = STR_EMPTY;
    struct str name;
    struct str word;
    double value;

    if (brace >= 0 && brace < blank) {
        ptrdiff_t end = str_find(line, STR("} "));

        if (end < 0) {
            return;
        }
        name = str_sub(line, 0, (size_t)brace);
        labels = str_sub(line, (size_t)brace, (size_t)(end - brace));
        line = str_sub(line, (size_t)end + 2, line.len);
    } else if (!str_cut(line, ' ', &name, &line)) {
        return;
    }
    if (str_next(&line, ' ', &word) && str_to_double(word, &value)) {
        take_sample(out, name, labels, value);
    }
}

bool top_read(struct str text, uint64_t at_us, struct top_read *out)
{
    struct str line;
    struct str type;

    *out = (struct top_read){.at_us = at_us};
    while (str_next(&text, '\n', &line)) {
        if (str_starts(line, STR("# TYPE "))) {
            (void)str_cut(str_sub(line, 7, line.len), ' ', &type, &line);
            for (size_t i = 0; i < TOP_N_SUMS; i++) {
                out->has[i] = out->has[i] || str_is(type, sum_rows[i].name);
            }
        } else if (!str_starts(line, STR("#"))) {
            take_line(out, line);
        }
    }
    return out->has[SUM_REQUESTS] && out->has[SUM_CONNECTIONS];
}

/* ---- figures ---- */

/* Targets and alerts are those of conf/prometheus/rules.yaml. */
const struct top_row top_rows[TOP_N_FIGURES] = {
    [FIGURE_RATE] = {"requests_per_second", "requests", OF_RATE, SUM_REQUESTS},
    [FIGURE_ERRORS] = {"errors_percent", "errors (5xx)", OF_SHARE, SUM_ERRORS,
                       .whole = SUM_REQUESTS, .warns = 1, .bad = 5},
    [FIGURE_P50] = {"p50_ms", "latency p50", OF_QUANTILE, TIMES_REQUESTS, .quantile = 0.5},
    [FIGURE_P95] = {"p95_ms", "latency p95", OF_QUANTILE, TIMES_REQUESTS, .quantile = 0.95,
                    .warns = 200, .bad = 500},
    [FIGURE_P99] = {"p99_ms", "latency p99", OF_QUANTILE, TIMES_REQUESTS, .quantile = 0.99},
    [FIGURE_IN_FLIGHT] = {"in_flight", "in flight", OF_GAUGE, SUM_IN_FLIGHT},
    [FIGURE_LIMITED] = {"rate_limited_per_second", "refused (429)", OF_RATE, SUM_LIMITED},
    [FIGURE_CONNECTIONS] = {"connections", "connections", OF_GAUGE, SUM_CONNECTIONS},
    [FIGURE_CALLS] = {"platform_calls_per_second", "platform calls", OF_RATE, SUM_CALLS},
    [FIGURE_CALLS_FAILED] = {"platform_failed_percent", "platform failed", OF_SHARE,
                             SUM_CALLS_FAILED, .whole = SUM_CALLS, .warns = 1, .bad = 5},
    [FIGURE_CALLS_P95] = {"platform_p95_ms", "platform p95", OF_QUANTILE, TIMES_CALLS,
                          .quantile = 0.95},
    [FIGURE_ACTIVE] = {"platform_active", "calls on the wire", OF_GAUGE, SUM_ACTIVE},
    [FIGURE_LIMIT] = {"platform_limit", "calls at most", OF_GAUGE, SUM_LIMIT},
    [FIGURE_QUEUE] = {"queue", "queue", OF_GAUGE, SUM_QUEUE},
    [FIGURE_QUEUE_P95] = {"queue_wait_p95_ms", "queue wait p95", OF_QUANTILE, TIMES_QUEUE,
                          .quantile = 0.95},
    [FIGURE_SHED] = {"shed_per_second", "shed", OF_RATE, SUM_SHED, .warns = 0.001},
    [FIGURE_LANES] = {"lanes_active", "lanes", OF_GAUGE, SUM_LANES},
    [FIGURE_LANE_WAITING] = {"lane_waiting", "steps in lanes", OF_GAUGE, SUM_LANE_WAITING},
    [FIGURE_SESSIONS] = {"sessions", "sessions", OF_GAUGE, SUM_SESSIONS},
    [FIGURE_RUNS] = {"test_runs", "test runs", OF_GAUGE, SUM_RUNS},
    [FIGURE_WATCHERS] = {"event_watchers", "event streams", OF_GAUGE, SUM_WATCHERS},
    [FIGURE_CPU] = {"cpu_percent", "CPU of its cores", OF_CPU, SUM_CPU_SECONDS,
                    .whole = SUM_CPU_CORES, .warns = 60, .bad = 80},
    [FIGURE_MEMORY] = {"memory_percent", "memory of its limit", OF_LEVEL, SUM_MEMORY,
                       .whole = SUM_MEMORY_LIMIT, .warns = 70, .bad = 85},
    [FIGURE_LAG] = {"loop_lag_p99_ms", "loop lag p99", OF_QUANTILE, TIMES_LOOP, .quantile = 0.99},
};

static double seconds_between(const struct top_read *before, const struct top_read *now)
{
    return (double)(now->at_us - before->at_us) / 1e6;
}

/* True: the proxy was restarted, or another one answers now. Its counters began at 0. */
static bool began_anew(const struct top_read *before, const struct top_read *now)
{
    return fabs(before->sums[SUM_STARTED] - now->sums[SUM_STARTED]) > 1.0;
}

static double grown(const struct top_read *before, const struct top_read *now, int sum)
{
    double from = began_anew(before, now) ? 0 : before->sums[sum];

    return now->sums[sum] > from ? now->sums[sum] - from : 0;
}

/* The quantile of what was observed between two reads; after a restart, of all that was observed since. */
static double quantile_ms(const struct top_buckets *before, const struct top_buckets *now,
                          double quantile, bool anew)
{
    bool same = !anew && before->n == now->n;
    double counts[TOP_MAX_BOUNDS];

    for (size_t i = 0; i < now->n; i++) {
        counts[i] = now->counts[i] - (same ? before->counts[i] : 0);
    }
    return quantile_of(now->bounds, counts, now->n, quantile) * 1e3;
}

static double percent(double part, double whole)
{
    return whole > 0 ? part * 100.0 / whole : NAN;
}

static double figure(const struct top_read *before, const struct top_read *now, size_t at)
{
    const struct top_row *row = &top_rows[at];
    int of = row->of;
    int whole = row->whole;
    double seconds = seconds_between(before, now);

    switch (row->how) {
    case OF_GAUGE:
        return now->has[of] ? now->sums[of] : NAN;
    case OF_RATE:
        return seconds > 0 && now->has[of] ? grown(before, now, of) / seconds : NAN;
    case OF_SHARE:
        return percent(grown(before, now, of), grown(before, now, whole));
    case OF_QUANTILE:
        return quantile_ms(&before->times[of], &now->times[of], row->quantile,
                           began_anew(before, now));
    case OF_CPU:
        return percent(grown(before, now, of), now->sums[whole] * seconds);
    case OF_LEVEL:
        return percent(now->sums[of], now->sums[whole]);
    }
    return NAN;
}

void top_figures(const struct top_read *before, const struct top_read *now,
                 double out[TOP_N_FIGURES])
{
    for (size_t i = 0; i < TOP_N_FIGURES; i++) {
        out[i] = figure(before, now, i);
    }
}

const char *top_trouble(const struct top_read *before, const struct top_read *now)
{
    if (now->sums[SUM_DRAINING] > 0) {
        return "it drains: it will end soon";
    }
    if (now->sums[SUM_BREAKER] > 0) {
        return "the platform is away: only probes are sent to it";
    }
    if (grown(before, now, SUM_TOKEN_REFUSED) > 0) {
        return "the platform refuses the stored token (401)";
    }
    if (now->has[SUM_CONFIG_GOOD] && now->sums[SUM_CONFIG_GOOD] == 0) {
        return "the configuration was refused when it was last read; the one before is in force";
    }
    return NULL;
}

void top_write(const struct top_read *before, const struct top_read *now, struct json_writer *w)
{
    double figures[TOP_N_FIGURES];
    const char *trouble = top_trouble(before, now);

    top_figures(before, now, figures);
    jw_form(w, "version:%s, interval_s:%d, trouble:%s", now->version, seconds_between(before, now),
            trouble);
    for (size_t i = 0; i < TOP_N_FIGURES; i++) {
        jw_key(w, top_rows[i].key);
        jw_double(w, round(figures[i] * 1e3) / 1e3);
    }
}
