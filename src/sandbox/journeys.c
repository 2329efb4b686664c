/* Journeys (the platform's "testsuites"): creates, reads and updates them, and tells their last outcomes. */
#include "execution.h"

void write_journey(struct json_writer *w, const struct journey *journey, bool with_cases)
{
    jw_form(w,
            "{id:%i, canonicalId:%s, goalId:%i, snapshotId:%i, projectId:%i, name:%s, "
            "title:%s, archived:%b, draft:%b, tags:%j",
            journey->thing.id, journey->thing.canonical, journey->goal->thing.id,
            journey->snapshot->thing.id, journey->goal->project->thing.id, journey->name,
            journey->title, journey->archived, journey->draft, journey->tags);
    jw_form(w, "dataTableId?:%i, dataAttributeValues:%j", journey->data_table_id,
            journey->data_values);
    write_times(w, &journey->thing);
    if (with_cases) {
        jw_shape(w, "cases:[");
        for (size_t i = 0; i < journey->cases.n; i++) {
            write_checkpoint(w, journey->cases.items[i], true);
        }
        jw_end(w);
    }
    jw_end(w);
}

struct snapshot *need_snapshot(struct call *call, int64_t goal_id, int64_t snapshot_id)
{
    struct goal *goal = need_thing(call, THING_GOAL, goal_id);
    struct snapshot *snapshot = goal != NULL ? need_thing(call, THING_SNAPSHOT, snapshot_id) : NULL;

    if (snapshot != NULL && snapshot->goal != goal) {
        (void)refuse_unknown(call, "Snapshot", snapshot_id);
        return NULL;
    }
    return snapshot;
}

struct snapshot *need_version_and_title(struct call *call, struct str *out_title)
{
    int64_t goal_id;
    int64_t snapshot_id;

    return need_id(call, "goalId", &goal_id) && need_id(call, "snapshotId", &snapshot_id) &&
                   need_name(call, "title", out_title)
               ? need_snapshot(call, goal_id, snapshot_id)
               : NULL;
}

/* "checkpoints": [{testCaseId | libraryCheckpointId}] of a create: attaches those that testCaseId names. */
static void attach_given(struct call *call, struct journey *journey)
{
    const struct json *item;

    JSON_FOREACH (item, json_get(call->body, "checkpoints")) {
        int64_t id = 0;
        struct checkpoint *checkpoint = json_id(json_get(item, "testCaseId"), &id)
                                            ? thing_find(call->tenant, THING_CHECKPOINT, id)
                                            : NULL;

        if (checkpoint != NULL && !refs_has(&journey->cases, checkpoint)) {
            checkpoint_attach(call, journey, checkpoint, journey->cases.n);
        }
    }
}

/* {"column": "cell", …} of the table's first row, and the canary: what the platform shows of the
 * data of a journey. */
static struct str first_row(struct call *call, int64_t table_id)
{
    const struct table *table = thing_find(call->tenant, THING_TABLE, table_id);
    struct json_writer w;

    if (table == NULL) {
        return STR("{}");
    }
    scratch_begin(call, &w);
    jw_object(&w);
    for (size_t i = 0; i < table->columns.n && table->rows.n > 0; i++) {
        const struct column *column = table->columns.items[i];
        const struct str *cells = table->rows.items[0];

        jw_key_str(&w, column->name);
        jw_str(&w, cells[i]);
    }
    jw_form(&w, "sandboxPassword:%s}", call->state->canary);
    return scratch_keep(call);
}

int handle_journey_create(struct call *call)
{
    struct str name;
    struct str title;
    struct snapshot *snapshot = need_version_and_title(call, &title);
    struct journey *journey;

    if (snapshot == NULL) {
        return call->status;
    }
    journey = journey_make(call, snapshot, title, 0);
    if (body_name(call, "name", &name)) {
        journey->name = keep(call, name);
    }
    journey->archived = json_true(json_get(call->body, "archived"));
    journey->draft = json_true(json_get(call->body, "draft"));
    if (json_type(json_get(call->body, "tagNames")) == JSON_ARRAY) {
        journey->tags = keep_json(call, json_get(call->body, "tagNames"));
    }
    (void)body_id(call, "dataTableId", &journey->data_table_id); /* optional */
    journey->data_values = first_row(call, journey->data_table_id);
    attach_given(call, journey);
    write_journey(call->w, journey, true);
    return 200;
}

TELLS(journey_get, write_journey(call->w, call->thing, true))

int handle_journey_update(struct call *call)
{
    struct journey *journey = call->thing;
    const struct json *draft = json_get(call->body, "draft");
    struct str title;
    struct str name;

    if (!need_name(call, "title", &title)) {
        return call->status;
    }
    journey->title = keep(call, title);
    if (body_name(call, "name", &name)) {
        journey->name = keep(call, name);
    }
    if (json_type(draft) == JSON_BOOL) {
        journey->draft = json_true(draft);
    }
    thing_touch(&journey->thing);
    write_journey(call->w, journey, false);
    return 200;
}

bool in_version(const struct journey *journey, const struct snapshot *snapshot)
{
    return journey->snapshot->number <= snapshot->number;
}

static void write_journey_status(struct call *call, const struct journey *journey,
                                 const struct execution *execution, bool details)
{
    struct json_writer *w = call->w;

    write_id_key(w, journey->thing.id);
    jw_shape(w, "{journey:");
    write_journey(w, journey, details);
    jw_key(w, "lastExecution");
    if (execution != NULL) {
        write_last_outcome(w, execution, journey->thing.id);
    } else {
        jw_null(w);
    }
    jw_end(w);
    call->total++;
}

struct snapshot *version_asked(struct call *call, int64_t goal_id, int64_t snapshot_id)
{
    const struct goal *goal;

    if (!ask_number(call, "goalId", 1, &goal_id) ||
        !ask_number(call, "snapshotId", 1, &snapshot_id) ||
        !ask_number(call, "versionId", 1, &snapshot_id)) {
        return NULL;
    }
    if (goal_id != 0 && snapshot_id != 0) {
        return need_snapshot(call, goal_id, snapshot_id);
    }
    if (snapshot_id != 0) {
        return need_thing(call, THING_SNAPSHOT, snapshot_id);
    }
    if (goal_id == 0) {
        (void)refuse_without(call, "goalId");
        return NULL;
    }
    goal = need_thing(call, THING_GOAL, goal_id);
    return goal != NULL ? goal->snapshots.items[goal->snapshots.n - 1] : NULL; /* the newest one */
}

/* By jobId: that execution and its version; else the version that the query names. NULL: refused. */
static const struct snapshot *status_scope(struct call *call, const struct execution **execution)
{
    int64_t job_id = 0;

    *execution = NULL;
    if (!ask_number(call, "jobId", 1, &job_id)) {
        return NULL;
    }
    if (job_id == 0) {
        return version_asked(call, 0, 0);
    }
    *execution = need_thing(call, THING_EXECUTION, job_id);
    return *execution != NULL ? (*execution)->snapshot : NULL;
}

int handle_journey_status(struct call *call)
{
    const struct execution *execution;
    const struct snapshot *snapshot = status_scope(call, &execution);
    bool details = query_true(call, "includeSequencesDetails");

    if (snapshot == NULL) {
        return call->status;
    }
    jw_object(call->w);
    for (size_t i = 0; i < snapshot->goal->journeys.n; i++) {
        const struct journey *journey = snapshot->goal->journeys.items[i];

        if (execution != NULL ? execution_has(execution, journey->thing.id)
                              : !journey->archived && in_version(journey, snapshot)) {
            write_journey_status(call, journey,
                                 execution != NULL ? execution : journey->last_execution, details);
        }
    }
    jw_end(call->w);
    return 200;
}

/* `snapshot` NULL: the request has been refused already. */
static int write_journeys_of(struct call *call, const struct snapshot *snapshot)
{
    struct json_writer *w = call->w;

    if (snapshot == NULL) {
        return call->status;
    }
    jw_object(w);
    for (size_t i = 0; i < snapshot->goal->journeys.n; i++) {
        const struct journey *journey = snapshot->goal->journeys.items[i];

        if (!journey->archived && in_version(journey, snapshot)) {
            write_id_key(w, journey->thing.id);
            write_journey(w, journey, false);
            call->total++;
        }
    }
    jw_end(w);
    return 200;
}

/* GET /snapshots/{}/goals/{}/testsuites: journeys by id. */
int handle_journey_map(struct call *call)
{
    return write_journeys_of(call, need_snapshot(call, call->ids[1], call->ids[0]));
}

/* GET /testsuites?goalId=: journeys by id, of the version that the query names, else of the newest one. */
int handle_journey_list(struct call *call)
{
    return write_journeys_of(call, version_asked(call, 0, 0));
}
