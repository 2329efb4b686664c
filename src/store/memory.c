/* The backend in this process: all in one map of records, gone when the process ends. What has
 * expired is dropped by a deadline, and is not seen from the moment of its expiry on. */
#include "store_internal.h"

#include "base/clock.h"
#include "base/gcra.h"
#include "base/mem.h"
#include "index.h"

static const uint64_t LEASE_KEEP_MS = UINT64_C(3600) * 1000; /* what the last holder left */

static const char TEXT_FULL[] = "the store is full: what it may hold in memory is used up";

struct entry {
    struct list link;
    uint64_t sequence;
    unsigned format;
    struct str bytes; /* behind the struct */
};

/* A document, a stream, a limit or a lease: the letter in its key tells them apart. */
struct record {
    struct map_node node;
    struct memory *memory;
    struct deadline expiry;
    uint64_t expires_ms; /* by clock_age_ms; 0: never */
    struct index_entry index;
    struct str bytes; /* heap; of a document, or left by the last holder of a lease */
    uint64_t version;
    unsigned format;
    struct list entries; /* of a stream, oldest first */
    unsigned n_entries;
    uint64_t full_ns;  /* of a limit: gcra.h */
    struct str holder; /* of a lease, heap; empty: it was released */
    uint64_t until_ms; /* by clock_age_ms */
    uint64_t fence;
    uint64_t event; /* the last one */
    bool wanted;
};

struct memory {
    struct store store; /* first: store_closed frees it */
    struct map records;
    struct map groups;
    uint64_t last; /* version, sequence, fencing number: one row of numbers for all */
    uint64_t n_bytes;
    uint64_t max_bytes;
};

static struct memory *memory_of(struct store *store)
{
    return CONTAINER_OF(store, struct memory, store);
}

/* --- records */
static uint64_t cost_of(size_t n_bytes)
{
    return sizeof(struct record) + n_bytes;
}

static void replace(struct str *text, struct str with)
{
    mem_free(unconst(text->ptr));
    *text = with.len > 0 ? (struct str){mem_dup(with.ptr, with.len), with.len} : (struct str){0};
}

static void drop_entry(struct record *record, struct entry *entry)
{
    record->memory->n_bytes -= cost_of(entry->bytes.len);
    record->n_entries--;
    list_remove(&entry->link);
    mem_free(entry);
}

static void drop(struct record *record)
{
    struct memory *memory = record->memory;
    char *key = unconst(record->node.key.ptr);
    struct list *link;

    while ((link = list_first(&record->entries)) != NULL) {
        drop_entry(record, CONTAINER_OF(link, struct entry, link));
    }
    memory->n_bytes -= cost_of(record->node.key.len + record->bytes.len);
    index_remove(&memory->groups, &record->index);
    map_remove(&memory->records, &record->node);
    deadline_clear(&record->expiry);
    replace(&record->bytes, STR_EMPTY);
    replace(&record->holder, STR_EMPTY);
    mem_free(key);
    mem_free(record);
}

static void on_expiry(struct deadline *deadline)
{
    drop(CONTAINER_OF(deadline, struct record, expiry));
}

static void expire_after(struct record *record, uint64_t ttl_ms)
{
    deadline_clear(&record->expiry);
    record->expires_ms = ttl_ms > 0 ? clock_age_ms() + ttl_ms : 0;
    if (ttl_ms > 0) {
        deadline_set(&record->memory->store.loop->deadlines, &record->expiry, ttl_ms, on_expiry);
    }
}

static struct record *find(struct memory *memory, struct str key)
{
    struct map_node *node = map_find(&memory->records, key);
    struct record *record = node != NULL ? CONTAINER_OF(node, struct record, node) : NULL;

    if (record != NULL && record->expires_ms > 0 && record->expires_ms <= clock_age_ms()) {
        drop(record);
        return NULL;
    }
    return record;
}

/* Room for `n_bytes` more; false: the operation has failed. */
static bool has_room(struct memory *memory, struct store_op *op, size_t n_bytes)
{
    if (memory->n_bytes + cost_of(n_bytes) <= memory->max_bytes) {
        return true;
    }
    store_op_fail(op, ERR_STORE_AWAY, TEXT_FULL);
    return false;
}

/* The record, made if need be. NULL: the operation has failed. */
static struct record *find_or_make(struct memory *memory, struct store_op *op)
{
    struct record *record = find(memory, op->key);

    if (record != NULL) {
        return record;
    }
    if (!has_room(memory, op, op->key.len + op->request.bytes.len)) {
        return NULL;
    }
    record = mem_zalloc(sizeof(*record));
    record->memory = memory;
    list_init(&record->entries);
    map_insert(&memory->records, &record->node, (struct str){str_dup(op->key), op->key.len});
    memory->n_bytes += cost_of(op->key.len);
    return record;
}

static void set_bytes(struct record *record, struct str bytes)
{
    record->memory->n_bytes -= record->bytes.len;
    record->memory->n_bytes += bytes.len;
    replace(&record->bytes, bytes);
}

/* --- documents */
static struct str group_of(struct str key)
{
    ptrdiff_t from = str_find_char(key, '{');
    ptrdiff_t to = str_find_char(key, '}');

    return str_sub(key, (size_t)from, (size_t)(to - from) + 1);
}

/* What stands behind the group and its '/'; empty: there is no group. */
static struct str name_of(struct str key)
{
    return str_sub(key, (size_t)str_find_char(key, '}') + 2, key.len);
}

static bool is_readable(struct store_op *op, unsigned format)
{
    if (format <= op->request.format) {
        return true;
    }
    store_op_fail(op, ERR_STORE_UNREADABLE, STORE_TEXT_NEWER);
    return false;
}

static bool is_expected(const struct store_op *op, const struct record *record)
{
    switch (op->request.expect) {
    case STORE_ABSENT:
        return record == NULL;
    case STORE_VERSION:
        return record != NULL && record->version == op->request.version;
    case STORE_ANY:
        break;
    }
    return true;
}

static void get(struct memory *memory, struct store_op *op)
{
    struct record *record = find(memory, op->key);

    if (record == NULL) {
        store_op_fail(op, ERR_NOT_FOUND, STORE_TEXT_NOTHING);
    } else if (is_readable(op, record->format)) {
        op->result.version = record->version;
        op->result.bytes = arena_str(&op->arena, record->bytes);
        store_op_end(op);
    }
}

static void put(struct memory *memory, struct store_op *op)
{
    struct record *record = find(memory, op->key);
    struct str name = name_of(op->key);

    if (record != NULL && !is_readable(op, record->format)) {
        return;
    }
    if (!is_expected(op, record)) {
        store_op_fail(op, ERR_CONFLICT, STORE_TEXT_OTHER);
        return;
    }
    if (record != NULL && op->request.bytes.len > record->bytes.len &&
        !has_room(memory, op, op->request.bytes.len - record->bytes.len)) {
        return;
    }
    record = find_or_make(memory, op);
    if (record == NULL) {
        return;
    }
    if (record->version == 0 && name.len > 0) {
        index_add(&memory->groups, group_of(op->key), &record->index, name_of(record->node.key));
    }
    record->version = ++memory->last;
    record->format = op->request.format;
    set_bytes(record, op->request.bytes);
    expire_after(record, op->request.ttl_ms);
    op->result.version = record->version;
    store_op_end(op);
}

/* Removing what is not there is done already, unless a version was expected. */
static void forget_document(struct memory *memory, struct store_op *op)
{
    struct record *record = find(memory, op->key);

    if (!is_expected(op, record)) {
        store_op_fail(op, ERR_CONFLICT, STORE_TEXT_OTHER);
        return;
    }
    if (record != NULL) {
        drop(record);
    }
    store_op_end(op);
}

static void list(struct memory *memory, struct store_op *op)
{
    struct index_group *group = index_find(&memory->groups, group_of(op->key));
    size_t at = group != NULL ? index_behind(group, op->request.name) : 0;
    uint64_t now_ms = clock_age_ms();

    op->result.items = arena_calloc(&op->arena, op->request.limit, sizeof(struct store_item));
    for (; group != NULL && at < group->n && op->result.n_items < op->request.limit; at++) {
        struct record *record = CONTAINER_OF(group->entries[at], struct record, index);

        if (record->expires_ms > 0 && record->expires_ms <= now_ms) {
            continue;
        }
        if (!is_readable(op, record->format)) {
            return;
        }
        op->result.items[op->result.n_items++] =
            (struct store_item){.name = arena_str(&op->arena, record->index.name),
                                .sequence = record->version,
                                .bytes = arena_str(&op->arena, record->bytes)};
    }
    if (group != NULL && at < group->n) {
        op->result.next = op->result.items[op->result.n_items - 1].name;
    }
    store_op_end(op);
}

/* --- streams */
/* Tells the operation what stands in the stream; false: nothing that it asked for. */
static bool tell(struct store_op *op, struct record *record)
{
    struct store_result *result = &op->result;
    struct list *link;

    result->items = arena_calloc(&op->arena, op->request.limit, sizeof(struct store_item));
    LIST_FOREACH (link, &record->entries) {
        struct entry *entry = CONTAINER_OF(link, struct entry, link);

        if (entry->sequence <= op->request.after || result->n_items == op->request.limit) {
            continue;
        }
        if (!is_readable(op, entry->format)) {
            result->n_items = 0;
            return true;
        }
        result->items[result->n_items++] = (struct store_item){
            .sequence = entry->sequence, .bytes = arena_str(&op->arena, entry->bytes)};
    }
    if (result->n_items > 0) {
        store_op_end(op);
    }
    return result->n_items > 0;
}

/* Whoever waits for the record's next entry or event is told. */
static void wake(struct record *record, enum store_kind kind)
{
    struct list *running = &record->memory->store.running;
    struct list *link;

    LIST_FOREACH (link, running) {
        struct store_op *op = CONTAINER_OF(link, struct store_op, link);

        if (op->request.kind != kind || !deadline_is_set(&op->deadline) ||
            !str_eq(op->key, record->node.key)) {
            continue;
        }
        if (kind == STORE_READ) {
            (void)tell(op, record);
        } else if (record->event > op->request.after) {
            op->result.sequence = record->event;
            store_op_end(op);
        }
    }
}

static void append(struct memory *memory, struct store_op *op)
{
    struct str bytes = op->request.bytes;
    struct record *record;
    struct entry *entry;
    struct list *first;

    if (!has_room(memory, op, op->key.len + bytes.len)) {
        return;
    }
    record = find_or_make(memory, op);
    if (record == NULL) {
        return;
    }
    entry = mem_alloc(sizeof(*entry) + bytes.len);
    *entry = (struct entry){.sequence = ++memory->last, .format = op->request.format};
    entry->bytes = (struct str){(char *)(entry + 1), bytes.len};
    mem_copy(entry + 1, bytes.ptr, bytes.len);
    memory->n_bytes += cost_of(bytes.len);
    list_append(&record->entries, &entry->link);
    record->n_entries++;
    while (record->n_entries > op->request.limit &&
           (first = list_first(&record->entries)) != NULL) {
        drop_entry(record, CONTAINER_OF(first, struct entry, link));
    }
    expire_after(record, op->request.ttl_ms);
    op->result.version = entry->sequence;
    store_op_end(op);
    wake(record, STORE_READ);
}

static void read_stream(struct memory *memory, struct store_op *op)
{
    struct record *record = find(memory, op->key);
    bool told = record != NULL && tell(op, record);

    if (!told && op->request.wait_ms == 0) {
        store_op_end(op);
    }
}

/* --- limits */
static void count(struct memory *memory, struct store_op *op)
{
    static const uint64_t MS_NS = 1000000;
    const struct gcra_limit limit = {.per_second = op->request.rate, .burst = op->request.burst};
    struct record *record = find_or_make(memory, op);
    struct gcra_verdict verdict;

    if (record == NULL) {
        return;
    }
    verdict = gcra_take_many(&record->full_ns, limit, op->request.cost, clock_age_ms() * MS_NS);
    op->result.allowed = verdict.allowed;
    op->result.remaining = verdict.remaining;
    op->result.retry_after_ms = (verdict.retry_after_ns + MS_NS - 1) / MS_NS;
    expire_after(record, verdict.full_after_ns / MS_NS + 1);
    store_op_end(op);
}

/* --- leases */
static bool is_held(const struct record *record)
{
    return record->holder.len > 0 && record->until_ms > clock_age_ms();
}

static void note_event(struct record *record)
{
    record->event = ++record->memory->last;
    wake(record, STORE_WATCH);
}

static void hold(struct record *record, uint64_t ttl_ms)
{
    record->until_ms = clock_age_ms() + ttl_ms;
    record->wanted = false;
    expire_after(record, ttl_ms + LEASE_KEEP_MS);
}

static void lease(struct memory *memory, struct store_op *op)
{
    struct record *record = find_or_make(memory, op);

    if (record == NULL) {
        return;
    }
    if (is_held(record) && !str_eq(record->holder, op->request.holder)) {
        op->result.retry_after_ms = record->until_ms - clock_age_ms();
        record->wanted = true;
        store_op_fail(op, ERR_CONFLICT, STORE_TEXT_HELD);
        note_event(record);
        return;
    }
    op->result.orderly = record->holder.len == 0;
    op->result.bytes = arena_str(&op->arena, record->bytes);
    replace(&record->holder, op->request.holder);
    record->fence = ++memory->last;
    op->result.fence = record->fence;
    hold(record, op->request.ttl_ms);
    store_op_end(op);
}

/* The lease while the request still has it; NULL: the operation has failed. */
static struct record *held(struct memory *memory, struct store_op *op)
{
    struct record *record = find(memory, op->key);

    if (record != NULL && is_held(record) && record->fence == op->request.fence &&
        str_eq(record->holder, op->request.holder)) {
        return record;
    }
    store_op_fail(op, ERR_CONFLICT, STORE_TEXT_LOST);
    return NULL;
}

static void renew(struct memory *memory, struct store_op *op)
{
    struct record *record = held(memory, op);

    if (record != NULL) {
        op->result.wanted = record->wanted;
        hold(record, op->request.ttl_ms);
        store_op_end(op);
    }
}

static void release(struct memory *memory, struct store_op *op)
{
    struct record *record = held(memory, op);

    if (record == NULL || !has_room(memory, op, op->request.bytes.len)) {
        return;
    }
    replace(&record->holder, STR_EMPTY);
    set_bytes(record, op->request.bytes);
    expire_after(record, LEASE_KEEP_MS);
    store_op_end(op);
    note_event(record);
}

static void watch(struct memory *memory, struct store_op *op)
{
    struct record *record = find(memory, op->key);
    bool news = record != NULL && record->event > op->request.after;

    if (news || op->request.wait_ms == 0) {
        op->result.sequence = news ? record->event : op->request.after;
        store_op_end(op);
    }
}

/* --- the backend */
static void (*const acts[STORE_KIND_N])(struct memory *memory, struct store_op *op) = {
    [STORE_GET] = get,         [STORE_PUT] = put,       [STORE_REMOVE] = forget_document,
    [STORE_LIST] = list,       [STORE_APPEND] = append, [STORE_READ] = read_stream,
    [STORE_COUNT] = count,     [STORE_LEASE] = lease,   [STORE_RENEW] = renew,
    [STORE_RELEASE] = release, [STORE_WATCH] = watch,
};

static void memory_start(struct store *store, struct store_op *op)
{
    acts[op->request.kind](memory_of(store), op);
}

static void memory_forget(struct store *store, struct store_op *op)
{
    (void)store; /* who waits is found among the running operations */
    (void)op;
}

static void memory_close(struct store *store)
{
    struct memory *memory = memory_of(store);

    for (size_t i = 0; i < memory->records.n_buckets; i++) {
        while (memory->records.buckets[i] != NULL) {
            drop(CONTAINER_OF(memory->records.buckets[i], struct record, node));
        }
    }
    map_done(&memory->records);
    map_done(&memory->groups);
    store_closed(store);
}

static const char *memory_trouble(const struct store *store)
{
    (void)store;
    return NULL;
}

static const struct store_backend memory_backend = {memory_start, memory_forget, memory_close,
                                                    memory_trouble};

enum error_code store_open_memory(struct loop *loop, const struct store_options *options,
                                  struct store **out, struct error *err)
{
    struct memory *memory = mem_zalloc(sizeof(*memory));
    enum error_code code = store_init(&memory->store, &memory_backend, loop, options, err);

    if (code != ERR_OK) {
        mem_free(memory);
        return code;
    }
    memory->max_bytes = options->max_bytes;
    map_init(&memory->records);
    map_init(&memory->groups);
    *out = &memory->store;
    return ERR_OK;
}
