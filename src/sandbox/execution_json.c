/* What the platform tells about executions, field by field (PLATFORM.md, "Executions"). The fields
 * that leak are filled on purpose: meta.initialDataPerJourneySequence, sideEffects.usedData and
 * launchedByUser.email carry the initial data, the environment's variables and the canary. */
#include "execution.h"

enum { URL_MAX = 256 };

/* Epoch, ms; 0: not reached. */
static int64_t moment(const struct execution *execution, bool reached, uint64_t after_ms)
{
    return reached ? execution->thing.created_ms + (int64_t)after_ms : 0;
}

const char *final_outcome(const struct progress *progress, const struct tally *tally)
{
    if (!progress->ended || progress->execution->ending == ENDING_CANCELED) {
        return NULL;
    }
    if (tally->n[OUTCOME_ERROR] > 0 || progress->execution->ending == ENDING_FAILED) {
        return "ERROR";
    }
    return tally->n[OUTCOME_FAIL] > 0 ? "FAIL" : "PASS";
}

static double fraction(const struct progress *progress)
{
    if (progress->ended) {
        return 1.0;
    }
    return progress->execution->n_slots == 0
               ? 0.0
               : (double)progress->n_done / (double)progress->execution->n_slots;
}

static void write_counts(struct json_writer *w, const struct tally *tally)
{
    jw_shape(w, "countPerOutcome:{");
    for (int i = 0; i < (int)OUTCOME_N; i++) {
        jw_kv_int(w, outcome_name((enum outcome)i), (int64_t)tally->n[i]);
    }
    jw_end(w);
}

static void write_statistics(struct json_writer *w, const struct progress *progress,
                             const struct tally *tally)
{
    jw_shape(w, "journeyStatistics:{");
    write_counts(w, tally);
    jw_form(w, "outcome:%s, progress:%d, totalCount:%i}", final_outcome(progress, tally),
            fraction(progress), tally->n_total);
}

static void write_meta(struct json_writer *w, const struct execution *execution)
{
    jw_shape(w, "meta:{initialDataPerJourneySequence:{");
    for (size_t i = 0; i < execution->n_journeys; i++) {
        write_id_key(w, execution->journeys[i].id);
        jw_form(w, "{1:%j}", execution->variables);
    }
    jw_shape(w, "}, kind:'EXECUTION', valid:true, testSuiteIds:[");
    for (size_t i = 0; i < execution->n_journeys; i++) {
        jw_int(w, execution->journeys[i].id);
    }
    jw_form(w, "], executionRequest:%j}", execution->request);
}

static void write_status_members(struct json_writer *w, const struct progress *progress)
{
    const struct execution *execution = progress->execution;
    struct tally tally = execution_tally(progress);
    uint64_t ended_after = execution->queued_ms + progress->duration_ms;

    jw_form(w,
            "id:%i, type:'EXECUTION', triggerType:'INTERNAL_API', snapshotId:%i, "
            "goalId:%i, environmentId:%?i, submitDate:%i, startDate:%?i, endDate:%?i, "
            "status:%s, duration:%i",
            execution->thing.id, execution->snapshot->thing.id, execution->goal->thing.id,
            execution->environment != NULL ? execution->environment->thing.id : 0,
            execution->thing.created_ms, moment(execution, progress->started, execution->queued_ms),
            moment(execution, progress->ended, ended_after), progress->status,
            progress->duration_ms);
    write_meta(w, execution);
    jw_form(w, "tags:%j, launchedBy:%i", execution->tags, execution->launched_by);
    write_statistics(w, progress, &tally);
    jw_form(w,
            "outcome:%s, progress:%d, totalTestExecutions:%i, successfulTestExecutions:%i, "
            "skippedTestExecutions:%i, failedTestExecutions:%i, notReachedTestExecutions:%i",
            final_outcome(progress, &tally), fraction(progress), tally.n_total,
            tally.n[OUTCOME_PASS], tally.n[OUTCOME_SKIP],
            tally.n[OUTCOME_FAIL] + tally.n[OUTCOME_ERROR], tally.n[OUTCOME_NOT_REACHED]);
}

/* The answer to a start, and lastExecution of a goal: the main members of the status only. */
void write_execution_brief(struct json_writer *w, const struct execution *execution)
{
    struct progress progress = execution_progress(execution);
    struct tally tally = execution_tally(&progress);

    jw_form(w,
            "{id:%i, type:'EXECUTION', goalId:%i, snapshotId:%i, submitDate:%i, status:%s, "
            "outcome:%s}",
            execution->thing.id, execution->goal->thing.id, execution->snapshot->thing.id,
            execution->thing.created_ms, progress.status, final_outcome(&progress, &tally));
}

const struct run_journey *run_journey_find(const struct execution *execution, int64_t id)
{
    for (size_t i = 0; i < execution->n_journeys; i++) {
        if (execution->journeys[i].id == id) {
            return &execution->journeys[i];
        }
    }
    return NULL;
}

bool execution_has(const struct execution *execution, int64_t journey_id)
{
    return run_journey_find(execution, journey_id) != NULL;
}

void write_last_outcome(struct json_writer *w, const struct execution *execution,
                        int64_t journey_id)
{
    struct progress progress = execution_progress(execution);
    const struct run_journey *journey = run_journey_find(execution, journey_id);
    struct tally tally = {0};

    if (journey != NULL) {
        tally = journey_tally(&progress, journey);
    }
    jw_form(w, "{id:%i, submitDate:%i, status:%s, statistics:{outcome:%s", execution->thing.id,
            execution->thing.created_ms, progress.status,
            outcome_name(tally_outcome(&progress, &tally)));
    write_counts(w, &tally);
    jw_form(w, "totalDuration:%i}}", tally.duration_ms);
}

bool outcome_is_red(enum outcome outcome)
{
    return outcome == OUTCOME_FAIL || outcome == OUTCOME_ERROR;
}

void write_failure(struct json_writer *w, enum outcome outcome, const struct step *step)
{
    if (!outcome_is_red(outcome)) {
        jw_shape(w, "failureReason:null");
        return;
    }
    jw_form(w, "failureReason:{type:%s, message:%s, action:%s}",
            outcome == OUTCOME_FAIL ? "ASSERTION_FAILED" : "STEP_ERROR",
            outcome == OUTCOME_FAIL ? "The sandbox was asked to let this step fail"
                                    : "The sandbox was asked to let this step crash",
            step->action);
}

static void write_pictures(struct json_writer *w, struct str pictures, int64_t step, bool was_run)
{
    static const char *const keys[] = {"screenshot", "screenshotFullPath", "beforeScreenshot",
                                       "beforeScreenshotFullPath"};

    struct buf url;

    buf_init(&url, URL_MAX);
    buf_printf(&url, "%.*s/%lld.png", STR_ARG(pictures), (long long)step);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        jw_kv_text(w, keys[i], was_run ? buf_cstr(&url) : NULL);
    }
    buf_done(&url);
}

void write_run_step(struct json_writer *w, const struct progress *progress,
                    const struct run_step *run)
{
    enum outcome outcome = step_outcome(progress, run);
    bool was_run = outcome == OUTCOME_PASS || outcome_is_red(outcome);

    jw_form(w,
            "{id:%i, testStepId:%i, testStepCanonicalId:%s, outcome:%s, duration:%i, "
            "totalDuration:%i",
            run->id, run->id, run->step->thing.canonical, outcome_name(outcome),
            step_duration(progress, run), step_duration(progress, run));
    write_pictures(w, progress->execution->pictures, run->id, was_run);
    jw_form(w,
            "testDataValue:null, sideEffects:{usedData:%j, warnings:[], downloadedFiles:[], "
            "discoveredElement:null}, eventsFile:null, sideEffectsSummary:{usedData:%i, "
            "warnings:0, downloadedFiles:0, popup:false, hasDiscoveredElement:false, total:%i}",
            was_run ? progress->execution->variables : STR("{}"), was_run, was_run);
    write_failure(w, outcome, run->step);
    jw_end(w);
}

static void write_run_case(struct json_writer *w, const struct progress *progress,
                           const struct run_case *run)
{
    struct tally tally = case_tally(progress, run);

    jw_form(w,
            "{testCaseId:%i, testCaseCanonicalId:%s, libraryCheckpoint:%?i, title:%s, "
            "outcome:%s, totalDuration:%i, testSteps:{",
            run->id, run->canonical, run->library_id, run->title,
            outcome_name(tally_outcome(progress, &tally)), tally.duration_ms);
    for (size_t i = 0; i < run->n_steps; i++) {
        write_id_key(w, run->steps[i].id);
        write_run_step(w, progress, &run->steps[i]);
    }
    jw_shape(w, "}}");
}

/* The execution is scheduled as soon as it is submitted; the sandbox never throttles. */
static void write_tracking(struct json_writer *w, const struct progress *progress)
{
    const struct execution *execution = progress->execution;

    jw_form(w,
            "tracking:{scheduled:true, dispatched:%b, processed:%b, throttled:false, "
            "createdDate:%i, scheduledDate:%i, dispatchedDate:%?i, processedDate:%?i}",
            progress->started, progress->ended, execution->thing.created_ms,
            execution->thing.created_ms, moment(execution, progress->started, execution->queued_ms),
            moment(execution, progress->ended, execution->queued_ms + progress->duration_ms));
}

void write_run_journey(struct json_writer *w, const struct progress *progress,
                       const struct run_journey *run)
{
    struct tally tally = journey_tally(progress, run);

    jw_form(w,
            "{testSuiteId:%i, testSuiteCanonicalId:%s, title:%s, outcome:%s, "
            "totalDuration:%i, dataDriven:false",
            run->id, run->canonical, run->title, outcome_name(tally_outcome(progress, &tally)),
            tally.duration_ms);
    write_statistics(w, progress, &tally);
    jw_shape(w, "libraryCheckpoints:{}, testCases:{");
    for (size_t i = 0; i < run->n_cases; i++) {
        write_id_key(w, run->cases[i].id);
        write_run_case(w, progress, &run->cases[i]);
    }
    jw_end(w);
    write_tracking(w, progress);
    jw_end(w);
}

int handle_execution_status(struct call *call)
{
    const struct execution *execution = call->thing;
    struct progress progress = execution_progress(execution);

    jw_object(call->w);
    write_status_members(call->w, &progress);
    jw_end(call->w);
    return 200;
}

void write_job(struct call *call, const struct execution *execution)
{
    struct progress progress = execution_progress(execution);

    jw_object(call->w);
    write_status_members(call->w, &progress);
    if (execution->plan != NULL) {
        jw_form(call->w, "plan:{id:%i}}", execution->plan->thing.id);
    } else {
        jw_shape(call->w, "plan:null}");
    }
}

int handle_execution_tree(struct call *call)
{
    const struct execution *execution = call->thing;
    struct progress progress = execution_progress(execution);
    struct json_writer *w = call->w;

    jw_object(w);
    write_status_members(w, &progress);
    jw_form(w,
            "launchedByUser:{userId:%i, email:%s, name:'Sandbox User', active:true}, "
            "totalDuration:%i, testSuites:{",
            call->tenant->user_id,
            arena_printf(call->arena, "%s@leak.example", call->state->canary),
            progress.duration_ms);
    for (size_t i = 0; i < execution->n_journeys; i++) {
        write_id_key(w, execution->journeys[i].id);
        write_run_journey(w, &progress, &execution->journeys[i]);
    }
    jw_shape(w, "}}");
    return 200;
}
