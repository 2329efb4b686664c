/* What clients ask about an execution besides its status: analysis, one step, one journey. */
#include "execution.h"

#include "data/query.h"

static void write_red_steps(struct json_writer *w, const struct progress *progress,
                            const struct run_journey *journey, const struct run_case *run_case)
{
    for (size_t i = 0; i < run_case->n_steps; i++) {
        const struct run_step *step = &run_case->steps[i];
        enum outcome outcome = step_outcome(progress, step);

        if (outcome_is_red(outcome)) {
            jw_form(w,
                    "{testSuiteId:%i, testCaseId:%i, testStepId:%i, journey:%s, checkpoint:%s, "
                    "outcome:%s",
                    journey->id, run_case->id, step->id, journey->title, run_case->title,
                    outcome_name(outcome));
            write_failure(w, outcome, step->step);
            jw_end(w);
        }
    }
}

int handle_execution_analysis(struct call *call)
{
    const struct execution *execution = call->thing;
    struct json_writer *w = call->w;
    struct progress progress = execution_progress(execution);
    struct tally tally = {0};

    for (size_t i = 0; i < execution->n_journeys; i++) {
        struct tally one = journey_tally(&progress, &execution->journeys[i]);

        tally_add(&tally, &one);
    }
    jw_form(w,
            "{executionId:%i, status:%s, outcome:%s, total:%i, passed:%i, failed:%i, "
            "errors:[",
            execution->thing.id, progress.status, final_outcome(&progress, &tally), tally.n_total,
            tally.n[OUTCOME_PASS], tally.n[OUTCOME_FAIL] + tally.n[OUTCOME_ERROR]);
    for (size_t i = 0; i < execution->n_journeys; i++) {
        for (size_t k = 0; k < execution->journeys[i].n_cases; k++) {
            write_red_steps(w, &progress, &execution->journeys[i],
                            &execution->journeys[i].cases[k]);
        }
    }
    jw_form(w, "], aiInsights:%s}",
            query_true(call, "includeAI") ? "The sandbox has no opinion" : NULL);
    return 200;
}

const struct run_step *run_step_find(const struct execution *execution, const int64_t ids[3])
{
    const struct run_journey *journey = run_journey_find(execution, ids[0]);

    for (size_t i = 0; journey != NULL && i < journey->n_cases; i++) {
        const struct run_case *run_case = &journey->cases[i];

        for (size_t k = 0; run_case->id == ids[1] && k < run_case->n_steps; k++) {
            if (run_case->steps[k].id == ids[2]) {
                return &run_case->steps[k];
            }
        }
    }
    return NULL;
}

int handle_execution_step(struct call *call)
{
    const struct execution *execution = call->thing;
    const struct run_step *step = run_step_find(execution, call->ids + 1);
    struct progress progress;

    if (step == NULL) {
        return refuse_unknown(call, "Step of this execution", call->ids[3]);
    }
    progress = execution_progress(execution);
    write_run_step(call->w, &progress, step);
    return 200;
}

/* The report of a journey in this execution; NULL: in the last execution of the journey. */
static int write_report(struct call *call, const struct execution *execution, int64_t suite_id)
{
    const struct journey *journey = thing_find(call->tenant, THING_JOURNEY, suite_id);
    const struct run_journey *run;
    struct progress progress;

    if (execution == NULL && journey == NULL) {
        return refuse_unknown(call, "Journey", suite_id);
    }
    execution = execution == NULL ? journey->last_execution : execution;
    run = execution == NULL ? NULL : run_journey_find(execution, suite_id);
    if (run == NULL) {
        return refuse_unknown(call, "Execution of journey", suite_id);
    }
    progress = execution_progress(execution);
    write_run_journey(call->w, &progress, run);
    return 200;
}

/* suiteId[]=1&suiteId[]=2: reports by journey id. */
static int write_reports(struct call *call, const struct execution *execution,
                         const struct id_list *suites)
{
    jw_object(call->w);
    for (size_t i = 0; i < suites->n; i++) {
        int status;

        write_id_key(call->w, suites->ids[i]);
        status = write_report(call, execution, suites->ids[i]);
        if (status != 200) {
            return status;
        }
    }
    jw_end(call->w);
    return 200;
}

/* GET /testsuites/execution?suiteId=&jobId=: the report of one journey. suiteId[]: the reports of
 * several. Without jobId: of the last execution of each. */
int handle_execution_journey(struct call *call)
{
    const struct execution *execution = NULL;
    struct id_list suites;
    struct str one;

    if (!ask_number(call, "jobId", 1, &call->ids[0]) || !ask_ids(call, "suiteId", &suites)) {
        return call->status;
    }
    if (call->ids[0] != 0 &&
        (execution = need_thing(call, THING_EXECUTION, call->ids[0])) == NULL) {
        return call->status;
    }
    if (suites.n == 0) {
        return refuse_without(call, "suiteId");
    }
    /* suiteId[] is answered with a map, even if it names one journey only. */
    return suites.n == 1 && query_find(call->arena, call->request->query, "suiteId", &one)
               ? write_report(call, execution, suites.ids[0])
               : write_reports(call, execution, &suites);
}

/* --- failures explained in words */

/* The first red step of the journey; NULL: none. */
static const struct run_step *first_red_step(const struct progress *progress,
                                             const struct run_journey *journey,
                                             const struct run_case **out_case)
{
    for (size_t i = 0; i < journey->n_cases; i++) {
        *out_case = &journey->cases[i];
        for (size_t k = 0; k < (*out_case)->n_steps; k++) {
            if (outcome_is_red(step_outcome(progress, &(*out_case)->steps[k]))) {
                return &(*out_case)->steps[k];
            }
        }
    }
    return NULL;
}

/* POST /executions/{}/failures/explain {testSuiteId, sequence, humanReadableCheckpointList}: the
 * platform asks a language model; the sandbox names the step. */
int handle_failures_explain(struct call *call)
{
    const struct execution *execution = call->thing;
    const struct run_journey *journey;
    const struct run_case *run_case = NULL;
    const struct run_step *step;
    struct progress progress;
    struct str text = STR("Nothing failed in this journey.");
    int64_t id;

    if (!body_id(call, "testSuiteId", &id)) {
        return refuse_without(call, "testSuiteId");
    }
    journey = run_journey_find(execution, id);
    if (journey == NULL) {
        return refuse_unknown(call, "Execution of journey", id);
    }
    progress = execution_progress(execution);
    step = first_red_step(&progress, journey, &run_case);
    if (step != NULL) {
        text = arena_printf(call->arena, "The step %.*s of \"%.*s\" ended as %s.",
                            STR_ARG(step->step->action), STR_ARG(run_case->title),
                            outcome_name(step_outcome(&progress, step)));
    }
    jw_form(call->w, "{executionId:%i, testSuiteId:%i, explanation:%s}", execution->thing.id, id,
            text);
    return 200;
}
