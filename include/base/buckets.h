/* Durations counted in buckets, and quantiles that are estimated from the counts. Within a bucket a quantile is
 * interpolated, as Prometheus does; in a bucket without an upper bound it is the lower bound. */
#ifndef BASE_BUCKETS_H
#define BASE_BUCKETS_H

#include <stddef.h>
#include <stdint.h>

enum { BUCKET_BOUNDS = 11, BUCKETS_N = BUCKET_BOUNDS + 1 };

/* The upper bounds of all buckets but the last one. A value equal to a bound belongs below it. */
extern const uint64_t bucket_bounds_us[BUCKET_BOUNDS];

size_t bucket_of_us(uint64_t us);
/* A quantile in microseconds, from the counts of these buckets. NAN: nothing was counted. */
double buckets_quantile_us(const uint64_t counts[BUCKETS_N], double quantile);
/* The same for any rising bounds; the last may be INFINITY. Each count includes those of all lower buckets. */
double quantile_of(const double *bounds, const double *cumulated, size_t n, double quantile);

#endif
