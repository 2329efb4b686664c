/* Times as text, over the borders of seconds, days and leap years. */
#include "harness/cmocka.h"

#include "base/buf.h"
#include "base/clock.h"

static void times_are_told_to_the_millisecond(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {999, "1970-01-01T00:00:00.999Z"},
        {1000, "1970-01-01T00:00:01.000Z"},
        {999, "1970-01-01T00:00:00.999Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-1000, "1969-12-31T23:59:59.000Z"},
        {INT64_C(1709251199007), "2024-02-29T23:59:59.007Z"},
        {INT64_C(1709251200000), "2024-03-01T00:00:00.000Z"},
        {INT64_C(4102444799999), "2099-12-31T23:59:59.999Z"},
    };

    (void)state;
    for (int again = 0; again < 2; again++) { /* the second one from the text that is kept */
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            struct buf text;

            buf_init(&text, 64);
            clock_format(&text, rows[i].ms);
            assert_string_equal(buf_cstr(&text), rows[i].text);
            buf_done(&text);
        }
    }
}

static void integers_are_told_with_zeros_in_front(void **state)
{
    struct buf text;

    (void)state;
    buf_init(&text, 64);
    buf_int_padded(&text, 7, 3);
    buf_int_padded(&text, 1234, 3);
    buf_int(&text, INT64_MIN);
    assert_string_equal(buf_cstr(&text), "0071234-9223372036854775808");
    buf_done(&text);
}

int test_clock_text(void);

int test_clock_text(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_told_to_the_millisecond),
        cmocka_unit_test(integers_are_told_with_zeros_in_front),
    };

    return cmocka_run_group_tests_name("base/clock_text", tests, NULL, NULL);
}
