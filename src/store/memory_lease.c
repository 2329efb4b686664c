#include "memory_internal.h"

#include "base/clock.h"

static const uint64_t LEASE_KEEP_MS = UINT64_C(3600) * 1000; /* what the last holder left */

static bool is_held(const struct record *record)
{
    return record->holder.len > 0 && record->until_ms > clock_age_ms();
}

static void note_event(struct record *record)
{
    record->event = ++record->memory->last;
    memory_wake(record, STORE_WATCH);
}

static void hold(struct record *record, uint64_t ttl_ms)
{
    record->until_ms = clock_age_ms() + ttl_ms;
    record->wanted = false;
    memory_expire_after(record, ttl_ms + LEASE_KEEP_MS);
}

void memory_lease(struct memory *memory, struct store_op *op)
{
    struct record *record = memory_find_or_make(memory, op);

    if (record == NULL) {
        return;
    }
    if (is_held(record) && !str_eq(record->holder, op->request.holder)) {
        uint64_t now_ms = clock_age_ms(); /* it may have run out just now */

        op->result.retry_after_ms = record->until_ms > now_ms ? record->until_ms - now_ms : 1;
        if (!record->wanted) { /* once: each event wakes all waiters, and they ask again */
            record->wanted = true;
            note_event(record);
        }
        op->result.sequence = record->event;
        store_op_fail(op, ERR_CONFLICT, STORE_TEXT_HELD);
        return;
    }
    op->result.orderly = record->holder.len == 0 || str_eq(record->holder, op->request.holder);
    op->result.sequence = record->event;
    op->result.bytes = arena_str(&op->arena, record->bytes);
    memory_set_bytes(record, STR_EMPTY);
    memory_replace(&record->holder, op->request.holder);
    record->fence = ++memory->last;
    op->result.fence = record->fence;
    hold(record, op->request.ttl_ms);
    store_op_end(op);
}

/* The lease, if the holder in the request still has it; NULL: the operation has failed. */
static struct record *held(struct memory *memory, struct store_op *op)
{
    struct record *record = memory_find(memory, op->key);

    if (record != NULL && is_held(record) && record->fence == op->request.fence &&
        str_eq(record->holder, op->request.holder)) {
        return record;
    }
    store_op_fail(op, ERR_CONFLICT, STORE_TEXT_LOST);
    return NULL;
}

void memory_renew(struct memory *memory, struct store_op *op)
{
    struct record *record = held(memory, op);

    if (record != NULL) {
        op->result.wanted = record->wanted;
        hold(record, op->request.ttl_ms);
        store_op_end(op);
    }
}

void memory_release(struct memory *memory, struct store_op *op)
{
    struct record *record = held(memory, op);

    if (record == NULL || !memory_has_room(memory, op, op->request.bytes.len)) {
        return;
    }
    memory_replace(&record->holder, STR_EMPTY);
    memory_set_bytes(record, op->request.bytes);
    memory_expire_after(record, LEASE_KEEP_MS);
    store_op_end(op);
    note_event(record);
}

void memory_watch(struct memory *memory, struct store_op *op)
{
    struct record *record = memory_find(memory, op->key);
    bool news = record != NULL && record->event > op->request.after;

    if (news || op->request.wait_ms == 0) {
        op->result.sequence = news ? record->event : op->request.after;
        store_op_end(op);
    }
}

void memory_end_holder(struct store *store, struct str holder)
{
    struct memory *memory = CONTAINER_OF(store, struct memory, store);
    struct map_node *node;

    MAP_FOREACH (node, &memory->records) {
        struct record *record = CONTAINER_OF(node, struct record, node);

        if (is_held(record) && str_eq(record->holder, holder)) {
            record->until_ms = 0; /* it was not released: the next holder is told so */
            note_event(record);
        }
    }
}
