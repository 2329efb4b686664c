#include "objects.h"

#include "base/mem.h"

/* The object of a document is removed when the document has been gone for so long: an operation takes seconds at
 * most, so no process is still changing it. A document that takes its place begins with a version that is the time
 * in microseconds, which is more than any version of the old one. */
static const int64_t GONE_MS = INT64_C(120) * 1000;

static void sweep_free(struct sweep *sweep)
{
    cells_cancel(&sweep->call);
    list_remove(&sweep->link);
    sweep->objects->n_sweeps--;
    mem_free(unconst(sweep->call.key.ptr));
    mem_free(unconst(sweep->call.tag.ptr));
    mem_free(sweep);
}

/* The end does not matter: if the object is still there, the next list of its group finds it. */
static void on_swept(struct cell_call *call)
{
    sweep_free(call->owner);
}

void sweep_old(struct objects *objects, const struct blob *blob, struct str key, struct str tag)
{
    int64_t ended_ms = blob->is_gone ? blob->touched_ms : blob_end_ms(blob);
    struct sweep *sweep;

    if (!objects->sweeps || objects->n_sweeps == OBJECTS_SWEEPS ||
        cells_now_ms(&objects->cells) - GONE_MS < ended_ms) {
        return;
    }
    sweep = mem_zalloc(sizeof(*sweep));
    sweep->objects = objects;
    sweep->call = (struct cell_call){.kind = CELL_DELETE,
                                     .key = {str_dup(key), key.len},
                                     .tag = {str_dup(tag), tag.len},
                                     .expect = CELL_TAG,
                                     .on_done = on_swept,
                                     .owner = sweep};
    list_append(&objects->sweeps_running, &sweep->link);
    objects->n_sweeps++;
    cells_start(&objects->cells, &sweep->call);
}

void sweep_stop(struct objects *objects)
{
    struct list *link;

    while ((link = list_first(&objects->sweeps_running)) != NULL) {
        sweep_free(CONTAINER_OF(link, struct sweep, link));
    }
}
