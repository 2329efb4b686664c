/* Lines of CSV to cells. */
#include "harness/cmocka.h"

#include "data/csv.h"

int test_csv(void);

static void a_line_is_cut_into_its_cells(void **state)
{
    static const struct {
        const char *text;
        const char *cells; /* as JSON; NULL: refused */
        const char *rest;
    } rows[] = {
        {"a,b", "[\"a\",\"b\"]", ""},
        {"a,b\nc", "[\"a\",\"b\"]", "c"},
        {"a,b\r\nc", "[\"a\",\"b\"]", "c"},
        {"a,", "[\"a\",\"\"]", ""},
        {"\n", "[\"\"]", ""},
        {"\"x,\"\"y\"\"\nz\",2\n3", "[\"x,\\\"y\\\"\\nz\",\"2\"]", "3"},
        {"1,2,3,4,5", "[\"1\",\"2\",\"3\",\"4\"]", "5"},
        {"\"open", NULL, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct json *cells;
        struct str rest = str_from(rows[i].text);
        size_t n = 0;

        arena_init(&arena);
        cells = json_new_array(&arena);
        if (csv_row(&arena, &rest, 3, cells, &n) != (rows[i].cells != NULL)) {
            fail_msg("%s", rows[i].text);
        }
        if (rows[i].cells != NULL) {
            assert_string_equal(json_text(&arena, cells).ptr, rows[i].cells);
            assert_true(str_is(rest, rows[i].rest));
            assert_int_equal(n, json_size(cells));
        }
        arena_done(&arena);
    }
}

int test_csv(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_line_is_cut_into_its_cells)};

    return cmocka_run_group_tests_name("data: CSV", tests, NULL, NULL);
}
