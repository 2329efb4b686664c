/* Query strings as pairs. */
#include "harness/cmocka.h"

#include "data/query.h"

int test_query(void);

static void a_query_is_pairs(void **state)
{
    struct arena arena;
    struct str rest = STR("a=1&b&c=x%20y&=z");
    struct str name;
    struct str value;

    (void)state;
    arena_init(&arena);
    assert_true(query_find(&arena, rest, "c", &value) && str_is(value, "x y"));
    assert_false(query_find(&arena, rest, "d", &value));
    assert_true(query_next(&arena, &rest, &name, &value));
    assert_true(str_is(name, "a") && str_is(value, "1"));
    assert_true(query_next(&arena, &rest, &name, &value));
    assert_true(str_is(name, "b") && value.len == 0);
    assert_true(query_next(&arena, &rest, &name, &value));
    assert_true(str_is(name, "c"));
    arena_done(&arena);
}

int test_query(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_query_is_pairs)};

    return cmocka_run_group_tests_name("data: query", tests, NULL, NULL);
}
