/* Running the goals that were made, and what came of it (PLATFORM.md, "Executions"). One look
 * at a job per runs.poll_ms, however many watch the run. */
#include "share_internal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/utf8.h"

enum { WORD_MAX = 40, PICTURE_MAX = 2048, STATES_MAX = 1000 /* events of one execution */ };

bool execution_is_green(const struct run_execution *execution)
{
    return str_is(execution->status, "FINISHED") && str_is(execution->outcome, "PASS");
}

bool execution_is_red(const struct run_execution *execution)
{
    return str_is(execution->status, "FINISHED") &&
           (str_is(execution->outcome, "FAIL") || str_is(execution->outcome, "ERROR"));
}

/* A row of the first attempt is wanted when all tests of the goal exist, a row of a later
 * attempt when the attempt before it was red. The rows that follow an execution belong to the
 * attempt that was started. */
static bool is_wanted(const struct run_row *row)
{
    const struct run *run = row->run;
    const struct run_execution *execution = &row->goal->execution;

    for (size_t i = 0; i < run->n_tests; i++) {
        if (run->tests[i].goal == row->goal && run->tests[i].status != TEST_CREATED) {
            return false;
        }
    }
    if (row->call->setup != SETUP_EXECUTE) {
        return execution->job_id != 0 && execution->attempt == row->call->attempt;
    }
    return row->call->attempt == 0 ||
           (execution->attempt + 1 == row->call->attempt && execution_is_red(execution));
}

static unsigned percent(const struct json *answer)
{
    double progress = json_double(json_find(answer, "/item/progress /progress"));

    progress = progress > 1 ? 1 : progress;
    return progress > 0 ? (unsigned)(progress * 100 + 0.5) : 0;
}

/* True: something has changed since the last look. */
static bool take_state(struct run *run, struct run_execution *execution, const struct json *answer)
{
    struct str status = utf8_clip(json_str(json_find(answer, "/item/status /status")), WORD_MAX);
    struct str outcome = utf8_clip(json_str(json_find(answer, "/item/outcome /outcome")), WORD_MAX);
    unsigned progress = percent(answer);

    if (str_eq(execution->status, status) && str_eq(execution->outcome, outcome) &&
        execution->progress == progress) {
        return false;
    }
    execution->status = run_keep(run, status);
    execution->outcome = run_keep(run, outcome);
    execution->progress = progress;
    return true;
}

void execution_tell_state(struct run *run, struct run_goal *goal)
{
    struct run_execution *execution = &goal->execution;

    if (execution->n_told++ >= STATES_MAX) {
        return;
    }
    run_tell(run,
             &(struct run_event){
                 .kind = EVENT_EXECUTION,
                 .of_goal = true,
                 .of.goal = goal,
                 .what.state = arena_printf(&run->kept, "%.*s %.*s %u", STR_ARG(execution->status),
                                            STR_ARG(execution->outcome), execution->progress)
                                   .ptr});
}

bool execution_before(struct plan *plan, const struct run_row *row)
{
    if (row->run->environment_id.len > 0) {
        plan_set(plan, "environment", json_new_raw_number(plan->arena, row->run->environment_id));
    }
    if (row->run->adopted && row->call->setup != SETUP_EXECUTE) { /* another process started it */
        plan_set_int(plan, "execution_id", row->goal->execution.job_id);
    }
    return is_wanted(row);
}

/* Forgets the outcomes of the attempt before. */
void execution_forget_outcomes(struct run *run, const struct run_goal *goal)
{
    for (size_t i = 0; i < run->n_tests; i++) {
        struct run_test *test = &run->tests[i];

        if (test->goal != goal) {
            continue;
        }
        test->outcome = NULL;
        test->executed_ms = 0;
        for (size_t k = 0; k < test->n_steps; k++) {
            test->steps[k].executed = NULL;
        }
    }
}

enum plan_verdict execution_started(struct run_row *row, const struct json *answer)
{
    struct run_execution *execution = &row->goal->execution;
    struct plan *plan = row->run->plan;

    if (!json_to_i64(plan_get(plan, "execution_id"), &execution->job_id)) {
        return PLAN_FAIL;
    }
    row->call->id = execution->job_id;
    execution->attempt = row->call->attempt;
    execution_forget_outcomes(row->run, row->goal);
    execution->began_ms = clock_now_ms();
    (void)take_state(row->run, execution, answer);
    execution_tell_state(row->run, row->goal);
    return PLAN_NEXT;
}

/* Any other word means that the execution goes on (PLATFORM.md, "Executions"). */
bool execution_is_over(const struct json *answer)
{
    struct str status = json_str(json_find(answer, "/item/status /status"));

    return str_is(status, "FINISHED") || str_is(status, "CANCELED") || str_is(status, "FAILED");
}

static void note_fact(const struct run *run, const struct run_execution *execution)
{
    const struct fact_id id = {"job_id", execution->job_id};

    if (str_is(execution->status, "CANCELED")) {
        run_note_fact(run, FACT_EXECUTION_CANCELED, "canceled", &id);
    } else if (str_is(execution->outcome, "PASS")) {
        run_note_fact(run, FACT_EXECUTION_FINISHED, "passed", &id);
    } else {
        run_note_fact(run, FACT_EXECUTION_FAILED, "failed", &id);
    }
}

enum plan_verdict execution_followed(struct run_row *row, const struct json *answer,
                                     uint64_t *delay_ms)
{
    struct run_execution *execution = &row->goal->execution;

    *delay_ms = row->run->store->options.poll_ms;
    execution->us = (clock_now_ms() - execution->began_ms) * 1000;
    if (take_state(row->run, execution, answer)) {
        execution_tell_state(row->run, row->goal);
    }
    if (!execution_is_over(answer)) {
        return PLAN_AGAIN;
    }
    note_fact(row->run, execution);
    return PLAN_NEXT;
}

/* ---- what became of each step ---- */

struct place {
    int64_t id;
    struct run_step *step;
};

static int compare_places(const void *a, const void *b)
{
    int64_t x = ((const struct place *)a)->id;
    int64_t y = ((const struct place *)b)->id;

    return (x > y) - (x < y);
}

static struct place *places_of(struct run *run, const struct run_goal *goal, size_t *out_n)
{
    struct place *places;
    size_t n = 0;

    for (size_t i = 0; i < run->n_tests; i++) {
        n += run->tests[i].n_steps;
    }
    places = arena_calloc(&run->work, n, sizeof(*places));
    *out_n = 0;
    for (size_t i = 0; i < run->n_tests; i++) {
        const struct run_test *test = &run->tests[i];

        for (size_t k = 0; test->goal == goal && k < test->n_steps; k++) {
            if (test->steps[k].step_id != 0) {
                places[(*out_n)++] = (struct place){test->steps[k].step_id, &test->steps[k]};
            }
        }
    }
    qsort(places, *out_n, sizeof(*places), compare_places);
    return places;
}

/* The platform's words; others are not passed on. */
const char *execution_outcome_word(struct str text)
{
    static const char *const words[] = {"PASS", "FAIL", "ERROR", "SKIP", "NOT_REACHED", "RUNNING"};
    const char *const *word = ROW_NAMED(text, words);

    return word != NULL ? *word : NULL;
}

static uint64_t duration_of(const struct json *item, const char *names)
{
    int64_t ms = 0;

    return json_to_i64(json_find(item, names), &ms) && ms > 0 ? (uint64_t)ms : 0;
}

static void take_outcome(struct run *run, struct run_step *step, const struct json *item)
{
    struct str reason = json_str(json_find(item, "/failureReason/message /failureReason"));
    struct str url = json_str(json_find(item, "/screenshotFullPath /screenshot"));
    struct run_outcome *outcome = arena_zalloc(&run->kept, sizeof(*outcome));
    struct error err = {0};

    step->executed = outcome;
    outcome->ms = duration_of(item, "/totalDuration /duration");
    /* An address that a page may show; the platform keeps its screenshots at absolute ones. */
    if (url.len <= PICTURE_MAX &&
        (str_starts(url, STR("https://")) || str_starts(url, STR("http://")))) {
        outcome->picture = arena_str(&run->kept, url);
    }
    outcome->word = execution_outcome_word(json_str(json_get(item, "outcome")));
    if (run_outcome_is_red(outcome->word)) {
        (void)error_set(&err, ERR_UPSTREAM_REFUSED, "%.*s", STR_ARG(utf8_clip(reason, 300)));
        outcome->reason = arena_str(&run->kept, str_from(err.text));
    }
}

static void take_steps(struct run *run, const struct json *steps, const struct place *places,
                       size_t n)
{
    const struct json *item;

    JSON_FOREACH (item, steps) {
        struct place wanted = {0};
        const struct place *found;

        if (!json_to_i64(json_find(item, "/testStepId /id"), &wanted.id)) {
            continue;
        }
        found = bsearch(&wanted, places, n, sizeof(*places), compare_places);
        if (found != NULL) {
            take_outcome(run, found->step, item);
        }
    }
}

/* The tree is keyed by the ids of the journeys; some answers repeat the id inside. */
static void take_journey(const struct run_row *row, const struct json *journey)
{
    int64_t id = 0;

    if (!json_to_i64(json_find(journey, "/testSuiteId /id"), &id) &&
        !str_to_i64(json_name(journey), 1, INT64_MAX, &id)) {
        return;
    }
    for (size_t i = 0; i < row->run->n_tests; i++) {
        struct run_test *test = &row->run->tests[i];

        if (test->goal == row->goal && test->ids.journey_id == id) {
            test->outcome = execution_outcome_word(json_str(json_get(journey, "outcome")));
            test->executed_ms = duration_of(journey, "/totalDuration");
        }
    }
}

void execution_outcomes(struct run_row *row, const struct json *answer)
{
    size_t n;
    struct place *places = places_of(row->run, row->goal, &n);
    const struct json *journey;
    const struct json *checkpoint;

    JSON_FOREACH (journey, json_find(answer, "/item/testSuites /testSuites")) {
        take_journey(row, journey);
        JSON_FOREACH (checkpoint, json_get(journey, "testCases")) {
            take_steps(row->run, json_get(checkpoint, "testSteps"), places, n);
        }
    }
    if (row->run->log != NULL) {
        record_outcomes(row->run, row->goal);
    }
}
