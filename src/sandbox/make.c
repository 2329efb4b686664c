/* Makes the platform's things and puts them where they belong. Nothing here refuses: the routes
 * have checked the client's request, /__sandbox/seed the test's. */
#include "sandbox_internal.h"

#include <string.h>

#include "base/check.h"

static const char empty_object[] = "{}";

static struct str title_key(struct call *call, int64_t goal_id, struct str title)
{
    char *bytes = arena_alloc(&call->tenant->arena, sizeof(goal_id) + title.len);

    memcpy(bytes, &goal_id, sizeof(goal_id));
    memcpy(bytes + sizeof(goal_id), title.ptr, title.len);
    return (struct str){bytes, sizeof(goal_id) + title.len};
}

struct project *project_make(struct call *call, struct str name, int64_t wanted_id)
{
    struct project *project = thing_make(call, THING_PROJECT, sizeof(*project), wanted_id);

    project->name = keep(call, name);
    project->description = STR_EMPTY;
    project->organization_id = DEFAULT_ORGANIZATION;
    project->created_by = call->tenant->user_id;
    refs_append(call->tenant, &call->tenant->projects, project);
    return project;
}

struct goal *goal_make(struct call *call, struct project *project, struct str name,
                       int64_t wanted_id)
{
    struct goal *goal = thing_make(call, THING_GOAL, sizeof(*goal), wanted_id);

    goal->project = project;
    goal->name = keep(call, name);
    goal->url = STR_EMPTY;
    goal->device_size = str_from(empty_object);
    goal->meta = str_from(empty_object);
    refs_append(call->tenant, &project->goals, goal);
    return goal;
}

struct snapshot *snapshot_make(struct call *call, struct goal *goal, int64_t wanted_id)
{
    struct snapshot *snapshot = thing_make(call, THING_SNAPSHOT, sizeof(*snapshot), wanted_id);

    snapshot->goal = goal;
    snapshot->number = (int64_t)goal->snapshots.n + 1;
    refs_append(call->tenant, &goal->snapshots, snapshot);
    return snapshot;
}

struct journey *journey_make(struct call *call, struct snapshot *snapshot, struct str title,
                             int64_t wanted_id)
{
    struct journey *journey = thing_make(call, THING_JOURNEY, sizeof(*journey), wanted_id);

    journey->goal = snapshot->goal;
    journey->snapshot = snapshot;
    journey->title = keep(call, title);
    journey->name = journey->title;
    journey->tags = STR("[]");
    journey->data_values = str_from(empty_object);
    refs_append(call->tenant, &snapshot->goal->journeys, journey);
    return journey;
}

struct checkpoint *checkpoint_make(struct call *call, struct snapshot *snapshot, struct str title,
                                   int64_t wanted_id)
{
    struct str key = title_key(call, snapshot->goal->thing.id, title);
    struct checkpoint *checkpoint;

    if (map_find(&call->tenant->titles, key) != NULL) {
        return NULL;
    }
    checkpoint = thing_make(call, THING_CHECKPOINT, sizeof(*checkpoint), wanted_id);
    checkpoint->goal = snapshot->goal;
    checkpoint->snapshot = snapshot;
    checkpoint->title = keep(call, title);
    map_insert(&call->tenant->titles, &checkpoint->by_title, key);
    refs_append(call->tenant, &snapshot->goal->checkpoints, checkpoint);
    return checkpoint;
}

struct checkpoint *library_make(struct call *call, const struct checkpoint *from, struct str title,
                                int64_t wanted_id)
{
    struct checkpoint *library = thing_make(call, THING_LIBRARY, sizeof(*library), wanted_id);

    library->goal = from->goal;
    library->snapshot = from->snapshot;
    library->title = keep(call, title);
    library->library_id = library->thing.id;
    steps_copy(call, library, from);
    refs_append(call->tenant, &call->tenant->libraries, library);
    return library;
}

void checkpoint_attach(struct call *call, struct journey *journey, struct checkpoint *checkpoint,
                       size_t at)
{
    CHECK(at <= journey->cases.n);
    refs_insert(call->tenant, &journey->cases, at, checkpoint);
    checkpoint->shared_count++;
    thing_touch(&journey->thing);
}

struct step *step_make(struct call *call, struct checkpoint *checkpoint, size_t at)
{
    struct step *step = thing_make(call, THING_STEP, sizeof(*step), 0);

    step->checkpoint = checkpoint;
    step->meta = str_from(empty_object);
    step->value = STR_EMPTY;
    step_list_insert(call->tenant, &checkpoint->steps, at, step);
    return step;
}

void steps_copy(struct call *call, struct checkpoint *to, const struct checkpoint *from)
{
    for (size_t i = 0; i < from->steps.n; i++) {
        const struct step *old = step_list_get(&from->steps, i);
        struct step *step = step_make(call, to, to->steps.n);

        /* The texts are immutable and live as long as the tenant: shared. */
        step->action = old->action;
        step->value = old->value;
        step->variable = old->variable;
        step->expression = old->expression;
        step->meta = old->meta;
        step->element = old->element;
        step->optional = old->optional;
        step->ignore_outcome = old->ignore_outcome;
        step->skip = old->skip;
    }
}

void first_journey_make(struct call *call, struct goal *goal)
{
    struct snapshot *snapshot = goal->snapshots.items[goal->snapshots.n - 1];
    struct journey *journey = journey_make(call, snapshot, STR("First journey"), 0);
    struct checkpoint *checkpoint = checkpoint_make(call, snapshot, STR("First checkpoint"), 0);
    struct json_writer w;
    struct step *step;

    CHECK(checkpoint != NULL); /* the goal is new */
    checkpoint_attach(call, journey, checkpoint, 0);
    journey->has_first_checkpoint = true;
    step = step_make(call, checkpoint, 0);
    step->action = STR("NAVIGATE");
    step->value = goal->url;
    scratch_begin(call, &w);
    jw_form(&w, "{kind:'NAVIGATE', type:'URL', url:%s, value:%s, useNewTab:false}", goal->url,
            goal->url);
    step->meta = scratch_keep(call);
}
