/* Series of a family lie in one array, indexed by their labels; writing one is an addition. */
#include "observe/metrics.h"

#include <math.h>
#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "metrics_internal.h"

enum { FEW_SERIES = 8, GIVEN_MAX = 160 };

const struct metric_row metric_rows[METRIC_N] = {
#define COUNTER   METRIC_COUNTER
#define GAUGE     METRIC_GAUGE
#define HISTOGRAM METRIC_HISTOGRAM
#define SECONDS   METRIC_SECONDS
#define X(id, kind, name, help, l1, l2, l3)                                                        \
    [id] = {kind, name, help, {LABEL_##l1, LABEL_##l2, LABEL_##l3}},
    METRIC_TABLE(X)
#undef X
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
#undef SECONDS
};

struct metric_label_set metric_labels[LABEL_N] = {
    [LABEL_METHOD] = {"http_request_method",
                      (const char *const[]){"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE",
                                            "OPTIONS", "other"},
                      METHOD_LABEL_N},
    [LABEL_CLASS] = {"code", (const char *const[]){"1xx", "2xx", "3xx", "4xx", "5xx", "499"},
                     CLASS_N},
    [LABEL_RESULT] = {"result",
                      (const char *const[]){"ok", "refused", "reset", "timeout", "error",
                                            "cancelled", "too_big"},
                      RESULT_N},
    [LABEL_ROUTE] = {"http_route", NULL, 0},
    [LABEL_STORE] = {"operation",
                     (const char *const[]){"get", "put", "remove", "list", "append", "read",
                                           "count", "lease", "renew", "release", "watch", "walk",
                                           "about"},
                     13},
    [LABEL_LIMIT] = {"limit",
                     (const char *const[]){"key", "key_class", "tenant", "tenant_class", "at_once",
                                           "address"},
                     LIMIT_LABEL_N},
    [LABEL_CONSUMER] = {"consumer",
                        (const char *const[]){"webhooks", "audit", "analytics", "file", "http",
                                              "bigquery", "journal", "artifacts"},
                        CONSUMER_N},
    [LABEL_CALL] = {"call", NULL, 0},
    [LABEL_COMMAND] = {"command", NULL, 0},
};

struct metric_family metric_families[METRIC_N];
static size_t n_users;
static const char *given[LABEL_N][GIVEN_MAX]; /* by metrics_label_values */

void metrics_label_values(enum metric_label label, const char *const *values, size_t n)
{
    CHECK(n <= GIVEN_MAX && (n_users == 0 || metric_labels[label].n == n));
    for (size_t i = 0; i < n; i++) {
        given[label][i] = values[i];
    }
    metric_labels[label].values = given[label];
    metric_labels[label].n = n;
}

static size_t width(enum metric_label label)
{
    return label == LABEL_NONE || metric_labels[label].n == 0 ? 1 : metric_labels[label].n;
}

static void *take(size_t n, size_t size)
{
    return metrics_are_shared() ? metrics_shared_take(n, size) : mem_calloc(n, size);
}

void metrics_open(void)
{
    if (n_users++ > 0) {
        return;
    }
    for (size_t i = 0; i < METRIC_N; i++) {
        struct metric_family *family = &metric_families[i];

        family->n_series = 1;
        for (size_t l = 0; l < 3; l++) {
            family->width[l] = width(metric_rows[i].labels[l]);
            family->n_series *= family->width[l];
        }
        if (metric_rows[i].kind == METRIC_HISTOGRAM) {
            family->histograms = take(family->n_series, sizeof(*family->histograms));
        } else {
            family->values = take(family->n_series, sizeof(*family->values));
        }
    }
    if (metrics_are_shared()) {
        metrics_shared_begin();
    }
}

void metrics_done(void)
{
    CHECK(n_users > 0);
    if (--n_users > 0) {
        return;
    }
    for (size_t i = 0; i < METRIC_N; i++) {
        if (!metrics_are_shared()) {
            mem_free(metric_families[i].values);
            mem_free(metric_families[i].histograms);
        }
        metric_families[i] = (struct metric_family){0};
    }
    if (metrics_are_shared()) {
        metrics_shared_end();
    }
}

void metric_indexes(enum metric metric, size_t at, size_t out[3])
{
    const struct metric_family *family = &metric_families[metric];

    out[0] = at / (family->width[1] * family->width[2]);
    out[1] = at / family->width[2] % family->width[1];
    out[2] = at % family->width[2];
}

bool metric_is_convention(const struct metric_row *row)
{
    struct str name = str_from(row->name);

    return str_starts(name, STR("http_server_")) || str_starts(name, STR("http_client_"));
}

/* A counter that appears with its first event shows no rate for that event, and a rare event may stay the only one.
 * So a family of few series shows all of them from the start. */
bool metric_has_series(enum metric metric, size_t at)
{
    const struct metric_family *family = metric_view(metric);

    if (family->histograms != NULL) {
        return family->n_series == 1 || family->histograms[at].count > 0;
    }
    return family->values != NULL && (family->n_series <= FEW_SERIES || family->values[at] != 0);
}

/* An index out of range counts under 0, "unmatched" or "other". */
static size_t clip(size_t index, size_t limit)
{
    return index < limit ? index : 0;
}

void metric_add(enum metric metric, size_t l1, size_t l2, size_t l3, uint64_t n)
{
    struct metric_family *family = &metric_families[metric];

    if (n_users > 0) {
        size_t at = (clip(l1, family->width[0]) * family->width[1] + clip(l2, family->width[1])) *
                        family->width[2] +
                    clip(l3, family->width[2]);

        family->values[at] += (int64_t)n;
    }
}

void metric_set(enum metric metric, int64_t value)
{
    if (n_users > 0) {
        metric_families[metric].values[0] = value;
    }
}

void metric_set_of(enum metric metric, size_t label, int64_t value)
{
    struct metric_family *family = &metric_families[metric];

    if (n_users > 0) {
        family->values[clip(label, family->width[0])] = value;
    }
}

void metric_gauge_add(enum metric metric, int64_t delta)
{
    if (n_users > 0) {
        metric_families[metric].values[0] += delta;
    }
}

void metric_observe_us(enum metric metric, size_t l1, uint64_t microseconds)
{
    metric_observe_traced(metric, l1, microseconds, STR_EMPTY);
}

void metric_observe_traced(enum metric metric, size_t l1, uint64_t microseconds,
                           struct str trace_id)
{
    struct metric_family *family = &metric_families[metric];
    struct histogram *histogram;
    size_t bucket = bucket_of_us(microseconds);

    if (n_users == 0) {
        return;
    }
    histogram =
        &family->histograms[clip(l1, family->width[0]) * family->width[1] * family->width[2]];
    histogram->buckets[bucket]++;
    histogram->count++;
    histogram->sum_us += microseconds;
    if (trace_id.len == TRACE_ID_DIGITS) {
        histogram->exemplars[bucket].us = microseconds;
        mem_copy(histogram->exemplars[bucket].trace_id, trace_id.ptr, TRACE_ID_DIGITS);
    }
}

int64_t metric_value(enum metric metric)
{
    return n_users > 0 ? metric_view(metric)->values[0] : 0;
}

uint64_t metric_sum(enum metric metric)
{
    uint64_t sum = 0;

    for (size_t i = 0; n_users > 0 && i < metric_view(metric)->n_series; i++) {
        sum += (uint64_t)metric_view(metric)->values[i];
    }
    return sum;
}

double metric_quantile_seconds(enum metric metric, double quantile)
{
    const struct metric_family *family = metric_view(metric);
    uint64_t counts[BUCKETS_N] = {0};
    double us;

    for (size_t i = 0; n_users > 0 && i < family->n_series; i++) {
        for (size_t b = 0; b < BUCKETS_N; b++) {
            counts[b] += family->histograms[i].buckets[b];
        }
    }
    us = buckets_quantile_us(counts, quantile);
    return isnan(us) ? 0.0 : us / 1e6;
}

const char *metric_label_value(enum metric_label label, size_t index)
{
    const struct metric_label_set *set = &metric_labels[label];

    return index < set->n ? set->values[index] : "other";
}

size_t metric_class_of(int status)
{
    if (status == 499) {
        return CLASS_499;
    }
    return status >= 100 && status < 600 ? (size_t)(status / 100 - 1) : CLASS_5XX;
}

size_t metric_method_of(struct str method)
{
    for (size_t i = 0; i < METHOD_LABEL_OTHER; i++) {
        const char *value = metric_labels[LABEL_METHOD].values[i];

        if (method.len > 0 && method.ptr[0] == value[0] && str_is(method, value)) {
            return i;
        }
    }
    return METHOD_LABEL_OTHER;
}
