/* Members of the organization, and past outcomes of journeys and steps: the vendor's own page asks
 * for them besides the things themselves. */
#include "execution.h"

/* A tenant has one user, who did everything. */
TELLS(members, jw_form(call->w, "[{id:%i, userId:%i, name:'Sandbox User'}]", call->tenant->user_id,
                       call->tenant->user_id))

TELLS(organization_get, jw_form(call->w, "{id:%i, name:'Sandbox Organization'}", call->ids[0]))

/* What a member of a project may do there, as the platform's documentation names it. */
TELLS(organization_roles,
      jw_shape(call->w, "[{id:1, name:'READ'}, {id:2, name:'WRITE'}, {id:3, name:'MANAGE'}]"))

/* Bridges, integrations, tickets, tags, healed elements: the sandbox has none of them. */
TELLS(nothing, jw_shape(call->w, "[]"))

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

/* GET /timelines/journeys/{}/checkpoints/{}/steps/{}?pageSize=: the step's outcomes, newest
 * first. */
int handle_step_timeline(struct call *call)
{
    const struct refs *executions = &call->tenant->executions;
    struct json_writer *w = call->w;
    int64_t page_size = 20;

    if (need_thing(call, THING_STEP, call->ids[2]) == NULL ||
        !ask_number(call, "pageSize", 1, &page_size)) {
        return call->status;
    }
    jw_array(w);
    for (size_t i = executions->n; i > 0 && page_size > 0; i--) {
        const struct execution *execution = executions->items[i - 1];
        const struct run_step *step = run_step_find(execution, call->ids);
        struct progress progress = execution_progress(execution);

        if (step == NULL) {
            continue;
        }
        jw_form(w, "{jobId:%i, date:%i, outcome:%s, duration:%i}", execution->thing.id,
                execution->thing.created_ms, outcome_name(step_outcome(&progress, step)),
                step_duration(&progress, step));
        page_size--;
    }
    jw_end(w);
    return 200;
}

/* GET /goals/{}/export/{snapshot}: the journeys of a version. */
int handle_goal_export(struct call *call)
{
    const struct snapshot *snapshot = need_snapshot(call, call->ids[0], call->ids[1]);
    struct json_writer *w = call->w;

    if (snapshot == NULL) {
        return call->status;
    }
    jw_form(w, "{goalId:%i, snapshotId:%i, suites:[", call->ids[0], call->ids[1]);
    for (size_t i = 0; i < snapshot->goal->journeys.n; i++) {
        const struct journey *journey = snapshot->goal->journeys.items[i];

        if (!journey->archived && in_version(journey, snapshot)) {
            write_journey(w, journey, true);
        }
    }
    jw_shape(w, "]}");
    return 200;
}
