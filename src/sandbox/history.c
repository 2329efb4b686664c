/* Who works in the organization, and what became of journeys and steps: what the vendor's own page
 * asks for beside the things themselves. */
#include "execution.h"

static void write_member(struct call *call)
{
    struct json_writer *w = call->w;

    jw_object(w);
    jw_kv_int(w, "id", call->tenant->user_id);
    jw_kv_int(w, "userId", call->tenant->user_id);
    jw_kv_text(w, "name", "Sandbox User");
    jw_end(w);
}

/* A tenant has one user, who did everything. */
static int write_members(struct call *call)
{
    jw_array(call->w);
    write_member(call);
    jw_end(call->w);
    return 200;
}

int handle_organization_get(struct call *call)
{
    struct json_writer *w = call->w;

    jw_object(w);
    jw_kv_int(w, "id", call->ids[0]);
    jw_kv_text(w, "name", "Sandbox Organization");
    jw_end(w);
    return 200;
}

int handle_organization_users(struct call *call)
{
    return write_members(call);
}

int handle_goal_contributors(struct call *call)
{
    return write_members(call);
}

int handle_journey_contributors(struct call *call)
{
    return write_members(call);
}

/* What a member of a project may do there, as the platform's documentation names it. */
int handle_organization_roles(struct call *call)
{
    static const char *const roles[] = {"READ", "WRITE", "MANAGE"};
    struct json_writer *w = call->w;

    jw_array(w);
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        jw_object(w);
        jw_kv_int(w, "id", (int64_t)i + 1);
        jw_kv_text(w, "name", roles[i]);
        jw_end(w);
    }
    jw_end(w);
    return 200;
}

/* Bridges, integrations, tickets, tags, healed elements: the sandbox has none of them. */
int handle_nothing(struct call *call)
{
    jw_array(call->w);
    jw_end(call->w);
    return 200;
}

/* Executions of the journey, newest first. */
int handle_journey_history(struct call *call)
{
    const struct refs *executions = &call->tenant->executions;

    jw_array(call->w);
    for (size_t i = executions->n; i > 0; i--) {
        const struct execution *execution = executions->items[i - 1];

        if (execution_has(execution, call->ids[0])) {
            write_last_outcome(call->w, execution, call->ids[0]);
        }
    }
    jw_end(call->w);
    return 200;
}

static const struct run_step *step_in(const struct execution *execution, const int64_t ids[3])
{
    for (size_t i = 0; i < execution->n_journeys; i++) {
        const struct run_journey *journey = &execution->journeys[i];

        if (journey->id == ids[0]) {
            return run_step_find(journey, ids[1], ids[2]);
        }
    }
    return NULL;
}

/* GET /timelines/journeys/{}/checkpoints/{}/steps/{}?pageSize=: the step's outcomes, newest
 * first. */
int handle_step_timeline(struct call *call)
{
    const struct refs *executions = &call->tenant->executions;
    struct json_writer *w = call->w;
    int64_t page_size = 20;

    if (thing_find(call->tenant, THING_STEP, call->ids[2]) == NULL) {
        return refuse_unknown(call, "Step", call->ids[2]);
    }
    if (!query_number(call, "pageSize", 1, &page_size)) {
        return refuse_member(call, "pageSize", "must be a number from 1");
    }
    jw_array(w);
    for (size_t i = executions->n; i > 0 && page_size > 0; i--) {
        const struct execution *execution = executions->items[i - 1];
        const struct run_step *step = step_in(execution, call->ids);
        struct progress progress = execution_progress(execution);

        if (step == NULL) {
            continue;
        }
        jw_object(w);
        jw_kv_int(w, "jobId", execution->thing.id);
        jw_kv_int(w, "date", execution->thing.created_ms);
        jw_kv_text(w, "outcome", outcome_name(step_outcome(&progress, step)));
        jw_kv_int(w, "duration", (int64_t)step_duration(&progress, step));
        jw_end(w);
        page_size--;
    }
    jw_end(w);
    return 200;
}

/* GET /goals/{}/export/{snapshot}: the journeys of a version. */
int handle_goal_export(struct call *call)
{
    int status = 200;
    const struct snapshot *snapshot = snapshot_asked(call, call->ids[0], call->ids[1], &status);
    struct json_writer *w = call->w;

    if (snapshot == NULL) {
        return status;
    }
    jw_object(w);
    jw_kv_int(w, "goalId", call->ids[0]);
    jw_kv_int(w, "snapshotId", call->ids[1]);
    jw_key(w, "suites");
    jw_array(w);
    for (size_t i = 0; i < snapshot->goal->journeys.n; i++) {
        const struct journey *journey = snapshot->goal->journeys.items[i];

        if (!journey->archived && in_version(journey, snapshot)) {
            write_journey(w, journey, true);
        }
    }
    jw_end(w);
    jw_end(w);
    return 200;
}
