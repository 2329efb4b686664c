/* Runs of other processes in the store of runs. */
#include "observe/metrics.h"
#include "share_internal.h"

void run_remember(struct run *run)
{
    map_insert(&run->store->by_id, &run->node, str_from(run->id));
}

void run_forget_copy(struct run *run)
{
    map_remove(&run->store->by_id, &run->node);
    run_free(run);
}

bool run_is_known_over(struct run_store *store, struct str id)
{
    const struct run *run = MAP_FIND(&store->by_id, id, struct run, node);

    return run != NULL && run->status > RUN_RUNNING;
}

void run_copy_is_over(struct run *run)
{
    struct run_store *store = run->store;

    list_prepend(&store->ended, &run->link);
    store->n_ended++;
    run_free_work_soon(run);
    run_tell_watchers(run);
}

void run_replace(struct run *before, struct run *after)
{
    struct list *link;

    map_remove(&before->store->by_id, &before->node);
    map_insert(&after->store->by_id, &after->node, str_from(after->id));
    while ((link = list_take_first(&before->watchers)) != NULL) {
        CONTAINER_OF(link, struct run_watcher, link)->run = after;
        list_append(&after->watchers, link);
        after->n_watchers++;
    }
    before->n_watchers = 0;
    after->n_drivers += before->n_drivers;
    if (after->n_drivers > 0) {
        adopter_look(after->store->options.share->adopter);
    }
    run_free(before);
    run_tell_watchers(after);
}

void run_own(struct run *run)
{
    struct run_store *store = run->store;

    list_prepend(&store->active, &run->link);
    store->n_active++;
    metric_gauge_add(M_RUNS_ACTIVE, 1);
}

/* Another process has the run: this one sends and writes nothing more for it, and its watchers follow a copy. */
void run_let_go(struct run *run)
{
    struct run_store *store = run->store;
    struct run_mirror *mirror;
    char name[RUN_NAME_MAX];

    runs_name(store, &run->owner, str_from(run->id), name);
    run_cut_off(run);
    if (run->n_watchers == 0) {
        run_forget_copy(run);
        return;
    }
    mirror = mirror_new(store, str_from(name));
    mirror->before = run;
    run->mirror = mirror;
}

void run_lose(struct run *run, const struct error *error)
{
    struct run_store *store = run->store;

    map_remove(&store->by_id, &run->node);
    run->lost = true;
    run->error = *error;
    list_append(&store->lost, &run->link);
    run_tell_watchers(run);
}

void run_free_lost(struct run *run)
{
    list_remove(&run->link);
    later_remove(&run->free_work);
    run_free(run);
}

void run_copies_close(struct run_store *store)
{
    struct list *link;

    while ((link = list_first(&store->mirrors)) != NULL) {
        struct run_mirror *mirror = CONTAINER_OF(link, struct run_mirror, link);

        if (mirror->before != NULL) {
            run_forget_copy(mirror->before);
        }
        mirror_free(mirror);
    }
}
