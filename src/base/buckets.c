#include "base/buckets.h"

#include <math.h>

/* 200 ms and 500 ms are what alerts and targets ask for. */
const uint64_t bucket_bounds_us[BUCKET_BOUNDS] = {1000,   5000,   10000,   25000,   50000,   100000,
                                                  200000, 500000, 1000000, 5000000, 30000000};

size_t bucket_of_us(uint64_t us)
{
    size_t at = 0;

    while (at < BUCKET_BOUNDS && us > bucket_bounds_us[at]) {
        at++;
    }
    return at;
}

double quantile_of(const double *bounds, const double *cumulated, size_t n, double quantile)
{
    double wanted;
    double below = 0;
    double begin = 0;

    if (n == 0 || cumulated[n - 1] <= 0) {
        return NAN;
    }
    wanted = quantile * cumulated[n - 1];
    for (size_t i = 0; i < n; i++) {
        double inside = cumulated[i] - below;

        if (inside > 0 && cumulated[i] >= wanted) {
            return isinf(bounds[i]) ? begin
                                    : begin + (bounds[i] - begin) * (wanted - below) / inside;
        }
        below = cumulated[i];
        begin = bounds[i];
    }
    return NAN;
}

double buckets_quantile_us(const uint64_t counts[BUCKETS_N], double quantile)
{
    double bounds[BUCKETS_N];
    double cumulated[BUCKETS_N];
    double sum = 0;

    for (size_t i = 0; i < BUCKETS_N; i++) {
        sum += (double)counts[i];
        cumulated[i] = sum;
        bounds[i] = i < BUCKET_BOUNDS ? (double)bucket_bounds_us[i] : (double)INFINITY;
    }
    return quantile_of(bounds, cumulated, BUCKETS_N, quantile);
}
