/* What a run and its tests came to, and why. */
#include "harness/cmocka.h"

#include "base/clock.h"
#include "run/run_internal.h"

int test_verdict(void);

enum { N_STEPS = 2 };

/* A run of one test with two steps, which exist and were executed. */
struct fixture {
    struct run run;
    struct run_goal goal;
    struct run_test test;
    struct run_step steps[N_STEPS];
    struct run_outcome outcomes[N_STEPS];
    struct plan plan;
};

static void fixture_init(struct fixture *f)
{
    *f = (struct fixture){
        .goal = {.execution = {.wanted = true,
                               .job_id = 2000121,
                               .status = STR_INIT("FINISHED"),
                               .outcome = STR_INIT("FAIL")}},
        .test = {.name = STR_INIT("T"),
                 .begun = true,
                 .status = TEST_CREATED,
                 .outcome = "FAIL",
                 .n_steps = N_STEPS},
        .run = {.execute = true, .wait = true, .n_goals = 1, .n_tests = 1},
    };
    f->run.goals = &f->goal;
    f->run.tests = &f->test;
    f->test.goal = &f->goal;
    f->test.steps = f->steps;
    for (unsigned i = 0; i < N_STEPS; i++) {
        f->outcomes[i].word = "PASS";
        f->steps[i] = (struct run_step){.text = STR_INIT("look"),
                                        .line = i + 3,
                                        .status = ROW_DONE,
                                        .executed = &f->outcomes[i]};
    }
}

static const struct {
    const char *outcomes[N_STEPS];
    const char *journey; /* NULL: the tree was not to be had */
    const char *execution;
    enum run_status status;
    const char *why;
} rows[] = {
    /* the first step is optional */
    {{"FAIL", "NOT_REACHED"}, "FAIL", "FAIL", RUN_FAILED, "failed at step 1 of 2, line 3: look"},
    {{"ERROR", "NOT_REACHED"}, NULL, "ERROR", RUN_FAILED, "failed at step 1 of 2, line 3: look"},
    {{"FAIL", "FAIL"}, "FAIL", "FAIL", RUN_FAILED, "failed at step 1 of 2, line 3: look"},
    {{"PASS", "FAIL"}, "FAIL", "FAIL", RUN_FAILED, "failed at step 2 of 2, line 4: look"},
    {{"FAIL", "PASS"}, "PASS", "PASS", RUN_PASSED, ""},
    {{"PASS", "PASS"},
     "FAIL",
     "FAIL",
     RUN_FAILED,
     "execution 2000121 ended with the outcome FAIL; which step was red is not known"},
};

static void the_red_step_is_named_also_if_it_is_optional(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;

        fixture_init(&f);
        f.steps[0].optional = true;
        f.test.outcome = rows[i].journey;
        f.goal.execution.outcome = str_from(rows[i].execution);
        for (size_t k = 0; k < N_STEPS; k++) {
            f.outcomes[k].word = rows[i].outcomes[k];
        }
        assert_int_equal(run_judge(&f.run, &f.plan), rows[i].status);
        assert_string_equal(f.run.error.text, rows[i].why);
        assert_int_equal(f.test.status, rows[i].status == RUN_PASSED ? TEST_PASSED : TEST_FAILED);
    }
}

/* The time is over while the platform cannot be asked: what it said last is not what is so. */
static void a_look_that_failed_is_told(void **state)
{
    struct error away = {.text = "execution state: HTTP 500", .upstream_status = 500};
    struct fixture f;

    (void)state;
    fixture_init(&f);
    f.goal.execution.status = STR("QUEUED");
    f.goal.execution.outcome = STR_EMPTY;
    f.test.outcome = NULL;
    f.plan.result = ERR_REQUEST_TIMEOUT;
    f.plan.options.deadline_ms = 5000;
    f.plan.away = &away;
    assert_int_equal(run_judge(&f.run, &f.plan), RUN_TIMED_OUT);
    assert_string_equal(f.run.error.text,
                        "gave up after 5 s; execution 2000121 is still QUEUED on the platform");
    f.plan.n_away = 1;
    f.run.error = (struct error){0};
    assert_int_equal(run_judge(&f.run, &f.plan), RUN_TIMED_OUT);
    assert_string_equal(
        f.run.error.text,
        "gave up after 5 s; execution 2000121 could not be looked at (it was QUEUED "
        "before): execution state: HTTP 500");
    assert_int_equal(f.run.error.upstream_status, 500);
}

int test_verdict(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_red_step_is_named_also_if_it_is_optional),
        cmocka_unit_test(a_look_that_failed_is_told),
    };

    return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
