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

static bool is_in(unsigned char c, const unsigned char range[2])
{
    return c >= range[0] && c <= range[1];
}

static bool goes_on(const unsigned char *c, size_t len)
{
    for (size_t k = 2; k < len; k++) {
        if ((c[k] & 0xC0) != 0x80) {
            return false;
        }
    }
    return true;
}

/* The rule of RFC 3629 once more, as it is written there: which first byte has which range of second bytes, and what
 * follows. */
static size_t length_by_the_table(const unsigned char *c)
{
    static const struct {
        unsigned char first[2];
        unsigned char second[2];
        size_t len;
    } rows[] = {
        {{0x00, 0x7F}, {0x00, 0xFF}, 1}, {{0xC2, 0xDF}, {0x80, 0xBF}, 2},
        {{0xE0, 0xE0}, {0xA0, 0xBF}, 3}, {{0xE1, 0xEC}, {0x80, 0xBF}, 3},
        {{0xED, 0xED}, {0x80, 0x9F}, 3}, {{0xEE, 0xEF}, {0x80, 0xBF}, 3},
        {{0xF0, 0xF0}, {0x90, 0xBF}, 4}, {{0xF1, 0xF3}, {0x80, 0xBF}, 4},
        {{0xF4, 0xF4}, {0x80, 0x8F}, 4},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (is_in(c[0], rows[i].first) && is_in(c[1], rows[i].second)) {
            return goes_on(c, rows[i].len) ? rows[i].len : 0;
        }
    }
    return 0;
}

static void an_offset_is_that_of_as_many_characters(void **state)
{
    /* "12345678", two bytes, "12345678", three and four bytes, "123456789" */
    static const char mixed[] =
        "12345678\xC3\xA4\x31\x32\x33\x34\x35\x36\x37\x38\xE2\x82\xAC\xF0\x9F\x98\x80\x31\x32\x33\x34\x35\x36\x37\x38\x39";
    static const char *const texts[] = {"", "a", "abcdefghijklmnopqrstuvwxyz", "\xC3\xA4", mixed};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str text = str_from(texts[i]);
        size_t n_all = utf8_count(text);

        for (size_t n = 0; n <= n_all + 1; n++) {
            size_t at = utf8_offset(text, n);

            assert_int_equal(utf8_count(str_sub(text, 0, at)), n < n_all ? n : n_all);
            assert_true(at == text.len || utf8_valid(str_sub(text, at, text.len)));
        }
    }
}

/* Four bytes at the end of a text, and cut after each of them. */
static void check_bytes(const unsigned char *c)
{
    size_t want = length_by_the_table(c);
    char text[8] = {'a', 'b', 'c', 'd'};

    memcpy(text + 4, c, 4);
    for (size_t len = 1; len <= 4; len++) {
        size_t valid = want > 0 && want <= len ? want : 0;
        struct str one = {text + 4, len};
        struct str rest = one;

        if (utf8_wide_len((struct str){text + 4, want > 0 && want < len ? want : len}) !=
                (c[0] < 0x80 ? 0 : valid) ||
            utf8_valid_prefix((struct str){text, 4 + len}) < 4 + valid ||
            (valid == 0 && utf8_valid_prefix((struct str){text, 4 + len}) != 4)) {
            fail_msg("%02x %02x %02x %02x, %zu of them", c[0], c[1], c[2], c[3], len);
        }
        (void)utf8_next(&rest);
        assert_int_equal(len - rest.len, valid > 0 ? valid : 1);
    }
}

static void what_is_valid_is_what_the_standard_says(void **state)
{
    static const unsigned char others[] = {0x00, 0x7F, 0x80, 0xBF, 0xC2, 0xFF};

    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            for (size_t k = 0; k < ARRAY_LEN(others) * ARRAY_LEN(others); k++) {
                const unsigned char c[4] = {(unsigned char)first, (unsigned char)second,
                                            others[k / ARRAY_LEN(others)],
                                            others[k % ARRAY_LEN(others)]};

                check_bytes(c);
            }
        }
    }
}

/* Of a valid text: where the ASCII begins again, at every place of a word. */
static void characters_that_are_not_ascii_are_found_to_their_end(void **state)
{
    char text[40];

    (void)state;
    for (size_t len = 0; len < sizeof(text); len++) {
        memset(text, 'x', sizeof(text));
        for (size_t i = 0; i < len; i++) {
            text[i] = i % 2 == 0 ? '\xC3' : '\xBC';
        }
        assert_int_equal(utf8_high_len((struct str){text, sizeof(text)}), len);
        assert_int_equal(utf8_high_len((struct str){text, len}), len);
        assert_int_equal(utf8_wide_len((struct str){text, sizeof(text)}), len - len % 2);
    }
}

int test_utf8(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_that_moves_the_cursor_or_the_text_goes_out),
        cmocka_unit_test(characters_are_counted_wherever_they_stand),
        cmocka_unit_test(an_offset_is_that_of_as_many_characters),
        cmocka_unit_test(what_is_valid_is_what_the_standard_says),
        cmocka_unit_test(characters_that_are_not_ascii_are_found_to_their_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
