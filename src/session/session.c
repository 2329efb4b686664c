/* Records in a map and an LRU list; see session.h. Expiry is checked on every use and swept now and
 * then, so that a forgotten session costs nothing for long. */
#include "session/session.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "observe/fact.h"
#include "observe/metrics.h"
#include "session_internal.h"
#include "share.h"

enum { WORKING_MAX = 1000 };

/* ---- records ---- */

int64_t record_expires_ms(const struct session_store *store, const struct session_record *record)
{
    int64_t idle = record->used_ms + (int64_t)record->timeout_s * 1000;
    int64_t absolute = record->born_ms + (int64_t)store->options.max_age_s * 1000;

    return idle < absolute ? idle : absolute;
}

void record_drop_texts(struct session_record *record)
{
    if (record->texts != NULL) {
        mem_free(record->texts->more);
        record->texts->more = NULL;
    }
    texts_set(record, &STR_EMPTY, &STR_EMPTY, &STR_EMPTY);
}

void record_free(struct session_record *record)
{
    record_drop_texts(record);
    mem_free(record);
}

static void text_replace(char **text, const struct str *value)
{
    if (value != NULL) {
        mem_free(*text);
        *text = value->len > 0 ? str_dup(*value) : NULL;
    }
}

void texts_set(struct session_record *record, const struct str *name, const struct str *description,
               const struct str *metadata)
{
    struct session_texts *texts = record->texts;

    text_replace(&record->name, name);
    if (texts == NULL) {
        texts = mem_zalloc(sizeof(*texts));
    }
    text_replace(&texts->description, description);
    text_replace(&texts->metadata, metadata);
    if (texts->description == NULL && texts->metadata == NULL && texts->more == NULL) {
        mem_free(texts);
        texts = NULL;
    }
    record->texts = texts;
}

static struct str record_id(const struct session_record *record)
{
    return (struct str){record->id, SESSION_ID_LEN};
}

void record_insert(struct session_store *store, struct session_record *record)
{
    lru_add(&store->records, &record->lru, record_id(record));
}

/* ---- ids that left ---- */

static void note_fact(const struct session_record *record, enum fact_kind kind, const char *outcome)
{
    struct fact *fact = fact_begin(kind, outcome);

    mem_copy(fact->owner, record->owner.bytes, sizeof(fact->owner));
    str_copy(fact->subject, sizeof(fact->subject), record_id(record));
    fact_end(fact);
}

static void gone_add(struct session_store *store, const struct session_record *record, bool expired)
{
    struct session_gone *gone =
        lru_take(&store->gone, record_id(record), sizeof(*gone), SESSION_GONE_MAX);

    gone->owner = record->owner;
    gone->expired = expired;
    note_fact(record, FACT_SESSION_EXPIRED, expired ? "expired" : "evicted");
}

void record_leave(struct session_store *store, struct session_record *record)
{
    lru_remove(&store->records, &record->lru);
    record_free(record);
    store->changed = true;
}

/* True while a command of the session runs or waits: the session is then not idle. */
static bool is_at_work(const struct session_store *store, const struct session_record *record)
{
    return record->share != NULL || map_find(&store->lanes, record_id(record)) != NULL;
}

static bool is_due(const struct session_store *store, const struct session_record *record)
{
    return record_expires_ms(store, record) <= (int64_t)clock_age_ms();
}

bool expire_if_due(struct session_store *store, struct session_record *record)
{
    if (!is_due(store, record) || is_at_work(store, record)) {
        return false;
    }
    gone_add(store, record, true);
    record_leave(store, record);
    return true;
}

/* The oldest idle session. After WORKING_MAX busy ones, the oldest of all. */
static struct session_record *least_recently_used(struct session_store *store)
{
    struct list *link = store->records.order.next;

    for (int i = 0; i < WORKING_MAX && link != &store->records.order; i++, link = link->next) {
        struct session_record *record = CONTAINER_OF(link, struct session_record, lru.link);

        if (!is_at_work(store, record)) {
            return record;
        }
    }
    return LRU_OLDEST(&store->records, struct session_record, lru);
}

/* Evicts sessions until there is room for one more. A shared session is not noted as gone: it is still in
 * the store. */
void session_make_room(struct session_store *store)
{
    while (lru_size(&store->records) >= store->options.max_active) {
        struct session_record *oldest = least_recently_used(store);

        if (store->shared == NULL) {
            gone_add(store, oldest, false);
        }
        record_leave(store, oldest);
        metric_add(M_SESSIONS_EVICTED, 0, 0, 0, 1);
    }
}

/* True: the id has the mark of another store. Only asked for a session that was not found here, since a store
 * that is a copy of another one holds sessions with the mark of the other. */
static bool is_of_another_store(const struct session_store *store, struct str id)
{
    return store->options.mark[0] != '\0' && session_is_id(id) &&
           !str_is(str_sub(id, ID_MARK_AT, SESSION_MARK), store->options.mark);
}

static enum error_code not_found(struct error *err)
{
    return error_set(err, ERR_SESSION_NOT_FOUND,
                     "There is no session with this id; POST /api/v1/sessions makes one");
}

static enum error_code why_gone(const struct session_store *store, const struct digest *owner,
                                struct str id, struct error *err)
{
    const struct session_gone *gone = LRU_FIND(&store->gone, id, struct session_gone, lru);

    if (gone == NULL && is_of_another_store(store, id)) {
        return error_set(err, ERR_SESSION_ELSEWHERE,
                         "This session was made with another store, in another region perhaps: ask "
                         "there, or make a new one");
    }
    if (gone == NULL || !digest_equal(&gone->owner, owner)) {
        return not_found(err);
    }
    if (gone->expired) {
        return error_set(
            err, ERR_SESSION_EXPIRED,
            "This session has expired; make a new one, with a longer timeout if it is used rarely");
    }
    return error_set(
        err, ERR_SESSION_EVICTED,
        "This session was evicted: sessions.max_active was reached, and it was the least recently used one");
}

struct session_record *record_of(const struct session_store *store, const struct digest *owner,
                                 struct str id)
{
    struct session_record *record = LRU_FIND(&store->records, id, struct session_record, lru);

    return record != NULL && digest_equal(&record->owner, owner) ? record : NULL;
}

/* NULL: err says why. Another owner's session does not exist. */
static struct session_record *record_find(struct session_store *store, const struct digest *owner,
                                          struct str id, struct error *err)
{
    struct session_record *record = LRU_FIND(&store->records, id, struct session_record, lru);

    if (record != NULL && !digest_equal(&record->owner, owner)) {
        (void)not_found(err);
        return NULL;
    }
    if (record == NULL || expire_if_due(store, record)) {
        (void)why_gone(store, owner, id, err);
        return NULL;
    }
    return record;
}

/* ---- views ---- */

void record_show(const struct session_store *store, const struct session_record *record,
                 struct arena *arena, struct session *out)
{
    const struct session_texts none = {0};
    const struct session_texts *texts = record->texts != NULL ? record->texts : &none;

    *out = (struct session){
        .id = arena_str(arena, record_id(record)),
        .name = arena_str(arena, str_from(record->name)),
        .description = arena_str(arena, str_from(texts->description)),
        .metadata = arena_str(arena, str_from(texts->metadata)),
        .checkpoint_id = record->checkpoint_id,
        .journey_id = record->journey_id,
        .position = record->position,
        .is_set = record->is_set,
        .steps_added = record->steps_added,
        .created_ms = record->created_ms,
        .last_activity_ms = record->last_activity_ms,
        .expires_ms = clock_wall_ms() + record_expires_ms(store, record) - (int64_t)clock_age_ms(),
        .timeout_s = record->timeout_s,
        .version = record->version,
        .status = record->status == SESSION_PAUSED ? SESSION_PAUSED : SESSION_ACTIVE,
        .is_current = record->is_current,
    };
}

static void touch(struct session_store *store, struct session_record *record)
{
    record->last_activity_ms = clock_wall_ms();
    record->used_ms = (int64_t)clock_age_ms();
    lru_touch(&store->records, &record->lru);
    store->changed = true;
    if (record->share != NULL) {
        share_note(record->share);
    }
}

static enum error_code check_patch(const struct session_patch *patch, struct error *err)
{
    if (patch->timeout_s != NULL &&
        (*patch->timeout_s == 0 || *patch->timeout_s > SESSION_TIMEOUT_MAX_S)) {
        return error_at(err, ERR_INVALID, "/timeout", "timeout must be 1 to %d seconds",
                        SESSION_TIMEOUT_MAX_S);
    }
    if (patch->position != NULL && *patch->position < -1) {
        return error_at(err, ERR_INVALID, "/position", "position must be 0 or more");
    }
    return ERR_OK;
}

static void apply(struct session_record *record, const struct session_patch *patch)
{
    texts_set(record, patch->name, patch->description, patch->metadata);
    if (patch->checkpoint_id != NULL && record->checkpoint_id != *patch->checkpoint_id) {
        record->checkpoint_id = *patch->checkpoint_id;
        record->journey_id = 0;
        record->position = -1;
        record->is_set = false;
        record->version++;
    }
    if (patch->journey_id != NULL) {
        record->journey_id = *patch->journey_id;
    }
    if (patch->position != NULL) {
        record->position = *patch->position;
        record->is_set = record->position >= 0;
        record->version++;
    }
    if (patch->timeout_s != NULL) {
        record->timeout_s = *patch->timeout_s;
    }
    if (patch->status != NULL) {
        record->status = (uint8_t)*patch->status;
    }
}

/* ---- public ---- */

static void make_id(const struct session_store *store, char id[SESSION_ID_LEN])
{
    mem_copy(id, "sess_", ID_MARK_AT);
    random_hex(id + ID_MARK_AT, SESSION_ID_LEN - ID_MARK_AT);
    mem_copy(id + ID_MARK_AT, store->options.mark, strlen(store->options.mark));
}

enum error_code session_create(struct session_store *store, const struct digest *owner,
                               const struct session_patch *values, struct arena *arena,
                               struct session *out, struct error *err)
{
    enum error_code code = check_patch(values, err);
    struct session_record *record;

    if (code != ERR_OK) {
        return code;
    }
    session_make_room(store);
    record = mem_zalloc(sizeof(*record));
    make_id(store, record->id);
    record->owner = *owner;
    record->position = -1;
    record->timeout_s = store->options.timeout_s;
    record->created_ms = clock_wall_ms();
    record->last_activity_ms = record->created_ms;
    record->born_ms = (int64_t)clock_age_ms();
    record->used_ms = record->born_ms;
    apply(record, values);
    record_insert(store, record);
    store->changed = true;
    note_fact(record, FACT_SESSION_CREATED, "ok");
    record_show(store, record, arena, out);
    return ERR_OK;
}

enum error_code session_load(struct session_store *store, const struct digest *owner, struct str id,
                             struct arena *arena, struct session *out, struct error *err)
{
    struct session_record *record = record_find(store, owner, id, err);

    if (record == NULL) {
        return err->code;
    }
    touch(store, record);
    record_show(store, record, arena, out);
    return ERR_OK;
}

enum error_code session_change(struct session_store *store, const struct digest *owner,
                               struct str id, const struct session_patch *patch, struct error *err)
{
    struct session_record *record = record_find(store, owner, id, err);

    if (record == NULL || check_patch(patch, err) != ERR_OK) {
        return err->code;
    }
    apply(record, patch);
    touch(store, record);
    return ERR_OK;
}

enum error_code session_delete(struct session_store *store, const struct digest *owner,
                               struct str id, struct error *err)
{
    struct session_record *record = record_find(store, owner, id, err);

    if (record == NULL) {
        return err->code;
    }
    record_leave(store, record);
    return ERR_OK;
}

static bool passes(const struct session_store *store, const struct session_record *record,
                   const struct digest *owner, const struct session_filter *filter)
{
    return digest_equal(&record->owner, owner) &&
           (filter->status == NULL || record->status == *filter->status) && !is_due(store, record);
}

size_t session_list(struct session_store *store, const struct digest *owner,
                    const struct session_filter *filter, struct arena *arena, struct session **out,
                    size_t *out_total)
{
    struct list *link;
    size_t n = 0;

    *out = arena_calloc(arena, filter->limit > 0 ? filter->limit : 1, sizeof(**out));
    *out_total = 0;
    for (link = store->records.order.prev; link != &store->records.order; link = link->prev) {
        const struct session_record *record = CONTAINER_OF(link, struct session_record, lru.link);

        if (!passes(store, record, owner, filter)) {
            continue;
        }
        if (*out_total >= filter->offset && n < filter->limit) {
            record_show(store, record, arena, &(*out)[n++]);
        }
        (*out_total)++;
    }
    return n;
}

static void clear_current(struct session_store *store, const struct digest *owner)
{
    struct session_record *record;

    LIST_EACH (record, &store->records.order, lru.link) {
        if (record->is_current && digest_equal(&record->owner, owner)) {
            record->is_current = false;
        }
    }
}

enum error_code session_activate(struct session_store *store, const struct digest *owner,
                                 struct str id, struct arena *arena, struct session *out,
                                 struct error *err)
{
    struct session_record *record = record_find(store, owner, id, err);

    if (record == NULL) {
        return err->code;
    }
    clear_current(store, owner);
    record->is_current = true;
    touch(store, record);
    record_show(store, record, arena, out);
    return ERR_OK;
}

enum error_code session_current(struct session_store *store, const struct digest *owner,
                                struct arena *arena, struct session *out, struct error *err)
{
    struct session_record *record;

    LIST_EACH (record, &store->records.order, lru.link) {
        if (record->is_current && digest_equal(&record->owner, owner) && !is_due(store, record)) {
            record_show(store, record, arena, out);
            return ERR_OK;
        }
    }
    return session_has_no_current(err);
}

void session_advance(struct session_store *store, const struct digest *owner, struct str id,
                     const struct session_move *move)
{
    struct error ignored = {0};
    struct session_record *record = record_find(store, owner, id, &ignored);

    if (record == NULL) {
        return;
    }
    if (record->version == move->version && record->checkpoint_id == move->checkpoint_id) {
        record->position = move->position;
        record->is_set = move->is_set && move->position >= 0;
    }
    record->steps_added += move->steps_added;
    touch(store, record);
}

size_t session_store_size(const struct session_store *store)
{
    return lru_size(&store->records);
}

const struct session_trouble *session_store_trouble(const struct session_store *store)
{
    return &store->trouble;
}

/* ---- store ---- */

enum error_code session_has_no_current(struct error *err)
{
    return error_set(
        err, ERR_SESSION_NOT_FOUND,
        "You have no current session; POST /api/v1/sessions/{id}/activate chooses one");
}

enum error_code session_is_paused(struct error *err)
{
    return error_at(err, ERR_CONFLICT, "/session_id",
                    "The session is paused: PATCH it with {\"status\": \"active\"} first");
}
