/* Two runs must not look for the same project or goal by name at the same time: both would find none, and both would
 * make it. So only one run of all processes that share runs is in its rows that look for names; the others wait for
 * their turn. Runs that know their ids do not wait. */
#include "share_internal.h"

static void begin(struct run *run)
{
    plan_start(run->plan, run_on_plan_done, run);
}

/* The run begins also if there is no lease: what it would make waits at its gate until the store is back. */
static void on_lease(struct keep_user *user, const struct error *error)
{
    struct run_store *store = CONTAINER_OF(user, struct run_store, naming_lease);
    const struct run *run = store->naming;

    (void)error;
    if (!run->stop_asked && (run->log == NULL || !run->log->leaves)) {
        begin(store->naming);
    }
}

/* True: this process has the lease now; else on_lease comes. */
static bool take_lease(struct run_store *store)
{
    static const struct keep_kind kind = {.stays = false};
    char room[RUN_KEY_MAX];
    struct str name = str_print(room, sizeof(room), "runnames:%.*s", STR_ARG(store->options.scope));

    return keep_enter(store->options.share->options.keeps, name, &kind, NULL, &store->naming_lease,
                      on_lease);
}

static void go(struct run *run)
{
    if (run->names) {
        run->store->naming = run;
        if (run->log != NULL && !take_lease(run->store)) {
            return;
        }
    }
    begin(run);
}

void run_go_in_turn(struct run *run)
{
    if (run->names && run->store->naming != NULL) {
        list_append(&run->store->waiting, &run->waiting);
    } else {
        go(run);
    }
}

void run_names_done(struct run *run)
{
    struct run_store *store = run->store;
    struct list *link;

    if (store->naming != run) {
        return;
    }
    store->naming = NULL;
    keep_leave(&store->naming_lease);
    link = list_take_first(&store->waiting);
    if (link != NULL) {
        go(CONTAINER_OF(link, struct run, waiting));
    }
}
