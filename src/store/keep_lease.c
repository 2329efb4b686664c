/* See keep.c for the states. */
#include "base/clock.h"
#include "keep_internal.h"
#include "observe/log.h"

enum {
    RENEW_MS = KEEP_TTL_MS / 3,
    AGAIN_MS = 200, /* a renewal that failed is tried again */
    YIELD_MS = 50   /* after a lease was let go for another process, that process asks first */
};

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
        keep_release(keep);
    }
}

static void watch(struct keep *keep);

/* A failure costs time only: the next renewal tells who else wants the lease, and a timer asks again. */
static void on_watched(struct store_op *op, const struct store_result *result)
{
    struct keep *keep = CONTAINER_OF(op, struct keep, watch);
    bool news = result->error.code == ERR_OK && result->sequence > keep->sequence;

    if (result->error.code != ERR_OK) {
        return;
    }
    if (!news) {
        watch(keep);
        return;
    }
    keep->sequence = result->sequence;
    if (keep->state == KEEP_HELD) {
        note_wanted(keep);
    } else if (keep->state == KEEP_WAITS) {
        deadline_clear(&keep->timer);
        keep_ask(keep);
    }
}

static void watch(struct keep *keep)
{
    struct store_request request = {
        .kind = STORE_WATCH, .after = keep->sequence, .wait_ms = STORE_WAIT_MAX_MS};

    if (!store_is_running(&keep->watch) && !keep->wanted && !keep->kind->stays &&
        (keep->state == KEEP_HELD || keep->state == KEEP_WAITS)) {
        keep_start(keep, &request, &keep->watch, on_watched);
    }
}

/* --- letting go */
static void on_released(struct store_op *op, const struct store_result *result)
{
    struct keep *keep = CONTAINER_OF(op, struct keep, act);
    struct keeps *keeps = keep->keeps; /* which close in a later turn */

    (void)result; /* if it failed, the lease runs out */
    keep->state = KEEP_FREE;
    list_remove(&keep->release);
    keep_free_or_ask(keep);
    keeps_note_released(keeps);
}

/* A renewal may be in flight. It need not be waited for: the store takes it and what follows in order. */
static void end_lease(struct keep *keep)
{
    keep_stop_watching(keep);
    deadline_clear(&keep->timer);
    later_remove(&keep->soon);
    keep_forget_left(keep);
    store_cancel(&keep->act);
}

void keep_release(struct keep *keep)
{
    struct store_request request = {.kind = STORE_RELEASE};
    struct buf left;

    end_lease(keep);
    buf_init(&left, KEEP_LEFT_MAX);
    if (keep->kind->on_release != NULL) {
        keep->kind->on_release(keep->context, keep->name, &left);
    }
    request.bytes = buf_ok(&left) ? buf_view(&left) : STR_EMPTY;
    keep->yields = keep->wanted;
    keep->wanted = false;
    keep->state = KEEP_RELEASES;
    keeps_note_release(keep);
    keep_start(keep, &request, &keep->act, on_released);
    buf_done(&left);
}

void keep_lose(struct keep *keep, const char *why)
{
    log_event(LOG_WARN, "store.lease_lost", F_STR("lease", keep->name), F_TEXT("reason", why),
              F_INT("users", keep->n_users));
    end_lease(keep);
    keep->wanted = false;
    keep->state = KEEP_LOST;
    keep->losing = true; /* users that leave now are looked at below */
    if (keep->kind->on_lost != NULL) {
        keep->kind->on_lost(keep->context, keep->name);
    }
    keep->losing = false;
    if (keep->kind->stays || keep->n_users == 0) {
        keep->state = KEEP_FREE;
        keep_free_or_ask(keep);
    }
}

static void on_yielded(struct deadline *deadline)
{
    keep_ask(CONTAINER_OF(deadline, struct keep, timer));
}

void keep_free_or_ask(struct keep *keep)
{
    if (keep->n_users > 0) { /* its users stay, and want the lease back */
        keep->state = KEEP_WAITS;
        keep_set_timer(keep, AGAIN_MS, on_yielded);
        return;
    }
    if (list_is_empty(&keep->waiting)) {
        keep_free(keep);
    } else if (keep->yields) {
        keep->yields = false;
        keep->state = KEEP_WAITS;
        keep_set_timer(keep, YIELD_MS, on_yielded);
    } else {
        keep_ask(keep);
    }
}

/* --- renewing */
static void on_renewal_due(struct deadline *deadline);

static void lose_too_late(struct keep *keep)
{
    keep_lose(keep,
              keep->age == keep->keeps->age ? "it could not be renewed in time" : KEEP_WHY_REWOUND);
}

/* A lease that has run out stays lost, also if the answer says that it was renewed: keep_lasts has been false, so
 * its users have stopped, or go on alone (keep_is_alone). */
static void on_renewed(struct store_op *op, const struct store_result *result)
{
    struct keep *keep = CONTAINER_OF(op, struct keep, act);

    keep->unanswered = result->error.code == ERR_STORE_AWAY;
    if (result->error.code == ERR_OK && !keep_is_valid(keep, 0)) {
        lose_too_late(keep);
    } else if (result->error.code == ERR_OK) {
        keep->until_ms = keep->sent_ms + KEEP_TTL_MS;
        keep_set_timer(keep, RENEW_MS, on_renewal_due);
        keep_admit_waiting(keep);
        if (result->wanted) {
            note_wanted(keep);
        } else {
            watch(keep); /* the last watch may have failed */
        }
    } else if (result->error.code == ERR_STORE_AWAY && keep_is_valid(keep, 0)) {
        keep_set_timer(keep, AGAIN_MS, on_renewal_due);
    } else {
        keep_lose(keep, result->error.text);
    }
}

static void on_renewal_due(struct deadline *deadline)
{
    struct keep *keep = CONTAINER_OF(deadline, struct keep, timer);
    struct store_request request = {.kind = STORE_RENEW};

    if (keep->n_users == 0 && clock_age_ms() - keep->idle_ms >= KEEP_IDLE_MS) {
        keep_release(keep);
        return;
    }
    if (!keep_is_valid(keep, 0)) {
        lose_too_late(keep);
        return;
    }
    keep->sent_ms = clock_age_ms();
    keep_start(keep, &request, &keep->act, on_renewed);
}

void keep_look_soon(struct keep *keep)
{
    keep_set_timer(keep, 0, on_renewal_due);
}

/* --- asking */
static void on_ask_again(struct deadline *deadline)
{
    struct keep *keep = CONTAINER_OF(deadline, struct keep, timer);

    keep_stop_watching(keep);
    keep_ask(keep);
}

/* A lease is not orderly for a while after the store lost changes: another process may have had it, and sent a call
 * that is under way still. If a holder was seen since the loss, what the store says counts. */
static bool is_orderly(const struct keep *keep, const struct store_result *result)
{
    uint64_t rewound_ms = keep->keeps->rewound_ms;

    return result->orderly && (rewound_ms == 0 || keep->held_ms > rewound_ms ||
                               clock_age_ms() >= rewound_ms + KEEP_TTL_MS + KEEP_DOUBT_MS);
}

static void hold(struct keep *keep, const struct store_result *result)
{
    keep->state = KEEP_HELD;
    keep->fence = result->fence;
    keep->since_ms = clock_age_ms();
    keep->age = keep->keeps->age;
    keep->until_ms = keep->sent_ms + KEEP_TTL_MS;
    keep->idle_ms = keep->since_ms;
    keep->orderly = is_orderly(keep, result);
    keep->unanswered = false;
    keep->left = result->bytes.len > 0 ? str_dup(result->bytes) : NULL;
    keep->n_left = result->bytes.len;
    keep->left_age_ms = keep->held_ms > 0 ? keep->since_ms - keep->held_ms : UINT64_MAX;
    keep->held_ms = 0;
    keep->wanted = false;
    keep->sequence = result->sequence;
    keep_set_timer(keep, RENEW_MS, on_renewal_due);
    watch(keep);
    keep_admit_waiting(keep);
}

static void on_asked(struct store_op *op, const struct store_result *result)
{
    struct keep *keep = CONTAINER_OF(op, struct keep, act);

    if (result->error.code == ERR_OK) {
        hold(keep, result);
    } else if (result->error.code == ERR_CONFLICT) {
        keep->state = KEEP_WAITS;
        keep->held_ms = keep->sent_ms;
        keep->sequence = result->sequence;
        keep_set_timer(keep,
                       result->retry_after_ms < KEEP_WATCH_MS ? result->retry_after_ms + 1
                                                              : KEEP_WATCH_MS,
                       on_ask_again);
        watch(keep);
    } else {
        keep->state = KEEP_LOST; /* a callback that enters again must wait */
        keep_fail_waiting(keep, &result->error);
        keep->state = KEEP_FREE;
        keep_free_or_ask(keep);
    }
}

void keep_ask(struct keep *keep)
{
    struct store_request request = {.kind = STORE_LEASE};

    if (list_is_empty(&keep->waiting) && keep->n_users == 0) { /* all users have left */
        keep->state = KEEP_FREE;
        keep_free_or_ask(keep);
        return;
    }
    if (!keep->kind->stays && keep->keeps->rewound_ms > 0 &&
        clock_age_ms() < keep->keeps->rewound_ms + KEEP_TTL_MS) {
        keep->state = KEEP_WAITS; /* others may believe that they hold it */
        keep_set_timer(keep, keep->keeps->rewound_ms + KEEP_TTL_MS - clock_age_ms(), on_yielded);
        return;
    }
    keep->state = KEEP_ASKS;
    keep->sent_ms = clock_age_ms();
    keep_start(keep, &request, &keep->act, on_asked);
}
