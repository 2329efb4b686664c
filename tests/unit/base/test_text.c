/* str, percent and nearest: texts as tables. */
#include "harness/cmocka.h"

#include "base/arena.h"
#include "base/markup.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/percent.h"
#include "base/span.h"

int test_text(void);

static struct str S(const char *text) {
    return str_from(text);

}

static void
parts_are_clamped_to_what_is_there(void **state)

{
    static const struct {
        const char *text;
        size_t from;
        size_t len;
        const char *part;
    } rows[] = {
        {"hello", 0, 5, "hello"}, {"hello", 1, 3, "ell"}, {"hello", 3, SIZE_MAX, "lo"},
        {"hello", 5, 1, ""},      {"hello", 99, 1, ""},   {"", 0, 0, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_true(str_is(str_sub(S(rows[i].text), rows[i].from, rows[i].len), rows[i].part));
    }
    assert_int_equal(str_from(NULL).len, 0);
}

static void comparisons_are_of_bytes_or_of_ascii_letters(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        bool equal;
        bool equal_nocase;
        int order;
    } rows[] = {
        {"", "", true, true, 0},
        {"a", "a", true, true, 0},
        {"a", "A", false, true, 1},
        {"a", "b", false, false, -1},
        {"ab", "a", false, false, 1},
        {"a", "ab", false, false, -1},
        {"\xC3\xA4", "\xC3\x84", false, false, 1},
        {"[", "{", false, false, -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int order = str_compare(S(rows[i].a), S(rows[i].b));

        assert_int_equal(str_eq(S(rows[i].a), S(rows[i].b)), rows[i].equal);
        assert_int_equal(str_eq_nocase(S(rows[i].a), S(rows[i].b)), rows[i].equal_nocase);
        assert_int_equal((order > 0) - (order < 0), rows[i].order);
    }
    assert_true(str_starts(S("abc"), S("ab")) && str_starts(S("abc"), S("")));
    assert_false(str_starts(S("ab"), S("abc")));
    assert_true(str_starts_nocase(S("Bearer x"), S("bearer ")));
    assert_true(str_ends(S("abc"), S("bc")) && !str_ends(S("c"), S("bc")));
}

static void what_is_looked_for_is_found_at_its_first_place(void **state)
{
    static const struct {
        const char *text;
        const char *needle;
        ptrdiff_t at;
    } rows[] = {
        {"", "", 0},      {"abc", "", 0},    {"abcabc", "bc", 1}, {"aab", "ab", 1},
        {"abc", "d", -1}, {"ab", "abc", -1}, {"aaaa", "aab", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(str_find(S(rows[i].text), S(rows[i].needle)), rows[i].at);
        assert_int_equal(str_contains(S(rows[i].text), S(rows[i].needle)), rows[i].at >= 0);
    }
    assert_int_equal(str_find_char(S("abca"), 'a'), 0);
    assert_int_equal(str_find_char(S("abca"), 'x'), -1);
    assert_int_equal(str_behind_last(S("a/b/c"), '/'), 4);
    assert_int_equal(str_behind_last(S("abc/"), '/'), 4);
    assert_int_equal(str_behind_last(S("abc"), '/'), 0);
    assert_int_equal(str_behind_last(S("/"), '/'), 1);
    assert_int_equal(str_behind_last(S(""), '/'), 0);
}

static void blanks_and_quotes_come_off(void **state)
{
    static const struct {
        const char *text;
        const char *trimmed;
        const char *unquoted;
    } rows[] = {
        {" a b\t\r\n", "a b", " a b\t\r\n"},
        {"\"a\"", "\"a\"", "a"},
        {"'a'", "'a'", "a"},
        {"'a\"", "'a\"", "'a\""},
        {"\"", "\"", "\""},
        {"", "", ""},
        {"   ", "", "   "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_true(str_is(str_trim(S(rows[i].text)), rows[i].trimmed));
        assert_true(str_is(str_unquote(S(rows[i].text)), rows[i].unquoted));
    }
}

static void a_text_is_cut_once_or_walked_word_by_word(void **state)
{
    struct str head;
    struct str tail;
    struct str rest = S(",a,,b,");
    struct str words[2];

    (void)state;
    assert_true(str_cut(S("k=v=w"), '=', &head, &tail));
    assert_true(str_is(head, "k") && str_is(tail, "v=w"));
    assert_false(str_cut(S("k"), '=', &head, &tail));
    assert_true(str_is(head, "k") && tail.len == 0);
    assert_true(str_next(&rest, ',', &head) && str_is(head, "a"));
    assert_true(str_next(&rest, ',', &head) && str_is(head, "b"));
    assert_false(str_next(&rest, ',', &head));
    assert_int_equal(str_split(S("  go  to town "), ' ', words, 2), 2);
    assert_true(str_is(words[0], "go") && str_is(words[1], "to"));
    assert_int_equal(str_split(S(" "), ' ', words, 2), 0);
}

static void a_text_is_looked_at_from_its_end_and_by_its_letters(void **state)
{
    (void)state;
    assert_true(str_is(str_without_end(S("a/b//"), '/'), "a/b"));
    assert_true(str_is(str_without_end(S("a/b"), '/'), "a/b"));
    assert_int_equal(str_without_end(S("//"), '/').len, 0);
    assert_true(str_is_of(S("aZ09._-"), "A-Za-z0-9._-") && str_is_of(S(""), "A-Za-z0-9"));
    assert_false(str_is_of(S("a b"), "A-Za-z0-9._-") || str_is_of(S("a."), "A-Za-z0-9") ||
                 str_is_of(S(":a"), "A-Za-z0-9"));
    assert_true(str_has_word("red green", S("green")) && str_has_word("red", S("red")));
    assert_false(str_has_word("red green", S("gree")) || str_has_word("red green", S("d g")) ||
                 str_has_word("", S("")) || str_has_word(NULL, S("red")));
}

static void a_word_is_one_of_several_or_means_yes_or_no(void **state)
{
    static const char *const words[] = {"red", "green"};
    bool yes = false;

    (void)state;
    assert_true(str_in(S("red"), words, 2) && str_in(S("green"), words, 2));
    assert_false(str_in(S("Red"), words, 2) || str_in(S("gree"), words, 2) ||
                 str_in(S("red"), words, 0));
    assert_true(str_in_nocase(S("Green"), words, 2));
    assert_false(str_in_nocase(S(""), words, 2));
    assert_true(str_starts_any_nocase(S("GREENER"), words, 2));
    assert_false(str_starts_any_nocase(S("gree"), words, 2) ||
                 str_starts_any_nocase(S("infrared"), words, 2));
    assert_int_equal(str_span(S("12a3"), "0-9"), 2);
    assert_true(str_among(S("green"), S("red|green"), '|'));
    assert_false(str_among(S("GREEN"), S("red|green"), '|'));
    assert_int_equal(str_span(S("12a3"), "0-9"), 2);
    assert_true(str_is_only(S("a\xFFz"), "A-Za-z\xFF") && !str_is_only(S(""), "0-9"));
    assert_true(str_among_nocase(S("GREEN"), S("red|green"), '|'));
    assert_false(str_among_nocase(S("gree"), S("red|green"), '|') ||
                 str_among_nocase(S(""), S(""), '|'));
    assert_true(str_to_bool(S("YES"), &yes) && yes);
    assert_true(str_to_bool(S("0"), &yes) && !yes);
    assert_false(str_to_bool(S(""), &yes) || str_to_bool(S("y"), &yes) ||
                 str_to_bool(S("10"), &yes));
}

static void numbers_are_whole_texts_within_their_range(void **state)
{
    static const struct {
        const char *text;
        int64_t min;
        int64_t max;
        bool ok;
        int64_t value;
    } rows[] = {
        {"0", 0, 9, true, 0},
        {"007", 0, 9, true, 7},
        {"9", 0, 9, true, 9},
        {"10", 0, 9, false, 0},
        {"-1", 0, 9, false, 0},
        {"-1", -1, 9, true, -1},
        {"+1", 0, 9, false, 0},
        {"", 0, 9, false, 0},
        {"-", -9, 9, false, 0},
        {" 1", 0, 9, false, 0},
        {"1x", 0, 9, false, 0},
        {"9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX},
        {"9223372036854775808", INT64_MIN, INT64_MAX, false, 0},
        {"-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN},
        {"-9223372036854775809", INT64_MIN, INT64_MAX, false, 0},
    };

    double real = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t value = 42;
        bool ok = str_to_i64(S(rows[i].text), rows[i].min, rows[i].max, &value);

        if (ok != rows[i].ok || value != (ok ? rows[i].value : 42)) {
            fail_msg("\"%s\": %d, %lld", rows[i].text, ok, (long long)value);
        }
    }
    assert_true(str_to_double(S("0.25"), &real) && real == 0.25);
    assert_false(str_to_double(S("nan"), &real));
    assert_false(str_to_double(S("1.0.0"), &real));
}

static void copies_end_in_nul_and_hashes_depend_on_the_seed(void **state)
{
    char small[4];
    char *copy = str_dup(S("hello"));

    (void)state;
    str_copy(small, sizeof(small), S("hello"));
    assert_string_equal(small, "hel");
    assert_true(str_is(str_join(small, sizeof(small), S("a"), S("b")), "ab"));
    assert_true(str_is(str_join(small, sizeof(small), S("ab"), S("cd")), "abc"));
    assert_true(str_is(str_join(small, sizeof(small), S("abcd"), S("e")), "abc"));
    assert_string_equal(copy, "hello");
    mem_free(copy);
    assert_true(str_hash(S("a"), 1) == str_hash(S("a"), 1));
    assert_true(str_hash(S("a"), 1) != str_hash(S("a"), 2));
    assert_true(str_hash(S("a"), 1) != str_hash(S("b"), 1));
}

static void a_name_is_made_of_letters_digits_and_some_others(void **state)
{
    (void)state;
    assert_true(str_is_of(S("aZ09_.x"), "A-Za-z0-9._"));
    assert_true(str_is_of(STR_EMPTY, "A-Za-z0-9"));
    assert_false(str_is_of(S("a-b"), "A-Za-z0-9._"));
    assert_false(str_is_of((struct str){"a\0b", 3}, "A-Za-z0-9._"));
    assert_false(str_is_of(S("\xc3\xa4"), "A-Za-z0-9._"));
}

static void a_token_is_of_the_letters_of_its_rfc(void **state)
{
    (void)state;
    for (int i = 0; i < 256; i++) {
        const char c[2] = {(char)i, 'a'};

        assert_int_equal(str_is_token((struct str){c, 2}),
                         str_is_of((struct str){c, 1}, "A-Za-z0-9!#$%&'*+.^_`|~-"));
    }
    assert_false(str_is_token(STR_EMPTY));
    assert_int_equal(str_token_span(S("for=1")), 3);
    assert_int_equal(str_token_span(S("=")), 0);
}

static void a_text_has_room_or_is_left_out(void **state)
{
    char room[8];

    (void)state;
    assert_true(str_is(str_print(room, sizeof(room), "%s/%d", "run", 123), "run/123"));
    assert_string_equal(room, "run/123");
    assert_int_equal(str_print(room, sizeof(room), "%s/%d", "runs", 123).len, 0);
    assert_string_equal(room, "");
}

static void percent_escapes_go_both_ways(void **state)
{
    static const struct {
        const char *text;
        const char *encoded;
    } rows[] = {
        {"a-Z_0.9~", "a-Z_0.9~"},
        {"a b/c", "a%20b%2Fc"},
        {"\xC3\xA4", "%C3%A4"},
        {"%", "%25"},
        {"", ""},
    };

    static const char *const broken[] = {"%", "%4", "%zz", "a%g0"};
    struct arena arena;
    struct str out;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf buf;

        buf_init(&buf, 100);
        percent_encode(&buf, S(rows[i].text));
        assert_true(str_is(buf_view(&buf), rows[i].encoded));
        assert_true(percent_decode(&arena, buf_view(&buf), false, &out));
        assert_true(str_is(out, rows[i].text));
        buf_done(&buf);
    }
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        assert_false(percent_decode(&arena, S(broken[i]), false, &out));
    }
    assert_true(percent_decode(&arena, S("a+b"), true, &out) && str_is(out, "a b"));
    assert_true(percent_decode(&arena, S("a+b"), false, &out) && str_is(out, "a+b"));
    arena_done(&arena);
}

static void one_slip_is_one_letter(void **state)
{
    static const struct {
        const char *word;
        const char *meant;
        bool is_slip;
    } rows[] = {
        {"accept", "accept", true},
        {"Ac_cept", "ac-cept", true},
        {"acept", "accept", true},
        {"accept", "acept", true},
        {"ccept", "accept", true},
        {"accep", "accept", true},
        {"accepts", "accept", true},
        {"xaccept", "accept", true},
        {"axcept", "accept", true},
        {"accetp", "accept", true},
        {"caccept", "accept", true},
        {"cacept", "accept", true},
        {"acctpe", "accept", false},
        {"acet", "accept", false},
        {"acceptxx", "accept", false},
        {"bccepx", "accept", false},
        {"", "a", true},
        {"", "ab", false},
        {"ba", "ab", true},
        {"aa", "a", true},
        {"aab", "aba", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (is_slip_of(S(rows[i].word), S(rows[i].meant)) != rows[i].is_slip ||
            (edit_distance(S(rows[i].word), S(rows[i].meant), 1) <= 1) != rows[i].is_slip) {
            fail_msg("%s, %s", rows[i].word, rows[i].meant);
        }
    }
}

static void what_was_meant_is_the_nearest_that_is_not_too_far(void **state)
{
    static const struct {
        const char *word;
        const char *best;
    } rows[] = {
        {"clik", "click"},  {"lcick", "click"},
        {"CLICK", "click"}, {"naviagte", "navigate"},
        {"zzz", ""},        {"doubleclick", "double-click"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str best = nearest_among(S(rows[i].word), "click write navigate double-click");

        if (!str_is(best, rows[i].best)) {
            fail_msg("%s: %.*s", rows[i].word, STR_ARG(best));
        }
    }
    assert_int_equal(edit_distance(S("kitten"), S("sitting"), 9), 3);
    assert_true(edit_distance(S("kitten"), S("sitting"), 2) > 2);
}

static void words_are_joined_with_one_separator_between_two(void **state)
{
    struct arena arena;
    struct str list = STR_EMPTY;

    (void)state;
    arena_init(&arena);
    arena_join(&arena, &list, ", ", S("a"));
    assert_true(str_is(list, "a"));
    arena_join(&arena, &list, ", ", S("b"));
    arena_join(&arena, &list, ", ", S(""));
    assert_true(str_is(list, "a, b, "));
    assert_true(str_is(arena_time(&arena, 1769861112345), "2026-01-31T12:05:12.345Z"));
    arena_done(&arena);
}

static void markup_in_a_text_becomes_entities(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 256);
    markup_text(&out, S("<a href=\"x\" title='y'>&amp; \xc3\xa9\n"));
    assert_true(str_is(buf_view(&out), "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp; "
                                       "\xc3\xa9\n"));
    assert_null(markup_entity('a'));
    assert_null(markup_entity(0x10FFFF));
    buf_done(&out);
}

static void spans_of_time_are_a_number_and_its_unit(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: none */
    } rows[] = {
        {"2s", 2000},
        {"500ms", 500},
        {" 500 ms ", 500},
        {"1.5 S", 1500},
        {"0.001s", 1},
        {"1.5 min", 90000},
        {"1 hour", 3600000},
        {"0s", 0},
        {"2", -1},
        {"s", -1},
        {"", -1},
        {"-2s", -1},
        {"1.5ms", -1},
        {"2 parsecs", -1},
        {"1.2345s", -1},
        {"1,5 s", -1},
        {"9999999999h", -1},
        {"9999999999s", 9999999999000},
        {"99999999999s", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms = -1;

        if (span_read(S(rows[i].text), &ms) != (rows[i].ms >= 0) || ms != rows[i].ms) {
            fail_msg("%s: %lld", rows[i].text, (long long)ms);
        }
    }
    assert_true(str_is(span_unit_nearest(S("secnds")), "seconds"));
}

static void a_number_alone_is_milliseconds(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } rows[] = {{"0", 0},   {"2000", 2000}, {"2s", 2000}, {"1.5 s", 1500}, {"2001", -1},
                {"3s", -1}, {"-1", -1},     {"", -1},     {"ms", -1},      {"5 parsecs", -1}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms = -1;

        if (span_or_ms(S(rows[i].text), 2000, &ms) != (rows[i].ms >= 0) || ms != rows[i].ms) {
            fail_msg("%s: %lld", rows[i].text, (long long)ms);
        }
    }
}

int test_text(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_clamped_to_what_is_there),
        cmocka_unit_test(comparisons_are_of_bytes_or_of_ascii_letters),
        cmocka_unit_test(what_is_looked_for_is_found_at_its_first_place),
        cmocka_unit_test(blanks_and_quotes_come_off),
        cmocka_unit_test(a_text_is_cut_once_or_walked_word_by_word),
        cmocka_unit_test(a_text_is_looked_at_from_its_end_and_by_its_letters),
        cmocka_unit_test(a_word_is_one_of_several_or_means_yes_or_no),
        cmocka_unit_test(numbers_are_whole_texts_within_their_range),
        cmocka_unit_test(copies_end_in_nul_and_hashes_depend_on_the_seed),
        cmocka_unit_test(a_name_is_made_of_letters_digits_and_some_others),
        cmocka_unit_test(a_token_is_of_the_letters_of_its_rfc),
        cmocka_unit_test(a_text_has_room_or_is_left_out),
        cmocka_unit_test(percent_escapes_go_both_ways),
        cmocka_unit_test(one_slip_is_one_letter),
        cmocka_unit_test(what_was_meant_is_the_nearest_that_is_not_too_far),
        cmocka_unit_test(words_are_joined_with_one_separator_between_two),
        cmocka_unit_test(markup_in_a_text_becomes_entities),
        cmocka_unit_test(spans_of_time_are_a_number_and_its_unit),
        cmocka_unit_test(a_number_alone_is_milliseconds),
    };

    return cmocka_run_group_tests_name("base: text", tests, NULL, NULL);
}
