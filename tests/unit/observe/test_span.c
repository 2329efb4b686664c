/* Spans of two batches agree on when they were, until somebody sets the clock. */
#include "harness/cmocka.h"

#include "base/clock.h"
#include "observe/metrics.h"
#include "observe/span.h"

int test_span(void);

enum { NOW_MS = 1000, WALL_MS = 1700000000 };

static void on_full(void *context)
{
    (void)context;
}

/* A span that begins now, alone in its batch: it must say that it began at `wall_ms`. */
static void expect_begin(int64_t wall_ms)
{
    struct trace trace = {.trace_id = "0af7651916cd43dd8448eb211c80319c", .sampled = true};
    const struct span span = {.trace = &trace,
                              .kind = SPAN_SERVER,
                              .name = STR("GET /x"),
                              .begin_us = clock_now_us(),
                              .end_us = clock_now_us()};
    struct buf batch;
    struct buf wanted;

    buf_init(&batch, SPANS_BATCH_MAX);
    buf_init(&wanted, 100);
    buf_printf(&wanted, "\"startTimeUnixNano\":\"%lld000000\"", (long long)wall_ms);
    span_write(&span);
    assert_int_equal(spans_take(&batch), 1);
    if (!str_contains(buf_view(&batch), buf_view(&wanted))) {
        fail_msg("%.*s is not in %.*s", STR_ARG(buf_view(&wanted)), STR_ARG(buf_view(&batch)));
    }
    buf_done(&wanted);
    buf_done(&batch);
}

static void batches_have_one_clock_until_it_is_set(void **state)
{
    (void)state;
    metrics_open();
    clock_set(NOW_MS, WALL_MS);
    spans_open(1.0, SPANS_BATCH_MAX, on_full, NULL);
    expect_begin(WALL_MS);
    clock_advance(5);
    clock_jump_wall(3); /* what two readings of two clocks may be apart */
    expect_begin(WALL_MS + 5);
    expect_begin(WALL_MS + 5);
    clock_jump_wall(60000);
    expect_begin(WALL_MS + 5); /* of the batch that has begun */
    expect_begin(WALL_MS + 60008);
    spans_close();
    clock_release();
    metrics_done();
}

int test_span(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_have_one_clock_until_it_is_set),
    };

    return cmocka_run_group_tests_name("span", tests, NULL, NULL);
}
