#include "objects.h"

#include "base/mem.h"

/* By then no process is late with a change of it. A document that takes its place begins with a version that is the time in
 * microseconds, which is more than any version of the old one. */
static const int64_t GONE_MS = INT64_C(3600) * 1000;

static void drop_texts(struct sweep *sweep)
{
    mem_free(unconst(sweep->key.ptr));
    mem_free(unconst(sweep->tag.ptr));
    sweep->key = (struct str){0};
    sweep->tag = (struct str){0};
}

/* Whatever became of it: whoever lists the group next sees it, or not. */
static void on_swept(struct cell_call *call)
{
    drop_texts(call->owner);
}

static struct sweep *free_one(struct objects *objects)
{
    for (size_t i = 0; i < OBJECTS_SWEEPS; i++) {
        if (objects->swept[i].key.len == 0) {
            return &objects->swept[i];
        }
    }
    return NULL;
}

void sweep_old(struct objects *objects, const struct blob *blob, struct str key, struct str tag)
{
    int64_t ended_ms = blob->is_gone ? blob->touched_ms : blob_end_ms(blob);
    struct sweep *sweep = free_one(objects);

    if (!objects->sweeps || sweep == NULL || cells_now_ms(&objects->cells) - GONE_MS < ended_ms) {
        return;
    }
    sweep->key = (struct str){str_dup(key), key.len};
    sweep->tag = (struct str){str_dup(tag), tag.len};
    sweep->call = (struct cell_call){.kind = CELL_DELETE,
                                     .key = sweep->key,
                                     .tag = sweep->tag,
                                     .expect = CELL_TAG,
                                     .on_done = on_swept,
                                     .owner = sweep};
    cells_start(&objects->cells, &sweep->call);
}

void sweep_stop(struct objects *objects)
{
    for (size_t i = 0; i < OBJECTS_SWEEPS; i++) {
        cells_cancel(&objects->swept[i].call);
        drop_texts(&objects->swept[i]);
    }
}
