/* Whose is a step that looks like a lost one: told, perhaps still to be told, or free. */
#include "harness/cmocka.h"

#include "step/ledger.h"

int test_ledger(void);

static enum ledger_answer ask(const struct ledger *ledger, int64_t step_id, uint64_t since,
                              uint64_t seen)
{
    const struct ledger_question question = {
        .step_id = step_id, .checkpoint_id = 1, .since = since, .seen = seen};

    return ledger_ask(ledger, &question);
}

static void a_step_that_somebody_was_told_of_is_not_free(void **state)
{
    struct ledger *ledger = ledger_new();

    (void)state;
    assert_int_equal(ask(ledger, 7, 0, ledger_now(ledger)), LEDGER_FREE);
    ledger_tell(ledger, 7);
    assert_int_equal(ask(ledger, 7, 0, ledger_now(ledger)), LEDGER_TOLD);
    assert_int_equal(ask(ledger, 8, 0, ledger_now(ledger)), LEDGER_FREE);
    /* Told before the steps were counted, and not among them: an id that is used again. */
    assert_int_equal(ask(ledger, 7, ledger_now(ledger), ledger_now(ledger)), LEDGER_FREE);
    ledger_free(ledger);
}

static void creates_of_the_same_checkpoint_that_began_before_are_waited_for(void **state)
{
    struct ledger *ledger = ledger_new();
    struct ledger_mark before = {0};
    struct ledger_mark elsewhere = {0};
    struct ledger_mark after = {0};
    uint64_t seen;

    (void)state;
    ledger_begin(ledger, &before, 1);
    ledger_begin(ledger, &elsewhere, 2);
    seen = ledger_now(ledger);
    ledger_begin(ledger, &after, 1);
    assert_int_equal(ask(ledger, 7, 0, seen), LEDGER_WAIT);
    ledger_end(&before);
    ledger_end(&before);
    assert_int_equal(ask(ledger, 7, 0, seen), LEDGER_FREE);
    ledger_end(&elsewhere);
    ledger_end(&after);
    ledger_free(ledger);
}

static void who_is_alone_in_a_checkpoint_is_known(void **state)
{
    struct ledger *ledger = ledger_new();
    struct ledger_mark mark = {0};
    struct ledger_mark other = {0};
    uint64_t mine;
    uint64_t seen;

    (void)state;
    ledger_begin(ledger, &mark, 7);
    mine = mark.number;
    ledger_end(&mark);
    assert_true(ledger_is_alone(ledger, 7, mine));
    ledger_begin(ledger, &other, 8);
    assert_true(ledger_is_alone(ledger, 7, mine));
    seen = ledger_look(ledger, 7);
    assert_true(ledger_is_alone(ledger, 7, seen));
    assert_false(
        ledger_is_alone(ledger, 8, ledger_look(ledger, 8))); /* it may land after the look */
    ledger_end(&other);
    assert_true(ledger_is_alone(ledger, 8, ledger_look(ledger, 8)));
    ledger_begin(ledger, &mark, 7); /* the very next one after the look */
    assert_false(ledger_is_alone(ledger, 7, mine));
    assert_false(ledger_is_alone(ledger, 7, seen));
    ledger_end(&mark);
    assert_true(ledger_is_alone(ledger, 7, ledger_look(ledger, 7)));
    ledger_free(ledger);
}

static void what_is_forgotten_is_not_free(void **state)
{
    struct ledger *ledger = ledger_new();
    uint64_t began = ledger_now(ledger);

    (void)state;
    for (int64_t id = 1; id <= LEDGER_MAX; id++) {
        ledger_tell(ledger, id);
    }
    assert_int_equal(ask(ledger, 1, began, 0), LEDGER_TOLD);
    assert_int_equal(ask(ledger, LEDGER_MAX + 1, began, 0), LEDGER_FREE);
    assert_false(ledger_is_doubtful(ledger, began));
    ledger_tell(ledger, LEDGER_MAX + 1);
    assert_int_equal(ask(ledger, 1, began, 0), LEDGER_TOLD); /* nobody knows any more */
    assert_true(ledger_is_doubtful(ledger, began));
    assert_int_equal(ask(ledger, 1, ledger_now(ledger), 0), LEDGER_FREE);
    assert_false(ledger_is_doubtful(ledger, ledger_now(ledger)));
    ledger_free(ledger);
    ledger_free(NULL);
}

int test_ledger(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_that_somebody_was_told_of_is_not_free),
        cmocka_unit_test(creates_of_the_same_checkpoint_that_began_before_are_waited_for),
        cmocka_unit_test(who_is_alone_in_a_checkpoint_is_known),
        cmocka_unit_test(what_is_forgotten_is_not_free),
    };

    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
