/* Requests to the store that need no lease of a session, or are about several sessions. */
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "share.h"

enum { PAGE = STORE_LIMIT_MAX };

static struct str id_of(const struct session_use *use)
{
    return str_from(use->id);
}

static struct session_record *use_record(const struct session_use *use)
{
    return record_of(use->store, &use->owner, id_of(use));
}

static void ask(struct session_use *use, struct store_request *request, store_done_fn on_done)
{
    request->format = DOCUMENT_FORMAT;
    store_start(use->store->shared, request, &use->op, on_done);
}

static void end(struct session_use *use, const struct error *error)
{
    use->on_done(use, error != NULL && error->code != ERR_OK ? error : NULL);
}

/* --- the current session of an owner: a document with its id */
static struct str current_key(const struct session_use *use, char room[SHARE_KEY_MAX])
{
    char hex[65];

    return str_print(room, SHARE_KEY_MAX, "current:%s", digest_hex(&use->owner, hex));
}

static void ask_current(struct session_use *use, store_done_fn on_done)
{
    char room[SHARE_KEY_MAX];
    struct store_request request = {.kind = STORE_GET, .key = current_key(use, room)};

    ask(use, &request, on_done);
}

static void take_current(struct session_use *use, const struct store_result *result)
{
    use->current[0] = '\0';
    if (result->error.code == ERR_OK) {
        str_copy(use->current, sizeof(use->current), result->bytes);
    }
}

static void on_activated(struct store_op *op, const struct store_result *result)
{
    struct session_use *use = CONTAINER_OF(op, struct session_use, op);

    if (result->error.code == ERR_OK) {
        mem_copy(use->current, use->id, sizeof(use->id));
    }
    end(use, &result->error);
}

void session_use_activate(struct session_use *use, session_use_fn on_done)
{
    char room[SHARE_KEY_MAX];
    struct store_request request = {.kind = STORE_PUT,
                                    .key = current_key(use, room),
                                    .bytes = id_of(use),
                                    .ttl_ms = (uint64_t)use->store->options.max_age_s * 1000};

    use->on_done = on_done;
    ask(use, &request, on_activated);
}

/* --- one session */
static void on_current(struct store_op *op, const struct store_result *result)
{
    struct session_use *use = CONTAINER_OF(op, struct session_use, op);
    struct session_record *record = use_record(use);

    take_current(use, result);
    if (record != NULL) {
        record->is_current = str_is(str_from(use->current), use->id);
    }
    end(use, NULL);
}

static bool is_ours(const struct session_record *record)
{
    return record != NULL && record->share != NULL && record->share->fence != 0;
}

static void on_read(struct store_op *op, const struct store_result *result)
{
    struct session_use *use = CONTAINER_OF(op, struct session_use, op);
    struct session_record *record = use_record(use);
    struct error error = {0};

    if (result->error.code == ERR_NOT_FOUND && record != NULL && !is_ours(record)) {
        record_leave(use->store, record);
    } else if (result->error.code == ERR_OK && !is_ours(record)) {
        (void)share_take(use->store, &use->owner, id_of(use), result, &error);
    } else if (result->error.code != ERR_OK && result->error.code != ERR_NOT_FOUND &&
               (record == NULL || result->error.code != ERR_STORE_AWAY)) {
        error = result->error;
    }
    if (error.code != ERR_OK) {
        end(use, &error);
        return;
    }
    ask_current(use, on_current);
}

void session_use_read(struct session_store *store, const struct digest *owner, struct str id,
                      struct session_use *use, session_use_fn on_ready)
{
    char room[SHARE_KEY_MAX];
    struct store_request request = {.kind = STORE_GET, .touches = true};

    *use = (struct session_use){.store = store, .on_done = on_ready, .owner = *owner};
    if (!session_is_id(id)) {
        share_end_soon(use);
        return;
    }
    str_copy(use->id, sizeof(use->id), id);
    request.key = share_key(owner, id, room);
    ask(use, &request, on_read);
}

static void drop_record(struct session_use *use)
{
    struct session_record *record = use_record(use);

    if (record != NULL) {
        record_leave(use->store, record);
    }
}

static void on_created(struct store_op *op, const struct store_result *result)
{
    struct session_use *use = CONTAINER_OF(op, struct session_use, op);

    if (result->error.code != ERR_OK) {
        drop_record(use);
    }
    end(use, &result->error);
}

void session_use_create(struct session_store *store, const struct digest *owner, struct str id,
                        struct session_use *use, session_use_fn on_done)
{
    struct session_record *record;
    char write_id[WRITE_ID_LEN + 1] = {0};

    *use = (struct session_use){.store = store, .on_done = on_done, .owner = *owner};
    str_copy(use->id, sizeof(use->id), id);
    record = use_record(use);
    CHECK(record != NULL);
    random_hex(write_id, WRITE_ID_LEN);
    share_put(store, record, &(struct share_write){.id = write_id}, &use->op, on_created);
}

static void on_removed(struct store_op *op, const struct store_result *result)
{
    struct session_use *use = CONTAINER_OF(op, struct session_use, op);

    if (result->error.code == ERR_OK) {
        drop_record(use);
    }
    end(use, &result->error);
}

void session_use_remove(struct session_use *use, session_use_fn on_done)
{
    char room[SHARE_KEY_MAX];
    struct store_request request = {.kind = STORE_REMOVE,
                                    .key = share_key(&use->owner, id_of(use), room)};

    use->on_done = on_done;
    ask(use, &request, on_removed);
}

/* --- all sessions of an owner */
static int by_activity(const void *a, const void *b)
{
    const struct session *one = a;
    const struct session *other = b;

    return (one->last_activity_ms < other->last_activity_ms) -
           (one->last_activity_ms > other->last_activity_ms);
}

static void list_page(struct session_use *use, struct str after);

/* The record of a session that is in use here is newer than its document. */
static void take_item(struct session_use *use, const struct store_item *item)
{
    struct session_record read = {0};
    char write_id[WRITE_ID_LEN + 1];
    const struct session_record *record = &read;
    const struct session_record *here =
        LRU_FIND(&use->store->records, item->name, struct session_record, lru);

    if (is_ours(here)) {
        record = here;
    } else if (item->name.len != SESSION_ID_LEN || !document_read(item->bytes, &read, write_id)) {
        return;
    } else {
        mem_copy(read.id, item->name.ptr, SESSION_ID_LEN);
        read.born_ms = (int64_t)clock_age_ms(); /* so only left_ms decides */
        read.used_ms = read.born_ms + (int64_t)item->left_ms - (int64_t)read.timeout_s * 1000;
    }
    if (use->filter->status == NULL || record->status == *use->filter->status) {
        struct session *out = &use->sessions[use->n_sessions++];

        record_show(use->store, record, use->arena, out);
        out->is_current = str_is(out->id, use->current);
    }
    record_drop_texts(&read);
}

static void list_ends(struct session_use *use)
{
    size_t from = use->filter->offset < use->n_sessions ? use->filter->offset : use->n_sessions;
    size_t left = use->n_sessions - from;

    use->n_total = use->n_sessions;
    if (use->n_sessions > 0) {
        qsort(use->sessions, use->n_sessions, sizeof(*use->sessions), by_activity);
    }
    use->sessions += from;
    use->n_sessions = left < use->filter->limit ? left : use->filter->limit;
    end(use, NULL);
}

static void on_page(struct store_op *op, const struct store_result *result)
{
    struct session_use *use = CONTAINER_OF(op, struct session_use, op);

    if (result->error.code != ERR_OK) {
        end(use, &result->error);
        return;
    }
    if (use->n_sessions + PAGE > use->max_sessions) {
        struct session *more =
            arena_calloc(use->arena, 2 * use->max_sessions + PAGE, sizeof(*more));

        mem_copy(more, use->sessions, use->n_sessions * sizeof(*more));
        use->sessions = more;
        use->max_sessions = 2 * use->max_sessions + PAGE;
    }
    for (size_t i = 0; i < result->n_items; i++) {
        take_item(use, &result->items[i]);
    }
    if (result->next.len == 0 || use->n_sessions + PAGE > SESSION_LIST_MAX) {
        list_ends(use);
    } else {
        list_page(use, arena_str(use->arena, result->next));
    }
}

static void list_page(struct session_use *use, struct str after)
{
    struct store_request request = {.kind = STORE_LIST, .name = after, .limit = PAGE};
    char room[SHARE_KEY_MAX];

    request.key = share_key(&use->owner, STR_EMPTY, room);
    request.key.len--; /* the group, without '/' */
    ask(use, &request, on_page);
}

static void on_current_of_list(struct store_op *op, const struct store_result *result)
{
    struct session_use *use = CONTAINER_OF(op, struct session_use, op);

    take_current(use, result);
    list_page(use, STR_EMPTY);
}

void session_use_list(struct session_store *store, const struct digest *owner,
                      const struct session_filter *filter, struct arena *arena,
                      struct session_use *use, session_use_fn on_done)
{
    *use = (struct session_use){
        .store = store, .on_done = on_done, .owner = *owner, .filter = filter, .arena = arena};
    ask_current(use, on_current_of_list);
}

static void on_which(struct store_op *op, const struct store_result *result)
{
    struct session_use *use = CONTAINER_OF(op, struct session_use, op);
    session_use_fn on_done = use->on_done;
    const struct digest owner = use->owner;
    char id[sizeof(use->current)];

    take_current(use, result);
    if (result->error.code == ERR_STORE_AWAY || result->error.code == ERR_STORE_UNREADABLE) {
        end(use, &result->error);
        return;
    }
    mem_copy(id, use->current, sizeof(id));
    session_use_read(use->store, &owner, str_from(id), use, on_done);
}

void session_use_current(struct session_store *store, const struct digest *owner,
                         struct session_use *use, session_use_fn on_done)
{
    *use = (struct session_use){.store = store, .on_done = on_done, .owner = *owner};
    ask_current(use, on_which);
}
