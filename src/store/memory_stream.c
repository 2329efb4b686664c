#include "memory_internal.h"

#include "base/mem.h"

/* Gives the operation the entries that it asked for; false: there are none. */
static bool tell(struct store_op *op, struct record *record)
{
    struct store_result *result = &op->result;
    struct entry *entry;

    result->items = arena_calloc(&op->arena, op->request.limit, sizeof(struct store_item));
    LIST_EACH (entry, &record->entries, link) {
        if (entry->sequence <= op->request.after || result->n_items == op->request.limit) {
            continue;
        }
        if (!memory_is_readable(op, entry->format)) {
            result->n_items = 0;
            return true;
        }
        result->items[result->n_items++] =
            (struct store_item){.sequence = entry->sequence,
                                .left_ms = memory_left_of(record),
                                .format = entry->format,
                                .bytes = arena_str(&op->arena, entry->bytes)};
    }
    if (result->n_items > 0) {
        store_op_end(op);
    }
    return result->n_items > 0;
}

void memory_wake(struct record *record, enum store_kind kind)
{
    struct list *running = &record->memory->store.running;
    struct store_op *op;

    LIST_EACH (op, running, link) {
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

static uint64_t last_of(const struct record *record)
{
    return record == NULL || list_is_empty(&record->entries)
               ? 0
               : CONTAINER_OF(record->entries.prev, struct entry, link)->sequence;
}

void memory_append(struct memory *memory, struct store_op *op)
{
    uint64_t sequence = op->request.sequence;
    struct str bytes = op->request.bytes;
    struct record *record;
    struct entry *entry;
    struct list *first;

    if (!memory_has_room(memory, op, op->key.len + bytes.len)) {
        return;
    }
    if (sequence > 0 && sequence <= last_of(memory_find(memory, op->key))) {
        store_op_fail(op, ERR_CONFLICT, STORE_TEXT_OTHER);
        return;
    }
    record = memory_find_or_make(memory, op);
    if (record == NULL) {
        return;
    }
    memory->last = sequence > memory->last ? sequence : memory->last + (sequence == 0);
    entry = mem_alloc(sizeof(*entry) + bytes.len);
    *entry = (struct entry){.sequence = sequence > 0 ? sequence : memory->last,
                            .format = op->request.format};
    entry->bytes = (struct str){(char *)(entry + 1), bytes.len};
    mem_copy(entry + 1, bytes.ptr, bytes.len);
    memory->n_bytes += memory_cost_of(bytes.len);
    list_append(&record->entries, &entry->link);
    record->n_entries++;
    while (record->n_entries > op->request.limit &&
           (first = list_first(&record->entries)) != NULL) {
        memory_drop_entry(record, CONTAINER_OF(first, struct entry, link));
    }
    memory_expire_after(record, op->request.ttl_ms);
    op->result.version = entry->sequence;
    store_op_end(op);
    memory_wake(record, STORE_READ);
}

void memory_read_stream(struct memory *memory, struct store_op *op)
{
    struct record *record = memory_find(memory, op->key);
    bool told = record != NULL && tell(op, record);

    if (!told && op->request.after > last_of(record)) {
        op->result.rewound = true;
        op->result.sequence = last_of(record);
        store_op_end(op);
        return;
    }
    if (!told && op->request.wait_ms == 0) {
        store_op_end(op);
    }
}
