#include "objects.h"

enum { TOUCH_MS = 1000 /* a document that was touched just now is not written again for it */ };

void objects_tell_left(struct work *work, const struct blob *blob, int64_t now_ms)
{
    int64_t end_ms = blob_end_ms(blob);
    struct store_result *result = &work->op->result;

    result->left_ms = end_ms == INT64_MAX ? 0 : end_ms > now_ms ? (uint64_t)(end_ms - now_ms) : 1;
    result->age_ms = now_ms > blob->born_ms ? (uint64_t)(now_ms - blob->born_ms) : 0;
}

static bool is_readable(struct work *work, const struct blob *blob)
{
    if (blob->format <= work->op->request.format) {
        return true;
    }
    work_fail(work, ERR_STORE_UNREADABLE, STORE_TEXT_NEWER);
    return false;
}

/* --- get */
static void told(struct work *work, const struct blob *blob)
{
    objects_tell_left(work, blob, cells_now_ms(&work->objects->cells));
    work->op->result.version = blob->version;
    work->op->result.bytes = arena_str(&work->op->arena, blob->bytes);
    work_end(work);
}

/* A GET writes only if it touches the document, and not more than once a second. */
static bool decide_get(struct work *work, const struct blob *now, struct blob *next)
{
    int64_t now_ms = cells_now_ms(&work->objects->cells);

    if (now == NULL || !blob_is_alive(work->objects, now)) {
        work_fail(work, ERR_NOT_FOUND, STORE_TEXT_NOTHING);
        return false;
    }
    if (!is_readable(work, now)) {
        return false;
    }
    if (!work->op->request.touches || now->ttl_ms == 0 || now_ms - now->touched_ms < TOUCH_MS) {
        told(work, now);
        return false;
    }
    *next = *now;
    next->touched_ms = now_ms;
    return true;
}

const struct objects_change objects_get = {decide_get, told};

/* --- put */
static bool is_expected(const struct work *work, const struct blob *alive)
{
    const struct store_request *request = &work->op->request;

    return request->expect == STORE_ANY ||
           (request->expect == STORE_ABSENT ? alive == NULL
                                            : alive != NULL && alive->version == request->version);
}

static bool decide_put(struct work *work, const struct blob *now, struct blob *next)
{
    const struct store_request *request = &work->op->request;
    const struct blob *alive = now != NULL && blob_is_alive(work->objects, now) ? now : NULL;
    int64_t now_ms = cells_now_ms(&work->objects->cells);

    if (alive != NULL && !is_readable(work, alive)) {
        return false;
    }
    if (!is_expected(work, alive)) {
        work_fail(work, ERR_CONFLICT, STORE_TEXT_OTHER);
        return false;
    }
    *next = (struct blob){.version = work_next_version(work, now),
                          .format = request->format,
                          .born_ms = alive != NULL ? alive->born_ms : now_ms,
                          .touched_ms = now_ms,
                          .ttl_ms = (int64_t)request->ttl_ms,
                          .max_age_ms = (int64_t)request->max_age_ms,
                          .bytes = request->bytes};
    return true;
}

static void put_done(struct work *work, const struct blob *written)
{
    objects_tell_left(work, written, written->touched_ms);
    work->op->result.version = written->version;
    work_end(work);
}

const struct objects_change objects_put = {decide_put, put_done};

/* --- remove */
static bool decide_remove(struct work *work, const struct blob *now, struct blob *next)
{
    const struct blob *alive = now != NULL && blob_is_alive(work->objects, now) ? now : NULL;

    if (!is_expected(work, alive)) {
        work_fail(work, ERR_CONFLICT, STORE_TEXT_OTHER);
        return false;
    }
    if (alive == NULL) {
        work_end(work);
        return false;
    }
    *next = (struct blob){.version = work_next_version(work, now),
                          .format = 1,
                          .is_gone = true,
                          .born_ms = alive->born_ms,
                          .touched_ms = cells_now_ms(&work->objects->cells)};
    return true;
}

const struct objects_change objects_remove = {decide_remove, NULL};
