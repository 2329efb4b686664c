/* What stands in an object: written, read again, and what is not ours. */
#include "harness/cmocka.h"

#include "store/blob.h"

int test_blob(void);

static void a_blob_is_read_as_it_was_written(void **state)
{
    static const char bytes[] = "one\0two\nthree";
    const struct blob blob = {.version = 1234567890123456,
                              .mark = STR_INIT("0123456789abcdef"),
                              .format = 3,
                              .born_ms = 1,
                              .touched_ms = 2,
                              .ttl_ms = 3,
                              .max_age_ms = 4,
                              .holder = STR_INIT("a.b:c"),
                              .fence = 5,
                              .beat = 6,
                              .event = 7,
                              .is_wanted = true,
                              .bytes = {bytes, sizeof(bytes)}};
    struct blob read;
    struct buf text;

    (void)state;
    buf_init(&text, 4096);
    blob_write(&blob, &text);
    assert_true(blob_read(buf_view(&text), &read));
    assert_int_equal(read.version, blob.version);
    assert_true(str_eq(read.mark, blob.mark));
    assert_true(str_eq(read.holder, blob.holder));
    assert_int_equal(read.format, 3);
    assert_int_equal(read.event, 7);
    assert_true(read.is_wanted);
    assert_false(read.is_gone);
    assert_true(str_eq(read.bytes, blob.bytes));
    assert_int_equal(blob_end_ms(&read), 5);
    for (size_t n = 0; n < text.len - sizeof(bytes); n++) { /* cut short: it is none */
        assert_false(blob_read(str_sub(buf_view(&text), 0, n), &read));
    }
    buf_done(&text);
}

static void what_is_not_ours_is_not_read(void **state)
{
    static const char *const texts[] = {
        "",
        "{}",
        "virtuoso-proxy store 2 1 m 1 0 0 0 0 0 - 0 0 0 0\n",
        "virtuoso-proxy store 1 1 m 1 0 0 0 0 0 - 0 0 0\n",
        "virtuoso-proxy store 1 1 m 1 0 0 0 0 0 - 0 0 0 0 0\n",
        "virtuoso-proxy store 1 -1 m 1 0 0 0 0 0 - 0 0 0 0\n",
        "virtuoso-proxy store 1 1 m x 0 0 0 0 0 - 0 0 0 0\n",
        "virtuoso-proxy store 1 99999999999999999999 m 1 0 0 0 0 0 - 0 0 0 0\n",
        "virtuoso-proxy store 1 1 m 1 0 0 0 0 0 - 0 0 0 0",
    };
    struct blob read;

    (void)state;
    assert_true(blob_read(STR("virtuoso-proxy store 1 1 m 1 0 0 0 0 0 - 0 0 0 0\n"), &read));
    assert_int_equal(read.holder.len, 0);
    assert_int_equal(blob_end_ms(&read), INT64_MAX);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_false(blob_read(str_from(texts[i]), &read));
    }
}

int test_blob(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blob_is_read_as_it_was_written),
        cmocka_unit_test(what_is_not_ours_is_not_read),
    };

    return cmocka_run_group_tests_name("blob", tests, NULL, NULL);
}
