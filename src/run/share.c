/* This process as one of those that share runs: its lease, and the names of its keys in the store. */
#include "share_internal.h"

#include "base/check.h"
#include "base/mem.h"

enum { SCOPE_DIGITS = 32, OWNER_DIGITS = 32, ENTER_AGAIN_MS = 500 };

/* --- names: "<scope>.<owner>.<id>" */

static struct str fitting(struct str text)
{
    CHECK(text.len > 0);
    return text;
}

void runs_name(const struct run_store *store, const struct digest *owner, struct str id,
               char out[RUN_NAME_MAX])
{
    char hex[65];

    (void)fitting(str_print(out, RUN_NAME_MAX, "%.*s.%.*s.%.*s", STR_ARG(store->options.scope),
                            OWNER_DIGITS, digest_hex(owner, hex), STR_ARG(id)));
}

bool runs_read_name(struct str name, struct str *out_scope, struct str *out_owner,
                    struct str *out_id)
{
    struct str rest;

    return str_cut(name, '.', out_scope, &rest) && str_cut(rest, '.', out_owner, out_id) &&
           out_scope->len == SCOPE_DIGITS && out_owner->len == OWNER_DIGITS && out_id->len > 0;
}

void run_name(const struct run *run, char out[RUN_NAME_MAX])
{
    runs_name(run->store, &run->owner, str_from(run->id), out);
}

bool run_is_name_in(const struct run_store *store, struct str text)
{
    struct str scope, owner, id;

    return text.len < RUN_NAME_MAX && runs_read_name(text, &scope, &owner, &id) &&
           str_eq(scope, store->options.scope);
}

struct str runs_key(const char *group, struct str name, char room[RUN_KEY_MAX])
{
    return fitting(str_print(room, RUN_KEY_MAX, "%s/%.*s", group, STR_ARG(name)));
}

struct str runs_document_key(struct str name, char room[RUN_KEY_MAX])
{
    struct str scope, owner, id;

    CHECK(runs_read_name(name, &scope, &owner, &id));
    return fitting(str_print(room, RUN_KEY_MAX, "run/%.*s/%.*s.%.*s", STR_ARG(scope), STR_ARG(id),
                             STR_ARG(owner)));
}

struct str runs_part_key(struct str name, size_t part, char room[RUN_KEY_MAX])
{
    return fitting(str_print(room, RUN_KEY_MAX, "runsteps/%.*s.%zu", STR_ARG(name), part));
}

struct run_store *runs_store_of(struct run_share *share, struct str scope)
{
    struct run_store *store;

    LIST_EACH (store, &share->stores, shared) {
        if (str_eq(store->options.scope, scope)) {
            return store;
        }
    }
    return NULL;
}

bool run_is_shared(const struct run_store *store)
{
    return store->options.share != NULL;
}

struct str runs_holder(const struct run_share *share)
{
    return str_from(keeps_holder(share->options.keeps));
}

/* --- the lease */

static void on_lost(void *context, struct str name);

static const struct keep_kind alive_kind = {.stays = true, .on_lost = on_lost};

bool runs_lasts(const struct run_share *share)
{
    return share->holds && keep_lasts(&share->alive, RUN_MARGIN_MS);
}

static void on_held(struct run_share *share)
{
    struct run_log *log;

    share->holds = true;
    LIST_EACH_SAFE (log, &share->logs, link) {
        log_held(log);
    }
}

static void on_enter_again(struct deadline *deadline)
{
    struct run_share *share = CONTAINER_OF(deadline, struct run_share, enter_again);

    if (!list_is_empty(&share->logs)) {
        runs_want(share);
    }
}

static void on_alive(struct keep_user *user, const struct error *error)
{
    struct run_share *share = CONTAINER_OF(user, struct run_share, alive);
    struct run_log *log;

    share->enters = false;
    if (error == NULL) {
        on_held(share);
        return;
    }
    deadline_set(share->options.deadlines, &share->enter_again, ENTER_AGAIN_MS, on_enter_again);
    LIST_EACH_SAFE (log, &share->logs, link) {
        log_not_held(log, error);
    }
}

/* Afterwards `holds` is true, or log_held comes for each log from a later turn. */
void runs_want(struct run_share *share)
{
    char room[RUN_KEY_MAX];

    if (share->holds || share->enters || share->stopped) {
        return;
    }
    share->enters = true;
    if (keep_enter(share->options.keeps,
                   str_print(room, sizeof(room), "runs:%.*s", STR_ARG(runs_holder(share))),
                   &alive_kind, share, &share->alive, on_alive)) {
        share->enters = false;
        share->holds = true;
    }
}

/* The lease is lost: other processes may have taken the runs over. */
static void on_lost(void *context, struct str name)
{
    struct run_share *share = context;
    struct run_log *log;

    (void)name;
    share->holds = false;
    share->n_left++;
    if (share->alive
            .uses) { /* if it only waits, it keeps its place, and on_alive comes with the next lease */
        keep_leave(&share->alive);
        share->enters = false; /* on_alive will not come for the lease that was lost */
    }
    LIST_EACH (log, &share->logs, link) {
        log_doubt(log);
    }
    if (!list_is_empty(&share->logs)) {
        runs_want(share);
    }
}

static bool somebody_adopts(struct run_share *share)
{
    struct run_store *store;
    struct run_mirror *mirror;

    LIST_EACH (store, &share->stores, shared) {
        LIST_EACH (mirror, &store->mirrors, link) {
            if (mirror->adopts) {
                return true;
            }
        }
    }
    return false;
}

void runs_leave_if_idle(struct run_share *share)
{
    if (list_is_empty(&share->logs) && !somebody_adopts(share)) {
        share->n_left += share->holds ? 1 : 0;
        keep_leave(&share->alive);
        share->holds = false;
        share->enters = false;
    }
}

/* A claim that is still being removed is removed without the store of runs. The trimming of its old runs ends. */
void runs_forget_store(struct run_store *store)
{
    struct run_log *log;

    trim_forget(store);
    LIST_EACH (log, &store->options.share->logs, link) {
        log->store = log->store == store ? NULL : log->store;
    }
}

/* --- its life */

struct run_share *run_share_open(const struct run_share_options *options)
{
    struct run_share *share = mem_zalloc(sizeof(*share));

    share->options = *options;
    list_init(&share->stores);
    list_init(&share->logs);
    share->adopter = options->role != RUN_ROLE_GIVES ? adopter_open(share) : NULL;
    return share;
}

void run_share_drain(struct run_share *share)
{
    struct run_log *log;

    if (share == NULL) {
        return;
    }
    share->drains = true;
    LIST_EACH (log, &share->logs, link) {
        if (log_must_leave(log)) {
            log_leave_soon(log);
        }
    }
}

void run_share_stop(struct run_share *share)
{
    struct run_log *log;
    struct run_store *store;

    if (share == NULL || share->stopped) {
        return;
    }
    share->stopped = true;
    LIST_EACH (store, &share->stores, shared) {
        run_copies_close(store);
    }
    LIST_EACH_SAFE (log, &share->logs, link) {
        CHECK(log->run == NULL); /* only the removal of its claim is left */
        log_free(log);
    }
    trim_free(share);
    if (share->adopter != NULL) {
        adopter_close(share->adopter);
    }
    store_cancel(&share->bell);
    deadline_clear(&share->enter_again);
    keep_leave(&share->alive);
}

void run_share_close(struct run_share *share)
{
    run_share_stop(share);
    mem_free(share);
}
