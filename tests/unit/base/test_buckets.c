/* Buckets hold their bound, and quantiles lie where the observations are. */
#include "harness/cmocka.h"

#include <math.h>

#include "base/attr.h"
#include "base/buckets.h"

static void assert_near(double value, double wanted)
{
    if (isnan(value) != isnan(wanted) || fabs(value - wanted) > 1e-9 * fabs(wanted)) {
        fail_msg("%f instead of %f", value, wanted);
    }
}

static void a_bucket_holds_its_bound(void **state)
{
    (void)state;
    assert_int_equal(bucket_of_us(0), 0);
    for (size_t i = 0; i < BUCKET_BOUNDS; i++) {
        assert_true(i == 0 || bucket_bounds_us[i] > bucket_bounds_us[i - 1]);
        assert_int_equal(bucket_of_us(bucket_bounds_us[i]), i);
        assert_int_equal(bucket_of_us(bucket_bounds_us[i] + 1), i + 1);
    }
    assert_int_equal(bucket_of_us(UINT64_MAX), BUCKET_BOUNDS);
}

static void a_quantile_lies_within_its_bucket(void **state)
{
    static const struct {
        uint64_t counts[BUCKETS_N];
        double quantile;
        double us;
    } rows[] = {
        {{0}, 0.5, NAN},
        {{10}, 0.5, 500},
        {{10}, 1, 1000},
        {{0, 10}, 0.25, 2000}, /* from the bound before */
        {{1, 1, 1, 1}, 0.625, 7500},
        {{5, 0, 0, 5}, 0.5, 1000}, /* the end of the one, not the beginning of the other */
        {{5, 0, 0, 5}, 0.6, 13000},
        {{0, 0, 4}, 0, 5000},
        /* the last one has no end */
        {{[BUCKET_BOUNDS] = 3}, 0.01, 30000000},
        {{9, [BUCKET_BOUNDS] = 1}, 0.9, 1000},
        {{9, [BUCKET_BOUNDS] = 1}, 0.95, 30000000},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_near(buckets_quantile_us(rows[i].counts, rows[i].quantile), rows[i].us);
    }
}

static void bounds_may_be_anybodys(void **state)
{
    static const double bounds[] = {0.1, 0.2, (double)INFINITY};
    static const double cumulated[] = {0, 30, 40};
    static const double none[] = {0, 0, 0};

    (void)state;
    assert_near(quantile_of(bounds, cumulated, 3, 0.375), 0.15);
    assert_near(quantile_of(bounds, cumulated, 3, 0.99), 0.2);
    assert_near(quantile_of(bounds, cumulated, 2, 1), 0.2); /* the last one has an end */
    assert_near(quantile_of(bounds, none, 3, 0.5), NAN);
    assert_near(quantile_of(bounds, cumulated, 0, 0.5), NAN);
}

int test_buckets(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_holds_its_bound),
        cmocka_unit_test(a_quantile_lies_within_its_bucket),
        cmocka_unit_test(bounds_may_be_anybodys),
    };

    return cmocka_run_group_tests_name("buckets", tests, NULL, NULL);
}
