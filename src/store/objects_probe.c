#include "objects.h"

#include "base/random.h"

enum { AGAIN_MS = 1000, DIGITS = 16 };

static const char *const names[] = {
    [STORE_S3] = "s3", [STORE_GCS] = "gs", [STORE_FIRESTORE] = "firestore"};

/* The steps of the test, and the end that each must have. Steps of_s3 are for S3 alone: many services speak S3, and not
 * all honour conditions; Google's own services do. */
static const struct {
    enum cell_kind kind;
    enum cell_expect expect; /* TAG: of the first object, which the fourth step replaces */
    const char *body;
    enum cell_end end;
    bool of_s3;
    bool may_fail; /* if it fails, nothing is swept */
} steps[] = {
    {CELL_GET, CELL_ANY, "", CELL_NOTHING, false},
    {CELL_PUT, CELL_ABSENT, "one", CELL_OK, true},
    {CELL_PUT, CELL_ABSENT, "two", CELL_CONFLICT, true},
    {CELL_PUT, CELL_TAG, "three", CELL_OK, true},
    {CELL_PUT, CELL_TAG, "four", CELL_CONFLICT, true},
    {CELL_DELETE, CELL_TAG, "", CELL_CONFLICT, true, true},
    {CELL_DELETE, CELL_ANY, "", CELL_OK, true, true},
};

static void ask(struct objects *objects);

static void on_again(struct deadline *deadline)
{
    struct probe *probe = CONTAINER_OF(deadline, struct probe, again);

    ask(CONTAINER_OF(probe, struct objects, probe));
}

static void name_object(struct objects *objects)
{
    char id[DIGITS + 1] = "";

    random_hex(id, DIGITS);
    (void)str_print(objects->probe.key, sizeof(objects->probe.key), "%.*sp/%s",
                    STR_ARG(objects->store.prefix), id);
}

static void say(struct objects *objects, struct str text)
{
    str_copy(objects->trouble, sizeof(objects->trouble), text);
}

static void on_asked(struct cell_call *call)
{
    struct objects *objects = call->owner;
    struct probe *probe = &objects->probe;

    if (call->end == CELL_AWAY || call->end == CELL_DOUBT) {
        probe->state = PROBE_WAITS;
        probe->step = 0;
        name_object(objects);
        say(objects, str_from(call->error.text));
        deadline_set(&objects->store.loop->deadlines, &probe->again, AGAIN_MS, on_again);
        return;
    }
    if (call->end != steps[probe->step].end && steps[probe->step].may_fail) {
        objects->sweeps = false;
    } else if (call->end != steps[probe->step].end) {
        probe->state = PROBE_BROKEN;
        say(objects,
            STR("the service does not keep to conditions (If-None-Match, If-Match): what one "
                "process writes another would overwrite; use another one"));
        return;
    }
    if (probe->step == 1) {
        str_copy(probe->tag, sizeof(probe->tag), call->out_tag);
    }
    do {
        probe->step++;
    } while (probe->step < ARRAY_LEN(steps) && steps[probe->step].of_s3 &&
             objects->cells.dialect != &cells_s3);
    if (probe->step < ARRAY_LEN(steps)) {
        ask(objects);
    } else {
        probe->state = PROBE_DONE;
        say(objects, STR_EMPTY);
    }
}

static void ask(struct objects *objects)
{
    struct probe *probe = &objects->probe;

    probe->call = (struct cell_call){.kind = steps[probe->step].kind,
                                     .key = str_from(probe->key),
                                     .bytes = str_from(steps[probe->step].body),
                                     .expect = steps[probe->step].expect,
                                     .tag = str_from(probe->tag),
                                     .on_done = on_asked,
                                     .owner = objects};
    cells_start(&objects->cells, &probe->call);
}

void probe_start(struct objects *objects)
{
    struct probe *probe = &objects->probe;

    name_object(objects);
    probe->state = PROBE_RUNS;
    objects->sweeps = true;
    ask(objects);
}

void probe_stop(struct objects *objects)
{
    deadline_clear(&objects->probe.again);
    cells_cancel(&objects->probe.call);
}

/* A cloud drops nothing by itself (noeviction); a lifecycle rule of the bucket is the operator's affair. */
void objects_about(struct work *work)
{
    work->op->result.bytes = arena_printf(
        &work->op->arena, "maxmemory_policy:noeviction\r\nbackend:%s\r\nlimits:local\r\n",
        names[work->objects->cells.where.kind]);
    work_end(work);
}
