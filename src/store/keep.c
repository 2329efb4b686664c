/* One keep is one lease name:
 *
 *   FREE ──► ASKS ──► HELD ──► RELEASES ──► FREE
 *             │ ▲       └──(not renewed in time)──► LOST ──(all users have left)──► FREE
 *             ▼ │
 *           WAITS (another one holds it)
 *
 * Who enters while it is not HELD waits in `waiting`. */
#include "store/keep.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/random.h"
#include "observe/log.h"
#include "store_internal.h"

enum {
    RENEW_MS = KEEP_TTL_MS / 3,
    AGAIN_MS = 200, /* a renewal that failed is tried again */
    YIELD_MS = 50,  /* after it was let go for another one, that one asks first */
    WATCH_MS = 2000,
    HOLDER_DIGITS = 32
};

enum keep_state { KEEP_FREE, KEEP_ASKS, KEEP_WAITS, KEEP_HELD, KEEP_RELEASES, KEEP_LOST };

struct keep {
    struct map_node node; /* key: `name`, heap */
    struct str name;
    struct keeps *keeps;
    const struct keep_kind *kind;
    void *context;
    enum keep_state state;
    struct list users;
    struct list waiting;
    unsigned n_users;
    struct store_op act; /* LEASE, RENEW or RELEASE */
    bool acts;
    struct store_op watch;
    bool watches;
    struct deadline timer; /* HELD: renewal; WAITS, FREE: asking */
    struct later_item soon;
    unsigned n_soon;   /* turns until it is looked at whether it is used */
    uint64_t sequence; /* of the last event seen */
    uint64_t fence;
    uint64_t sent_ms;  /* by clock_age_ms: the ask or renewal on its way */
    uint64_t until_ms; /* the lease ends */
    uint64_t since_ms; /* it was taken */
    uint64_t held_ms;  /* another one was seen to hold it; 0: never */
    uint64_t idle_ms;  /* the last user left */
    bool orderly;
    char *left; /* heap */
    size_t n_left;
    uint64_t left_age_ms;
    bool losing;
    bool wanted;
    bool yields; /* it was let go for another one */
    uint64_t wanted_ms;
    unsigned n_wanted_uses;
};

struct keeps {
    struct store *store;
    struct map map;
    char holder[HOLDER_DIGITS + 1];
    bool closing;
    void (*on_closed)(void *context);
    void *context;
    struct later_item closed;
};

static void ask(struct keep *keep);
static void release(struct keep *keep);

/* --- a keep's life */
static struct keep *keep_for(struct keeps *keeps, struct str name, const struct keep_kind *kind,
                             void *context)
{
    struct map_node *node = map_find(&keeps->map, name);
    struct keep *keep;

    if (node != NULL) {
        return CONTAINER_OF(node, struct keep, node);
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
    void (*on_closed)(void *context) = keeps->on_closed;
    void *context = keeps->context;

    map_done(&keeps->map);
    mem_free(keeps);
    on_closed(context);
}

static void close_if_empty(struct keeps *keeps)
{
    if (keeps->closing && keeps->map.n_nodes == 0) {
        later_add(&keeps->store->loop->later, &keeps->closed, on_all_closed);
    }
}

static void stop_watching(struct keep *keep)
{
    if (keep->watches) {
        store_cancel(&keep->watch);
        keep->watches = false;
    }
}

static void forget_left(struct keep *keep)
{
    mem_free(keep->left);
    keep->left = NULL;
    keep->n_left = 0;
}

static void keep_free(struct keep *keep)
{
    struct keeps *keeps = keep->keeps;

    CHECK(keep->n_users == 0 && list_is_empty(&keep->waiting) && !keep->acts);
    stop_watching(keep);
    deadline_clear(&keep->timer);
    later_remove(&keep->soon);
    forget_left(keep);
    map_remove(&keeps->map, &keep->node);
    mem_free(unconst(keep->name.ptr));
    mem_free(keep);
    close_if_empty(keeps);
}

struct keeps *keeps_open(struct store *store)
{
    struct keeps *keeps = mem_zalloc(sizeof(*keeps));

    keeps->store = store;
    map_init(&keeps->map);
    random_hex(keeps->holder, HOLDER_DIGITS);
    return keeps;
}

const char *keeps_holder(const struct keeps *keeps)
{
    return keeps->holder;
}

static void start(struct keep *keep, struct store_request *request, struct store_op *op,
                  store_done_fn on_done)
{
    request->key = keep->name;
    request->holder = str_from(keep->keeps->holder);
    request->fence = keep->fence;
    request->ttl_ms = KEEP_TTL_MS;
    store_start(keep->keeps->store, request, op, on_done);
}

static void set_timer(struct keep *keep, uint64_t ms, deadline_fn on_due)
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

/* Another one waits for it, and had to wait long enough. */
static bool is_overdue(const struct keep *keep)
{
    return keep->wanted && (keep->n_wanted_uses >= KEEP_WANTED_USES ||
                            clock_age_ms() - keep->wanted_ms >= KEEP_WANTED_MS);
}

static bool lasts(const struct keep *keep, uint64_t ms)
{
    return keep->state == KEEP_HELD && keep->until_ms > clock_age_ms() + ms;
}

static void admit_waiting(struct keep *keep)
{
    struct list *link;

    while (lasts(keep, 0) && !is_overdue(keep) &&
           (link = list_take_first(&keep->waiting)) != NULL) {
        struct keep_user *user = CONTAINER_OF(link, struct keep_user, link);

        admit(keep, user);
        later_add(&keep->keeps->store->loop->later, &user->soon, on_user_ready);
    }
}

static void fail_waiting(struct keep *keep, const struct error *cause)
{
    struct error error = *cause;
    struct list failed;
    struct list *link;

    if (error.code == ERR_STORE_AWAY) {
        error.retry_after_s = 1;
    }
    list_init(&failed);
    while ((link = list_take_first(&keep->waiting)) != NULL) {
        CONTAINER_OF(link, struct keep_user, link)->keep = NULL;
        list_append(&failed, link);
    }
    while ((link = list_take_first(&failed)) != NULL) {
        struct keep_user *user = CONTAINER_OF(link, struct keep_user, link);

        user->on_ready(user, &error);
    }
}

/* --- wanted by another one */
static void note_wanted(struct keep *keep)
{
    if (keep->kind->stays) {
        return;
    }
    if (!keep->wanted) {
        keep->wanted = true;
        keep->wanted_ms = clock_age_ms();
        keep->n_wanted_uses = 0;
    }
    if (keep->kind->on_wanted != NULL) {
        keep->kind->on_wanted(keep->context, keep->name);
    }
    if (keep->state == KEEP_HELD && keep->n_users == 0) {
        release(keep);
    }
}

static void watch(struct keep *keep);

static void on_watch_again(struct keep *keep)
{
    if (keep->state == KEEP_HELD) {
        note_wanted(keep);
    } else if (keep->state == KEEP_WAITS) {
        deadline_clear(&keep->timer);
        ask(keep);
    }
}

/* What fails here is known by other ways, later: a renewal tells who wants it, a timer asks again. */
static void on_watched(struct store_op *op, const struct store_result *result)
{
    struct keep *keep = CONTAINER_OF(op, struct keep, watch);
    bool news = result->error.code == ERR_OK && result->sequence > keep->sequence;

    keep->watches = false;
    if (result->error.code != ERR_OK) {
        return;
    }
    if (!news) {
        watch(keep);
        return;
    }
    keep->sequence = result->sequence;
    on_watch_again(keep);
}

static void watch(struct keep *keep)
{
    struct store_request request = {
        .kind = STORE_WATCH, .after = keep->sequence, .wait_ms = STORE_WAIT_MAX_MS};

    if (!keep->watches && !keep->wanted && !keep->kind->stays &&
        (keep->state == KEEP_HELD || keep->state == KEEP_WAITS)) {
        keep->watches = true;
        start(keep, &request, &keep->watch, on_watched);
    }
}

/* --- letting go */
static void free_or_ask(struct keep *keep);

static void on_released(struct store_op *op, const struct store_result *result)
{
    struct keep *keep = CONTAINER_OF(op, struct keep, act);

    (void)result; /* else it ends by itself */
    keep->acts = false;
    keep->state = KEEP_FREE;
    free_or_ask(keep);
}

static void release(struct keep *keep)
{
    struct store_request request = {.kind = STORE_RELEASE};
    struct buf left;

    stop_watching(keep);
    deadline_clear(&keep->timer);
    later_remove(&keep->soon);
    forget_left(keep);
    if (keep->acts) { /* a renewal: the store takes both in order */
        store_cancel(&keep->act);
    }
    buf_init(&left, KEEP_LEFT_MAX);
    if (keep->kind->on_release != NULL) {
        keep->kind->on_release(keep->context, keep->name, &left);
    }
    request.bytes = buf_ok(&left) ? buf_view(&left) : STR_EMPTY;
    keep->yields = keep->wanted;
    keep->wanted = false;
    keep->state = KEEP_RELEASES;
    keep->acts = true;
    start(keep, &request, &keep->act, on_released);
    buf_done(&left);
}

static void lose(struct keep *keep, const char *why)
{
    log_event(LOG_WARN, "store.lease_lost", F_STR("lease", keep->name), F_TEXT("reason", why),
              F_INT("users", keep->n_users));
    stop_watching(keep);
    deadline_clear(&keep->timer);
    later_remove(&keep->soon);
    if (keep->acts) {
        store_cancel(&keep->act);
        keep->acts = false;
    }
    forget_left(keep);
    keep->wanted = false;
    keep->state = KEEP_LOST;
    keep->losing = true; /* users that leave now are looked at below */
    if (keep->kind->on_lost != NULL) {
        keep->kind->on_lost(keep->context, keep->name);
    }
    keep->losing = false;
    if (keep->n_users == 0) {
        keep->state = KEEP_FREE;
        free_or_ask(keep);
    }
}

static void on_yielded(struct deadline *deadline)
{
    ask(CONTAINER_OF(deadline, struct keep, timer));
}

static void free_or_ask(struct keep *keep)
{
    if (list_is_empty(&keep->waiting)) {
        keep_free(keep);
    } else if (keep->yields) {
        keep->yields = false;
        keep->state = KEEP_WAITS;
        set_timer(keep, YIELD_MS, on_yielded);
    } else {
        ask(keep);
    }
}

/* --- renewing */
static void on_renewal_due(struct deadline *deadline);

static void on_renewed(struct store_op *op, const struct store_result *result)
{
    struct keep *keep = CONTAINER_OF(op, struct keep, act);

    keep->acts = false;
    if (result->error.code == ERR_OK) {
        keep->until_ms = keep->sent_ms + KEEP_TTL_MS;
        set_timer(keep, RENEW_MS, on_renewal_due);
        admit_waiting(keep);
        if (result->wanted) {
            note_wanted(keep);
        } else {
            watch(keep); /* it may have been refused */
        }
    } else if (result->error.code == ERR_STORE_AWAY && lasts(keep, 0)) {
        set_timer(keep, AGAIN_MS, on_renewal_due);
    } else {
        lose(keep, result->error.text);
    }
}

static void on_renewal_due(struct deadline *deadline)
{
    struct keep *keep = CONTAINER_OF(deadline, struct keep, timer);
    struct store_request request = {.kind = STORE_RENEW};

    if (keep->n_users == 0 && clock_age_ms() - keep->idle_ms >= KEEP_IDLE_MS) {
        release(keep);
        return;
    }
    if (!lasts(keep, 0)) {
        lose(keep, "it could not be renewed in time");
        return;
    }
    keep->sent_ms = clock_age_ms();
    keep->acts = true;
    start(keep, &request, &keep->act, on_renewed);
}

/* --- asking */
static void on_ask_again(struct deadline *deadline)
{
    struct keep *keep = CONTAINER_OF(deadline, struct keep, timer);

    stop_watching(keep);
    ask(keep);
}

static void hold(struct keep *keep, const struct store_result *result)
{
    keep->state = KEEP_HELD;
    keep->fence = result->fence;
    keep->since_ms = clock_age_ms();
    keep->until_ms = keep->sent_ms + KEEP_TTL_MS;
    keep->idle_ms = keep->since_ms;
    keep->orderly = result->orderly;
    keep->left = result->bytes.len > 0 ? str_dup(result->bytes) : NULL;
    keep->n_left = result->bytes.len;
    keep->left_age_ms = keep->held_ms > 0 ? keep->since_ms - keep->held_ms : UINT64_MAX;
    keep->held_ms = 0;
    keep->wanted = false;
    keep->sequence = result->sequence;
    set_timer(keep, RENEW_MS, on_renewal_due);
    watch(keep);
    admit_waiting(keep);
}

static void on_asked(struct store_op *op, const struct store_result *result)
{
    struct keep *keep = CONTAINER_OF(op, struct keep, act);

    keep->acts = false;
    if (result->error.code == ERR_OK) {
        hold(keep, result);
    } else if (result->error.code == ERR_CONFLICT) {
        keep->state = KEEP_WAITS;
        keep->held_ms = keep->sent_ms;
        keep->sequence = result->sequence;
        set_timer(keep, result->retry_after_ms < WATCH_MS ? result->retry_after_ms + 1 : WATCH_MS,
                  on_ask_again);
        watch(keep);
    } else {
        keep->state = KEEP_LOST; /* nobody new is let in by what is told now */
        fail_waiting(keep, &result->error);
        keep->state = KEEP_FREE;
        free_or_ask(keep);
    }
}

static void ask(struct keep *keep)
{
    struct store_request request = {.kind = STORE_LEASE};

    if (list_is_empty(&keep->waiting)) { /* whoever wanted it has left */
        keep->state = KEEP_FREE;
        free_or_ask(keep);
        return;
    }
    keep->state = KEEP_ASKS;
    keep->sent_ms = clock_age_ms();
    keep->acts = true;
    start(keep, &request, &keep->act, on_asked);
}

/* --- entering and leaving */
bool keep_enter(struct keeps *keeps, struct str name, const struct keep_kind *kind, void *context,
                struct keep_user *user, keep_ready_fn on_ready)
{
    struct keep *keep = keep_for(keeps, name, kind, context);

    *user = (struct keep_user){.keep = keep, .on_ready = on_ready};
    if (keep->state == KEEP_HELD && !lasts(keep, 0)) {
        lose(keep, "this process stood still");
        keep = keep_for(keeps, name, kind, context); /* nobody used it: it is gone */
        user->keep = keep;
    }
    if (keep->state == KEEP_HELD && !is_overdue(keep) && list_is_empty(&keep->waiting)) {
        admit(keep, user);
        return true;
    }
    list_append(&keep->waiting, &user->link);
    if (keep->state == KEEP_FREE) {
        ask(keep);
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

/* The next user of this process comes in the next turn, if there is one. */
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
    release(keep);
}

static void on_unused(struct keep *keep)
{
    keep->idle_ms = clock_age_ms();
    if (keep->losing) {
        return;
    }
    if (keep->state == KEEP_LOST) {
        keep->state = KEEP_FREE;
        free_or_ask(keep);
    } else if (keep->state == KEEP_HELD && keep->keeps->closing) {
        release(keep);
    } else if (keep->state == KEEP_HELD && keep->wanted) {
        keep->n_soon = 2;
        later_add(&keep->keeps->store->loop->later, &keep->soon, on_soon);
    }
}

void keep_leave(struct keep_user *user)
{
    struct keep *keep = user->keep;

    list_remove(&user->link); /* also of those that are told of a failure just now */
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
    return user->uses && user->keep->fence == user->fence && lasts(user->keep, ms);
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
void keeps_close(struct keeps *keeps, void (*on_closed)(void *context), void *context)
{
    struct keep *keep;

    keeps->closing = true;
    keeps->on_closed = on_closed;
    keeps->context = context;
    for (size_t i = 0; i < keeps->map.n_buckets; i++) {
        struct map_node *node = keeps->map.buckets[i];

        while (node != NULL) {
            keep = CONTAINER_OF(node, struct keep, node);
            node = node->next;
            CHECK(keep->n_users == 0 && list_is_empty(&keep->waiting));
            if (keep->state == KEEP_HELD) {
                release(keep);
            } else if (keep->state != KEEP_RELEASES) {
                if (keep->acts) {
                    store_cancel(&keep->act);
                    keep->acts = false;
                }
                keep_free(keep);
            }
        }
    }
    close_if_empty(keeps);
}
