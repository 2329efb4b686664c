#include "load/histogram.h"

#define VALUE_MAX ((UINT64_C(1) << (HISTOGRAM_BITS + 1 + HISTOGRAM_SHIFTS)) - 1)

static unsigned shift_of(uint64_t us)
{
    unsigned top = 63U - (unsigned)__builtin_clzll(us | 1);

    return top > HISTOGRAM_BITS ? top - HISTOGRAM_BITS : 0;
}

static uint64_t index_of(uint64_t us)
{
    unsigned shift;

    us = us < VALUE_MAX ? us : VALUE_MAX;
    shift = shift_of(us);
    return ((uint64_t)shift << HISTOGRAM_BITS) + (us >> shift);
}

/* The largest value of the bucket. */
static uint64_t end_of(uint64_t index)
{
    uint64_t above = index >> HISTOGRAM_BITS;
    uint64_t shift = above > 1 ? above - 1 : 0;

    return ((index - (shift << HISTOGRAM_BITS) + 1) << shift) - 1;
}

void histogram_clear(struct histogram *histogram)
{
    *histogram = (struct histogram){.n = 0};
}

void histogram_add(struct histogram *histogram, uint64_t us)
{
    histogram->counts[index_of(us)]++;
    histogram->sum_us += us;
    histogram->min_us = histogram->n == 0 || us < histogram->min_us ? us : histogram->min_us;
    histogram->max_us = us > histogram->max_us ? us : histogram->max_us;
    histogram->n++;
}

uint64_t histogram_quantile(const struct histogram *histogram, double q)
{
    uint64_t wanted = (uint64_t)(q * (double)histogram->n);
    uint64_t seen = 0;

    wanted += (double)wanted < q * (double)histogram->n ? 1 : 0;
    for (uint64_t i = 0; i < HISTOGRAM_N; i++) {
        seen += histogram->counts[i];
        if (seen > 0 && seen >= wanted) {
            uint64_t end = end_of(i);
            return end < histogram->max_us ? end : histogram->max_us;
        }
    }
    return histogram->max_us;
}

uint64_t histogram_below(const struct histogram *histogram, uint64_t us)
{
    uint64_t end = index_of(us);
    uint64_t n = 0;

    for (uint64_t i = 0; i < end; i++) {
        n += histogram->counts[i];
    }
    return n;
}
