/* The lease of a session, its document read under it, and what is written behind.
 *
 *   begin ──► lease ──► read (once a lease) ──► ready ──► (changes: dirty) ──► end
 *                                                             └─► written: after a second, when another
 *                                                                 process wants the lease, or before
 *                                                                 the owner is answered */
#include "share.h"

#include "base/clock.h"
#include "base/mem.h"
#include "observe/log.h"

bool session_is_shared(const struct session_store *store)
{
    return store->shared != NULL;
}

/* --- documents and records */
struct str share_key(const struct digest *owner, struct str id, char room[SHARE_KEY_MAX])
{
    struct buf key;
    char hex[65];

    buf_init_on(&key, room, SHARE_KEY_MAX, SHARE_KEY_MAX - 1);
    buf_text(&key, "sessions:");
    buf_text(&key, digest_hex(owner, hex));
    buf_char(&key, '/');
    buf_str(&key, id);
    return buf_view(&key);
}

static struct str id_of(const struct session_share *share)
{
    return (struct str){share->id, SESSION_ID_LEN};
}

struct session_record *share_record(const struct session_share *share)
{
    return record_of(share->store, &share->owner, id_of(share));
}

static void take_times(struct session_record *record, const struct store_result *result)
{
    int64_t now_ms = (int64_t)clock_age_ms();

    record->born_ms = now_ms - (int64_t)result->age_ms;
    record->used_ms = now_ms + (int64_t)result->left_ms - (int64_t)record->timeout_s * 1000;
}

/* Takes over what a document tells. The links, id, owner, share and times of the record stay. */
static void replace(struct session_record *record, struct session_record *with)
{
    record->is_set = with->is_set;
    record->status = with->status;
    record->timeout_s = with->timeout_s;
    record->version = with->version;
    record->checkpoint_id = with->checkpoint_id;
    record->journey_id = with->journey_id;
    record->position = with->position;
    record->steps_added = with->steps_added;
    record->created_ms = with->created_ms;
    record->last_activity_ms = with->last_activity_ms;
    record_drop_texts(record);
    record->name = with->name;
    record->texts = with->texts;
}

static struct session_record *find_or_make(struct session_store *store, const struct digest *owner,
                                           struct str id)
{
    struct session_record *record = LRU_FIND(&store->records, id, struct session_record, lru);

    if (record != NULL) {
        return record;
    }
    session_make_room(store);
    record = mem_zalloc(sizeof(*record));
    mem_copy(record->id, id.ptr, SESSION_ID_LEN);
    record->owner = *owner;
    record_insert(store, record);
    return record;
}

/* Adds to `read`, the document, what was done here and is not written yet: the numbers of steps are
 * added, and our position stands unless the owner has set another one meanwhile. */
static void merge(struct session_share *share, const struct session_record *record,
                  struct session_record *read)
{
    int64_t pending = record->steps_added - share->saved_steps;

    share->saved_steps = read->steps_added;
    read->steps_added += pending;
    if (share->leased && record->version == read->version &&
        record->checkpoint_id == read->checkpoint_id) {
        read->position = record->position;
        read->is_set = record->is_set;
    }
}

struct session_record *share_take(struct session_store *store, const struct digest *owner,
                                  struct str id, const struct store_result *result,
                                  struct error *err)
{
    struct session_record read = {0};
    char write_id[WRITE_ID_LEN + 1];
    struct session_record *record;

    if (!document_read(result->bytes, &read, write_id)) {
        (void)error_set(err, ERR_STORE_UNREADABLE,
                        "The document of this session in the shared store is not one of ours");
        return NULL;
    }
    record = find_or_make(store, owner, id);
    if (record->share != NULL && record->share->dirty) {
        merge(record->share, record, &read);
    } else if (record->share != NULL) {
        record->share->saved_steps = read.steps_added;
    }
    replace(record, &read);
    take_times(record, result);
    return record;
}

void share_put(struct session_store *store, const struct session_record *record,
               const struct share_write *write, struct store_op *op, store_done_fn on_done)
{
    char room[SHARE_KEY_MAX];
    struct buf bytes;
    struct store_request request = {
        .kind = STORE_PUT,
        .key = share_key(&record->owner, (struct str){record->id, SESSION_ID_LEN}, room),
        .format = DOCUMENT_FORMAT,
        .expect = write->version > 0 ? STORE_VERSION : STORE_ABSENT,
        .version = write->version,
        .ttl_ms = (uint64_t)record->timeout_s * 1000,
        .max_age_ms = (uint64_t)store->options.max_age_s * 1000,
    };

    buf_init(&bytes, STORE_BYTES_MAX);
    document_write(record, write->id, &bytes);
    request.bytes = buf_view(&bytes);
    store_start(store->shared, &request, op, on_done);
    buf_done(&bytes);
}

/* --- a share's life */
void share_free_if_unused(struct session_share *share)
{
    struct session_record *record;
    char *key;

    if (!list_is_empty(&share->uses) || !list_is_empty(&share->loading) ||
        !list_is_empty(&share->saving) || !list_is_empty(&share->to_save) ||
        store_is_running(&share->read) || share->writes || share->dirty || share->leased ||
        share->n_busy > 0) {
        return;
    }
    record = share_record(share);
    if (record != NULL) {
        record->share = NULL;
    }
    key = unconst(share->node.key.ptr);
    map_remove(&share->store->shares, &share->node);
    deadline_clear(&share->behind);
    mem_free(share);
    mem_free(key);
}

static struct session_share *share_named(struct session_store *store, struct str name)
{
    return MAP_FIND(&store->shares, name, struct session_share, node);
}

static struct session_share *share_for(struct session_store *store, const struct digest *owner,
                                       struct str id, struct str key)
{
    struct session_share *share = share_named(store, key);

    if (share != NULL) {
        return share;
    }
    share = mem_zalloc(sizeof(*share));
    share->store = store;
    share->owner = *owner;
    mem_copy(share->id, id.ptr, SESSION_ID_LEN);
    list_init(&share->uses);
    list_init(&share->loading);
    list_init(&share->saving);
    list_init(&share->to_save);
    map_insert(&store->shares, &share->node, (struct str){str_dup(key), key.len});
    return share;
}

/* --- uses */
static void tell(struct session_use *use, const struct error *error)
{
    list_remove(&use->link);
    list_append(&use->share->uses, &use->link);
    use->on_done(use, error);
}

/* A callback may end other uses of the list, so each round takes the use that is first then. What a callback begins
 * goes to the list that the others have left, and is told later. */
void share_tell_all(struct list *uses, const struct error *error)
{
    struct list told;
    struct list *link;

    list_init(&told);
    list_append_all(&told, uses);
    while ((link = list_first(&told)) != NULL) {
        tell(CONTAINER_OF(link, struct session_use, link), error);
    }
}

static void forget_record(struct session_share *share)
{
    struct session_record *record = share_record(share);

    share->dirty = false;
    share->version = 0;
    if (record != NULL && !expire_if_due(share->store, record)) {
        record_leave(share->store, record);
    }
}

void share_take_document(struct session_share *share, const struct store_result *result,
                         struct error *err)
{
    struct session_record *record;

    if (result->error.code == ERR_NOT_FOUND) {
        forget_record(share);
        return;
    }
    if (result->error.code != ERR_OK) {
        *err = result->error;
        return;
    }
    record = share_take(share->store, &share->owner, id_of(share), result, err);
    if (record != NULL) {
        record->share = share;
        share->version = result->version;
        if (!share->dirty) {
            share->saved_steps = record->steps_added;
        }
    }
}

/* True: the store is away when the lease or the document is asked for, so the record here is used as it is. Not in
 * strict mode, and not if there is no record here. */
static bool goes_on_alone(const struct session_share *share, const struct error *error)
{
    return error->code == ERR_STORE_AWAY && !share->store->options.strict &&
           share_record(share) != NULL;
}

static void on_read(struct store_op *op, const struct store_result *result)
{
    struct session_share *share = CONTAINER_OF(op, struct session_share, read);
    struct session_store *store = share->store;
    struct list *first = list_first(&share->loading);
    struct error error = {0};

    if (first != NULL) {
        share->fence = CONTAINER_OF(first, struct session_use, link)->lease.fence;
    }
    share_take_document(share, result, &error);
    if (error.code != ERR_OK) {
        share->fence = 0;
    }
    share->n_busy++;
    share_tell_all(&share->loading,
                   error.code == ERR_OK || goes_on_alone(share, &error) ? NULL : &error);
    share->n_busy--;
    share_free_if_unused(share);
    share_stop_if_written(store);
}

void share_read_document(struct session_share *share, store_done_fn on_done)
{
    const struct store_request request = {
        .kind = STORE_GET, .key = share->node.key, .format = DOCUMENT_FORMAT, .touches = true};

    store_start(share->store->shared, &request, &share->read, on_done);
}

void share_read_for_waiting(struct session_share *share)
{
    share_read_document(share, on_read);
}

/* True: the document was read under this lease before. False: `use` waits for it. */
static bool load(struct session_use *use)
{
    struct session_share *share = use->share;

    share->leased = true;
    if (share->fence == use->lease.fence) {
        return true;
    }
    list_remove(&use->link);
    list_append(&share->loading, &use->link);
    /* The end of a write reads for those that wait. */
    if (!share->writes && !store_is_running(&share->read)) {
        share_read_document(share, on_read);
    }
    return false;
}

static void on_leased(struct keep_user *lease, const struct error *error)
{
    struct session_use *use = CONTAINER_OF(lease, struct session_use, lease);

    if (error == NULL) {
        if (load(use)) {
            tell(use, NULL);
        }
        return;
    }
    tell(use, goes_on_alone(use->share, error) ? NULL : error);
}

static void on_wanted(void *context, struct str name)
{
    struct session_share *share = share_named(context, name);

    if (share != NULL && share->dirty && !share->writes) {
        share_write_now(share);
    }
}

static void let_go(struct session_store *store, struct str name)
{
    struct session_share *share = share_named(store, name);

    if (share != NULL) {
        share->leased = false;
        share->fence = 0;
        share_free_if_unused(share);
    }
}

static void on_release(void *context, struct str name, struct buf *out)
{
    (void)out; /* the document says all */
    let_go(context, name);
}

/* Changes that are not written yet no longer hold the lease. They are still written, but if another process has
 * written meanwhile, only the number of steps is added to its document (merge). */
static void on_lost(void *context, struct str name)
{
    struct session_share *share = share_named(context, name);

    if (share != NULL) {
        keep_leave(&share->lease);
    }
    let_go(context, name);
}

static const struct keep_kind kind = {
    .on_wanted = on_wanted, .on_release = on_release, .on_lost = on_lost};

bool session_is_id(struct str id)
{
    return id.len == SESSION_ID_LEN && str_starts(id, STR("sess_")) &&
           str_is_of(str_sub(id, 5, id.len), "0-9a-f");
}

bool session_use_begin(struct session_store *store, const struct digest *owner, struct str id,
                       struct session_use *use, session_use_fn on_ready)
{
    char room[SHARE_KEY_MAX];

    *use = (struct session_use){.store = store, .on_done = on_ready, .owner = *owner};
    if (!session_is_id(id)) {
        return true; /* there is none with such an id */
    }
    str_copy(use->id, sizeof(use->id), id);
    use->share = share_for(store, owner, id, share_key(owner, id, room));
    list_append(&use->share->uses, &use->link);
    return keep_enter(store->keeps, use->share->node.key, &kind, store, &use->lease, on_leased) &&
           load(use);
}

void session_use_join(const struct session_use *use, struct session_use *more)
{
    *more = (struct session_use){.store = use->store, .share = use->share, .owner = use->owner};
    mem_copy(more->id, use->id, sizeof(more->id));
    if (use->share == NULL) {
        return;
    }
    list_append(&use->share->uses, &more->link);
    if (use->lease.uses) {
        keep_join(&use->lease, &more->lease);
    }
}

void session_use_end(struct session_use *use)
{
    struct session_share *share = use->share;

    store_cancel(&use->op);
    later_remove(&use->soon);
    use->share = NULL;
    if (share != NULL) {
        list_remove(&use->link);
        share->n_busy++;
        keep_leave(&use->lease); /* which may end in let_go */
        if (share->dirty && !share->writes && list_is_empty(&share->uses) &&
            list_is_empty(&share->loading) && share->lease.keep != NULL &&
            keep_is_wanted(&share->lease)) {
            share_write_now(share); /* only the changes hold the lease */
        }
        share->n_busy--;
        share_free_if_unused(share);
    }
}
