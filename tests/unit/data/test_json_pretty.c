/* JSON for people: two spaces a level, and the same document. */
#include "harness/cmocka.h"

#include "base/arena.h"
#include "base/buf.h"
#include "data/json.h"

static const struct {
    const char *compact;
    const char *pretty;
} rows[] = {
    {"{}", "{}"},
    {"[]", "[]"},
    {"\"x\"", "\"x\""},
    {"{\"a\":1}", "{\n  \"a\": 1\n}"},
    {"[1,[],{}]", "[\n  1,\n  [],\n  {}\n]"},
    {"{\"a\":{\"b\":[true,null]},\"c\":\"{[,:]}\\\"\\\\\"}",
     "{\n  \"a\": {\n    \"b\": [\n      true,\n      null\n    ]\n  },\n  \"c\": "
     "\"{[,:]}\\\"\\\\\"\n}"},
    {"[\"[\",\"\"]", "[\n  \"[\",\n  \"\"\n]"},
};

static void documents_are_broken_at_their_marks(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct json *root = NULL;
        struct json *again = NULL;
        struct buf out;

        arena_init(&arena);
        buf_init(&out, 4096);
        assert_int_equal(json_parse(&arena, str_from(rows[i].compact), NULL, &root, NULL), ERR_OK);
        json_print_pretty(&out, root);
        assert_string_equal(buf_cstr(&out), rows[i].pretty);
        assert_int_equal(json_parse(&arena, buf_view(&out), NULL, &again, NULL), ERR_OK);
        assert_true(json_equal(root, again));
        buf_done(&out);
        arena_done(&arena);
    }
}

int test_json_pretty(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(documents_are_broken_at_their_marks)};

    return cmocka_run_group_tests_name("json_pretty", tests, NULL, NULL);
}
