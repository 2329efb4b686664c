/* What the platform tells about executions, field by field (PLATFORM.md, "Executions"). The fields
 * that leak are filled on purpose: meta.initialDataPerJourneySequence, sideEffects.usedData and
 * launchedByUser.email carry the initial data, the environment's variables and the canary. */
#include "execution.h"

enum { URL_MAX = 256 };

static void write_moment(struct json_writer *w, const char *key, const struct execution *execution,
                         bool reached, uint64_t after_ms)
{
    jw_key(w, key);
    if (reached) {
        jw_int(w, execution->thing.created_ms + (int64_t)after_ms);
    } else {
        jw_null(w);
    }
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
    jw_key(w, "countPerOutcome");
    jw_object(w);
    for (int i = 0; i < (int)OUTCOME_N; i++) {
        jw_kv_int(w, outcome_name((enum outcome)i), (int64_t)tally->n[i]);
    }
    jw_end(w);
}

static void write_statistics(struct json_writer *w, const struct progress *progress,
                             const struct tally *tally)
{
    jw_key(w, "journeyStatistics");
    jw_object(w);
    write_counts(w, tally);
    jw_kv_text(w, "outcome", final_outcome(progress, tally));
    jw_key(w, "progress");
    jw_double(w, fraction(progress));
    jw_kv_int(w, "totalCount", (int64_t)tally->n_total);
    jw_end(w);
}

static void write_meta(struct json_writer *w, const struct execution *execution)
{
    jw_key(w, "meta");
    jw_object(w);
    jw_key(w, "initialDataPerJourneySequence");
    jw_object(w);
    for (size_t i = 0; i < execution->n_journeys; i++) {
        write_id_key(w, execution->journeys[i].id);
        jw_object(w);
        jw_kv_raw(w, "1", execution->variables);
        jw_end(w);
    }
    jw_end(w);
    jw_kv_text(w, "kind", "EXECUTION");
    jw_kv_bool(w, "valid", true);
    jw_key(w, "testSuiteIds");
    jw_array(w);
    for (size_t i = 0; i < execution->n_journeys; i++) {
        jw_int(w, execution->journeys[i].id);
    }
    jw_end(w);
    jw_kv_raw(w, "executionRequest", execution->request);
    jw_end(w);
}

static void write_status_members(struct json_writer *w, const struct progress *progress)
{
    const struct execution *execution = progress->execution;
    struct tally tally = execution_tally(progress);
    uint64_t ended_after = execution->queued_ms + progress->duration_ms;

    jw_kv_int(w, "id", execution->thing.id);
    jw_kv_text(w, "type", "EXECUTION");
    jw_kv_text(w, "triggerType", "INTERNAL_API");
    jw_kv_int(w, "snapshotId", execution->snapshot->thing.id);
    jw_kv_int(w, "goalId", execution->goal->thing.id);
    jw_key(w, "environmentId");
    if (execution->environment != NULL) {
        jw_int(w, execution->environment->thing.id);
    } else {
        jw_null(w);
    }
    jw_kv_int(w, "submitDate", execution->thing.created_ms);
    write_moment(w, "startDate", execution, progress->started, execution->queued_ms);
    write_moment(w, "endDate", execution, progress->ended, ended_after);
    jw_kv_text(w, "status", progress->status);
    jw_kv_int(w, "duration", (int64_t)progress->duration_ms);
    write_meta(w, execution);
    jw_kv_raw(w, "tags", execution->tags);
    jw_kv_int(w, "launchedBy", execution->launched_by);
    write_statistics(w, progress, &tally);
    jw_kv_text(w, "outcome", final_outcome(progress, &tally));
    jw_key(w, "progress");
    jw_double(w, fraction(progress));
    jw_kv_int(w, "totalTestExecutions", (int64_t)tally.n_total);
    jw_kv_int(w, "successfulTestExecutions", (int64_t)tally.n[OUTCOME_PASS]);
    jw_kv_int(w, "skippedTestExecutions", (int64_t)tally.n[OUTCOME_SKIP]);
    jw_kv_int(w, "failedTestExecutions", (int64_t)(tally.n[OUTCOME_FAIL] + tally.n[OUTCOME_ERROR]));
    jw_kv_int(w, "notReachedTestExecutions", (int64_t)tally.n[OUTCOME_NOT_REACHED]);
}

/* The answer to a start, and lastExecution of a goal: the status without what it carries. */
void write_execution_brief(struct json_writer *w, const struct execution *execution)
{
    struct progress progress = execution_progress(execution);
    struct tally tally = execution_tally(&progress);

    jw_object(w);
    jw_kv_int(w, "id", execution->thing.id);
    jw_kv_text(w, "type", "EXECUTION");
    jw_kv_int(w, "goalId", execution->goal->thing.id);
    jw_kv_int(w, "snapshotId", execution->snapshot->thing.id);
    jw_kv_int(w, "submitDate", execution->thing.created_ms);
    jw_kv_text(w, "status", progress.status);
    jw_kv_text(w, "outcome", final_outcome(&progress, &tally));
    jw_end(w);
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

const struct snapshot *execution_snapshot(const struct execution *execution)
{
    return execution->snapshot;
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
    jw_object(w);
    jw_kv_int(w, "id", execution->thing.id);
    jw_kv_int(w, "submitDate", execution->thing.created_ms);
    jw_kv_text(w, "status", progress.status);
    jw_key(w, "statistics");
    jw_object(w);
    jw_kv_text(w, "outcome", outcome_name(tally_outcome(&progress, &tally)));
    write_counts(w, &tally);
    jw_kv_int(w, "totalDuration", (int64_t)tally.duration_ms);
    jw_end(w);
    jw_end(w);
}

bool outcome_is_red(enum outcome outcome)
{
    return outcome == OUTCOME_FAIL || outcome == OUTCOME_ERROR;
}

void write_failure(struct json_writer *w, enum outcome outcome, const struct step *step)
{
    jw_key(w, "failureReason");
    if (!outcome_is_red(outcome)) {
        jw_null(w);
        return;
    }
    jw_object(w);
    jw_kv_text(w, "type", outcome == OUTCOME_FAIL ? "ASSERTION_FAILED" : "STEP_ERROR");
    jw_kv_text(w, "message",
               outcome == OUTCOME_FAIL ? "The sandbox was asked to let this step fail"
                                       : "The sandbox was asked to let this step crash");
    jw_kv_str(w, "action", step->action);
    jw_end(w);
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

    jw_object(w);
    jw_kv_int(w, "id", run->id);
    jw_kv_int(w, "testStepId", run->id);
    jw_kv_text(w, "testStepCanonicalId", run->step->thing.canonical);
    jw_kv_text(w, "outcome", outcome_name(outcome));
    jw_kv_int(w, "duration", (int64_t)step_duration(progress, run));
    jw_kv_int(w, "totalDuration", (int64_t)step_duration(progress, run));
    write_pictures(w, progress->execution->pictures, run->id, was_run);
    jw_kv_text(w, "testDataValue", NULL);
    jw_key(w, "sideEffects");
    jw_object(w);
    jw_kv_raw(w, "usedData", was_run ? progress->execution->variables : STR("{}"));
    jw_kv_raw(w, "warnings", STR("[]"));
    jw_kv_raw(w, "downloadedFiles", STR("[]"));
    jw_kv_text(w, "discoveredElement", NULL);
    jw_end(w);
    jw_kv_text(w, "eventsFile", NULL);
    jw_key(w, "sideEffectsSummary");
    jw_object(w);
    jw_kv_int(w, "usedData", was_run ? 1 : 0); /* how many; the values are in sideEffects */
    jw_kv_int(w, "warnings", 0);
    jw_kv_int(w, "downloadedFiles", 0);
    jw_kv_bool(w, "popup", false);
    jw_kv_bool(w, "hasDiscoveredElement", false);
    jw_kv_int(w, "total", was_run ? 1 : 0);
    jw_end(w);
    write_failure(w, outcome, run->step);
    jw_end(w);
}

static void write_run_case(struct json_writer *w, const struct progress *progress,
                           const struct run_case *run)
{
    struct tally tally = case_tally(progress, run);

    jw_object(w);
    jw_kv_int(w, "testCaseId", run->id);
    jw_kv_text(w, "testCaseCanonicalId", run->canonical);
    write_optional_id(w, "libraryCheckpoint", run->library_id);
    jw_kv_str(w, "title", run->title);
    jw_kv_text(w, "outcome", outcome_name(tally_outcome(progress, &tally)));
    jw_kv_int(w, "totalDuration", (int64_t)tally.duration_ms);
    jw_key(w, "testSteps");
    jw_object(w);
    for (size_t i = 0; i < run->n_steps; i++) {
        write_id_key(w, run->steps[i].id);
        write_run_step(w, progress, &run->steps[i]);
    }
    jw_end(w);
    jw_end(w);
}

/* Queued all the time before the start; nothing is ever throttled here. */
static void write_tracking(struct json_writer *w, const struct progress *progress)
{
    const struct execution *execution = progress->execution;

    jw_key(w, "tracking");
    jw_object(w);
    jw_kv_bool(w, "scheduled", true);
    jw_kv_bool(w, "dispatched", progress->started);
    jw_kv_bool(w, "processed", progress->ended);
    jw_kv_bool(w, "throttled", false);
    jw_kv_int(w, "createdDate", execution->thing.created_ms);
    write_moment(w, "scheduledDate", execution, true, 0);
    write_moment(w, "dispatchedDate", execution, progress->started, execution->queued_ms);
    write_moment(w, "processedDate", execution, progress->ended,
                 execution->queued_ms + progress->duration_ms);
    jw_end(w);
}

void write_run_journey(struct json_writer *w, const struct progress *progress,
                       const struct run_journey *run)
{
    struct tally tally = journey_tally(progress, run);

    jw_object(w);
    jw_kv_int(w, "testSuiteId", run->id);
    jw_kv_text(w, "testSuiteCanonicalId", run->canonical);
    jw_kv_str(w, "title", run->title);
    jw_kv_text(w, "outcome", outcome_name(tally_outcome(progress, &tally)));
    jw_kv_int(w, "totalDuration", (int64_t)tally.duration_ms);
    jw_kv_bool(w, "dataDriven", false);
    write_statistics(w, progress, &tally);
    jw_kv_raw(w, "libraryCheckpoints", STR("{}"));
    jw_key(w, "testCases");
    jw_object(w);
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
    struct progress progress;

    progress = execution_progress(execution);
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
    jw_key(call->w, "plan");
    if (execution->plan != NULL) {
        jw_object(call->w);
        jw_kv_int(call->w, "id", execution->plan->thing.id);
        jw_end(call->w);
    } else {
        jw_null(call->w);
    }
    jw_end(call->w);
}

int handle_execution_tree(struct call *call)
{
    const struct execution *execution = call->thing;
    struct progress progress;
    struct json_writer *w = call->w;

    progress = execution_progress(execution);
    jw_object(w);
    write_status_members(w, &progress);
    jw_key(w, "launchedByUser");
    jw_object(w);
    jw_kv_int(w, "userId", call->tenant->user_id);
    jw_kv_str(w, "email", arena_printf(call->arena, "%s@leak.example", call->state->canary));
    jw_kv_text(w, "name", "Sandbox User");
    jw_kv_bool(w, "active", true);
    jw_end(w);
    jw_kv_int(w, "totalDuration", (int64_t)progress.duration_ms);
    jw_key(w, "testSuites");
    jw_object(w);
    for (size_t i = 0; i < execution->n_journeys; i++) {
        write_id_key(w, execution->journeys[i].id);
        write_run_journey(w, &progress, &execution->journeys[i]);
    }
    jw_end(w);
    jw_end(w);
    return 200;
}
