/* Ended runs beyond max_kept leave the store: the oldest first, whenever a run of this process has ended. */
#include "base/mem.h"
#include "share_internal.h"

struct run_trim {
    struct run_store *store;
    struct run_names names;
    struct map claims; /* struct going */
    struct arena arena;
    struct store_op op;
    size_t at;  /* first the number of newest names that stay, then the next name to remove */
    bool again; /* a run has ended since the trimming began */
};

/* A run that has not ended. */
struct going {
    struct map_node node;
};

static bool goes_on(const struct run_trim *trim, struct str name)
{
    return map_find(&trim->claims, name) != NULL;
}

void trim_forget(const struct run_store *store)
{
    struct run_share *share = store->options.share;

    if (share->trim != NULL && share->trim->store == store) {
        trim_free(share);
    }
}

void trim_free(struct run_share *share)
{
    struct run_trim *trim = share->trim;

    if (trim != NULL) {
        run_names_cancel(&trim->names);
        store_cancel(&trim->op);
        map_done(&trim->claims);
        arena_done(&trim->arena);
        mem_free(trim);
        share->trim = NULL;
    }
}

static void end(struct run_trim *trim)
{
    struct run_store *store = trim->store;
    bool again = trim->again;

    trim_free(store->options.share);
    if (again) {
        runs_trim(store);
    }
}

static void remove_next(struct run_trim *trim);

static void on_part_removed(struct store_op *op, const struct store_result *result)
{
    struct run_trim *trim = CONTAINER_OF(op, struct run_trim, op);

    (void)result; /* further parts, and the stream, stay until they expire */
    trim->at++;
    remove_next(trim);
}

static void on_document_removed(struct store_op *op, const struct store_result *result)
{
    struct run_trim *trim = CONTAINER_OF(op, struct run_trim, op);
    struct store_request request = {.kind = STORE_REMOVE};
    char room[RUN_KEY_MAX];

    if (result->error.code == ERR_STORE_AWAY) {
        trim_free(trim->store->options.share);
        return;
    }
    request.key = runs_part_key(trim->names.items[trim->at], 0, room);
    store_start(trim->store->options.share->options.store, &request, &trim->op, on_part_removed);
}

static void remove_next(struct run_trim *trim)
{
    struct run_share *share = trim->store->options.share;
    struct store_request request = {.kind = STORE_REMOVE};
    char room[RUN_KEY_MAX];

    while (trim->at < trim->names.n && goes_on(trim, trim->names.items[trim->at])) {
        trim->at++;
    }
    if (trim->at >= trim->names.n) {
        end(trim);
        return;
    }
    request.key = runs_document_key(trim->names.items[trim->at], room);
    store_start(share->options.store, &request, &trim->op, on_document_removed);
}

static void list_claims(struct run_trim *trim, struct str after);

static void on_claims(struct store_op *op, const struct store_result *result)
{
    struct run_trim *trim = CONTAINER_OF(op, struct run_trim, op);

    if (result->error.code != ERR_OK) {
        trim_free(trim->store->options.share);
        return;
    }
    for (size_t i = 0; i < result->n_items; i++) {
        struct going *going = arena_zalloc(&trim->arena, sizeof(*going));

        map_insert(&trim->claims, &going->node, arena_str(&trim->arena, result->items[i].name));
    }
    if (result->next.len > 0) {
        list_claims(trim, arena_str(&trim->arena, result->next));
    } else {
        size_t n_ended = 0;

        while (trim->at < trim->names.n && n_ended < trim->store->options.max_kept) {
            n_ended += goes_on(trim, trim->names.items[trim->at]) ? 0 : 1;
            trim->at++;
        }
        remove_next(trim);
    }
}

/* Lists the claims after the names: a run is claimed before it has its name, so a name without a claim has ended. */
static void list_claims(struct run_trim *trim, struct str after)
{
    struct store_request request = {.kind = STORE_LIST,
                                    .key = STR("runclaim"),
                                    .format = RUN_ANY_FORMAT,
                                    .name = after,
                                    .limit = STORE_LIMIT_MAX};

    store_start(trim->store->options.share->options.store, &request, &trim->op, on_claims);
}

static void on_names(struct run_names *names, const struct error *error)
{
    struct run_trim *trim = CONTAINER_OF(names, struct run_trim, names);

    if (error != NULL) {
        trim_free(trim->store->options.share);
    } else if (names->n <= trim->store->options.max_kept) {
        end(trim);
    } else {
        list_claims(trim, STR_EMPTY);
    }
}

void runs_trim(struct run_store *store)
{
    struct run_share *share = store->options.share;
    struct run_trim *trim = share->trim;

    if (share->stopped) {
        return;
    }
    if (trim != NULL) {
        trim->again =
            trim->again || trim->store == store; /* runs that ended since may be too many */
        return;
    }
    trim = mem_zalloc(sizeof(*trim));
    trim->store = store;
    arena_init(&trim->arena);
    map_init(&trim->claims);
    share->trim = trim;
    run_names_start(store, NULL, &trim->arena, &trim->names, on_names);
}
