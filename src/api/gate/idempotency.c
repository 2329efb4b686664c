/* Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the reply of a POST is kept under
 * the caller, the address and the key, so that a client that lost it may send the request again without
 * doing the work again.
 *
 *   begin: none ──► in flight ──► reply kept (something may have happened) ──► replayed, until ttl
 *                        └──────► forgotten (provably nothing happened: the retry is a first try)
 *
 * Bounded by entries and bytes, least recently used first; entries in flight are never dropped. */
#include "api/gate/pieces.h"
#include "base/clock.h"
#include "base/lru.h"
#include "base/mem.h"
#include "idempotency_share.h"

/* To hash 64 KiB takes a millisecond. */
enum { KEY_MAX = 255, REFERENCE_BYTES = 256, HASH_PIECE = 64 * 1024 };

struct idempotency_entry {
    struct lru_entry lru; /* key: `id`. Held while in flight */
    struct digest id;
    struct digest body_digest;
    bool in_flight;
    struct kept_reply reply; /* its texts are the entry's own */
    uint64_t expires_ms;
    struct claim *claim; /* while it is in flight, and several processes share keys; NULL: none */
};

struct idempotency_store {
    struct lru entries;
    size_t bytes;
    struct idempotency_share *share; /* NULL: this process alone */
};

struct idempotency_store *idempotency_store_new(const struct api_options *options)
{
    struct idempotency_store *store = mem_zalloc(sizeof(*store));

    if (options->keeps != NULL) {
        store->share = idempotency_share_open(options->store, options->keeps, options->deadlines);
    }
    lru_init(&store->entries);
    return store;
}

static uint64_t ttl_ms(const struct api *api)
{
    return (uint64_t)api->config->idempotency.ttl_s * 1000;
}

static size_t entry_bytes(const struct idempotency_entry *entry)
{
    return sizeof(*entry) + entry->reply.body.len + entry->reply.fields.len + REFERENCE_BYTES;
}

static void entry_free(struct idempotency_store *store, struct idempotency_entry *entry)
{
    lru_remove(&store->entries, &entry->lru);
    store->bytes -= entry_bytes(entry);
    mem_free(unconst(entry->reply.content_type.ptr));
    mem_free(unconst(entry->reply.location.ptr));
    mem_free(unconst(entry->reply.fields.ptr));
    mem_free(unconst(entry->reply.body.ptr));
    mem_free(entry);
}

void idempotency_store_stop(struct idempotency_store *store)
{
    idempotency_share_stop(store->share);
}

void idempotency_store_free(struct idempotency_store *store)
{
    struct idempotency_entry *entry;

    if (store == NULL) {
        return;
    }
    mem_free(store->share);
    while ((entry = LRU_OLDEST(&store->entries, struct idempotency_entry, lru)) != NULL) {
        entry_free(store, entry);
    }
    lru_done(&store->entries); /* none in flight: all exchanges have ended */
    mem_free(store);
}

/* True when there is room for one more; entries in flight may fill the store up. */
static bool make_room(const struct api *api)
{
    struct idempotency_store *store = api->idempotency;
    size_t max = api->config->idempotency.max_entries;
    struct idempotency_entry *entry;

    while (
        (lru_size(&store->entries) >= max || store->bytes > api->config->idempotency.max_bytes) &&
        (entry = LRU_OLDEST(&store->entries, struct idempotency_entry, lru)) != NULL) {
        entry_free(store, entry);
    }
    return lru_size(&store->entries) < max;
}

static struct idempotency_entry *entry_find(struct idempotency_store *store,
                                            const struct digest *id)
{
    struct idempotency_entry *entry =
        LRU_FIND(&store->entries, digest_view(id), struct idempotency_entry, lru);

    if (entry != NULL && !entry->in_flight && entry->expires_ms <= clock_age_ms()) {
        entry_free(store, entry);
        return NULL;
    }
    return entry;
}

static enum stage_verdict replay(struct task *task, const struct kept_reply *reply)
{
    struct str type = reply->content_type;
    struct str rest = reply->fields;
    struct str line;
    struct str value;

    metric_add(M_IDEMPOTENT_REPLAYS, 0, 0, 0, 1);
    exchange_set_header(task->exchange, "Idempotency-Replayed", STR("true"));
    if (reply->location.len > 0) {
        exchange_set_header(task->exchange, "Location", reply->location);
    }
    while (str_cut(rest, '\n', &line, &rest)) {
        if (str_cut(str_trim(line), ':', &line, &value)) {
            exchange_set_header(task->exchange, arena_cstr(task->arena, line), str_trim(value));
        }
    }
    return task_reply(task, reply->status, type.len > 0 ? arena_cstr(task->arena, type) : NULL,
                      reply->body);
}

static enum stage_verdict answer_known(struct task *task, struct idempotency_entry *entry,
                                       const struct digest *body)
{
    if (!digest_equal(&entry->body_digest, body)) {
        (void)key_is_of_another(&task->error);
        return task_fail(task);
    }
    if (entry->in_flight) {
        (void)key_is_in_flight(&task->error);
        return task_fail(task);
    }
    lru_touch(&task->api->idempotency->entries, &entry->lru);
    return replay(task, &entry->reply);
}

/* --- several processes */
static void let_go(struct task *task)
{
    struct idempotency_entry *entry = task->idempotency;

    task->idempotency = NULL;
    entry_free(task->api->idempotency, entry);
}

static void on_claimed(void *context, const struct error *error, const struct kept_reply *reply)
{
    struct task *task = context;

    task->on_cancel = NULL;
    if (error->code == ERR_OK && reply == NULL) {
        task_go_on(task);
        return;
    }
    task->idempotency->claim = NULL; /* it is gone */
    if (error->code == ERR_STORE_AWAY && !task->api->config->store.strict) {
        task_go_on(task);
        return;
    }
    let_go(task);
    if (error->code == ERR_OK) {
        (void)replay(task, reply);
        return;
    }
    (void)task_fail_with(task, error);
}

static void on_cancel(struct task *task)
{
    struct claim *claim = task->idempotency->claim;

    task->idempotency->claim = NULL;
    (void)claim_forget(claim);
}

static enum stage_verdict claim(struct task *task, const struct digest *body)
{
    struct idempotency_store *store = task->api->idempotency;

    if (store->share == NULL) {
        return STAGE_CONTINUE;
    }
    task->on_cancel = on_cancel;
    task->idempotency->claim = claim_start(store->share, &task->idempotency->id, body,
                                           ttl_ms(task->api), task, on_claimed);
    return STAGE_WAIT;
}

bool idempotency_is_asked(const struct task *task)
{
    return exchange_has_header(task->exchange, "Idempotency-Key") &&
           str_is(task->exchange->request.method, "POST") && !task->dry_run &&
           !json_true(json_get(task->body, "dry_run"));
}

/* Looks up the key and the digest of what is sent under it: the request is replayed, refused, or the first. */
static enum stage_verdict take_key(struct task *task, const struct digest *body)
{
    struct idempotency_store *store = task->api->idempotency;
    struct str key = exchange_header(task->exchange, "Idempotency-Key");
    struct str path = task->exchange->request.path;
    struct digest id;
    struct idempotency_entry *entry;

    if (str_ends(path, STR("/"))) { /* means the same (src/api/README.md, "Contract") */
        path = str_sub(path, 0, path.len - 1);
    }
    digest_of_parts((struct str[]){digest_view(&task->principal.owner), path, key}, 3, &id);
    entry = entry_find(store, &id);
    if (entry != NULL) {
        return answer_known(task, entry, body);
    }
    if (!make_room(task->api)) {
        task->error.retry_after_s = 1;
        return task_refuse(task, ERR_OVERLOADED,
                           "Too many requests with an Idempotency-Key are in flight");
    }
    entry = mem_zalloc(sizeof(*entry));
    entry->id = id;
    entry->body_digest = *body;
    entry->in_flight = true;
    store->bytes += entry_bytes(entry);
    lru_add(&store->entries, &entry->lru, digest_view(&entry->id));
    lru_hold(&store->entries, &entry->lru);
    task->idempotency = entry;
    return claim(task, body);
}

/* Nothing happened: the retry is a first try, on every process. */
static struct claim *forget(struct task *task)
{
    struct claim *claimed = task->idempotency->claim;

    let_go(task);
    return claimed != NULL ? claim_forget(claimed) : NULL;
}

/* ---- the body, in pieces ---- */

struct hashing {
    struct pieces pieces;
    struct digest_state *state;
    struct str rest; /* of the body */
};

static void add_length(struct digest_state *state, size_t len)
{
    uint64_t bytes = len;

    digest_add(state, (struct str){(const char *)&bytes, sizeof(bytes)});
}

static bool hash_on(struct pieces *pieces)
{
    struct hashing *hashing = CONTAINER_OF(pieces, struct hashing, pieces);
    struct str piece = str_sub(hashing->rest, 0, HASH_PIECE);

    digest_add(hashing->state, piece);
    hashing->rest = str_sub(hashing->rest, piece.len, hashing->rest.len);
    return hashing->rest.len == 0;
}

static enum stage_verdict hashed(struct pieces *pieces)
{
    struct hashing *hashing = CONTAINER_OF(pieces, struct hashing, pieces);
    struct task *task = pieces->task;
    const struct str more[] = {task->exchange->request.query,
                               exchange_header(task->exchange, "X-Session-Id")};
    struct digest body;

    for (size_t i = 0; i < ARRAY_LEN(more); i++) {
        add_length(hashing->state, more[i].len);
        digest_add(hashing->state, more[i]);
    }
    digest_end(hashing->state, &body);
    return take_key(task, &body);
}

static void left_while_hashing(struct pieces *pieces)
{
    struct digest unused;

    digest_end(CONTAINER_OF(pieces, struct hashing, pieces)->state, &unused);
}

enum stage_verdict idempotency_begin(struct task *task)
{
    struct hashing *hashing;
    struct str key;

    if (!idempotency_is_asked(task)) {
        return STAGE_CONTINUE;
    }
    key = exchange_header(task->exchange, "Idempotency-Key");
    if (key.len == 0 || key.len > KEY_MAX || !str_is_of(key, "!-~")) {
        return task_refuse(task, ERR_INVALID,
                           "Idempotency-Key must be 1 to %d visible ASCII characters", KEY_MAX);
    }
    hashing = arena_zalloc(task->arena, sizeof(*hashing));
    *hashing = (struct hashing){
        .pieces = {.task = task, .go_on = hash_on, .then = hashed, .gone = left_while_hashing},
        .state = digest_begin(),
        .rest = task->exchange->request.body,
    };
    add_length(hashing->state, hashing->rest.len);
    return pieces_begin(&hashing->pieces, 1);
}

static struct str own_copy(struct str text)
{
    return (struct str){mem_dup(text.ptr, text.len), text.len};
}

struct claim *idempotency_keep(struct task *task, int status, const char *content_type,
                               struct str body)
{
    struct idempotency_store *store = task->api->idempotency;
    struct idempotency_entry *entry = task->idempotency;
    struct claim *ending = NULL;

    if (entry == NULL) {
        return NULL;
    }
    if (!task->may_have_changed && (status >= 300 || status == 207)) {
        return forget(task);
    }
    task->idempotency = NULL;
    store->bytes -= entry_bytes(entry);
    entry->in_flight = false;
    entry->reply = (struct kept_reply){.status = status,
                                       .content_type = own_copy(str_from(content_type)),
                                       .location = own_copy(task->location),
                                       .fields = own_copy(task->fields),
                                       .body = own_copy(body)};
    entry->expires_ms = clock_age_ms() + ttl_ms(task->api);
    store->bytes += entry_bytes(entry);
    lru_touch(&store->entries, &entry->lru);
    if (entry->claim != NULL) {
        ending = claim_keep(entry->claim, &entry->reply);
        entry->claim = NULL;
    }
    (void)make_room(task->api);
    return ending;
}

void idempotency_abandon(struct task *task)
{
    if (task->idempotency != NULL) {
        (void)forget(task);
    }
}
