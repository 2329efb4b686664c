/* Deletes journeys, goals and projects, with what is below them. Executions stay: each has its own
 * record of what it ran (execution.h). */
#include "sandbox_internal.h"

static void journey_remove(struct tenant *tenant, struct journey *journey)
{
    for (size_t i = 0; i < journey->cases.n; i++) {
        struct checkpoint *checkpoint = journey->cases.items[i];

        checkpoint->shared_count--; /* a checkpoint belongs to the goal, and stays */
    }
    refs_remove(&journey->goal->journeys, journey);
    thing_forget(tenant, &journey->thing);
    if (tenant->seeded == journey) {
        tenant->seeded = NULL;
    }
}

static void checkpoint_remove(struct tenant *tenant, struct checkpoint *checkpoint)
{
    for (size_t i = 0; i < checkpoint->steps.n; i++) {
        struct step *step = step_list_get(&checkpoint->steps, i);

        thing_forget(tenant, &step->thing);
        step->checkpoint = NULL;
    }
    map_remove(&tenant->titles, &checkpoint->by_title);
    refs_remove(&checkpoint->goal->checkpoints, checkpoint);
    thing_forget(tenant, &checkpoint->thing);
}

static void goal_remove(struct tenant *tenant, struct goal *goal)
{
    while (goal->journeys.n > 0) {
        journey_remove(tenant, goal->journeys.items[goal->journeys.n - 1]);
    }
    while (goal->checkpoints.n > 0) {
        checkpoint_remove(tenant, goal->checkpoints.items[goal->checkpoints.n - 1]);
    }
    for (size_t i = 0; i < goal->snapshots.n; i++) {
        struct snapshot *snapshot = goal->snapshots.items[i];

        thing_forget(tenant, &snapshot->thing);
    }
    refs_remove(&goal->project->goals, goal);
    thing_forget(tenant, &goal->thing);
}

/* DELETE /testsuites/{} */
int handle_journey_delete(struct call *call)
{
    journey_remove(call->tenant, call->thing);
    return 204;
}

/* DELETE /goals/{} */
int handle_goal_delete(struct call *call)
{
    goal_remove(call->tenant, call->thing);
    return 204;
}

/* DELETE /projects/{}: its environments, tables and extensions stay, since they have their own routes. */
int handle_project_delete(struct call *call)
{
    struct project *project = call->thing;

    while (project->goals.n > 0) {
        goal_remove(call->tenant, project->goals.items[project->goals.n - 1]);
    }
    return thing_delete(call, &call->tenant->projects);
}
