/* Starting executions and telling how far they are. The outcome of a step is decided by words in
 * its texts (README.md of this room): tests choose what happens by what they write. */
#include "execution.h"

#include "base/clock.h"
#include "data/query.h"

struct word_ending {
    struct str word; /* in the title of the goal, of a journey or of a checkpoint */
    enum ending ending;
};

static const struct word_ending endings[] = {
    {STR_INIT("CANCEL"), ENDING_CANCELED},
    {STR_INIT("ABORT"), ENDING_FAILED},
    {STR_INIT("STALL"), ENDING_NEVER},
};

static enum ending ending_of(struct str title, enum ending otherwise)
{
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        if (str_contains(title, endings[i].word)) {
            return endings[i].ending;
        }
    }
    return otherwise;
}

static bool step_says(const struct step *step, struct str word)
{
    return str_contains(step->value, word) || str_contains(step->element, word);
}

static enum outcome outcome_of(const struct step *step)
{
    if (step->skip) {
        return OUTCOME_SKIP;
    }
    if (step_says(step, STR("FAIL"))) {
        return OUTCOME_FAIL;
    }
    return step_says(step, STR("CRASH")) ? OUTCOME_ERROR : OUTCOME_PASS;
}

/* Steps of one checkpoint; *stopped: an earlier step of the journey has failed. */
static void plan_case(struct call *call, struct execution *execution, struct run_case *run_case,
                      const struct checkpoint *checkpoint, bool *stopped)
{
    run_case->id = checkpoint->thing.id;
    run_case->canonical = checkpoint->thing.canonical;
    run_case->library_id = checkpoint->library_id;
    run_case->title = checkpoint->title;
    run_case->n_steps = checkpoint->steps.n;
    run_case->steps =
        arena_calloc(&call->tenant->arena, checkpoint->steps.n, sizeof(*run_case->steps));
    for (size_t i = 0; i < checkpoint->steps.n; i++) {
        struct run_step *run = &run_case->steps[i];

        run->step = step_list_get(&checkpoint->steps, i);
        run->id = run->step->thing.id;
        run->outcome = *stopped ? OUTCOME_NOT_REACHED : outcome_of(run->step);
        run->slot = NO_SLOT;
        if (run->outcome == OUTCOME_NOT_REACHED || run->outcome == OUTCOME_SKIP) {
            continue;
        }
        run->slot = execution->n_slots++;
        run->forgiven = run->step->optional || run->step->ignore_outcome;
        *stopped = run->outcome != OUTCOME_PASS && !run->forgiven;
        step_will_learn(call, step_list_get(&checkpoint->steps, i), execution, run);
    }
    execution->ending = ending_of(checkpoint->title, execution->ending);
}

static void plan_journey(struct call *call, struct execution *execution, struct run_journey *run,
                         struct journey *journey)
{
    bool stopped = false;

    run->id = journey->thing.id;
    run->canonical = journey->thing.canonical;
    run->title = journey->title;
    run->n_cases = journey->cases.n;
    run->cases = arena_calloc(&call->tenant->arena, journey->cases.n, sizeof(*run->cases));
    for (size_t i = 0; i < journey->cases.n; i++) {
        plan_case(call, execution, &run->cases[i], journey->cases.items[i], &stopped);
    }
    execution->ending = ending_of(journey->title, execution->ending);
    journey->last_execution = execution;
}

/* {"name": value, …}: initial data, variables of the environment, canary; the platform echoes such data in clear. */
static struct str planted_variables(struct call *call, const struct execution *execution)
{
    const struct json *item;
    struct json_writer w;

    scratch_begin(call, &w);
    jw_object(&w);
    JSON_FOREACH (item, json_get(call->body, "initialData")) {
        jw_key_str(&w, json_name(item));
        jw_raw(&w, json_text(call->arena, item));
    }
    for (size_t i = 0; execution->environment != NULL && i < execution->environment->variables.n;
         i++) {
        const struct variable *variable = execution->environment->variables.items[i];

        if (json_get_str(json_get(call->body, "initialData"), variable->name) == NULL) {
            jw_key_str(&w, variable->name);
            jw_str(&w, variable->value);
        }
    }
    jw_form(&w, "sandboxPassword:%s}", call->state->canary);
    return scratch_keep(call);
}

static void write_list(struct call *call, struct json_writer *w, const char *key)
{
    const struct json *list = json_get(call->body, key);

    jw_kv_raw(w, key, json_type(list) == JSON_ARRAY ? json_text(call->arena, list) : STR("[]"));
}

/* meta.executionRequest: what the caller asked for, with the platform's own members around it. */
static struct str execution_request(struct call *call, const struct execution *execution)
{
    struct json_writer w;

    scratch_begin(call, &w);
    jw_object(&w);
    write_list(call, &w, "suiteIds");
    write_list(call, &w, "testSuiteCanonicalIds");
    jw_form(&w,
            "environmentId:%?i, dataDriven:false, dataDrivenPerTestSuite:{}, "
            "dataDrivenPerTestSuiteCanonicalId:{}, dataRowsPerTestSuiteCanonicalId:{}}",
            execution->environment == NULL ? 0 : execution->environment->thing.id);
    return scratch_keep(call);
}

/* Does the body name this journey, in suiteIds or testSuiteCanonicalIds? *named: it names some journey. */
static bool is_named(const struct call *call, const struct journey *journey, bool *named)
{
    const struct json *item;
    bool found = false;
    int64_t id;

    JSON_FOREACH (item, json_get(call->body, "suiteIds")) {
        *named = true;
        found = found || (json_id(item, &id) && id == journey->thing.id);
    }
    JSON_FOREACH (item, json_get(call->body, "testSuiteCanonicalIds")) {
        *named = true;
        found = found || str_is(json_str(item), journey->thing.canonical);
    }
    return found;
}

static bool journey_runs(const struct call *call, const struct journey *journey,
                         const struct snapshot *snapshot)
{
    bool named = false;
    bool found = is_named(call, journey, &named);

    if (named) {
        return found;
    }
    return !journey->archived && journey->snapshot->number <= snapshot->number &&
           (!journey->draft || call->state->options.run_drafts);
}

static size_t count_steps(const struct journey *journey)
{
    size_t n = 1;

    for (size_t i = 0; i < journey->cases.n; i++) {
        const struct checkpoint *checkpoint = journey->cases.items[i];

        n += 1 + checkpoint->steps.n;
    }
    return n;
}

static struct execution *execution_make(struct call *call, const struct snapshot *snapshot)
{
    struct execution *execution = thing_make(call, THING_EXECUTION, sizeof(*execution), 0);
    const struct json *tags = json_get(call->body, "tags");
    int64_t environment_id = snapshot->goal->environment_id;

    (void)body_id(call, "environmentId", &environment_id); /* else the goal's */
    execution->goal = snapshot->goal;
    execution->snapshot = snapshot;
    execution->environment = thing_find(call->tenant, THING_ENVIRONMENT, environment_id);
    execution->submitted_at = clock_now_ms();
    execution->queued_ms = call->state->options.execution_ms / 5;
    execution->running_ms = call->state->options.execution_ms - execution->queued_ms;
    execution->ending = ending_of(snapshot->goal->name, ENDING_FINISHED);
    execution->pictures = call->state->pictures;
    execution->tags = json_type(tags) == JSON_ARRAY ? keep_json(call, tags) : STR("[]");
    execution->variables = planted_variables(call, execution);
    execution->request = execution_request(call, execution);
    execution->launched_by = call->tenant->user_id;
    refs_append(call->tenant, &call->tenant->executions, execution);
    return execution;
}

int execution_start(struct call *call, const struct snapshot *snapshot, struct journey *only,
                    struct execution **out)
{
    struct goal *goal = snapshot->goal;
    struct execution *execution;
    struct journey **chosen =
        arena_calloc(call->arena, goal->journeys.n + 1, sizeof(struct journey *));
    size_t n_chosen = 0;
    size_t n_steps = 0;
    int64_t environment_id;

    if (body_id(call, "environmentId", &environment_id) &&
        need_thing(call, THING_ENVIRONMENT, environment_id) == NULL) {
        return call->status;
    }
    for (size_t i = 0; i < goal->journeys.n; i++) {
        struct journey *journey = goal->journeys.items[i];

        if (only != NULL ? journey == only : journey_runs(call, journey, snapshot)) {
            chosen[n_chosen++] = journey;
            n_steps += count_steps(journey);
        }
    }
    if (n_chosen == 0) {
        return refuse(call, 400, "There is no journey to execute");
    }
    if (!has_room(call, n_steps)) {
        return 403;
    }
    call->tenant->n_made += n_steps;
    execution = execution_make(call, snapshot);
    execution->n_journeys = n_chosen;
    execution->journeys =
        arena_calloc(&call->tenant->arena, n_chosen, sizeof(*execution->journeys));
    for (size_t i = 0; i < n_chosen; i++) {
        plan_journey(call, execution, &execution->journeys[i], chosen[i]);
    }
    goal->last_execution = execution;
    *out = execution;
    return 200;
}

static int execute(struct call *call, const struct snapshot *snapshot, struct journey *only)
{
    struct execution *execution = NULL;
    int status = execution_start(call, snapshot, only, &execution);

    if (execution != NULL) {
        write_execution_brief(call->w, execution);
    }
    return status;
}

int handle_goal_execute(struct call *call)
{
    struct goal *goal = call->thing;

    return execute(call, goal->snapshots.items[goal->snapshots.n - 1], NULL);
}

int handle_snapshot_execute(struct call *call)
{
    const struct snapshot *snapshot = need_snapshot(call, call->ids[0], call->ids[1]);

    return snapshot == NULL ? call->status : execute(call, snapshot, NULL);
}

int handle_journey_execute(struct call *call)
{
    struct journey *journey = call->thing;

    return execute(call, journey->snapshot, journey);
}

/* Ids of journeys that the query names, as the body would name them: {"suiteIds": [...]}. */
static void journeys_of_query(struct call *call)
{
    struct json *ids = json_new_array(call->arena);
    struct json *body =
        call->body != NULL ? json_copy(call->arena, call->body) : json_new_object(call->arena);
    struct str rest = call->request->query;
    struct str name;
    struct str value;

    while (query_next(call->arena, &rest, &name, &value)) {
        if (query_name_is(name, "suiteId")) {
            json_append(ids, json_new_string(call->arena, value));
        }
    }
    if (json_size(ids) > 0) {
        json_set(body, STR("suiteIds"), ids);
    }
    call->body = body;
}

/* POST /testsuites/execution: the version and the journeys are named by the query
 * (?snapshotId=&goalId=&suiteId[]=) or by the body (goalId, snapshotId, suiteIds). */
int handle_journeys_execute(struct call *call)
{
    const struct snapshot *snapshot;
    int64_t goal_id = 0;
    int64_t snapshot_id = 0;

    journeys_of_query(call);
    (void)body_id(call, "goalId", &goal_id); /* or the query */
    (void)body_id(call, "snapshotId", &snapshot_id);
    snapshot = version_asked(call, goal_id, snapshot_id);
    return snapshot == NULL ? call->status : execute(call, snapshot, NULL);
}

/* ---- how far an execution is ---- */

struct progress execution_progress(const struct execution *execution)
{
    static const char *const names[] = {[ENDING_FINISHED] = "FINISHED",
                                        [ENDING_CANCELED] = "CANCELED",
                                        [ENDING_FAILED] = "FAILED",
                                        [ENDING_NEVER] = "RUNNING"};
    struct progress progress = {.execution = execution};
    uint64_t total = execution->running_ms;
    int64_t n_slots = execution->n_slots;

    if (execution->ending != ENDING_FINISHED) {
        /* Cancelled, failed or stuck in the middle: the second half is never reached. */
        total = total / 2;
        n_slots = n_slots / 2;
    }
    progress.elapsed_ms = clock_now_ms() - execution->submitted_at;
    progress.started = progress.elapsed_ms >= execution->queued_ms;
    if (!progress.started) {
        progress.status = "QUEUED";
        return progress;
    }
    progress.duration_ms = progress.elapsed_ms - execution->queued_ms;
    if (progress.duration_ms >= total) {
        progress.ended = execution->ending != ENDING_NEVER;
        progress.duration_ms = progress.ended ? total : progress.duration_ms;
        progress.n_done = n_slots;
        progress.status = names[execution->ending];
        return progress;
    }
    progress.n_done = (int64_t)((uint64_t)n_slots * progress.duration_ms / total);
    progress.status = "RUNNING";
    return progress;
}

enum outcome step_outcome(const struct progress *progress, const struct run_step *step)
{
    if (step->slot == NO_SLOT) {
        /* A skipped step takes no time: it shows as skipped once the run is over. */
        return progress->ended ? step->outcome : OUTCOME_NOT_REACHED;
    }
    if (step->slot < progress->n_done) {
        return step->outcome;
    }
    return progress->started && !progress->ended && step->slot == progress->n_done
               ? OUTCOME_RUNNING
               : OUTCOME_NOT_REACHED;
}

uint64_t step_duration(const struct progress *progress, const struct run_step *step)
{
    if (step->slot == NO_SLOT || step->slot >= progress->n_done) {
        return 0;
    }
    return progress->execution->running_ms / (uint64_t)progress->execution->n_slots;
}

struct tally case_tally(const struct progress *progress, const struct run_case *run_case)
{
    struct tally tally = {0};

    for (size_t i = 0; i < run_case->n_steps; i++) {
        const struct run_step *step = &run_case->steps[i];
        enum outcome outcome = step_outcome(progress, step);

        tally.n[outcome_is_red(outcome) && step->forgiven ? OUTCOME_PASS : outcome]++;
        tally.n_total++;
        tally.duration_ms += step_duration(progress, step);
    }
    return tally;
}

void tally_add(struct tally *sum, const struct tally *tally)
{
    for (size_t k = 0; k < OUTCOME_N; k++) {
        sum->n[k] += tally->n[k];
    }
    sum->n_total += tally->n_total;
    sum->duration_ms += tally->duration_ms;
}

struct tally journey_tally(const struct progress *progress, const struct run_journey *journey)
{
    struct tally sum = {0};

    for (size_t i = 0; i < journey->n_cases; i++) {
        struct tally tally = case_tally(progress, &journey->cases[i]);

        tally_add(&sum, &tally);
    }
    return sum;
}

enum outcome tally_outcome(const struct progress *progress, const struct tally *tally)
{
    if (tally->n[OUTCOME_RUNNING] > 0) {
        return OUTCOME_RUNNING;
    }
    if (tally->n[OUTCOME_ERROR] > 0) {
        return OUTCOME_ERROR;
    }
    if (tally->n[OUTCOME_FAIL] > 0) {
        return OUTCOME_FAIL;
    }
    if (tally->n[OUTCOME_NOT_REACHED] > 0) {
        return tally->n[OUTCOME_PASS] > 0 && !progress->ended ? OUTCOME_RUNNING
                                                              : OUTCOME_NOT_REACHED;
    }
    if (!progress->ended && tally->n_total == 0) {
        return OUTCOME_NOT_REACHED;
    }
    return tally->n_total > 0 && tally->n[OUTCOME_SKIP] == tally->n_total ? OUTCOME_SKIP
                                                                          : OUTCOME_PASS;
}

struct tally execution_tally(const struct progress *progress)
{
    const struct execution *execution = progress->execution;
    struct tally sum = {0};

    for (size_t i = 0; i < execution->n_journeys; i++) {
        struct tally tally = journey_tally(progress, &execution->journeys[i]);

        sum.n[tally_outcome(progress, &tally)]++;
        sum.n_total++;
        sum.duration_ms += tally.duration_ms;
    }
    return sum;
}

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[OUTCOME_N] = {"NOT_REACHED", "PASS", "FAIL",
                                                 "ERROR",       "SKIP", "RUNNING"};

    return names[outcome];
}
