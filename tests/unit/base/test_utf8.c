/* What may go to a terminal. */
#include "harness/cmocka.h"

#include "base/buf.h"
#include "base/utf8.h"

static void nothing_that_moves_the_cursor_or_the_text_goes_out(void **state)
{
    static const struct {
        const char *in;
        const char *keep;
        const char *out;
    } rows[] = {
        {"plain \xC3\xBC \xF0\x9F\x98\x80", "", "plain \xC3\xBC \xF0\x9F\x98\x80"},
        {"\x1B[31m", "", "\\u001B[31m"},
        {"a\nb\tc", "", "a\\u000Ab\\u0009c"},
        {"a\nb\tc", "\n\t", "a\nb\tc"},
        {"a\nb\tc\r", "\n", "a\nb\\u0009c\\u000D"},
        {"\x7F\xC2\x9B"
         "31m",
         "", "\\u007F\\u009B31m"},
        {"\xE2\x80\xAE"
         "abc",
         "", "\\u202Eabc"},
        {"\xE2\x80\xA8", "", "\\u2028"},
        {"\xF3\xA0\x81\x81", "", "\\uDB40\\uDC41"},
        {"\xFF", "", "\xEF\xBF\xBD"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;

        buf_init(&out, 256);
        utf8_put_safe(&out, str_from(rows[i].in), rows[i].keep);
        assert_string_equal(buf_cstr(&out), rows[i].out);
        buf_done(&out);
    }
}

int test_utf8(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_that_moves_the_cursor_or_the_text_goes_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
