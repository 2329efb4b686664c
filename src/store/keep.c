/* One keep is one lease name:
 *
 *   FREE ──► ASKS ──► HELD ──► RELEASES ──► FREE
 *             │ ▲       └──(not renewed in time)──► LOST ──(all users have left)──► FREE
 *             ▼ │
 *           WAITS (another one holds it)
 *
 * A user that enters while it is not HELD waits in `waiting`. */
#include "keep_internal.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"

/* --- a keep's life */
static struct keep *keep_for(struct keeps *keeps, struct str name, const struct keep_kind *kind,
                             void *context)
{
    struct keep *keep = MAP_FIND(&keeps->map, name, struct keep, node);

    if (keep != NULL) {
        return keep;
    }
    keep = mem_zalloc(sizeof(*keep));
    keep->keeps = keeps;
    keep->kind = kind;
    keep->context = context;
    keep->name = (struct str){str_dup(name), name.len};
    list_init(&keep->users);
    list_init(&keep->waiting);
    map_insert(&keeps->map, &keep->node, keep->name);
    return keep;
}

static void on_all_closed(struct later_item *item)
{
    struct keeps *keeps = CONTAINER_OF(item, struct keeps, closed);
    struct callback on_closed = keeps->on_closed;

    store_on_rewound(keeps->store, NULL, NULL);
    map_done(&keeps->map);
    mem_free(keeps);
    callback_run(on_closed);
}

static void close_if_empty(struct keeps *keeps)
{
    if (keeps->closing && keeps->map.n_nodes == 0) {
        later_add(&keeps->store->loop->later, &keeps->closed, on_all_closed);
    }
}

void keep_stop_watching(struct keep *keep)
{
    store_cancel(&keep->watch);
}

void keep_forget_left(struct keep *keep)
{
    mem_free(keep->left);
    keep->left = NULL;
    keep->n_left = 0;
}

void keep_free(struct keep *keep)
{
    struct keeps *keeps = keep->keeps;

    CHECK(keep->n_users == 0 && list_is_empty(&keep->waiting) && !store_is_running(&keep->act));
    keep_stop_watching(keep);
    deadline_clear(&keep->timer);
    later_remove(&keep->soon);
    keep_forget_left(keep);
    map_remove(&keeps->map, &keep->node);
    mem_free(unconst(keep->name.ptr));
    mem_free(keep);
    close_if_empty(keeps);
}

/* Calls no callbacks: each lease is found to be lost when it is used, or by its timer. */
static void on_rewound(void *context)
{
    struct keeps *keeps = context;
    struct map_node *node;

    keeps->age++;
    keeps->rewound_ms = clock_age_ms();
    MAP_FOREACH (node, &keeps->map) {
        struct keep *keep = CONTAINER_OF(node, struct keep, node);

        if (keep->state == KEEP_HELD && deadline_is_set(&keep->timer)) {
            keep_look_soon(keep);
        }
    }
}

struct keeps *keeps_open(struct store *store)
{
    struct keeps *keeps = mem_zalloc(sizeof(*keeps));

    keeps->store = store;
    map_init(&keeps->map);
    list_init(&keeps->releasing);
    list_init(&keeps->rested);
    random_hex(keeps->holder, HOLDER_DIGITS);
    store_on_rewound(store, on_rewound, keeps);
    return keeps;
}

const char *keeps_holder(const struct keeps *keeps)
{
    return keeps->holder;
}

void keep_start(struct keep *keep, struct store_request *request, struct store_op *op,
                store_done_fn on_done)
{
    request->key = keep->name;
    request->holder = str_from(keep->keeps->holder);
    request->fence = keep->fence;
    request->ttl_ms = KEEP_TTL_MS;
    store_start(keep->keeps->store, request, op, on_done);
}

void keep_set_timer(struct keep *keep, uint64_t ms, deadline_fn on_due)
{
    deadline_set(&keep->keeps->store->loop->deadlines, &keep->timer, ms, on_due);
}

/* --- users */
static void on_user_ready(struct later_item *item)
{
    struct keep_user *user = CONTAINER_OF(item, struct keep_user, soon);

    user->on_ready(user, NULL);
}

static void admit(struct keep *keep, struct keep_user *user)
{
    user->uses = true;
    user->fence = keep->fence;
    list_append(&keep->users, &user->link);
    keep->n_users++;
    keep->n_wanted_uses += keep->wanted;
}

/* True: another process waits for the lease, and has waited long enough. */
static bool is_overdue(const struct keep *keep)
{
    return keep->wanted && (keep->n_wanted_uses >= KEEP_WANTED_USES ||
                            clock_age_ms() - keep->wanted_ms >= KEEP_WANTED_MS);
}

bool keep_is_valid(const struct keep *keep, uint64_t ms)
{
    return keep->state == KEEP_HELD && keep->age == keep->keeps->age &&
           keep->until_ms > clock_age_ms() + ms;
}

void keep_admit_waiting(struct keep *keep)
{
    struct list *link;

    while (keep_is_valid(keep, 0) && !is_overdue(keep) &&
           (link = list_take_first(&keep->waiting)) != NULL) {
        struct keep_user *user = CONTAINER_OF(link, struct keep_user, link);

        admit(keep, user);
        later_add(&keep->keeps->store->loop->later, &user->soon, on_user_ready);
    }
}

void keep_fail_waiting(struct keep *keep, const struct error *error)
{
    struct list failed;
    struct list *link;

    list_init(&failed);
    while ((link = list_take_first(&keep->waiting)) != NULL) {
        CONTAINER_OF(link, struct keep_user, link)->keep = NULL;
        list_append(&failed, link);
    }
    while ((link = list_take_first(&failed)) != NULL) {
        struct keep_user *user = CONTAINER_OF(link, struct keep_user, link);

        user->on_ready(user, error);
    }
}

/* --- entering and leaving */
bool keep_enter(struct keeps *keeps, struct str name, const struct keep_kind *kind, void *context,
                struct keep_user *user, keep_ready_fn on_ready)
{
    struct keep *keep = keep_for(keeps, name, kind, context);

    *user = (struct keep_user){.keep = keep, .on_ready = on_ready};
    if (keep->state == KEEP_HELD && !keep_is_valid(keep, 0)) {
        keep_lose(keep,
                  keep->age == keep->keeps->age ? "this process stood still" : KEEP_WHY_REWOUND);
        keep = keep_for(keeps, name, kind, context); /* if it had no users it is gone */
        user->keep = keep;
    }
    if (keep->state == KEEP_HELD && !is_overdue(keep) && list_is_empty(&keep->waiting)) {
        admit(keep, user);
        return true;
    }
    list_append(&keep->waiting, &user->link);
    if (keep->state == KEEP_FREE) {
        keep_ask(keep);
    }
    return false;
}

void keep_join(const struct keep_user *user, struct keep_user *more)
{
    CHECK(user->uses);
    *more = (struct keep_user){.keep = user->keep};
    admit(user->keep, more);
    more->fence = user->fence;
}

/* Lets go of an unused lease that another process wants, some turns later: the next user here comes by then, if any. */
static void on_soon(struct later_item *item)
{
    struct keep *keep = CONTAINER_OF(item, struct keep, soon);

    if (keep->n_users > 0 || keep->state != KEEP_HELD || !keep->wanted) {
        return;
    }
    if (keep->n_soon > 0 && !is_overdue(keep)) {
        keep->n_soon--;
        later_add(&keep->keeps->store->loop->later, &keep->soon, on_soon);
        return;
    }
    keep_release(keep);
}

static void on_unused(struct keep *keep)
{
    keep->idle_ms = clock_age_ms();
    if (keep->losing) {
        return;
    }
    if (keep->state == KEEP_LOST) {
        keep->state = KEEP_FREE;
        keep_free_or_ask(keep);
    } else if (keep->state == KEEP_HELD && keep->keeps->closing) {
        keep_release(keep);
    } else if (keep->state == KEEP_HELD && keep->wanted) {
        keep->n_soon = 2;
        later_add(&keep->keeps->store->loop->later, &keep->soon, on_soon);
    }
}

void keep_leave(struct keep_user *user)
{
    struct keep *keep = user->keep;

    list_remove(&user->link); /* also from the list of those that are told of a failure now */
    if (keep == NULL) {
        return;
    }
    user->keep = NULL;
    later_remove(&user->soon);
    if (user->uses) {
        user->uses = false;
        keep->n_users--;
        if (keep->n_users == 0) {
            on_unused(keep);
        }
    }
}

/* --- what is known */
bool keep_lasts(const struct keep_user *user, uint64_t ms)
{
    return user->uses && user->keep->fence == user->fence && keep_is_valid(user->keep, ms);
}

bool keep_is_alone(const struct keep_user *user)
{
    const struct keep *keep = user->keep;

    return keep->unanswered && keep->fence == user->fence && keep->age == keep->keeps->age &&
           (keep_is_valid(keep, 0) || store_trouble(keep->keeps->store) != NULL);
}

bool keep_is_sure(const struct keep_user *user)
{
    return keep_lasts(user, 0) && store_trouble(user->keep->keeps->store) == NULL;
}

bool keep_is_wanted(const struct keep_user *user)
{
    return user->keep->wanted;
}

bool keep_is_orderly(const struct keep_user *user)
{
    return user->keep->orderly;
}

struct str keep_left(const struct keep_user *user, uint64_t *out_age_ms)
{
    *out_age_ms = user->keep->left_age_ms;
    return (struct str){user->keep->left, user->keep->n_left};
}

/* --- the end */
static void end_keep(struct keep *keep)
{
    CHECK(keep->n_users == 0 && list_is_empty(&keep->waiting));
    if (keep->state == KEEP_HELD) {
        keep_release(keep);
    } else if (keep->state != KEEP_RELEASES) {
        store_cancel(&keep->act);
        keep_free(keep);
    }
}

static void rest(struct keep *keep)
{
    if (keep->state == KEEP_HELD && keep->n_users == 0) {
        keep_release(keep);
    }
}

void keeps_rest_one(struct keeps *keeps, struct str name)
{
    struct keep *keep = MAP_FIND(&keeps->map, name, struct keep, node);

    if (keep != NULL) {
        rest(keep);
    }
}

void keeps_rest(struct keeps *keeps)
{
    struct map_node *node;
    struct map_node *after;

    MAP_FOREACH_SAFE (node, after, &keeps->map) {
        rest(CONTAINER_OF(node, struct keep, node));
    }
}

void keeps_note_release(struct keep *keep)
{
    keep->release_number = ++keep->keeps->n_releases;
    list_append(&keep->keeps->releasing, &keep->release);
}

/* The number of the oldest release that has not ended. */
static uint64_t oldest_release(struct keeps *keeps)
{
    struct list *first = list_first(&keeps->releasing);

    return first != NULL ? CONTAINER_OF(first, struct keep, release)->release_number : UINT64_MAX;
}

void keeps_note_released(struct keeps *keeps)
{
    struct list *link;

    while ((link = list_first(&keeps->rested)) != NULL) {
        struct keeps_rested *who = CONTAINER_OF(link, struct keeps_rested, link);

        if (oldest_release(keeps) <= who->number) {
            return;
        }
        list_remove(link);
        who->on_rested(who);
    }
}

bool keeps_are_rested(struct keeps *keeps, struct keeps_rested *who,
                      void (*on_rested)(struct keeps_rested *who))
{
    if (list_is_empty(&keeps->releasing)) {
        return true;
    }
    who->on_rested = on_rested;
    who->number = keeps->n_releases;
    list_append(&keeps->rested, &who->link);
    return false;
}

void keeps_stop_waiting(struct keeps_rested *who)
{
    list_remove(&who->link);
}

void keeps_close(struct keeps *keeps, void (*on_closed)(void *context), void *context)
{
    struct map_node *node;
    struct map_node *after;

    keeps->closing = true;
    keeps->on_closed = (struct callback){on_closed, context};
    MAP_FOREACH_SAFE (node, after, &keeps->map) {
        end_keep(CONTAINER_OF(node, struct keep, node));
    }
    close_if_empty(keeps);
}
