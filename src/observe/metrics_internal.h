/* The metric table as data, shared by counting and by writing. */
#ifndef OBSERVE_METRICS_INTERNAL_H
#define OBSERVE_METRICS_INTERNAL_H

#include "base/buckets.h"
#include "observe/metrics.h"

enum metric_kind {
    METRIC_COUNTER,
    METRIC_GAUGE,
    METRIC_HISTOGRAM,
    METRIC_SECONDS /* a gauge, kept in microseconds */
};

struct metric_row {
    enum metric_kind kind;
    const char *name;
    const char *help;
    enum metric_label labels[3];
};

struct metric_label_set {
    const char *name;
    const char *const *values;
    size_t n;
};

enum { TRACE_ID_DIGITS = 32 };

/* The last request in a bucket whose trace is kept. */
struct exemplar {
    uint64_t us;
    char trace_id[TRACE_ID_DIGITS]; /* begins with NUL: there is none */
};

struct histogram {
    uint64_t buckets[BUCKETS_N]; /* not cumulated */
    uint64_t count;
    uint64_t sum_us;
    struct exemplar exemplars[BUCKETS_N];
};

struct metric_family {
    size_t n_series;
    size_t width[3];
    int64_t *values; /* counters and gauges */
    struct histogram *histograms;
};

extern const struct metric_row metric_rows[METRIC_N];
extern struct metric_label_set metric_labels[LABEL_N];
extern struct metric_family metric_families[METRIC_N];

/* Which value each of the three labels has in series `at`. */
void metric_indexes(enum metric metric, size_t at, size_t out[3]);
/* True: the name is one of OpenTelemetry's semantic conventions, and gets no prefix. */
bool metric_is_convention(const struct metric_row *row);
/* False: the series is 0 and left out. A family of at most 8 series shows all of them; a histogram only if it has
 * just one. */
bool metric_has_series(enum metric metric, size_t at);

/* metrics_shared.c */
bool metrics_are_shared(void);
void *metrics_shared_take(size_t n,
                          size_t size); /* in this process's slot, as its last process left it */
void metrics_shared_begin(void);
void metrics_shared_end(void);
/* The family that is told: of all processes, as metrics_gather found it; in a process that counts alone, its own. */
const struct metric_family *metric_view(size_t metric);

/* metrics_text.c */
void process_figures_read_own(struct process_figures *out);

#endif
