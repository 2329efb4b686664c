/* The events of runs, who watches them, and which ended runs stay. */
#include "share_internal.h"

enum { FIRST_EVENTS = 32 };

void run_forget(struct run *run)
{
    struct run_store *store = run->store;

    later_remove(&run->free_work);
    map_remove(&store->by_id, &run->node);
    list_remove(&run->link);
    store->n_ended--;
    run_free(run);
}

void run_store_trim(struct run_store *store)
{
    struct list *link = store->ended.prev;
    struct run *lost;

    LIST_EACH_SAFE (lost, &store->lost, link) {
        if (lost->n_watchers == 0) {
            run_free_lost(lost);
        }
    }
    while (store->n_ended > store->options.max_kept && link != &store->ended) {
        struct run *run = CONTAINER_OF(link, struct run, link);

        link = link->prev;
        if (run->n_watchers == 0 && run->plan == NULL) {
            run_forget(run);
        }
    }
}

static void on_tell(struct later_item *item)
{
    struct run *run = CONTAINER_OF(item, struct run, tell);
    struct list called;
    struct list *link;

    list_init(&called);
    list_append_all(&called, &run->watchers);
    while ((link = list_take_first(&called)) != NULL) {
        struct run_watcher *watcher = CONTAINER_OF(link, struct run_watcher, link);

        list_append(&run->watchers, link);
        if (watcher->on_change != NULL) {
            watcher->on_change(watcher); /* the watcher may leave, and be freed */
        }
    }
    run_store_trim(run->store);
}

void run_tell_watchers(struct run *run)
{
    if (run->n_watchers > 0 || run->lost || run_is_over(run)) {
        later_add(run->store->options.port->later, &run->tell, on_tell);
    }
}

void run_tell(struct run *run, const struct run_event *event)
{
    if (run->n_events == run->cap_events) {
        run->cap_events = run->cap_events == 0 ? FIRST_EVENTS : run->cap_events * 2;
        run->events = mem_realloc(run->events, run->cap_events * sizeof(*run->events));
    }
    run->events[run->n_events++] = *event;
    if (run->log != NULL) {
        record_event(run); /* watchers are told when the store has it */
        if (log_is_alone(run->log)) {
            log_show_all(run->log);
        }
    } else {
        run_tell_watchers(run);
    }
}

size_t run_n_events(const struct run *run)
{
    return run->log != NULL ? run->log->n_visible : run->n_events;
}

const struct error *run_lost(const struct run *run)
{
    return run->lost ? &run->error : NULL;
}

void run_watch(struct run *run, struct run_watcher *watcher)
{
    watcher->run = run;
    list_append(&run->watchers, &watcher->link);
    run->n_watchers++;
    if (run->mirror != NULL) {
        mirror_read(run->mirror);
    }
}

void run_unwatch(struct run_watcher *watcher)
{
    if (watcher->run == NULL) {
        return;
    }
    list_remove(&watcher->link);
    watcher->run->n_watchers--;
    if (watcher->run->mirror != NULL && watcher->run->n_watchers == 0) {
        mirror_unwatched(watcher->run->mirror);
    }
    watcher->run = NULL;
}
