/* What top shows: figures as rows, each from two reads of /metrics. Pure. */
#ifndef CLI_TOP_FIGURES_H
#define CLI_TOP_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json_writer.h"
#include "base/str.h"

/* Sums over the series of a family. */
enum top_sum {
    SUM_REQUESTS,
    SUM_ERRORS,
    SUM_LIMITED,
    SUM_IN_FLIGHT,
    SUM_CONNECTIONS,
    SUM_CALLS,
    SUM_CALLS_FAILED,
    SUM_TOKEN_REFUSED,
    SUM_BREAKER,
    SUM_ACTIVE,
    SUM_LIMIT,
    SUM_QUEUE,
    SUM_SHED,
    SUM_LANES,
    SUM_LANE_WAITING,
    SUM_SESSIONS,
    SUM_RUNS,
    SUM_WATCHERS,
    SUM_CPU_SECONDS,
    SUM_CPU_CORES,
    SUM_MEMORY,
    SUM_MEMORY_LIMIT,
    SUM_DRAINING,
    SUM_CONFIG_GOOD,
    SUM_STARTED,
    TOP_N_SUMS
};

enum top_times { TIMES_REQUESTS, TIMES_CALLS, TIMES_QUEUE, TIMES_LOOP, TOP_N_TIMES };

enum { TOP_MAX_BOUNDS = 32, TOP_VERSION_MAX = 32 };

struct top_buckets {
    double bounds[TOP_MAX_BOUNDS]; /* in seconds, rising; the last one may be infinite */
    double counts[TOP_MAX_BOUNDS]; /* cumulated */
    size_t n;
};

struct top_read {
    uint64_t at_us;
    double sums[TOP_N_SUMS];
    struct top_buckets times[TOP_N_TIMES];
    bool has[TOP_N_SUMS]; /* the family is there, though it may have no series yet */
    char version[TOP_VERSION_MAX];
};

enum top_figure {
    FIGURE_RATE,
    FIGURE_ERRORS,
    FIGURE_P50,
    FIGURE_P95,
    FIGURE_P99,
    FIGURE_IN_FLIGHT,
    FIGURE_LIMITED,
    FIGURE_CONNECTIONS,
    FIGURE_CALLS,
    FIGURE_CALLS_FAILED,
    FIGURE_CALLS_P95,
    FIGURE_ACTIVE,
    FIGURE_LIMIT,
    FIGURE_QUEUE,
    FIGURE_QUEUE_P95,
    FIGURE_SHED,
    FIGURE_LANES,
    FIGURE_LANE_WAITING,
    FIGURE_SESSIONS,
    FIGURE_RUNS,
    FIGURE_WATCHERS,
    FIGURE_CPU,
    FIGURE_MEMORY,
    FIGURE_LAG,
    TOP_N_FIGURES
};

/* How a figure is made. GAUGE: the sum as it is. RATE: its growth in a second. SHARE: its growth in per cent of that
 * of `whole`. LEVEL: the sum in per cent of `whole`. CPU: processor time in per cent of the time of all cores.
 * QUANTILE: in milliseconds. */
enum top_how { OF_GAUGE, OF_RATE, OF_SHARE, OF_LEVEL, OF_CPU, OF_QUANTILE };

struct top_row {
    const char *key;   /* in JSON */
    const char *label; /* on the screen */
    enum top_how how;
    int of;    /* enum top_sum, or top_times of a quantile */
    int whole; /* enum top_sum */
    double quantile;
    double warns; /* a value from here on is a warning, from `bad` on an alert; 0: never */
    double bad;
};

extern const struct top_row top_rows[TOP_N_FIGURES];

/* False: this is no answer of /metrics. */
bool top_read(struct str text, uint64_t at_us, struct top_read *out);
/* A figure that cannot be computed is NAN, such as a latency when there was no request. */
void top_figures(const struct top_read *before, const struct top_read *now,
                 double out[TOP_N_FIGURES]);
/* The trouble that an operator should look at first; NULL: there is none. */
const char *top_trouble(const struct top_read *before, const struct top_read *now);
/* Writes the figures as members into an object that is open in `w`. */
void top_write(const struct top_read *before, const struct top_read *now, struct json_writer *w);

#endif
