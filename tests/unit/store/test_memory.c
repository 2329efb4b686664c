/* What only the memory backend promises: its ceiling, and that it follows the program's clock. */
#include "harness/cmocka.h"

#include <stdlib.h>

#include "base/clock.h"
#include "observe/metrics.h"
#include "stage.h"

static struct stage stage;

static int set_up(void **state)
{
    (void)state;
    clock_set(1000000, 1000000);
    stage = (struct stage){.backend = &stage_backends[0]};
    return stage_open(&stage);
}

static int tear_down(void **state)
{
    (void)state;
    stage_close(&stage);
    clock_release();
    return 0;
}

/* Full is said, nothing that is there is lost, and room comes back. */
static void full_is_full(void **state)
{
    char *bytes = calloc(1, STORE_BYTES_MAX);
    char key[] = "full/a";
    struct store_request request = {.kind = STORE_PUT,
                                    .key = {key, sizeof(key) - 1},
                                    .bytes = {bytes, STORE_BYTES_MAX},
                                    .format = 1};
    struct store_result result = stage_run(&stage, &request);
    unsigned n = 0;

    (void)state;
    while (result.error.code == ERR_OK && n < 100) {
        key[5]++;
        n++;
        result = stage_run(&stage, &request);
    }
    assert_int_equal(n, 7); /* 8 MiB with a little beside each */
    assert_int_equal(result.error.code, ERR_STORE_AWAY);
    key[5] = 'a';
    request.kind = STORE_GET;
    assert_int_equal(stage_run(&stage, &request).bytes.len, STORE_BYTES_MAX);
    request.kind = STORE_REMOVE;
    assert_int_equal(stage_run(&stage, &request).error.code, ERR_OK);
    request.kind = STORE_PUT;
    assert_int_equal(stage_run(&stage, &request).error.code, ERR_OK);
    free(bytes);
}

/* To the millisecond; the time in which the machine sleeps counts. */
static void expiry_goes_by_age(void **state)
{
    struct store_request request = {
        .kind = STORE_PUT, .key = STR("a/b"), .bytes = STR("x"), .format = 1, .ttl_ms = 5000};

    (void)state;
    assert_int_equal(stage_run(&stage, &request).error.code, ERR_OK);
    request.kind = STORE_GET;
    clock_advance(4000);
    clock_suspend(999);
    assert_int_equal(stage_run(&stage, &request).error.code, ERR_OK);
    clock_suspend(1);
    assert_int_equal(stage_run(&stage, &request).error.code, ERR_NOT_FOUND);
}

static void a_limit_fills_with_time(void **state)
{
    const struct store_request request = {
        .kind = STORE_COUNT, .key = STR("limit"), .rate = 10, .burst = 5, .cost = 5};

    (void)state;
    assert_true(stage_run(&stage, &request).allowed);
    assert_int_equal(stage_run(&stage, &request).retry_after_ms, 500);
    clock_advance(499);
    assert_false(stage_run(&stage, &request).allowed);
    clock_advance(1);
    assert_true(stage_run(&stage, &request).allowed);
}

int test_memory(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(full_is_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(expiry_goes_by_age, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_limit_fills_with_time, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("store memory", tests, NULL, NULL);
}
