/* What a run and its tests came to. Cancelled is a third result beside passed and failed: the
 * platform's CANCELED and FAILED jobs have no verdict about the tests (PLATFORM.md,
 * "Executions"). */
#include "run_internal.h"

#include "base/clock.h"

static const char *const status_names[] = {
    [RUN_NEW] = "running",         [RUN_RUNNING] = "running", [RUN_CREATED] = "created",
    [RUN_PASSED] = "passed",       [RUN_FAILED] = "failed",   [RUN_CANCELLED] = "cancelled",
    [RUN_TIMED_OUT] = "timed_out",
};

const char *run_status_name(enum run_status status)
{
    return status_names[status];
}

static bool is_ended(enum row_status status)
{
    return status == ROW_DONE || status == ROW_FAILED || status == ROW_UNKNOWN;
}

/* True: all steps of the test exist, but for optional ones that failed. Asked when all have ended. */
static bool is_created(const struct run_test *test)
{
    for (size_t i = 0; i < test->n_steps; i++) {
        const struct run_step *step = &test->steps[i];

        if (step->status != ROW_DONE && !(step->optional && step->status == ROW_FAILED)) {
            return false;
        }
    }
    return test->begun && !test->failed;
}

void test_judge(struct run_test *test)
{
    const struct run_step *last = test->n_steps > 0 ? &test->steps[test->n_steps - 1] : NULL;

    if (test->status != TEST_RUNNING || last == NULL ||
        !(test->failed || is_ended((enum row_status)last->status))) {
        return;
    }
    test->status = is_created(test) ? TEST_CREATED : TEST_FAILED;
    test->ended_ms = clock_now_ms();
}

static void close_calls(struct run_call *calls, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (calls[i].status == ROW_PENDING || calls[i].status == ROW_RUNNING) {
            calls[i].status = ROW_SKIPPED;
        }
    }
}

static void close_test(const struct run *run, struct run_test *test)
{
    for (size_t i = 0; i < test->n_steps; i++) {
        if (test->steps[i].status == ROW_PENDING || test->steps[i].status == ROW_RUNNING) {
            test->steps[i].status = ROW_SKIPPED;
        }
    }
    close_calls(test->calls, test->n_calls);
    if (test->status == TEST_RUNNING) {
        test->status = test->failed || run->halted ? TEST_FAILED : TEST_CANCELLED;
        test->ended_ms = clock_now_ms();
    } else if (test->status == TEST_PENDING) {
        test->status = test->goal != NULL && test->goal->failed ? TEST_FAILED : TEST_SKIPPED;
    }
}

/* ---- executions ---- */

bool run_outcome_is_red(const char *outcome)
{
    return outcome != NULL && (str_is(STR("FAIL"), outcome) || str_is(STR("ERROR"), outcome));
}

static bool is_red_step(const struct run_step *step)
{
    return step->executed != NULL && run_outcome_is_red(step->executed->word);
}

/* `optional` is for the making of a step: the platform is not told of it. So an optional step makes its
 * journey red as any other does; where the journey is not red, neither is it. */
static const struct run_step *red_step(const struct run_test *test)
{
    bool red = test->outcome != NULL
                   ? run_outcome_is_red(test->outcome)
                   : test->goal != NULL && execution_is_red(&test->goal->execution);

    for (size_t i = 0; i < test->n_steps; i++) {
        const struct run_step *step = &test->steps[i];

        if (is_red_step(step) && (red || !step->optional)) {
            return step;
        }
    }
    return NULL;
}

/* For a test that exists and whose goal was executed: the result of its own journey or, if the tree
 * could not be read, that of the execution. */
static enum test_status judge_executed(const struct run_test *test)
{
    const struct run_execution *execution = &test->goal->execution;

    if (red_step(test) != NULL || run_outcome_is_red(test->outcome)) {
        return TEST_FAILED;
    }
    if (test->outcome != NULL && str_is(STR("PASS"), test->outcome)) {
        return TEST_PASSED;
    }
    if (execution_is_green(execution)) {
        return TEST_PASSED;
    }
    return execution_is_red(execution) && test->outcome == NULL ? TEST_FAILED : TEST_CANCELLED;
}

static void judge_tests(struct run *run)
{
    for (size_t i = 0; i < run->n_tests; i++) {
        struct run_test *test = &run->tests[i];

        if (run->wait && test->status == TEST_CREATED && test->goal != NULL &&
            test->goal->execution.wanted) {
            test->status = judge_executed(test);
        }
    }
}

static enum run_status judge_execution(const struct run_execution *execution, bool waits)
{
    if (!execution->wanted || (execution->job_id != 0 && !waits)) {
        return RUN_CREATED;
    }
    if (execution->job_id == 0 || execution->status.len == 0) {
        return RUN_FAILED;
    }
    if (!str_is(execution->status, "FINISHED")) {
        return execution->fault != NULL ? RUN_FAILED : RUN_CANCELLED;
    }
    return execution_is_green(execution) ? RUN_PASSED : RUN_FAILED;
}

/* Failed outweighs cancelled, which outweighs created, which outweighs passed. */
static enum run_status worse(enum run_status a, enum run_status b)
{
    static const enum run_status order[] = {RUN_FAILED, RUN_CANCELLED, RUN_CREATED};

    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        if (a == order[i] || b == order[i]) {
            return order[i];
        }
    }
    return RUN_PASSED;
}

/* ---- why ---- */

static bool explain_step(const struct run *run, const struct run_goal *goal, struct error *err)
{
    for (size_t i = 0; i < run->n_tests; i++) {
        const struct run_test *test = &run->tests[i];
        const struct run_step *step = test->goal == goal ? red_step(test) : NULL;
        struct str reason = step != NULL ? step->executed->reason : STR_EMPTY;
        bool named = run->n_tests > 1;

        if (step == NULL) {
            continue;
        }
        (void)error_set(
            err, ERR_UPSTREAM_REFUSED, "failed at step %zu of %zu%s%.*s%s, line %u: %.*s%s%.*s",
            (size_t)(step - test->steps) + 1, test->n_steps, named ? " of \"" : "",
            named ? (int)test->name.len : 0, test->name.ptr, named ? "\"" : "", step->line,
            STR_ARG(step->text), reason.len > 0 ? ": " : "", STR_ARG(reason));
        return true;
    }
    return false;
}

static void explain_execution(const struct run_execution *execution, struct error *err)
{
    if (!str_is(execution->status, "FINISHED")) {
        (void)error_set(err, ERR_UPSTREAM_REFUSED,
                        "the platform ended execution %lld as %.*s, without a result",
                        (long long)execution->job_id, STR_ARG(execution->status));
    } else {
        (void)error_set(err, ERR_UPSTREAM_REFUSED,
                        "execution %lld ended with the outcome %.*s; which step was red is not "
                        "known",
                        (long long)execution->job_id, STR_ARG(execution->outcome));
    }
}

static void explain(struct run *run, const struct run_goal *goal, enum run_status status)
{
    struct error err = {0};

    if ((status != RUN_FAILED && status != RUN_CANCELLED) || goal->execution.job_id == 0) {
        return; /* nothing was started, and the row of the start has said why */
    }
    if (!explain_step(run, goal, &err)) {
        explain_execution(&goal->execution, &err);
    }
    run_note_error(run, &err);
}

/* True: the execution was started, and the platform has not told its end. */
static bool goes_on(const struct run_execution *execution)
{
    return execution->job_id != 0 && !str_has_word("FINISHED CANCELED FAILED", execution->status);
}

/* Notes how long the run waited for each execution that goes on. */
static void note_time(struct run *run)
{
    for (size_t i = 0; i < run->n_goals; i++) {
        struct run_execution *execution = &run->goals[i].execution;

        if (execution->began_ms != 0 && run->wait && goes_on(execution)) {
            execution->us = (clock_now_ms() - execution->began_ms) * 1000;
        }
    }
}

/* Says what the last look at the execution told, or why it failed. */
static void explain_look(const struct run_execution *execution, const struct plan *plan,
                         struct error *err)
{
    unsigned seconds = plan->options.deadline_ms / 1000;

    if (plan->n_away == 0) {
        (void)error_set(err, ERR_REQUEST_TIMEOUT,
                        "gave up after %u s; execution %lld is still %.*s on the platform", seconds,
                        (long long)execution->job_id, STR_ARG(execution->status));
        return;
    }
    (void)error_set(
        err, ERR_REQUEST_TIMEOUT,
        "gave up after %u s; execution %lld could not be looked at (it was %.*s before): "
        "%s",
        seconds, (long long)execution->job_id,
        execution->status.len > 0 ? (int)execution->status.len : 7,
        execution->status.len > 0 ? execution->status.ptr : "started", plan->away->text);
    err->upstream_status = plan->away->upstream_status;
}

/* The deadline of the run has passed; an execution that was started goes on without the run. */
static void explain_lateness(struct run *run, const struct plan *plan)
{
    for (size_t i = 0; i < run->n_goals; i++) {
        const struct run_execution *execution = &run->goals[i].execution;

        if (goes_on(execution)) {
            struct error err = {0};

            explain_look(execution, plan, &err);
            run->error = err; /* it says more than the row's own error */
            return;
        }
    }
}

/* ---- the run ---- */

static enum run_status judge_creation(struct run *run)
{
    enum run_status status = RUN_PASSED;

    for (size_t i = 0; i < run->n_goals; i++) {
        close_calls(run->goals[i].calls, run->goals[i].n_calls);
    }
    for (size_t i = 0; i < run->n_tests; i++) {
        close_test(run, &run->tests[i]);
        if (run->tests[i].status != TEST_CREATED) {
            status = RUN_FAILED;
        }
    }
    return status;
}

bool run_status_read(struct str name, enum run_status *out)
{
    for (size_t i = RUN_CREATED; i < ARRAY_LEN(status_names); i++) {
        if (str_is(name, status_names[i])) {
            *out = (enum run_status)i;
            return true;
        }
    }
    return false;
}

void run_close_notes(struct run *run)
{
    (void)judge_creation(run);
    judge_tests(run);
}

enum run_status run_judge(struct run *run, const struct plan *plan)
{
    enum run_status status = judge_creation(run);

    if (plan->result != ERR_OK) {
        run_note_error(run, &plan->error);
        note_time(run);
        judge_tests(run);
        if (run->stop_asked) {
            return RUN_CANCELLED;
        }
        explain_lateness(run, plan);
        return RUN_TIMED_OUT;
    }
    if (run->n_goals == 0 && status != RUN_FAILED) {
        return RUN_CREATED;
    }
    for (size_t i = 0; i < run->n_goals && status != RUN_FAILED; i++) {
        enum run_status one = judge_execution(&run->goals[i].execution, run->wait);

        explain(run, &run->goals[i], one);
        status = worse(status, one);
    }
    judge_tests(run);
    return status;
}
