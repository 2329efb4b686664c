/* Streams: the same cases against every backend. */
#include "harness/cmocka.h"

#include <stdio.h>

#include "conformance.h"

static enum error_code append_as(const char *key, uint64_t sequence, uint64_t ttl_ms)
{
    const struct store_request request = {.kind = STORE_APPEND,
                                          .key = str_from(key),
                                          .bytes = STR("x"),
                                          .format = 3,
                                          .limit = 100,
                                          .ttl_ms = ttl_ms,
                                          .sequence = sequence};

    return run(&request).error.code;
}

/* As they are brought back from a file: under the numbers that readers know, each once. */
static void an_entry_comes_back_under_its_number(void **state)
{
    struct store_request request = read_of("stream/back", 0, 0);
    struct store_result result;

    (void)state;
    assert_int_equal(append_as("stream/back", 1700000000000007, 60000), ERR_OK);
    assert_int_equal(append_as("stream/back", 1700000000000042, 60000), ERR_OK);
    assert_int_equal(append_as("stream/back", 1700000000000042, 60000), ERR_CONFLICT);
    assert_int_equal(append_as("stream/back", 1700000000000040, 60000), ERR_CONFLICT);
    request.format = 3;
    result = run(&request);
    assert_int_equal(result.n_items, 2);
    assert_true(result.items[0].sequence == 1700000000000007);
    assert_true(result.items[1].sequence == 1700000000000042);
    assert_int_equal(result.items[1].format, 3);
    assert_in_range(result.items[1].left_ms, 1, 60000);
    assert_true(append("stream/back", "next", 100).version > 1700000000000042);
}

static void a_stream_is_read_in_order(void **state)
{
    uint64_t first = append("stream/a", "one", 3).version;
    uint64_t second = append("stream/a", "two", 3).version;
    struct store_request request = read_of("stream/a", 0, 0);
    struct store_result result = run(&request);

    (void)state;
    assert_true(second > first);
    assert_int_equal(result.n_items, 2);
    assert_int_equal(result.items[0].sequence, first);
    assert_true(str_is(result.items[1].bytes, "two"));
    request.after = second;
    assert_int_equal(run(&request).n_items, 0);
    (void)append("stream/a", "three", 3);
    (void)append("stream/a", "four", 3);
    result = run(&request);
    assert_int_equal(result.n_items, 2);
    assert_true(str_is(result.items[1].bytes, "four"));
    request.after = 0;
    assert_int_equal(run(&request).n_items, 3); /* the first one had to go */
    request.limit = 1;
    assert_true(str_is(run(&request).items[0].bytes, "two"));
}

static void a_reader_waits_for_the_next_entry(void **state)
{
    const struct store_request first = read_of("stream/wait", 0, 30000);
    const struct store_request other = read_of("stream/other", 0, 30000);
    struct stage_op one;
    struct stage_op two;
    struct stage_op left;

    (void)state;
    stage_start(&stage, &first, &one);
    stage_start(&stage, &other, &two);
    stage_start(&stage, &first, &left);
    (void)get("doc/nothing"); /* a while: nobody is told */
    assert_false(one.done);
    store_cancel(&left.op);
    (void)append("stream/wait", "here", 10);
    stage_wait(&stage, &one);
    assert_int_equal(one.result.n_items, 1);
    assert_true(str_is(one.result.items[0].bytes, "here"));
    assert_false(two.done);
    (void)append("stream/other", "there", 10);
    stage_wait(&stage, &two);
    assert_true(str_is(two.result.items[0].bytes, "there"));
    assert_false(left.done);
}

static void a_reader_waits_no_longer_than_it_said(void **state)
{
    const struct store_request request = read_of("stream/silent", 0, 60);
    struct store_result result = run(&request);

    (void)state;
    assert_int_equal(result.error.code, ERR_OK);
    assert_int_equal(result.n_items, 0);
}

/* Its stream was removed, or is that of a store which has lost its end: nobody waits there for ever. A cloud loses none. */
static void a_reader_ahead_of_its_stream_is_told(void **state)
{
    uint64_t last = append("stream/cut", "one", 10).version;
    struct store_request request = read_of("stream/cut", last + 5, 60000);
    struct store_result result;

    (void)state;
    if (stage.backend->is_cloud) {
        return;
    }
    result = run(&request);
    assert_int_equal(result.error.code, ERR_OK);
    assert_true(result.rewound);
    assert_int_equal(result.n_items, 0);
    assert_int_equal(result.sequence, last);
    request.key = STR("stream/never");
    result = run(&request);
    assert_true(result.rewound);
    assert_int_equal(result.sequence, 0);
    request = read_of("stream/cut", last, 0);
    assert_false(run(&request).rewound);
}

/* Every stream once, and no document. */
static void all_streams_are_walked(void **state)
{
    struct store_request request = {.kind = STORE_WALK, .streams = true, .limit = 3};
    unsigned n_seen = 0;
    char name[32];

    (void)state;
    for (int i = 0; i < 8; i++) {
        (void)snprintf(name, sizeof(name), i % 2 == 0 ? "flow/%d" : "flow-%d", i);
        (void)append(name, "x", 10);
        (void)append(name, "y", 10);
    }
    (void)put("flow/document", "x");
    do {
        struct store_result result = run(&request);

        assert_int_equal(result.error.code, ERR_OK);
        for (size_t i = 0; i < result.n_items; i++) {
            if (str_starts(result.items[i].name, STR("flow"))) {
                struct store_request read =
                    read_of(arena_cstr(&stage.arena, result.items[i].name), 0, 0);

                assert_int_equal(run(&read).n_items, 2);
                n_seen++;
            }
        }
        request.name = result.next;
    } while (request.name.len > 0);
    assert_int_equal(n_seen, 8);
}

int test_conformance_streams(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_is_read_in_order),
        cmocka_unit_test(a_reader_waits_for_the_next_entry),
        cmocka_unit_test(a_reader_waits_no_longer_than_it_said),
        cmocka_unit_test(a_reader_ahead_of_its_stream_is_told),
        cmocka_unit_test(all_streams_are_walked),
        cmocka_unit_test(an_entry_comes_back_under_its_number),
    };

    return run_on_all(tests, ARRAY_LEN(tests));
}
