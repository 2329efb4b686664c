/* Ended runs beyond max_kept leave the store: the oldest first, whenever a run of this process has ended. */
#include "base/mem.h"
#include "share_internal.h"

struct run_trim {
    struct run_store *store;
    struct run_names names;
    struct arena arena;
    struct store_op op;
    size_t at; /* the name after the last one that stays, then the next one that goes */
};

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
        arena_done(&trim->arena);
        mem_free(trim);
        share->trim = NULL;
    }
}

static void remove_next(struct run_trim *trim);

static void on_part_removed(struct store_op *op, const struct store_result *result)
{
    struct run_trim *trim = CONTAINER_OF(op, struct run_trim, op);

    (void)result; /* further parts, and the stream, live as long as they were to live */
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

    while (trim->at < trim->names.n && adopter_knows(share->adopter, trim->names.items[trim->at])) {
        trim->at++; /* it has not ended */
    }
    if (trim->at >= trim->names.n) {
        trim_free(share);
        return;
    }
    request.key = runs_document_key(trim->names.items[trim->at], room);
    store_start(share->options.store, &request, &trim->op, on_document_removed);
}

/* Names of runs that go on count, and are newer than most. */
static void on_names(struct run_names *names, const struct error *error)
{
    struct run_trim *trim = CONTAINER_OF(names, struct run_trim, names);
    struct run_share *share = trim->store->options.share;
    size_t n_ended = 0;

    if (error != NULL) {
        trim_free(share);
        return;
    }
    while (trim->at < names->n && n_ended < trim->store->options.max_kept) {
        n_ended += adopter_knows(share->adopter, names->items[trim->at]) ? 0 : 1;
        trim->at++;
    }
    remove_next(trim);
}

void runs_trim(struct run_store *store)
{
    struct run_share *share = store->options.share;
    struct run_trim *trim;

    if (share->trim != NULL || share->stopped || share->adopter == NULL) {
        return; /* the end of a later run looks again; who adopts none does not know which have ended */
    }
    trim = mem_zalloc(sizeof(*trim));
    trim->store = store;
    arena_init(&trim->arena);
    share->trim = trim;
    run_names_start(store, NULL, &trim->arena, &trim->names, on_names);
}
