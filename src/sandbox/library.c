/* The library: checkpoints that several journeys share (PLATFORM.md, "Structure"). Moving and
 * deleting a step of it answer 204. */
#include "sandbox_internal.h"

int handle_library_add(struct call *call)
{
    struct checkpoint *from = call->thing;
    struct checkpoint *library;

    if (from->library_id != 0) {
        return refuse(call, 409, "The checkpoint is already in the library");
    }
    if (!has_room(call, from->steps.n + 1)) {
        return 403;
    }
    library = library_make(call, from, from->title, 0);
    from->library_id = library->thing.id;
    write_checkpoint(call->w, library, true);
    return 200;
}

/* POST /library/checkpoints/create {name | title, goalId | projectId}: without steps. */
int handle_library_create(struct call *call)
{
    struct checkpoint from = {0};
    const struct project *project;
    struct str name;
    int64_t id = 0;

    if (!body_name(call, "name", &name) && !body_name(call, "title", &name)) {
        return refuse_member(call, "name", "must be a text of 1 to 2000 bytes");
    }
    if (body_id(call, "goalId", &id)) {
        from.goal = thing_find(call->tenant, THING_GOAL, id);
        if (from.goal == NULL) {
            return refuse_unknown(call, "Goal", id);
        }
    } else if (body_id(call, "projectId", &id)) {
        project = thing_find(call->tenant, THING_PROJECT, id);
        if (project == NULL) {
            return refuse_unknown(call, "Project", id);
        }
        from.goal = project->goals.n > 0 ? project->goals.items[0] : NULL;
    }
    if (from.goal == NULL) {
        return refuse_without(call, "goalId, or the projectId of a project with a goal,");
    }
    from.snapshot = from.goal->snapshots.items[from.goal->snapshots.n - 1];
    write_checkpoint(call->w, library_make(call, &from, name, 0), true);
    return 200;
}

int handle_library_list(struct call *call)
{
    const struct refs *libraries = &call->tenant->libraries;

    jw_array(call->w);
    for (size_t i = 0; i < libraries->n; i++) {
        write_checkpoint(call->w, libraries->items[i], true);
    }
    jw_end(call->w);
    return 200;
}

TELLS(library_get, write_checkpoint(call->w, call->thing, true))

int handle_library_update(struct call *call)
{
    struct checkpoint *library = call->thing;
    struct str name;

    if (!body_name(call, "name", &name) && !body_name(call, "title", &name)) {
        return refuse_member(call, "name", "must be a text of 1 to 2000 bytes");
    }
    library->title = keep(call, name);
    thing_touch(&library->thing);
    write_checkpoint(call->w, library, true);
    return 200;
}

/* The step of the path, and its place; NULL: refused with *status. */
static struct step *step_of(struct call *call, struct checkpoint **out_library, size_t *out_at,
                            int *status)
{
    struct checkpoint *library = thing_find(call->tenant, THING_LIBRARY, call->ids[0]);
    struct step *step = thing_find(call->tenant, THING_STEP, call->ids[1]);

    if (library == NULL) {
        *status = refuse_unknown(call, "Library checkpoint", call->ids[0]);
        return NULL;
    }
    if (step == NULL || step->checkpoint != library) {
        *status = refuse_unknown(call, "Step", call->ids[1]);
        return NULL;
    }
    *out_library = library;
    *out_at = step_list_index(&library->steps, step);
    return step;
}

int handle_library_step_move(struct call *call)
{
    struct checkpoint *library;
    struct step *step;
    int64_t position;
    size_t at;
    int status = 204;

    step = step_of(call, &library, &at, &status);
    if (step == NULL) {
        return status;
    }
    if (!json_to_i64(json_get(call->body, "position"), &position) || position < 0 ||
        (uint64_t)position >= library->steps.n) {
        return refuse_member(call, "position", "must be a place that the checkpoint has");
    }
    step_list_remove(&library->steps, at);
    step_list_insert(call->tenant, &library->steps, (size_t)position, step);
    thing_touch(&library->thing);
    return 204;
}

int handle_library_step_delete(struct call *call)
{
    struct checkpoint *library;
    struct step *step;
    size_t at;
    int status = 204;

    step = step_of(call, &library, &at, &status);
    if (step == NULL) {
        return status;
    }
    step_list_remove(&library->steps, at);
    thing_forget(call->tenant, &step->thing);
    step->checkpoint = NULL;
    thing_touch(&library->thing);
    return 204;
}
