/* Quantiles of the histogram against those of a sorted list. */
#include "harness/cmocka.h"

#include <stdlib.h>

#include "base/attr.h"
#include "base/mem.h"
#include "load/histogram.h"

enum { N = 20000 };

static int compare(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;

    return (*left > *right) - (*left < *right);
}

static void quantiles_are_right_to_a_thousandth(void **state)
{
    static const double shares[] = {0.0, 0.001, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0};
    static uint64_t values[N];
    struct histogram *histogram = mem_zalloc(sizeof(*histogram));
    uint64_t random = 42;
    uint64_t sum = 0;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        values[i] = random >> (24 + random % 40); /* from 0 to 2^40: all sizes */
        values[i] &= (UINT64_C(1) << 37) - 1;
        sum += values[i];
        histogram_add(histogram, values[i]);
    }
    qsort(values, N, sizeof(*values), compare);
    assert_true(histogram->n == N && histogram->sum_us == sum);
    assert_true(histogram->min_us == values[0] && histogram->max_us == values[N - 1]);
    for (size_t i = 0; i < ARRAY_LEN(shares); i++) {
        double place = shares[i] * (double)N;
        size_t at = place < 1 ? 0 : (size_t)(place + 0.999999) - 1;
        uint64_t told = histogram_quantile(histogram, shares[i]);

        assert_true(told >= values[at]);
        assert_true(told - values[at] <= values[at] / 1024);
    }
    mem_free(histogram);
}

static void every_bucket_begins_where_the_last_one_ends(void **state)
{
    struct histogram *histogram = mem_zalloc(sizeof(*histogram));

    (void)state;
    for (uint64_t us = 1; us < UINT64_C(1) << 37; us += us / 90 + 1) {
        histogram_clear(histogram);
        histogram_add(histogram, us);
        histogram->max_us = UINT64_MAX; /* so that the end of the bucket is told */
        assert_true(histogram_quantile(histogram, 1) >= us);
        assert_int_equal(histogram_below(histogram, us), 0);
        assert_int_equal(histogram_below(histogram, histogram_quantile(histogram, 1) + 1), 1);
    }
    mem_free(histogram);
}

static void what_is_too_long_counts_as_the_longest(void **state)
{
    struct histogram *histogram = mem_zalloc(sizeof(*histogram));

    (void)state;
    assert_int_equal(histogram_quantile(histogram, 0.5), 0);
    histogram_add(histogram, UINT64_C(1) << 50);
    assert_int_equal(histogram->counts[HISTOGRAM_N - 1], 1);
    assert_true(histogram->max_us == UINT64_C(1) << 50);
    mem_free(histogram);
}

int test_histogram(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_right_to_a_thousandth),
        cmocka_unit_test(every_bucket_begins_where_the_last_one_ends),
        cmocka_unit_test(what_is_too_long_counts_as_the_longest),
    };

    return cmocka_run_group_tests_name("load/histogram", tests, NULL, NULL);
}
