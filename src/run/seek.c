/* Searches for runs of any process, and stops them. */
#include "share_internal.h"

enum { OWNER_DIGITS = 32 };

bool run_is_elsewhere(const struct run *run)
{
    return run->mirror != NULL;
}

static void ask_store(struct run_seek *seek, struct str name)
{
    struct run_mirror *mirror = mirror_find(seek->store, name);

    if (mirror == NULL) {
        mirror = mirror_new(seek->store, name);
    }
    list_append(&mirror->seekers, &seek->link);
    mirror_read(mirror);
}

static struct run *find_here(struct run_store *store, struct str name)
{
    struct str scope, owner, id;
    struct run *run = runs_read_name(name, &scope, &owner, &id)
                          ? MAP_FIND(&store->by_id, id, struct run, node)
                          : NULL;

    return run != NULL && run->mirror == NULL ? run : NULL;
}

static void on_soon(struct later_item *item)
{
    struct run_seek *seek = CONTAINER_OF(item, struct run_seek, soon);
    struct run *run = find_here(seek->store, str_from(seek->name));

    if (run != NULL) {
        seek->on_done(seek, run, NULL);
    } else {
        ask_store(seek, str_from(seek->name));
    }
}

void run_seek_name(struct run_store *store, struct str name, struct run_seek *seek,
                   void (*on_done)(struct run_seek *seek, struct run *run,
                                   const struct error *error))
{
    *seek = (struct run_seek){.store = store, .on_done = on_done};
    if (find_here(store, name) != NULL) { /* carried out here, or over */
        str_copy(seek->name, sizeof(seek->name), name);
        later_add(store->options.share->options.later, &seek->soon, on_soon);
    } else {
        ask_store(seek, name);
    }
}

void run_seek_start(struct run_store *store, const struct digest *owner, struct str id,
                    struct run_seek *seek,
                    void (*on_done)(struct run_seek *seek, struct run *run,
                                    const struct error *error))
{
    char name[RUN_NAME_MAX];

    runs_name(store, owner, id, name);
    run_seek_name(store, str_from(name), seek, on_done);
}

void run_seek_cancel(struct run_seek *seek)
{
    list_remove(&seek->link);
    later_remove(&seek->soon);
}

void runs_ask_to_stop(struct run_share *share, struct str name, struct store_op *op,
                      store_done_fn on_done)
{
    char room[RUN_KEY_MAX];
    struct store_request request = {.kind = STORE_APPEND,
                                    .format = RUN_FORMAT,
                                    .limit = 1,
                                    .ttl_ms = RUN_KEPT_MS,
                                    .bytes = STR("stop"),
                                    .key = runs_key("runstop", name, room)};

    store_start(share->options.store, &request, op, on_done);
}

void run_stop_elsewhere(struct run *run, struct store_op *op,
                        void (*on_done)(struct store_op *op, const struct store_result *result))
{
    run->stop_asked = true; /* so that reports show it */
    runs_ask_to_stop(run->store->options.share, str_from(run->mirror->name), op, on_done);
}

void mirror_stop(struct run_mirror *mirror)
{
    if (!store_is_running(&mirror->stopping)) {
        runs_ask_to_stop(mirror->store->options.share, str_from(mirror->name), &mirror->stopping,
                         NULL);
    }
}

/* --- names */

static void list_more(struct run_names *names, struct str after);

static void take_name(struct run_names *names, struct str name)
{
    struct str id, owner;

    if (!str_cut(name, '.', &id, &owner) ||
        (names->owner[0] != '\0' && !str_is(owner, names->owner))) {
        return;
    }
    names->items = arena_room(names->arena, names->items, names->n, sizeof(*names->items));
    names->items[names->n++] =
        arena_printf(names->arena, "%.*s.%.*s.%.*s", STR_ARG(names->store->options.scope),
                     STR_ARG(owner), STR_ARG(id));
}

static void on_list(struct store_op *op, const struct store_result *result)
{
    struct run_names *names = CONTAINER_OF(op, struct run_names, op);

    if (result->error.code != ERR_OK) {
        names->on_done(names, &result->error);
        return;
    }
    for (size_t i = 0; i < result->n_items; i++) {
        take_name(names, result->items[i].name);
    }
    if (result->next.len > 0 && names->n < RUN_NAMES_MAX) {
        list_more(names, arena_str(names->arena, result->next));
        return;
    }
    names->on_done(names, NULL);
}

static void list_more(struct run_names *names, struct str after)
{
    char room[RUN_KEY_MAX];
    struct store_request request = {
        .kind = STORE_LIST, .format = RUN_ANY_FORMAT, .name = after, .limit = STORE_LIMIT_MAX};

    request.key = runs_key("run", names->store->options.scope, room);
    store_start(names->store->options.share->options.store, &request, &names->op, on_list);
}

void run_names_start(struct run_store *store, const struct digest *owner, struct arena *arena,
                     struct run_names *names,
                     void (*on_done)(struct run_names *names, const struct error *error))
{
    char hex[65];

    *names = (struct run_names){.store = store, .arena = arena, .on_done = on_done};
    if (owner != NULL) {
        str_copy(names->owner, sizeof(names->owner),
                 (struct str){digest_hex(owner, hex), OWNER_DIGITS});
    }
    list_more(names, STR_EMPTY);
}

void run_names_cancel(struct run_names *names)
{
    store_cancel(&names->op);
}
