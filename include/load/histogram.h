/* Counts latencies in buckets whose width grows with the value (the idea of HdrHistogram). So each
 * latency is known to a thousandth, and memory does not grow with their number. Up to 2,047 us a bucket is 1 us wide,
 * then 2 us up to 4,095 us, and so on. Owner: the caller; a zeroed one is empty. */
#ifndef LOAD_HISTOGRAM_H
#define LOAD_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_BITS = 10,
    HISTOGRAM_SHIFTS = 26, /* values up to 2^37 us, 38 hours; longer ones count as that */
    HISTOGRAM_N = (HISTOGRAM_SHIFTS + 2) << HISTOGRAM_BITS
};

struct histogram {
    uint64_t counts[HISTOGRAM_N];
    uint64_t n;
    uint64_t sum_us;
    uint64_t min_us;
    uint64_t max_us;
};

void histogram_clear(struct histogram *histogram);
void histogram_add(struct histogram *histogram, uint64_t us);
/* The smallest value that at least the share q (0 to 1) of all does not exceed, rounded up to the
 * end of its bucket; 0 when empty. */
uint64_t histogram_quantile(const struct histogram *histogram, double q);
/* How many values are below the bucket that holds `us`. */
uint64_t histogram_below(const struct histogram *histogram, uint64_t us);

#endif
