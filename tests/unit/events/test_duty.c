/* Work that one process of all does at a time: two holders of leases, with a clock that the test drives. */
#include "harness/cmocka.h"

#include "../store/holders.h"
#include "events/duty.h"

int test_duty(void);

static struct holders holders;

struct worker {
    struct duty duty;
    bool fails; /* it cannot open its file */
    unsigned n_begun;
};

static struct worker workers[N_HOLDERS];

static void on_begin(struct duty *duty)
{
    struct worker *worker = CONTAINER_OF(duty, struct worker, duty);

    worker->n_begun++;
    if (worker->fails) {
        duty_yield(duty);
    }
}

static void on_end(struct duty *duty)
{
    (void)duty;
}

static void start(size_t i, bool fails)
{
    workers[i] = (struct worker){
        .duty = {.name = "consumer:work", .on_begin = on_begin, .on_end = on_end}, .fails = fails};
    duty_open(&workers[i].duty, &holders.stage.loop, holders.keeps[i]);
}

static int set_up(void **state)
{
    (void)state;
    holders_open(&holders);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_HOLDERS; i++) {
        duty_close(&workers[i].duty);
    }
    holders_close(&holders);
    holders_done(&holders);
    return 0;
}

static void who_yields_lets_the_other_one_work(void **state)
{
    (void)state;
    start(0, false);
    holders_pass(&holders, 100);
    start(1, false);
    holders_pass(&holders, KEEP_TTL_MS);
    assert_true(duty_lasts(&workers[0].duty));
    assert_int_equal(workers[1].n_begun, 0);
    duty_yield(&workers[0].duty);
    assert_false(duty_lasts(&workers[0].duty));
    holders_pass(&holders, KEEP_WATCH_MS + 500);
    assert_true(duty_lasts(&workers[1].duty));
    holders_pass(&holders, (uint64_t)4 * KEEP_TTL_MS);
    assert_true(duty_lasts(&workers[1].duty)); /* it stays there */
    assert_int_equal(workers[0].n_begun, 1);
}

/* Each time it is asked for anew; the one that can work gets it for good. */
static void who_cannot_work_does_not_keep_the_duty(void **state)
{
    (void)state;
    start(0, true);
    holders_pass(&holders, (uint64_t)2 * KEEP_TTL_MS);
    assert_in_range(workers[0].n_begun, 2, 3);
    assert_false(workers[0].duty.is_on);
    start(1, false);
    holders_pass(&holders, KEEP_WATCH_MS + 500);
    assert_true(duty_lasts(&workers[1].duty));
}

int test_duty(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_yields_lets_the_other_one_work, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_cannot_work_does_not_keep_the_duty, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("duty", tests, NULL, NULL);
}
