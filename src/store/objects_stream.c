/* An entry is an object whose name ends in its number. The process that creates the object first has the next
 * number. */
#include "objects.h"

#include "base/clock.h"

enum { TRIES = 64 };

static struct str entry_key(struct work *work, uint64_t sequence)
{
    return arena_printf(&work->arena, "%.*s" OBJECTS_ENTRIES "%0*llu", STR_ARG(work->key),
                        (int)ENTRY_DIGITS, (unsigned long long)sequence);
}

static struct str entries_of(struct work *work)
{
    return arena_printf(&work->arena, "%.*s" OBJECTS_ENTRIES, STR_ARG(work->key));
}

static uint64_t sequence_of(struct str key)
{
    int64_t number = 0;

    return key.len > ENTRY_DIGITS && str_to_i64(str_sub(key, key.len - ENTRY_DIGITS, ENTRY_DIGITS),
                                                0, INT64_MAX, &number)
               ? (uint64_t)number
               : 0;
}

/* --- the last entry: page by page, behind the last one that this process has seen */
static struct seen_stream *seen_of(struct work *work)
{
    return lru_take(&work->objects->streams, work->key, sizeof(struct seen_stream),
                    OBJECTS_SEEN_MAX);
}

static void note_last(struct work *work)
{
    struct seen_stream *seen = seen_of(work);

    seen->last = work->last > seen->last ? work->last : seen->last;
}

static void find_last(struct work *work);
static void put_entry(struct work *work);
static void ask_newest(struct work *work);

static void on_page(struct cell_call *call)
{
    struct work *work = call->owner;

    if (call->end != CELL_OK) {
        work_fail_call(work, call);
        return;
    }
    if (call->n_keys > 0) {
        work->last = sequence_of(call->keys[call->n_keys - 1]);
    }
    if (call->has_more && call->n_keys > 0) {
        find_last(work);
    } else {
        note_last(work);
        if (work->op->request.kind == STORE_APPEND) {
            put_entry(work);
        } else {
            ask_newest(work);
        }
    }
}

static void find_last(struct work *work)
{
    work->call =
        (struct cell_call){.kind = CELL_LIST,
                           .key = entries_of(work),
                           .after = work->last > 0 ? entry_key(work, work->last) : STR_EMPTY,
                           .limit = CELL_LIST_MAX};
    work_ask(work, &work->call, on_page);
}

/* --- append */
static void on_trimmed(struct cell_call *call)
{
    struct work *work = call->owner;

    objects_wake(work->objects, STORE_READ, work->op->key);
    work_end(work); /* an entry that could not be removed is still read */
}

static uint64_t one_to_go(const struct work *work)
{
    uint64_t limit = work->op->request.limit;

    return work->last > limit ? work->last - limit : 0;
}

static void trim(struct deadline *deadline)
{
    struct work *work = CONTAINER_OF(deadline, struct work, again);

    work->call = (struct cell_call){.kind = CELL_DELETE, .key = entry_key(work, one_to_go(work))};
    work_ask(work, &work->call, on_trimmed);
}

/* Removes one old entry for each new entry. */
static void appended(struct work *work)
{
    struct seen_stream *seen = seen_of(work);
    unsigned gap_ms = work->objects->cells.dialect->gap_ms;
    uint64_t now_ms = clock_now_ms();

    note_last(work);
    work->op->result.version = work->last;
    if (work->op->request.sequence > 0) { /* imported: numbers have gaps, and no entry must go */
        objects_wake(work->objects, STORE_READ, work->op->key);
        work_end(work);
        return;
    }
    if (seen->mark == 0) { /* what was there before this process came is old */
        seen->old = work->last - 1;
        seen->mark = work->last;
        seen->mark_ms = now_ms;
    } else if (now_ms - seen->mark_ms >= gap_ms) {
        seen->old = seen->mark;
        seen->mark = work->last - 1;
        seen->mark_ms = now_ms;
    }
    work_again(work, one_to_go(work) > seen->old ? gap_ms : 0, trim);
}

static void on_there(struct cell_call *call)
{
    struct work *work = call->owner;
    struct blob blob;

    if (call->end == CELL_OK && blob_read(call->out_bytes, &blob) &&
        str_is(blob.mark, work->mark)) {
        appended(work); /* its answer was lost */
    } else if (call->end == CELL_OK) {
        put_entry(work);
    } else if (call->end == CELL_NOTHING) {
        work->last--;
        put_entry(work);
    } else {
        work_fail_call(work, call);
    }
}

static void on_put(struct cell_call *call)
{
    struct work *work = call->owner;

    if (call->end == CELL_OK) {
        appended(work);
        return;
    }
    work->in_doubt = work->in_doubt || call->end == CELL_DOUBT;
    if (call->end == CELL_AWAY || ++work->tries == TRIES) {
        work_fail_call(work, call);
        return;
    }
    work->call = (struct cell_call){.kind = CELL_GET, .key = entry_key(work, work->last)};
    work_ask(work, &work->call, on_there);
}

static void put_entry(struct work *work)
{
    const struct store_request *request = &work->op->request;
    int64_t now_ms = cells_now_ms(&work->objects->cells);
    struct buf body;

    if (request->sequence > 0 && request->sequence <= work->last) {
        work_fail(work, ERR_CONFLICT, STORE_TEXT_OTHER);
        return;
    }
    work->last = work->last > 0 ? work->last + 1 : (uint64_t)now_ms * 1000;
    work->last = request->sequence > 0 ? request->sequence : work->last;
    work->next = (struct blob){.version = work->last,
                               .mark = str_from(work->mark),
                               .format = request->format,
                               .born_ms = now_ms,
                               .touched_ms = now_ms,
                               .ttl_ms = (int64_t)request->ttl_ms,
                               .bytes = request->bytes};
    buf_init(&body, request->bytes.len + 1024);
    blob_write(&work->next, &body);
    if (body.len > work->objects->cells.dialect->max_bytes) {
        buf_done(&body);
        work_fail(work, ERR_TOO_BIG, "the entry is larger than this store takes");
        return;
    }
    work->call = (struct cell_call){.kind = CELL_PUT,
                                    .key = entry_key(work, work->last),
                                    .bytes = arena_take(&work->arena, &body),
                                    .expect = CELL_ABSENT};
    work_ask(work, &work->call, on_put);
}

void objects_append(struct work *work)
{
    work->last = seen_of(work)->last;
    find_last(work);
}

/* --- read */
static void look(struct deadline *again);

static void nothing_new(struct work *work)
{
    if (work->op->request.wait_ms == 0) {
        work_end(work);
    } else {
        work_look_later(work, look);
    }
}

/* Tells the entries that were read; *out_expired: some have expired. False: the operation has failed. */
static bool tell_entries(struct work *work, bool *out_expired)
{
    struct store_result *result = &work->op->result;

    result->n_items = 0;
    result->items = arena_calloc(&work->op->arena, work->n_calls + 1, sizeof(struct store_item));
    for (size_t i = 0; i < work->n_calls; i++) {
        struct blob blob;

        if (work->bodies[i].ptr == NULL) {
            continue; /* it was trimmed meanwhile */
        }
        if (!blob_read(work->bodies[i], &blob) || blob.format > work->op->request.format) {
            result->n_items = 0;
            work_fail(work, ERR_STORE_UNREADABLE, STORE_TEXT_NEWER);
            return false;
        }
        if (!work->shows_all && !blob_is_alive(work->objects, &blob)) {
            *out_expired = true;
            continue;
        }
        objects_tell_left(work, &blob, cells_now_ms(&work->objects->cells));
        result->items[result->n_items++] = (struct store_item){.sequence = blob.version,
                                                               .format = blob.format,
                                                               .left_ms = result->left_ms,
                                                               .bytes = blob.bytes};
    }
    return true;
}

static void on_newest(struct cell_call *call)
{
    struct work *work = call->owner;
    struct blob blob;
    bool expired = false;

    if (call->end == CELL_AWAY) { /* this does not mean that nothing is there */
        work_fail_call(work, call);
        return;
    }
    work->shows_all = call->end == CELL_OK && blob_read(call->out_bytes, &blob) &&
                      blob_is_alive(work->objects, &blob);
    if (!tell_entries(work, &expired)) {
        return;
    }
    if (work->op->result.n_items > 0) {
        work_end(work);
    } else {
        nothing_new(work);
    }
}

/* A stream lives as long as its newest entry says. */
static void ask_newest(struct work *work)
{
    work->call = (struct cell_call){.kind = CELL_GET, .key = entry_key(work, work->last)};
    work_ask(work, &work->call, on_newest);
}

static void all_read(struct work *work)
{
    bool expired = false;

    if (!tell_entries(work, &expired)) {
        return;
    }
    if (expired) {
        work->last = sequence_of(work->keys[work->n_calls - 1]);
        note_last(work);
        work->last = seen_of(work)->last;
        find_last(work);
    } else if (work->op->result.n_items > 0) {
        work_end(work);
    } else {
        nothing_new(work);
    }
}

static void on_entries(struct cell_call *call)
{
    work_read_all(call, all_read, nothing_new);
}

static void look(struct deadline *again)
{
    struct work *work = CONTAINER_OF(again, struct work, again);

    work->call = (struct cell_call){
        .kind = CELL_LIST,
        .key = entries_of(work),
        .after = work->op->request.after > 0 ? entry_key(work, work->op->request.after) : STR_EMPTY,
        .limit = work->op->request.limit};
    work_ask(work, &work->call, on_entries);
}

void objects_read(struct work *work)
{
    look(&work->again);
}
