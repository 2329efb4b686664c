/* Trees: what is read is what was written, and what cannot be read in one way only is refused. */
#include "harness/cmocka.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "data/json.h"

int test_json(void);

static void texts_are_decoded_whatever_stands_in_them(void **state)
{
    static const struct {
        const char *json;
        const char *text;
    } rows[] = {
        {"\"\"", ""},
        {"\"eight by\"", "eight by"},
        {"\"a longer text without any escape\"", "a longer text without any escape"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"before \\u00e9\\u20AC behind it\"", "before \xC3\xA9\xE2\x82\xAC behind it"},
        {"\"\\ud83d\\ude00\"", "\xF0\x9F\x98\x80"},
        {"\"\xC3\xA9t\xC3\xA9 \\n\xC3\xA9\x7F\"", "\xC3\xA9t\xC3\xA9 \n\xC3\xA9\x7F"},
        {"\"7 bytes\\\\and then more than eight\"", "7 bytes\\and then more than eight"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct json *root = NULL;
        struct json *again = NULL;

        arena_init(&arena);
        assert_int_equal(json_parse(&arena, str_from(rows[i].json), NULL, &root, NULL), ERR_OK);
        assert_string_equal(arena_cstr(&arena, json_str(root)), rows[i].text);
        assert_int_equal(json_parse(&arena, json_text(&arena, root), NULL, &again, NULL), ERR_OK);
        assert_true(json_equal(root, again));
        arena_done(&arena);
    }
}

/* Each of these behind each other, with as many plain characters in between as there may be in a word. */
static void what_is_escaped_may_stand_anywhere(void **state)
{
    static const struct {
        const char *json;
        const char *text;
    } odd[] = {{"\\n", "\n"},
               {"\\\\", "\\"},
               {"\\\"", "\""},
               {"\\u00e9", "\xC3\xA9"},
               {"\xC3\xA9", "\xC3\xA9"},
               {"\\ud83d\\ude00", "\xF0\x9F\x98\x80"},
               {"\x7F", "\x7F"},
               {"", ""}};

    enum { N = ARRAY_LEN(odd), RUN_MAX = 20 };

    static const char plain[RUN_MAX + 1] = "abcdefghijklmnopqrst";

    (void)state;
    for (size_t i = 0; i < (size_t)N * N * (RUN_MAX + 1); i++) {
        int run = (int)(i / N / N);
        struct arena arena;
        struct json *root = NULL;
        struct str text;

        arena_init(&arena);
        text = arena_printf(&arena, "[\"%.*s%s%.*s%s%.*s\",1]", run, plain, odd[i % N].json, run,
                            plain, odd[i / N % N].json, run, plain);
        assert_int_equal(json_parse(&arena, text, NULL, &root, NULL), ERR_OK);
        text = arena_printf(&arena, "%.*s%s%.*s%s%.*s", run, plain, odd[i % N].text, run, plain,
                            odd[i / N % N].text, run, plain);
        assert_true(str_eq(json_str(json_first(root)), text));
        text = json_text(&arena, root);
        assert_int_equal(json_parse(&arena, text, NULL, &root, NULL), ERR_OK);
        assert_int_equal(json_size(root), 2);
        arena_done(&arena);
    }
}

static void a_tree_is_its_own_and_prints_as_it_was_written(void **state)
{
    static const char text[] =
        "{\"id\":12345678901234567890,\"n\":-0.50e+1,\"l\":[1,\"x\",null,true,"
        "{\"in\":{}}],\"name\":\"a\\nb\",\"e\":[]}";
    char heard[sizeof(text)];
    struct arena arena;
    struct json *root = NULL;
    struct json *copy;

    (void)state;
    arena_init(&arena);
    memcpy(heard, text, sizeof(text));
    assert_int_equal(json_parse(&arena, (struct str){heard, sizeof(heard) - 1}, NULL, &root, NULL),
                     ERR_OK);
    memset(heard, '#', sizeof(heard)); /* the caller's buffer takes the next request */
    assert_string_equal(arena_cstr(&arena, json_text(&arena, root)), text);
    copy = json_copy(&arena, root);
    json_remove(root, STR("l"));
    json_set(root, STR("id"), json_new_int(&arena, 7));
    assert_string_equal(arena_cstr(&arena, json_text(&arena, root)),
                        "{\"n\":-0.50e+1,\"name\":\"a\\nb\",\"e\":[],\"id\":7}");
    assert_string_equal(arena_cstr(&arena, json_text(&arena, copy)), text);
    arena_done(&arena);
}

static void places_are_told_in_lines_and_characters(void **state)
{
    struct arena arena;
    struct json *root = NULL;
    unsigned line;
    unsigned column;

    (void)state;
    arena_init(&arena);
    assert_int_equal(json_parse(&arena, STR("{\"\xC3\xA9\": \"\xC3\xA9\\u00e9\", \"b\":\n [17]}"),
                                NULL, &root, NULL),
                     ERR_OK);
    json_position(json_first(root), &line, &column);
    assert_int_equal(line, 1);
    assert_int_equal(column, 7);
    json_position(json_first(json_get(root, "b")), &line, &column);
    assert_int_equal(line, 2);
    assert_int_equal(column, 3);
    arena_done(&arena);
}

/* {"n0":0,…,"n`again`":…} with `n` different names and the last one said a second time. */
static struct str twice(struct arena *arena, unsigned n, unsigned again)
{
    struct buf text;
    struct str copy;

    buf_init(&text, 65536);
    buf_char(&text, '{');
    for (unsigned i = 0; i <= n; i++) {
        buf_printf(&text, "%s\"n%u\":%u", i > 0 ? "," : "", i < n ? i : again, i);
    }
    buf_char(&text, '}');
    copy = arena_str(arena, buf_view(&text));
    buf_done(&text);
    return copy;
}

/* Small objects and large ones are looked through in different ways. */
static void a_name_that_stands_twice_is_found_in_any_object(void **state)
{
    static const unsigned sizes[] = {1, 2, 31, 32, 33, 100, 2000};
    const struct json_limits last_wins = {.allow_duplicate_names = true};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct arena arena;
        struct json *root = NULL;
        struct error err = {0};
        int64_t value;

        arena_init(&arena);
        for (unsigned at = 0; at < sizes[i]; at += 1 + sizes[i] / 8) {
            struct str text = twice(&arena, sizes[i], at);
            const char *name = arena_cstr(&arena, arena_printf(&arena, "n%u", at));

            assert_int_equal(json_parse(&arena, text, NULL, &root, &err), ERR_BAD_JSON);
            assert_non_null(strstr(
                err.text, arena_cstr(&arena, arena_printf(&arena, "\"%s\" stands twice", name))));
            assert_int_equal(json_parse(&arena, text, &last_wins, &root, NULL), ERR_OK);
            assert_int_equal(json_size(root), sizes[i]);
            assert_true(json_to_i64(json_get(root, name), &value));
            assert_int_equal(value, sizes[i]);
            assert_int_equal(json_int(json_get(root, name), -1), value);
            assert_int_equal(json_int(json_get(root, "m"), -1), -1);
            assert_true(str_eq(json_plain(json_get(root, name), &arena), arena_int(&arena, value)));
            assert_true(json_plain(root, &arena).len == 0);
            assert_int_equal(json_get_int(root, name, -1), sizes[i]);
            assert_int_equal(json_get_int(root, "no such name", -1), -1);
        }
        assert_int_equal(json_parse(&arena, twice(&arena, sizes[i], sizes[i]), NULL, &root, NULL),
                         ERR_OK);
        arena_done(&arena);
    }
}

static void what_is_no_json_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *json;
        unsigned line;
        unsigned column;
    } rows[] = {
        {"", 1, 1},
        {"{\"a\":1,}", 1, 8},
        {"[1 2]", 1, 4},
        {"\"a\tb\"", 1, 3},
        {"\"eight by", 1, 1},
        {"\"\\x\"", 1, 3},
        {"\"\\u0000\"", 1, 3},
        {"\"\\ud83d\"", 1, 8},
        {"01", 1, 2},
        {"[1.]", 1, 4},
        {"\n\n nul", 3, 2},
        {"{\"a\" 1}", 1, 6},
        {"1 1", 1, 3},
        {"\"\xC3\"", 1, 2},
        {"[\"\\u12\"]", 1, 4},
        {"\"\\", 1, 1},
        {"[\"\xC3\xA4\", \"\xC3\xA4 b]\n", 1, 7},
        {"{\n\"a: 1\r\n}", 2, 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct json *root = NULL;
        struct error err = {0};

        arena_init(&arena);
        assert_int_equal(json_parse(&arena, str_from(rows[i].json), NULL, &root, &err),
                         ERR_BAD_JSON);
        assert_null(root);
        assert_int_equal(err.line, rows[i].line);
        assert_int_equal(err.column, rows[i].column);
        arena_done(&arena);
    }
}

int test_json(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_decoded_whatever_stands_in_them),
        cmocka_unit_test(what_is_escaped_may_stand_anywhere),
        cmocka_unit_test(a_tree_is_its_own_and_prints_as_it_was_written),
        cmocka_unit_test(places_are_told_in_lines_and_characters),
        cmocka_unit_test(a_name_that_stands_twice_is_found_in_any_object),
        cmocka_unit_test(what_is_no_json_is_refused_with_its_place),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
