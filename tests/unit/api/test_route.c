/* The lookup of a path: by its hash where a row has no parameters, among the rows otherwise; both say the same. */
#include "harness/cmocka.h"

#include "api/gate/route.h"
#include "base/mem.h"

int test_route(void);

enum { EVERYWHERE = (1U << PLACE_N) - 1 };

static const struct route rows[] = {
    {.method = "GET", .pattern = "/health/live"},
    {.method = "GET", .pattern = "/items"},
    {.method = "POST", .pattern = "/items"},
    {.method = "GET", .pattern = "/items/{id}"},
    {.method = "GET", .pattern = "/items/newest"}, /* behind a parameter: never reached */
    {.method = "DELETE", .pattern = "/items/newest"},
    {.method = "GET", .pattern = "/direct/{path*}"},
    {.method = "GET", .pattern = "/direct/of/files"}, /* behind one of several segments */
    {.method = "GET", .pattern = "/metrics", .place = PLACE_METRICS},
    {.method = "GET", .pattern = "/a/b/c/d/e/f/g/{h}"},
    {.method = "GET", .pattern = "/"},
};

static struct route_table table;

static int open_table(void **state)
{
    (void)state;
    table = (struct route_table){.rows = rows, .n = ARRAY_LEN(rows)};
    route_table_open(&table);
    return 0;
}

/* The number of the row; -1: not found; -2: found, but not for this method. */
static int find(unsigned places, const char *method, const char *path)
{
    struct arena arena;
    struct route_match match;
    struct error err = {0};
    struct route_wanted wanted = {places, str_from(method), str_from(path)};
    enum error_code code;

    arena_init(&arena);
    code = route_find(&table, &arena, &wanted, &match, &err);
    arena_done(&arena);
    return code == ERR_OK ? (int)(match.route - rows) : code == ERR_METHOD_NOT_ALLOWED ? -2 : -1;
}

static void a_path_leads_to_its_row(void **state)
{
    static const struct {
        const char *method;
        const char *path;
        int row;
    } cases[] = {
        {"GET", "/health/live", 0},
        {"HEAD", "/health/live", 0},
        {"POST", "/health/live", -2},
        {"GET", "/health/live/", 0},
        {"GET", "/health/%6cive", 0},
        {"GET", "/health/livE", -1},
        {"GET", "/health", -1},
        {"GET", "/items", 1},
        {"POST", "/items", 2},
        {"HEAD", "/items", 1},
        {"PUT", "/items", -2},
        {"GET", "/items/7", 3},
        {"GET", "/items/newest", 3},
        {"DELETE", "/items/newest", 5},
        {"DELETE", "/items/7", -2},
        {"GET", "/direct/x", 6},
        {"GET", "/direct/of/files", 6},
        {"GET", "/direct", -1},
        {"GET", "/direct/a/b/c/d/e/f/g/h/i/j", 6},
        {"GET", "/metrics", 8},
        {"GET", "/a/b/c/d/e/f/g/h", 9},
        {"GET", "/a/b/c/d/e/f/g", -1},
        {"GET", "/a/b/c/d/e/f/g/h/i", -1},
        {"GET", "/", 10},
        {"GET", "/health/../items", -1},
        {"GET", "//items", -1},
        {"", "/items", -2},
        {"GET", "/item", -1},
        {"GET", "/itemss", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int row = find(EVERYWHERE, cases[i].method, cases[i].path);

        if (row != cases[i].row) {
            fail_msg("%s %s: row %d, not %d", cases[i].method, cases[i].path, row, cases[i].row);
        }
    }
}

static void parameters_are_taken_out(void **state)
{
    struct arena arena;
    struct route_match match;
    struct error err = {0};
    struct route_wanted wanted = {EVERYWHERE, STR("GET"), STR("/items/a%20b")};

    (void)state;
    arena_init(&arena);
    assert_int_equal(route_find(&table, &arena, &wanted, &match, &err), ERR_OK);
    assert_true(str_is(match.params[0], "a b"));
    wanted.path = STR("/direct/x/y/z");
    assert_int_equal(route_find(&table, &arena, &wanted, &match, &err), ERR_OK);
    assert_true(str_is(match.params[0], "x y z"));
    wanted.path = STR("/items");
    wanted.method = STR("PUT");
    assert_int_equal(route_find(&table, &arena, &wanted, &match, &err), ERR_METHOD_NOT_ALLOWED);
    assert_true(str_is(match.allow, "GET, HEAD, POST, OPTIONS"));
    arena_done(&arena);
}

static void a_row_of_another_place_is_not_there(void **state)
{
    (void)state;
    assert_int_equal(find(1U << PLACE_METRICS, "GET", "/metrics"), 8);
    assert_int_equal(find(1U << PLACE_TRAFFIC, "GET", "/metrics"), -1);
    assert_int_equal(find(1U << PLACE_METRICS, "GET", "/items"), -1);
}

int test_route(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_path_leads_to_its_row, open_table),
        cmocka_unit_test_setup(parameters_are_taken_out, open_table),
        cmocka_unit_test_setup(a_row_of_another_place_is_not_there, open_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
