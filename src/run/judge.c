/* What a run and its tests came to. Cancelled is a third result beside passed and failed: the
 * platform's CANCELED and FAILED jobs have no verdict about the tests (virtuoso.md section 5.5). */
#include "run_internal.h"

#include "base/clock.h"

static const char *const status_names[] = {
    [RUN_NEW] = "running",   [RUN_RUNNING] = "running",     [RUN_PASSED] = "passed",
    [RUN_FAILED] = "failed", [RUN_CANCELLED] = "cancelled", [RUN_TIMED_OUT] = "timed_out",
};

const char *run_status_name(enum run_status status)
{
    return status_names[status];
}

static bool is_ended(enum note_status status)
{
    return status == NOTE_DONE || status == NOTE_FAILED || status == NOTE_UNKNOWN;
}

/* Of a test whose steps are all behind it. */
static bool has_passed(const struct run_test *test)
{
    for (size_t i = 0; i < test->n_steps; i++) {
        const struct run_step *step = &test->steps[i];

        if (step->status != NOTE_DONE && !(step->optional && step->status == NOTE_FAILED)) {
            return false;
        }
    }
    return test->begun && !test->failed;
}

void test_judge(struct run_test *test)
{
    const struct run_step *last = test->n_steps > 0 ? &test->steps[test->n_steps - 1] : NULL;

    if (test->status != TEST_RUNNING || last == NULL ||
        !(test->failed || is_ended((enum note_status)last->status))) {
        return;
    }
    test->status = has_passed(test) ? TEST_PASSED : TEST_FAILED;
    test->ended_ms = clock_now_ms();
}

static void close_steps(struct run_test *test)
{
    for (size_t i = 0; i < test->n_steps; i++) {
        if (test->steps[i].status == NOTE_PENDING || test->steps[i].status == NOTE_RUNNING) {
            test->steps[i].status = NOTE_SKIPPED;
        }
    }
}

static void close_calls(struct run_call *calls, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (calls[i].status == NOTE_PENDING || calls[i].status == NOTE_RUNNING) {
            calls[i].status = NOTE_SKIPPED;
        }
    }
}

static void close_test(const struct run *run, struct run_test *test)
{
    close_steps(test);
    close_calls(test->calls, test->n_calls);
    if (test->status == TEST_RUNNING) {
        test->status = test->failed || run->halted ? TEST_FAILED : TEST_CANCELLED;
        test->ended_ms = clock_now_ms();
    } else if (test->status == TEST_PENDING) {
        test->status = test->goal != NULL && test->goal->failed ? TEST_FAILED : TEST_SKIPPED;
    }
}

static enum run_status judge_execution(const struct run_execution *execution, bool waits)
{
    if (!execution->wanted || (execution->job_id != 0 && !waits)) {
        return RUN_PASSED;
    }
    if (execution->job_id == 0 || execution->status.len == 0) {
        return RUN_FAILED;
    }
    if (!str_is(execution->status, "FINISHED")) {
        return execution->fault != NULL ? RUN_FAILED : RUN_CANCELLED;
    }
    return str_is(execution->outcome, "PASS") ? RUN_PASSED : RUN_FAILED;
}

static enum run_status worse(enum run_status a, enum run_status b)
{
    return a == RUN_FAILED || b == RUN_PASSED ? a : b;
}

static void explain_red(struct run *run, const struct run_goal *goal, enum run_status status)
{
    struct error err = {0};
    const struct run_execution *execution = &goal->execution;

    if (status == RUN_PASSED) {
        return;
    }
    (void)error_set(&err, ERR_UPSTREAM_REFUSED, "Execution %lld ended as %.*s %.*s",
                    (long long)execution->job_id, STR_ARG(execution->status),
                    STR_ARG(execution->outcome));
    run_note_error(run, &err);
}

enum run_status run_judge(struct run *run, const struct plan *plan)
{
    enum run_status status = RUN_PASSED;
    bool cut = plan->result != ERR_OK;

    for (size_t i = 0; i < run->n_goals; i++) {
        close_calls(run->goals[i].calls, run->goals[i].n_calls);
    }
    for (size_t i = 0; i < run->n_tests; i++) {
        close_test(run, &run->tests[i]);
        if (run->tests[i].status != TEST_PASSED) {
            status = RUN_FAILED;
        }
    }
    if (cut) {
        run_note_error(run, &plan->error);
        return run->stop_asked ? RUN_CANCELLED : RUN_TIMED_OUT;
    }
    for (size_t i = 0; i < run->n_goals && status != RUN_FAILED; i++) {
        enum run_status one = judge_execution(&run->goals[i].execution, run->wait);

        explain_red(run, &run->goals[i], one);
        status = worse(status, one);
    }
    return status;
}
