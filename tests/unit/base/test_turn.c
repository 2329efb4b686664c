/* Turns: one at a time, in order, whoever gives up. */
#include "harness/cmocka.h"

#include "base/turn.h"

enum { N = 5 };

static struct later later;
static struct turns turns;
static struct turn all[N];
static int order[N];
static int n_told;

static void on_turn(struct turn *turn)
{
    assert_true(turn->holds);
    order[n_told++] = (int)(turn - all);
}

static void begin(void)
{
    later_init(&later);
    turns_init(&turns, &later);
    for (int i = 0; i < N; i++) {
        all[i] = (struct turn){0};
    }
    n_told = 0;
    assert_true(turn_take(&turns, &all[0], on_turn));
    for (int i = 1; i < N; i++) {
        assert_false(turn_take(&turns, &all[i], on_turn));
    }
    assert_int_equal(turns.n_waiting, N - 1);
}

static void each_has_its_turn_in_order(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < N; i++) {
        assert_int_equal(turn_give(&all[i]), i == N - 1);
        assert_int_equal(n_told, i); /* never from inside */
        (void)later_run(&later);
    }
    assert_int_equal(n_told, N - 1);
    for (int i = 0; i < N - 1; i++) {
        assert_int_equal(order[i], i + 1);
    }
    assert_false(turn_give(&all[0])); /* again */
}

static void who_gives_up_is_passed_over(void **state)
{
    (void)state;
    begin();
    assert_false(turn_give(&all[2])); /* while it waits */
    assert_false(turn_give(&all[0]));
    assert_false(turn_give(&all[1])); /* between its turn being due and being told */
    (void)later_run(&later);
    assert_int_equal(n_told, 1);
    assert_int_equal(order[0], 3);
    assert_false(turn_give(&all[3]));
    assert_true(turn_give(&all[4]));
    assert_true(later_is_empty(&later));
    assert_int_equal(turns.n_waiting, 0);
}

int test_turn(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_its_turn_in_order),
        cmocka_unit_test(who_gives_up_is_passed_over),
    };

    return cmocka_run_group_tests_name("turn", tests, NULL, NULL);
}
