/* A lease is a document that its holder renews. A waiter takes it when, by the waiter's own clock, it has not been
 * renewed for its time. Clocks of machines are never compared. */
#include "objects.h"

#include "base/clock.h"

/* --- leases of others */
/* How long this process has seen the lease without a renewal, in ms. */
static uint64_t see(struct objects *objects, struct str key, const struct blob *lease)
{
    struct seen_lease *seen = lru_take(&objects->leases, key, sizeof(*seen), OBJECTS_SEEN_MAX);

    if (seen->fence != lease->fence || seen->beat != lease->beat || seen->since_ms == 0) {
        seen->fence = lease->fence;
        seen->beat = lease->beat;
        seen->since_ms = clock_age_ms();
    }
    return clock_age_ms() - seen->since_ms;
}

/* --- lease */
static void refused(struct work *work, const struct blob *lease)
{
    uint64_t for_ms = see(work->objects, work->key, lease);
    uint64_t ttl_ms = (uint64_t)lease->ttl_ms;

    work->op->result.retry_after_ms = ttl_ms > for_ms ? ttl_ms - for_ms : 1;
    work->op->result.sequence = lease->event;
    work_fail(work, ERR_CONFLICT, STORE_TEXT_HELD);
}

/* The first process that is refused writes that the lease is wanted; the others find that there. */
static bool decide_held(struct work *work, const struct blob *now, struct blob *next)
{
    if (now->is_wanted) {
        refused(work, now);
        return false;
    }
    *next = *now;
    next->version = now->version + 1;
    next->is_wanted = true;
    next->event = next->version;
    return true;
}

static bool decide_lease(struct work *work, const struct blob *now, struct blob *next)
{
    const struct store_request *request = &work->op->request;
    bool is_held = now != NULL && now->holder.len > 0 && !str_eq(now->holder, request->holder);

    if (is_held && see(work->objects, work->key, now) < (uint64_t)now->ttl_ms) {
        return decide_held(work, now, next);
    }
    work->op->result.orderly = !is_held;
    work->op->result.bytes = now != NULL ? arena_str(&work->op->arena, now->bytes) : STR_EMPTY;
    *next = (struct blob){.version = work_next_version(work, now),
                          .format = 1,
                          .holder = request->holder,
                          .ttl_ms = (int64_t)request->ttl_ms,
                          .event = now != NULL ? now->event : 0};
    next->fence = next->version;
    return true;
}

static void leased(struct work *work, const struct blob *written)
{
    if (!str_eq(written->holder, work->op->request.holder)) { /* refused: the wish was written */
        objects_wake(work->objects, STORE_WATCH, work->op->key);
        refused(work, written);
        return;
    }
    work->op->result.fence = written->fence;
    work->op->result.sequence = written->event;
    work_end(work);
}

const struct objects_change objects_lease = {decide_lease, leased};

/* --- renew and release */
static bool is_held(struct work *work, const struct blob *now)
{
    const struct store_request *request = &work->op->request;

    if (now != NULL && now->fence == request->fence && str_eq(now->holder, request->holder)) {
        return true;
    }
    work_fail(work, ERR_CONFLICT, STORE_TEXT_LOST);
    return false;
}

static bool decide_renew(struct work *work, const struct blob *now, struct blob *next)
{
    if (!is_held(work, now)) {
        return false;
    }
    *next = *now;
    next->version = now->version + 1;
    next->beat = now->beat + 1;
    next->ttl_ms = (int64_t)work->op->request.ttl_ms;
    /* the result keeps the wish: after a lost answer, a second try finds it cleared by the first */
    work->op->result.wanted = work->op->result.wanted || now->is_wanted;
    next->is_wanted = false;
    return true;
}

const struct objects_change objects_renew = {decide_renew, NULL};

static bool decide_release(struct work *work, const struct blob *now, struct blob *next)
{
    if (!is_held(work, now)) {
        return false;
    }
    *next = (struct blob){.version = now->version + 1,
                          .format = 1,
                          .fence = now->fence,
                          .event = now->version + 1,
                          .bytes = work->op->request.bytes};
    return true;
}

static void released(struct work *work, const struct blob *written)
{
    (void)written;
    objects_wake(work->objects, STORE_WATCH, work->op->key);
    work_end(work);
}

const struct objects_change objects_release = {decide_release, released};

/* --- watch */
static void on_look(struct deadline *deadline)
{
    objects_watch(CONTAINER_OF(deadline, struct work, again));
}

static void on_looked(struct cell_call *call)
{
    struct work *work = call->owner;
    struct store_op *op = work->op;
    struct blob now;

    if (call->end == CELL_OK && !blob_read(call->out_bytes, &now)) {
        work_fail(work, ERR_STORE_UNREADABLE, STORE_TEXT_NEWER);
    } else if (call->end == CELL_OK && now.event > op->request.after) {
        op->result.sequence = now.event;
        work_end(work);
    } else if (call->end != CELL_OK && call->end != CELL_NOTHING) {
        work_fail_call(work, call);
    } else if (op->request.wait_ms == 0) {
        op->result.sequence = op->request.after;
        work_end(work);
    } else {
        work_look_later(work, on_look);
    }
}

void objects_watch(struct work *work)
{
    work->call = (struct cell_call){.kind = CELL_GET, .key = work->key};
    work_ask(work, &work->call, on_looked);
}
