/* The backend in this process: all in one map of records, gone when the process ends. A deadline drops
 * each expired record; operations do not see it from the moment of its expiry on. */
#include "memory_internal.h"

#include "base/clock.h"
#include "base/gcra.h"
#include "base/mem.h"

static const char TEXT_FULL[] = "the store is full: what it may hold in memory is used up";

static struct memory *memory_of(struct store *store)
{
    return CONTAINER_OF(store, struct memory, store);
}

/* --- records */
uint64_t memory_cost_of(size_t n_bytes)
{
    return sizeof(struct record) + n_bytes;
}

void memory_replace(struct str *text, struct str with)
{
    mem_free(unconst(text->ptr));
    *text = with.len > 0 ? (struct str){mem_dup(with.ptr, with.len), with.len} : (struct str){0};
}

void memory_drop_entry(struct record *record, struct entry *entry)
{
    record->memory->n_bytes -= memory_cost_of(entry->bytes.len);
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
        memory_drop_entry(record, CONTAINER_OF(link, struct entry, link));
    }
    memory->n_bytes -= memory_cost_of(record->node.key.len + record->bytes.len);
    index_remove(&memory->groups, &record->index);
    map_remove(&memory->records, &record->node);
    deadline_clear(&record->expiry);
    memory_replace(&record->bytes, STR_EMPTY);
    memory_replace(&record->holder, STR_EMPTY);
    mem_free(key);
    mem_free(record);
}

static void on_expiry(struct deadline *deadline)
{
    drop(CONTAINER_OF(deadline, struct record, expiry));
}

void memory_expire_after(struct record *record, uint64_t ttl_ms)
{
    deadline_clear(&record->expiry);
    record->expires_ms = ttl_ms > 0 ? clock_age_ms() + ttl_ms : 0;
    if (ttl_ms > 0) {
        deadline_set(&record->memory->store.loop->deadlines, &record->expiry, ttl_ms, on_expiry);
    }
}

struct record *memory_find(struct memory *memory, struct str key)
{
    struct record *record = MAP_FIND(&memory->records, key, struct record, node);

    if (record != NULL && record->expires_ms > 0 && record->expires_ms <= clock_age_ms()) {
        drop(record);
        return NULL;
    }
    return record;
}

bool memory_has_room(struct memory *memory, struct store_op *op, size_t n_bytes)
{
    if (memory->n_bytes + memory_cost_of(n_bytes) <= memory->max_bytes) {
        return true;
    }
    store_op_fail(op, ERR_STORE_AWAY, TEXT_FULL);
    return false;
}

struct record *memory_find_or_make(struct memory *memory, struct store_op *op)
{
    struct record *record = memory_find(memory, op->key);

    if (record != NULL) {
        return record;
    }
    if (!memory_has_room(memory, op, op->key.len + op->request.bytes.len)) {
        return NULL;
    }
    record = mem_zalloc(sizeof(*record));
    record->memory = memory;
    list_init(&record->entries);
    map_insert(&memory->records, &record->node, (struct str){str_dup(op->key), op->key.len});
    memory->n_bytes += memory_cost_of(op->key.len);
    return record;
}

void memory_set_bytes(struct record *record, struct str bytes)
{
    record->memory->n_bytes -= record->bytes.len;
    record->memory->n_bytes += bytes.len;
    memory_replace(&record->bytes, bytes);
}

/* --- documents */
static struct str group_of(struct str key)
{
    ptrdiff_t from = str_find_char(key, '{');
    ptrdiff_t to = str_find_char(key, '}');

    return str_sub(key, (size_t)from, (size_t)(to - from) + 1);
}

/* The part of the key behind the group and its '/'; empty: there is no group. */
static struct str name_of(struct str key)
{
    return str_sub(key, (size_t)str_find_char(key, '}') + 2, key.len);
}

bool memory_is_readable(struct store_op *op, unsigned format)
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

/* The time to live of the document begins anew. */
static void live(struct record *record)
{
    uint64_t ttl_ms = record->ttl_ms;
    uint64_t age_ms = clock_age_ms() - record->born_ms;

    if (record->max_age_ms > 0) {
        uint64_t rest_ms = record->max_age_ms > age_ms ? record->max_age_ms - age_ms : 1;

        ttl_ms = ttl_ms == 0 || rest_ms < ttl_ms ? rest_ms : ttl_ms;
    }
    memory_expire_after(record, ttl_ms);
}

uint64_t memory_left_of(const struct record *record)
{
    uint64_t now_ms = clock_age_ms(); /* it may have run out since it was found */

    if (record->expires_ms == 0) {
        return 0;
    }
    return record->expires_ms > now_ms ? record->expires_ms - now_ms : 1;
}

static void tell_times(struct store_op *op, const struct record *record)
{
    op->result.left_ms = memory_left_of(record);
    op->result.age_ms = clock_age_ms() - record->born_ms;
}

static void get(struct memory *memory, struct store_op *op)
{
    struct record *record = memory_find(memory, op->key);

    if (record == NULL) {
        store_op_fail(op, ERR_NOT_FOUND, STORE_TEXT_NOTHING);
    } else if (memory_is_readable(op, record->format)) {
        if (op->request.touches) {
            live(record);
        }
        tell_times(op, record);
        op->result.version = record->version;
        op->result.bytes = arena_str(&op->arena, record->bytes);
        store_op_end(op);
    }
}

static void put(struct memory *memory, struct store_op *op)
{
    struct record *record = memory_find(memory, op->key);
    struct str name = name_of(op->key);

    if (record != NULL && !memory_is_readable(op, record->format)) {
        return;
    }
    if (!is_expected(op, record)) {
        store_op_fail(op, ERR_CONFLICT, STORE_TEXT_OTHER);
        return;
    }
    if (record != NULL && op->request.bytes.len > record->bytes.len &&
        !memory_has_room(memory, op, op->request.bytes.len - record->bytes.len)) {
        return;
    }
    record = memory_find_or_make(memory, op);
    if (record == NULL) {
        return;
    }
    if (record->version == 0 && name.len > 0) {
        index_add(&memory->groups, group_of(op->key), &record->index, name_of(record->node.key));
    }
    if (record->version == 0) {
        record->born_ms = clock_age_ms();
    }
    record->version = ++memory->last;
    record->format = op->request.format;
    record->ttl_ms = op->request.ttl_ms;
    record->max_age_ms = op->request.max_age_ms;
    memory_set_bytes(record, op->request.bytes);
    live(record);
    tell_times(op, record);
    op->result.version = record->version;
    store_op_end(op);
}

/* Removing a document that does not exist succeeds, unless a version was expected. */
static void forget_document(struct memory *memory, struct store_op *op)
{
    struct record *record = memory_find(memory, op->key);

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
        if (!memory_is_readable(op, record->format)) {
            return;
        }
        op->result.items[op->result.n_items++] =
            (struct store_item){.name = arena_str(&op->arena, record->index.name),
                                .sequence = record->version,
                                .left_ms = memory_left_of(record),
                                .bytes = arena_str(&op->arena, record->bytes)};
    }
    if (group != NULL && at < group->n) {
        op->result.next = op->result.items[op->result.n_items - 1].name;
    }
    store_op_end(op);
}

/* {group}/name and {key} without the braces. */
static struct str plain_key(struct store_op *op, struct str key)
{
    struct str group = group_of(key);
    struct str name = name_of(key);

    return arena_printf(&op->arena, "%.*s%s%.*s", (int)group.len - 2, group.ptr + 1,
                        name.len > 0 ? "/" : "", STR_ARG(name));
}

/* True: the record is a document, or a stream if streams are asked for. */
static bool is_walked(const struct store_op *op, const struct record *record)
{
    return (op->request.streams ? record->n_entries > 0 : record->version > 0) &&
           record->node.key.ptr[op->store->prefix.len] == (op->request.streams ? 's' : 'd') &&
           (record->expires_ms == 0 || record->expires_ms > clock_age_ms());
}

/* Walks the map bucket by bucket; `next` is the number of the next bucket. */
static void walk(struct memory *memory, struct store_op *op)
{
    int64_t at = 0;
    size_t n_max = memory->records.n_nodes + 1;

    (void)!str_to_i64(op->request.name, 0, INT64_MAX, &at); /* empty: from the first */
    op->result.items = arena_calloc(&op->arena, n_max, sizeof(struct store_item));
    for (; (size_t)at < memory->records.n_buckets && op->result.n_items < op->request.limit; at++) {
        for (struct map_node *node = memory->records.buckets[at]; node != NULL; node = node->next) {
            const struct record *record = CONTAINER_OF(node, struct record, node);

            if (is_walked(op, record)) {
                op->result.items[op->result.n_items++] =
                    (struct store_item){.name = plain_key(op, node->key),
                                        .sequence = record->version,
                                        .format = record->format,
                                        .left_ms = memory_left_of(record)};
            }
        }
    }
    if ((size_t)at < memory->records.n_buckets) {
        op->result.next = arena_int(&op->arena, at);
    }
    store_op_end(op);
}

static void about(struct memory *memory, struct store_op *op)
{
    op->result.bytes =
        arena_printf(&op->arena, "maxmemory_policy:noeviction\r\nused_memory:%llu\r\n",
                     (unsigned long long)memory->n_bytes);
    store_op_end(op);
}

/* --- limits */
static void count(struct memory *memory, struct store_op *op)
{
    static const uint64_t MS_NS = 1000000;
    const struct gcra_limit limit = {.per_second = op->request.rate, .burst = op->request.burst};
    struct record *record = memory_find_or_make(memory, op);
    struct gcra_verdict verdict;

    if (record == NULL) {
        return;
    }
    verdict = gcra_take_many(&record->full_ns, limit, op->request.cost, clock_age_ms() * MS_NS);
    op->result.allowed = verdict.allowed;
    op->result.remaining = verdict.remaining;
    op->result.retry_after_ms = (verdict.retry_after_ns + MS_NS - 1) / MS_NS;
    memory_expire_after(record, verdict.full_after_ns / MS_NS + 1);
    store_op_end(op);
}

/* --- the backend */
static void (*const acts[STORE_KIND_N])(struct memory *memory, struct store_op *op) = {
    [STORE_GET] = get,
    [STORE_PUT] = put,
    [STORE_REMOVE] = forget_document,
    [STORE_LIST] = list,
    [STORE_APPEND] = memory_append,
    [STORE_READ] = memory_read_stream,
    [STORE_COUNT] = count,
    [STORE_LEASE] = memory_lease,
    [STORE_RENEW] = memory_renew,
    [STORE_RELEASE] = memory_release,
    [STORE_WATCH] = memory_watch,
    [STORE_WALK] = walk,
    [STORE_ABOUT] = about,
};

static void memory_start(struct store *store, struct store_op *op)
{
    acts[op->request.kind](memory_of(store), op);
}

static void memory_forget(struct store *store, struct store_op *op)
{
    (void)store; /* nothing to undo: waiting operations are found among store->running */
    (void)op;
}

static void memory_close(struct store *store)
{
    struct memory *memory = memory_of(store);
    struct map_node *node;
    struct map_node *after;

    MAP_FOREACH_SAFE (node, after, &memory->records) {
        drop(CONTAINER_OF(node, struct record, node));
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
                                                    memory_trouble, "memory"};

enum error_code store_open_memory(struct loop *loop, const struct store_options *options,
                                  struct store **out, struct error *err)
{
    enum error_code code =
        store_new(&memory_backend, sizeof(struct memory), loop, options, out, err);
    struct memory *memory;

    if (code != ERR_OK) {
        return code;
    }
    memory = memory_of(*out);
    memory->max_bytes = options->max_bytes;
    map_init(&memory->records);
    map_init(&memory->groups);
    return ERR_OK;
}
