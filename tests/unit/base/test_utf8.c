/* What may go to a terminal. */
#include <string.h>

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

/* Every byte at every place of a word counts, unless it goes on with a character. */
static void characters_are_counted_wherever_they_stand(void **state)
{
    char text[40];

    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t len = 0; len < sizeof(text); len++) {
            for (size_t at = 0; at < len; at++) {
                size_t want = len - ((byte & 0xC0) == 0x80 ? 1 : 0);

                memset(text, 'x', sizeof(text));
                text[at] = (char)byte;
                assert_int_equal(utf8_count((struct str){text, len}), want);
            }
        }
        memset(text, (int)byte, sizeof(text));
        assert_int_equal(utf8_count((struct str){text, sizeof(text)}),
                         (byte & 0xC0) == 0x80 ? 0 : sizeof(text));
    }
}

int test_utf8(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_that_moves_the_cursor_or_the_text_goes_out),
        cmocka_unit_test(characters_are_counted_wherever_they_stand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
