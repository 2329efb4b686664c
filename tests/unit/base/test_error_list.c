/* Lists of errors: bounded, with the number of those that are not kept. */
#include "harness/cmocka.h"

#include "base/error.h"

static void add(struct error_list *list, int n)
{
    for (int i = 0; i < n; i++) {
        size_t number = error_list_total(list) + 1;

        (void)error_at(error_list_add(list), ERR_INVALID, "/a", "error %zu", number);
    }
}

static void the_first_hundred_are_kept(void **state)
{
    struct error_list list;

    (void)state;
    error_list_init(&list);
    add(&list, 99);
    assert_false(error_list_is_full(&list));
    add(&list, 1);
    assert_true(error_list_is_full(&list));
    add(&list, 500);
    error_list_drop(&list);
    assert_int_equal(list.n, ERROR_LIST_MAX);
    assert_int_equal(error_list_total(&list), 601);
    assert_string_equal(list.items[0].text, "error 1");
    assert_string_equal(list.items[99].text, "error 100");
    error_list_done(&list);
}

static void a_list_may_keep_fewer(void **state)
{
    struct error_list list;
    struct error_list all;

    (void)state;
    error_list_init(&list);
    error_list_init(&all);
    list.max = 1;
    add(&list, 7);
    assert_int_equal(list.n, 1);
    assert_int_equal(list.n_dropped, 6);
    assert_string_equal(list.items[0].text, "error 1");
    add(&all, 98);
    error_list_append(&all, &list);
    error_list_append(&all, &list);
    error_list_append(&all, &list);
    assert_int_equal(all.n, 100);
    assert_int_equal(error_list_total(&all), 98 + 3 * 7);
    error_list_done(&list);
    error_list_done(&all);
}

int test_error_list(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_hundred_are_kept),
        cmocka_unit_test(a_list_may_keep_fewer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
