/* Lists as tables: what fits, what is cut, and what is not a table. */
#include "harness/cmocka.h"

#include "base/arena.h"
#include "cli/table.h"

static const struct {
    const char *list;
    size_t columns;
    const char *table; /* NULL: none */
} rows[] = {
    {"[{\"id\":\"1\",\"name\":\"Shop\"},{\"id\":\"23\",\"name\":\"A\",\"done\":true}]", 80,
     "id  name  done\n1   Shop\n23  A     true\n"},
    {"[{\"name\":\"A rather long name of a goal\",\"n\":5}]", 20,
     "name               n\nA rather long na…  5\n"},
    {"[{\"a\":\"x\\u001b[31m\",\"b\":null}]", 80, "a            b\nx\\u001B[31m\n"},
    {"[{\"a\":{\"b\":1}}]", 80, NULL},
    {"[1,2]", 80, NULL},
    {"{\"a\":1}", 80, NULL},
    {"[{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9}]", 80, NULL},
};

static void lists_become_tables(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct json *list = NULL;
        struct buf out;

        arena_init(&arena);
        buf_init(&out, 4096);
        assert_int_equal(json_parse(&arena, str_from(rows[i].list), NULL, &list, NULL), ERR_OK);
        assert_int_equal(table_write(&out, list, rows[i].columns), rows[i].table != NULL);
        if (rows[i].table != NULL) {
            assert_string_equal(buf_cstr(&out), rows[i].table);
        } else {
            assert_int_equal(out.len, 0);
        }
        buf_done(&out);
        arena_done(&arena);
    }
}

int test_table(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lists_become_tables)};

    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
