/* Values as YAML: what is written reads back as the same value. */
#include "harness/cmocka.h"

#include "base/buf.h"
#include "data/json.h"
#include "data/node.h"

static void every_value_reads_back(void **state)
{
    static const char *const values[] = {
        "{}",
        "[]",
        "null",
        "\"\"",
        "{\"a\": 1, \"b\": [1, -2.5, 12345678901234567890, true, false, null], \"c\": {\"d\": {}}}",
        "[[1, [2, []]], {\"x\": [{\"y\": \"z\"}]}, \"w\"]",
        "{\"\": \"empty name\", \"a b\": \"- item\", \"k: v\": \"# no\", \"true\": \"true\", \"1\": \"1\"}",
        "[\"null\", \"~\", \"yes\", \"1e3\", \"0x1\", \"a\\nb\", \"tab\\t\", \"\\\"q\\\"\", \"back\\\\\", \" x \", \"'\"]",
        "[\"\\u00fc\", \"\\ud83d\\ude00\", \"{a}\", \"[a]\", \"&a\", \"*a\", \"!a\", \"%a\", \"@a\", \"a: b\"]",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        struct arena arena;
        struct json *value = NULL;
        struct node_stream stream;
        struct error_list errors;
        struct buf text;

        arena_init(&arena);
        error_list_init(&errors);
        buf_init(&text, 65536);
        assert_int_equal(json_parse(&arena, str_from(values[i]), NULL, &value, NULL), ERR_OK);
        yaml_write_json(&text, value, 0);
        if (yaml_parse(&arena, buf_view(&text), NULL, &stream, &errors) != ERR_OK ||
            !json_equal(node_to_json(&arena, stream.documents), value)) {
            fail_msg("%s became\n%s", values[i], buf_cstr(&text));
        }
        buf_done(&text);
        error_list_done(&errors);
        arena_done(&arena);
    }
}

static void it_is_block_yaml_and_safe_for_a_terminal(void **state)
{
    static const char value[] = "{\"num\":1,\"list\":[\"\\u001b[31m\",{\"a\":\"b\"}],\"none\":[]}";
    static const char expected[] = "  num: 1\n  list:\n    - \"\\u001B[31m\"\n    - a: b\n"
                                   "  none: []\n";
    struct arena arena;
    struct json *node = NULL;
    struct buf text;

    (void)state;
    arena_init(&arena);
    buf_init(&text, 1024);
    assert_int_equal(json_parse(&arena, str_from(value), NULL, &node, NULL), ERR_OK);
    yaml_write_json(&text, node, 2);
    assert_string_equal(buf_cstr(&text), expected);
    buf_done(&text);
    arena_done(&arena);
}

int test_yaml_write(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_reads_back),
        cmocka_unit_test(it_is_block_yaml_and_safe_for_a_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
