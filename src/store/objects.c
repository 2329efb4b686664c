/* The backend in a cloud. See objects.h. */
#include "objects.h"

#include "base/mem.h"
#include "base/random.h"

enum { STARTS_MS = 20, LOOK_MS = 500, LOOK_MAX_MS = 2000 };

static struct objects *objects_of(struct store *store)
{
    return CONTAINER_OF(store, struct objects, store);
}

static struct work *work_of(const struct store_op *op)
{
    return op->backend;
}

/* --- ends */
static void stop(struct work *work)
{
    cells_cancel(&work->call);
    for (size_t i = 0; i < work->n_calls; i++) {
        cells_cancel(&work->calls[i]);
    }
    deadline_clear(&work->again);
    list_remove(&work->link);
    work->op->backend = NULL;
    arena_done(&work->arena);
    mem_free(work);
}

void work_end(struct work *work)
{
    struct store_op *op = work->op;

    if (work->holds) {
        work->held = ERR_OK;
        return;
    }
    stop(work);
    store_op_end(op);
}

void work_fail(struct work *work, enum error_code code, const char *text)
{
    struct store_op *op = work->op;

    if (work->holds) {
        work->held = code;
        work->held_text = arena_cstr(&work->op->arena, str_from(text)); /* work is gone by then */
        return;
    }
    stop(work);
    store_op_fail(op, code, text);
}

void work_fail_call(struct work *work, const struct cell_call *call)
{
    struct error error = call->error;

    work->op->result.in_doubt = work->in_doubt || call->end == CELL_DOUBT;
    if (error.text[0] == '\0') {
        (void)error_set(&error, ERR_STORE_AWAY, "the object is changed too often by others");
    }
    work->op->result.error.late = error.late;
    work_fail(work, ERR_STORE_AWAY, error.text);
}

bool blob_is_alive(const struct objects *objects, const struct blob *blob)
{
    return !blob->is_gone && blob_end_ms(blob) > cells_now_ms(&objects->cells);
}

/* --- calls */
void objects_note(struct objects *objects, const struct cell_call *call)
{
    bool is_away = call->end == CELL_AWAY || call->end == CELL_DOUBT;

    str_copy(objects->trouble, sizeof(objects->trouble),
             is_away ? str_from(call->error.text) : STR_EMPTY);
}

void work_ask(struct work *work, struct cell_call *call, void (*on_done)(struct cell_call *call))
{
    call->owner = work;
    call->on_done = on_done;
    cells_start(&work->objects->cells, call);
}

void work_again(struct work *work, unsigned wait_ms, void (*fn)(struct deadline *deadline))
{
    deadline_set(&work->objects->store.loop->deadlines, &work->again, wait_ms, fn);
}

void work_look_later(struct work *work, void (*fn)(struct deadline *deadline))
{
    work->wait_ms = work->wait_ms == 0 ? LOOK_MS : work->wait_ms * 2;
    work->wait_ms = work->wait_ms > LOOK_MAX_MS ? LOOK_MAX_MS : work->wait_ms;
    work_again(work, work->wait_ms, fn);
}

/* --- one change */
uint64_t work_next_version(const struct work *work, const struct blob *now)
{
    return now != NULL ? now->version + 1 : (uint64_t)cells_now_ms(&work->objects->cells) * 1000;
}

static void on_read(struct cell_call *call)
{
    struct work *work = call->owner;
    struct blob blob;
    const struct blob *now = call->end == CELL_OK ? &blob : NULL;

    objects_note(work->objects, call);
    if (call->end != CELL_OK && call->end != CELL_NOTHING) {
        work_fail_call(work, call);
        return;
    }
    if (now != NULL && !blob_read(arena_str(&work->arena, call->out_bytes), &blob)) {
        work_fail(work, ERR_STORE_UNREADABLE, STORE_TEXT_NEWER);
        return;
    }
    work->tag = arena_str(&work->arena, call->out_tag);
    if (work->change->decide(work, now, &work->next)) {
        line_join(work);
    }
}

/* Reads the cell and decides. A change that must be written goes to the line of the cell. */
static void change(struct work *work, const struct objects_change *what)
{
    work->change = what;
    work->call = (struct cell_call){.kind = CELL_GET, .key = work->key};
    work_ask(work, &work->call, on_read);
}

/* --- keys */
/* <prefix><letter>:{<group>}/<name> is <prefix><letter>/<group>/!<name>, so that a group's names begin with the same text, and
 * <prefix><letter>:{<key>} is <prefix><letter>/<key>. No key of the port holds a '!'. */
static struct str object_key(struct arena *arena, const struct store_op *op)
{
    size_t cut = op->store->prefix.len + 1; /* behind the letter */
    struct str key = op->key;
    struct str inner = str_sub(key, cut + 2, key.len);
    struct str group;
    struct str name;

    (void)str_cut(inner, '}', &group, &name);
    return arena_printf(arena, "%.*s/%.*s%s%.*s", (int)cut, key.ptr, STR_ARG(group),
                        name.len > 0 ? "/!" : "", STR_ARG(str_sub(name, 1, name.len)));
}

void objects_wake(struct objects *objects, enum store_kind kind, struct str key)
{
    struct store_op *op;

    LIST_EACH (op, &objects->store.running, link) {
        if (op->request.kind == kind && op->backend != NULL && str_eq(op->key, key) &&
            deadline_is_set(&work_of(op)->again)) {
            work_again(work_of(op), 0, work_of(op)->again.on_expire);
        }
    }
}

/* --- the backend */
static const struct {
    const struct objects_change *change;
    void (*begin)(struct work *work); /* of any other operation */
} acts[STORE_KIND_N] = {
    [STORE_GET] = {&objects_get},
    [STORE_PUT] = {&objects_put},
    [STORE_REMOVE] = {&objects_remove},
    [STORE_LIST] = {.begin = objects_list},
    [STORE_APPEND] = {.begin = objects_append},
    [STORE_READ] = {.begin = objects_read},
    [STORE_COUNT] = {.begin = objects_count},
    [STORE_LEASE] = {&objects_lease},
    [STORE_RENEW] = {&objects_renew},
    [STORE_RELEASE] = {&objects_release},
    [STORE_WATCH] = {.begin = objects_watch},
    [STORE_WALK] = {.begin = objects_walk},
    [STORE_ABOUT] = {.begin = objects_about},
};

/* Nothing but COUNT is done before the service is known to honour conditions. */
static void begin(struct deadline *again)
{
    struct work *work = CONTAINER_OF(again, struct work, again);
    struct objects *objects = work->objects;
    enum store_kind kind = work->op->request.kind;

    if (kind != STORE_COUNT && objects->probe.state == PROBE_RUNS) {
        work_again(work, STARTS_MS, begin);
    } else if (kind != STORE_COUNT && objects->probe.state != PROBE_DONE) {
        work_fail(work, ERR_STORE_AWAY, objects->trouble);
    } else if (acts[kind].change != NULL) {
        change(work, acts[kind].change);
    } else {
        acts[kind].begin(work);
    }
}

static void objects_start(struct store *store, struct store_op *op)
{
    struct work *work = mem_zalloc(sizeof(*work));

    work->objects = objects_of(store);
    work->op = op;
    op->backend = work;
    arena_init(&work->arena);
    work->key = object_key(&work->arena, op);
    random_hex(work->mark, BLOB_MARK);
    begin(&work->again);
}

static void objects_forget(struct store *store, struct store_op *op)
{
    (void)store;
    if (op->backend != NULL) {
        stop(op->backend);
    }
}

static void on_cells_closed(void *context)
{
    struct objects *objects = context;

    store_closed(&objects->store);
}

static void objects_close(struct store *store)
{
    struct objects *objects = objects_of(store);
    struct lru *seen[] = {&objects->leases, &objects->limits, &objects->streams};

    probe_stop(objects);
    sweep_stop(objects);
    lines_stop(objects);
    map_done(&objects->lines);
    for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
        lru_clear(seen[i]);
        lru_done(seen[i]);
    }
    for (size_t i = 0; i < OBJECTS_CURSORS; i++) {
        mem_free(unconst(objects->cursors[i].ptr));
    }
    cells_close(&objects->cells, on_cells_closed, objects);
}

static const char *objects_trouble(const struct store *store)
{
    const struct objects *objects = objects_of(unconst(store));

    return objects->trouble[0] != '\0' ? objects->trouble : NULL;
}

static const struct store_backend objects_backend = {objects_start, objects_forget, objects_close,
                                                     objects_trouble};

enum error_code store_open_cloud(struct loop *loop, const struct store_options *options,
                                 const struct store_cloud *where, struct store **out,
                                 struct error *err)
{
    enum error_code code =
        store_new(&objects_backend, sizeof(struct objects), loop, options, out, err);
    struct objects *objects;

    if (code != ERR_OK) {
        return code;
    }
    objects = objects_of(*out);
    map_init(&objects->lines);
    lru_init(&objects->leases);
    lru_init(&objects->limits);
    lru_init(&objects->streams);
    list_init(&objects->sweeps_running);
    code = cells_open(loop, where, &objects->cells, err);
    if (code == ERR_OK) { /* if not, it must be closed all the same: a client may be open */
        probe_start(objects);
    }
    return code;
}
