/* Users, projects, goals, versions, journeys: the platform's structure (virtuoso.md 5.1, 5.2). */
#include "sandbox_internal.h"

#include "base/percent.h"

enum { MAX_PAGE = 10000, NO_ORGANIZATION = 1017 /* error.code */ };

static void write_times(struct json_writer *w, const struct thing *thing)
{
    jw_kv_int(w, "createdDate", thing->created_ms);
    jw_kv_int(w, "lastModifiedDate", thing->modified_ms);
}

static void write_optional_id(struct json_writer *w, const char *key, int64_t id)
{
    jw_key(w, key);
    if (id != 0) {
        jw_int(w, id);
    } else {
        jw_null(w);
    }
}

void write_project(struct json_writer *w, const struct project *project)
{
    /* What a tenant may use, as the platform tells it (virtuoso.md section 4). */
    static const char *const capabilities[] = {"EXECUTION",     "DATA_DRIVEN", "PLANNER",
                                               "IMPORT_EXPORT", "INTERACTIVE", "API_TESTING",
                                               "GLOBAL_SEARCH", "LOOPS"};

    jw_object(w);
    jw_kv_int(w, "id", project->thing.id);
    jw_kv_text(w, "canonicalId", project->thing.canonical);
    jw_kv_str(w, "name", project->name);
    jw_kv_str(w, "description", project->description);
    jw_kv_int(w, "organizationId", project->organization_id);
    jw_kv_bool(w, "archived", false);
    jw_kv_text(w, "status", "ACTIVE");
    jw_key(w, "capabilities");
    jw_array(w);
    for (size_t i = 0; i < ARRAY_LEN(capabilities); i++) {
        jw_text(w, capabilities[i]);
    }
    jw_end(w);
    write_times(w, &project->thing);
    jw_end(w);
}

void write_goal(struct json_writer *w, const struct goal *goal)
{
    jw_object(w);
    jw_kv_int(w, "id", goal->thing.id);
    jw_kv_text(w, "canonicalId", goal->thing.canonical);
    jw_kv_int(w, "projectId", goal->project->thing.id);
    jw_kv_str(w, "name", goal->name);
    jw_kv_str(w, "url", goal->url);
    write_optional_id(w, "environmentId", goal->environment_id);
    jw_kv_raw(w, "deviceSize", goal->device_size);
    jw_kv_raw(w, "meta", goal->meta);
    jw_kv_bool(w, "archived", goal->archived);
    write_times(w, &goal->thing);
    jw_key(w, "lastExecution");
    if (goal->last_execution != NULL) {
        write_execution_brief(w, goal->last_execution);
    } else {
        jw_null(w);
    }
    jw_end(w);
}

void write_journey(struct json_writer *w, const struct journey *journey, bool with_cases)
{
    jw_object(w);
    jw_kv_int(w, "id", journey->thing.id);
    jw_kv_text(w, "canonicalId", journey->thing.canonical);
    jw_kv_int(w, "goalId", journey->goal->thing.id);
    jw_kv_int(w, "snapshotId", journey->snapshot->thing.id);
    jw_kv_int(w, "projectId", journey->goal->project->thing.id);
    jw_kv_str(w, "name", journey->name);
    jw_kv_str(w, "title", journey->title);
    jw_kv_bool(w, "archived", journey->archived);
    jw_kv_bool(w, "draft", journey->draft);
    jw_kv_raw(w, "tags", journey->tags);
    write_optional_id(w, "dataTableId", journey->data_table_id);
    write_times(w, &journey->thing);
    if (with_cases) {
        jw_key(w, "cases");
        jw_array(w);
        for (size_t i = 0; i < journey->cases.n; i++) {
            write_checkpoint(w, journey->cases.items[i], true);
        }
        jw_end(w);
    }
    jw_end(w);
}

int handle_user(struct call *call)
{
    struct json_writer *w = call->w;

    jw_object(w);
    jw_kv_int(w, "id", call->tenant->user_id);
    jw_kv_text(w, "name", "Sandbox User");
    jw_kv_text(w, "email", "user@sandbox.example");
    jw_kv_bool(w, "verified", true);
    jw_key(w, "organizations");
    jw_array(w);
    jw_object(w);
    jw_kv_int(w, "id", DEFAULT_ORGANIZATION);
    jw_kv_text(w, "name", "Sandbox Organization");
    jw_end(w);
    jw_end(w);
    jw_end(w);
    return 200;
}

int handle_user_tokens(struct call *call)
{
    struct json_writer *w = call->w;

    jw_array(w);
    jw_object(w);
    jw_kv_int(w, "id", call->tenant->user_id);
    jw_kv_text(w, "name", "sandbox");
    jw_kv_text(w, "type", "ALL");
    jw_kv_text(w, "accessLevel", "MANAGE");
    jw_end(w);
    jw_end(w);
    return 200;
}

/* The only machine-readable quota (virtuoso.md section 8). */
int handle_limits(struct call *call)
{
    struct json_writer *w = call->w;

    jw_array(w);
    jw_object(w);
    jw_kv_int(w, "organizationId", DEFAULT_ORGANIZATION);
    jw_kv_text(w, "type", "ENTITIES");
    jw_kv_int(w, "limit", (int64_t)call->state->options.max_entities);
    jw_kv_int(w, "used", (int64_t)call->tenant->n_made);
    jw_end(w);
    jw_end(w);
    return 200;
}

int handle_project_list(struct call *call)
{
    int64_t organization = 0;
    int64_t limit = MAX_PAGE;
    int64_t offset = 0;
    const struct refs *projects = &call->tenant->projects;

    if (!query_number(call, "organizationId", 1, &organization) ||
        !query_number(call, "limit", 1, &limit) || !query_number(call, "offset", 0, &offset)) {
        return refuse(call, 400, "organizationId, limit and offset must be whole numbers");
    }
    if (organization == 0) {
        call->refusal_code = NO_ORGANIZATION;
        return refuse_without(call, "OrganizationId(s)");
    }
    jw_object(call->w);
    for (size_t i = 0; i < projects->n && limit > 0; i++) {
        const struct project *project = projects->items[i];

        if (project->organization_id != organization) {
            continue;
        }
        if (offset > 0) {
            offset--;
            continue;
        }
        write_id_key(call->w, project->thing.id);
        write_project(call->w, project);
        call->total++;
        limit--;
    }
    jw_end(call->w);
    return 200;
}

int handle_project_create(struct call *call)
{
    struct str name;
    struct str description = STR_EMPTY;
    int64_t organization = DEFAULT_ORGANIZATION;
    struct project *project;

    if (!body_name(call, "name", &name)) {
        return refuse_member(call, "name", "must be a text of 1 to 2000 bytes");
    }
    if (json_get(call->body, "organizationId") != NULL &&
        !body_id(call, "organizationId", &organization)) {
        return refuse_member(call, "organizationId", "must be a number");
    }
    (void)body_text(call, "description", &description); /* optional */
    project = project_make(call, name, 0);
    project->organization_id = organization;
    project->description = keep(call, description);
    write_project(call->w, project);
    return 200;
}

int handle_project_get(struct call *call)
{
    const struct project *project = thing_find(call->tenant, THING_PROJECT, call->ids[0]);

    if (project == NULL) {
        return refuse_unknown(call, "Project", call->ids[0]);
    }
    write_project(call->w, project);
    return 200;
}

static void write_goals(struct call *call, const struct project *project)
{
    struct str archived;
    bool filter = query_find(call->arena, call->request->query, "archived", &archived);

    jw_object(call->w);
    for (size_t i = 0; i < project->goals.n; i++) {
        const struct goal *goal = project->goals.items[i];

        if (!filter || goal->archived == str_is(archived, "true")) {
            write_id_key(call->w, goal->thing.id);
            write_goal(call->w, goal);
            call->total++;
        }
    }
    jw_end(call->w);
}

int handle_project_goals(struct call *call)
{
    const struct project *project = thing_find(call->tenant, THING_PROJECT, call->ids[0]);

    if (project == NULL) {
        return refuse_unknown(call, "Project", call->ids[0]);
    }
    write_goals(call, project);
    return 200;
}

int handle_goal_list(struct call *call)
{
    int64_t id = 0;
    const struct project *project;

    if (!query_number(call, "projectId", 1, &id)) {
        return refuse_member(call, "projectId", "must be a number");
    }
    if (id == 0) {
        return refuse_without(call, "projectId");
    }
    project = thing_find(call->tenant, THING_PROJECT, id);
    if (project == NULL) {
        return refuse_unknown(call, "Project", id);
    }
    write_goals(call, project);
    return 200;
}

static int goal_settings(struct call *call, struct goal *goal)
{
    const struct json *size = json_get(call->body, "deviceSize");
    const struct json *meta = json_get(call->body, "meta");

    goal->device_size = json_type(size) == JSON_OBJECT ? keep_json(call, size)
                                                       : STR("{\"width\":1280,\"height\":800}");
    if (json_type(meta) == JSON_OBJECT) {
        goal->meta = keep_json(call, meta);
    }
    (void)body_id(call, "environmentId", &goal->environment_id); /* null: none */
    goal->archived = json_true(json_get(call->body, "archived"));
    (void)snapshot_make(call, goal, 0);
    if (json_true(json_get(call->body, "createFirstJourney"))) {
        first_journey_make(call, goal);
    }
    write_goal(call->w, goal);
    return 200;
}

int handle_goal_create(struct call *call)
{
    struct str name;
    struct str url;
    int64_t project_id;
    int64_t environment_id;
    struct project *project;
    struct goal *goal;

    if (!body_id(call, "projectId", &project_id)) {
        return refuse_member(call, "projectId", "must be a number");
    }
    if (!body_name(call, "name", &name)) {
        return refuse_member(call, "name", "must be a text of 1 to 2000 bytes");
    }
    if (!body_name(call, "url", &url)) {
        return refuse_member(call, "url", "must be a text of 1 to 2000 bytes");
    }
    project = thing_find(call->tenant, THING_PROJECT, project_id);
    if (project == NULL) {
        return refuse_unknown(call, "Project", project_id);
    }
    if (body_id(call, "environmentId", &environment_id) &&
        thing_find(call->tenant, THING_ENVIRONMENT, environment_id) == NULL) {
        return refuse_unknown(call, "Environment", environment_id);
    }
    goal = goal_make(call, project, name, 0);
    goal->url = keep(call, url);
    return goal_settings(call, goal);
}

int handle_goal_get(struct call *call)
{
    const struct goal *goal = thing_find(call->tenant, THING_GOAL, call->ids[0]);

    if (goal == NULL) {
        return refuse_unknown(call, "Goal", call->ids[0]);
    }
    write_goal(call->w, goal);
    return 200;
}

int handle_goal_versions(struct call *call)
{
    const struct goal *goal = thing_find(call->tenant, THING_GOAL, call->ids[0]);
    struct json_writer *w = call->w;

    if (goal == NULL) {
        return refuse_unknown(call, "Goal", call->ids[0]);
    }
    jw_object(w);
    jw_key(w, "snapshots");
    jw_array(w);
    for (size_t i = goal->snapshots.n; i > 0; i--) {
        const struct snapshot *snapshot = goal->snapshots.items[i - 1];

        jw_object(w);
        jw_kv_int(w, "snapshotId", snapshot->thing.id);
        jw_kv_int(w, "goalId", goal->thing.id);
        jw_kv_int(w, "version", snapshot->number);
        jw_kv_bool(w, "committed", i != goal->snapshots.n);
        write_times(w, &snapshot->thing);
        jw_end(w);
    }
    jw_end(w);
    jw_end(w);
    return 200;
}

int handle_goal_checkpoints(struct call *call)
{
    const struct goal *goal = thing_find(call->tenant, THING_GOAL, call->ids[0]);

    if (goal == NULL) {
        return refuse_unknown(call, "Goal", call->ids[0]);
    }
    jw_object(call->w);
    jw_key(call->w, "checkpoints");
    jw_object(call->w);
    for (size_t i = 0; i < goal->checkpoints.n; i++) {
        const struct checkpoint *checkpoint = goal->checkpoints.items[i];

        write_id_key(call->w, checkpoint->thing.id);
        write_checkpoint(call->w, checkpoint, false);
    }
    jw_end(call->w);
    jw_end(call->w);
    return 200;
}

/* The goal and the snapshot that a body or a query names; NULL: refused with *status. */
static struct snapshot *snapshot_of(struct call *call, int64_t goal_id, int64_t snapshot_id,
                                    int *status)
{
    struct snapshot *snapshot = thing_find(call->tenant, THING_SNAPSHOT, snapshot_id);

    if (thing_find(call->tenant, THING_GOAL, goal_id) == NULL) {
        *status = refuse_unknown(call, "Goal", goal_id);
        return NULL;
    }
    if (snapshot == NULL || snapshot->goal->thing.id != goal_id) {
        *status = refuse_unknown(call, "Snapshot", snapshot_id);
        return NULL;
    }
    return snapshot;
}

/* "checkpoints": [{testCaseId | libraryCheckpointId}] of the richer creating form. */
static void attach_given(struct call *call, struct journey *journey)
{
    const struct json *item;

    JSON_FOREACH (item, json_get(call->body, "checkpoints")) {
        struct checkpoint *checkpoint;
        int64_t id = 0;

        if (json_to_i64(json_get(item, "testCaseId"), &id)) {
            checkpoint = thing_find(call->tenant, THING_CHECKPOINT, id);
            if (checkpoint != NULL && !refs_has(&journey->cases, checkpoint)) {
                checkpoint_attach(call, journey, checkpoint, journey->cases.n);
            }
        }
    }
}

int handle_journey_create(struct call *call)
{
    int64_t goal_id;
    int64_t snapshot_id;
    struct snapshot *snapshot;
    struct str name;
    struct str title;
    struct journey *journey;
    int status = 200;

    if (!body_id(call, "goalId", &goal_id) || !body_id(call, "snapshotId", &snapshot_id)) {
        return refuse_member(call, "goalId and snapshotId", "must be numbers");
    }
    if (!body_name(call, "title", &title)) {
        return refuse_member(call, "title", "must be a text of 1 to 2000 bytes");
    }
    snapshot = snapshot_of(call, goal_id, snapshot_id, &status);
    if (snapshot == NULL) {
        return status;
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
    attach_given(call, journey);
    write_journey(call->w, journey, true);
    return 200;
}

int handle_journey_get(struct call *call)
{
    const struct journey *journey = thing_find(call->tenant, THING_JOURNEY, call->ids[0]);

    if (journey == NULL) {
        return refuse_unknown(call, "Journey", call->ids[0]);
    }
    write_journey(call->w, journey, true);
    return 200;
}

int handle_journey_update(struct call *call)
{
    struct journey *journey = thing_find(call->tenant, THING_JOURNEY, call->ids[0]);
    const struct json *draft = json_get(call->body, "draft");
    struct str title;
    struct str name;

    if (journey == NULL) {
        return refuse_unknown(call, "Journey", call->ids[0]);
    }
    if (!body_name(call, "title", &title)) {
        return refuse_member(call, "title", "must be a text of 1 to 2000 bytes");
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

static bool in_version(const struct journey *journey, const struct snapshot *snapshot)
{
    /* A version holds what was made in it and in the ones before it. */
    return journey->snapshot->number <= snapshot->number;
}

static void write_journey_status(struct call *call, const struct journey *journey,
                                 const struct execution *execution, bool details)
{
    struct json_writer *w = call->w;

    write_id_key(w, journey->thing.id);
    jw_object(w);
    jw_key(w, "journey");
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

struct snapshot *snapshot_asked(struct call *call, int64_t goal_id, int64_t snapshot_id,
                                int *status)
{
    const struct goal *goal = thing_find(call->tenant, THING_GOAL, goal_id);
    struct snapshot *snapshot = thing_find(call->tenant, THING_SNAPSHOT, snapshot_id);

    if (goal_id != 0 && goal == NULL) {
        *status = refuse_unknown(call, "Goal", goal_id);
        return NULL;
    }
    if (snapshot_id == 0) {
        return goal->snapshots.items[goal->snapshots.n - 1]; /* the newest one */
    }
    if (snapshot == NULL || (goal != NULL && snapshot->goal != goal)) {
        *status = refuse_unknown(call, "Snapshot", snapshot_id);
        return NULL;
    }
    return snapshot;
}

/* By jobId: that execution. By goalId, snapshotId or versionId: the newest version, or the one that
 * is named. False: refused with *status. */
static bool status_scope(struct call *call, const struct snapshot **snapshot,
                         const struct execution **execution, int *status)
{
    int64_t job_id = 0;
    int64_t goal_id = 0;
    int64_t snapshot_id = 0;

    *execution = NULL;
    if (!query_number(call, "jobId", 1, &job_id) || !query_number(call, "goalId", 1, &goal_id) ||
        !query_number(call, "snapshotId", 1, &snapshot_id) ||
        !query_number(call, "versionId", 1, &snapshot_id)) {
        *status = refuse_member(call, "jobId, goalId and snapshotId", "must be numbers");
        return false;
    }
    if (job_id != 0) {
        *execution = thing_find(call->tenant, THING_EXECUTION, job_id);
        if (*execution == NULL) {
            *status = refuse_unknown(call, "Execution", job_id);
            return false;
        }
        *snapshot = execution_snapshot(*execution);
        return true;
    }
    if (goal_id == 0 && snapshot_id == 0) {
        *status = refuse_without(call, "goalId or jobId");
        return false;
    }
    *snapshot = snapshot_asked(call, goal_id, snapshot_id, status);
    return *snapshot != NULL;
}

int handle_journey_status(struct call *call)
{
    const struct snapshot *snapshot;
    const struct execution *execution;
    int status = 200;
    bool details = query_true(call, "includeSequencesDetails");

    if (!status_scope(call, &snapshot, &execution, &status)) {
        return status;
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

int handle_journey_map(struct call *call)
{
    int status = 200;
    const struct snapshot *snapshot = snapshot_of(call, call->ids[1], call->ids[0], &status);
    struct json_writer *w = call->w;

    if (snapshot == NULL) {
        return status;
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
