/* The library: checkpoints that several journeys share (PLATFORM.md, "Structure"). */
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

    if (!need_name_or_title(call, &name)) {
        return call->status;
    }
    if (body_id(call, "goalId", &id)) {
        from.goal = need_thing(call, THING_GOAL, id);
    } else if (body_id(call, "projectId", &id)) {
        project = need_thing(call, THING_PROJECT, id);
        from.goal = project != NULL && project->goals.n > 0 ? project->goals.items[0] : NULL;
    }
    if (call->status != 200) {
        return call->status;
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

    if (!need_name_or_title(call, &name)) {
        return call->status;
    }
    library->title = keep(call, name);
    thing_touch(&library->thing);
    write_checkpoint(call->w, library, true);
    return 200;
}
