/* What the files of the backend in memory share. */
#ifndef STORE_MEMORY_INTERNAL_H
#define STORE_MEMORY_INTERNAL_H

#include "index.h"
#include "store_internal.h"

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
    uint64_t born_ms;    /* of a document: its first PUT */
    uint64_t ttl_ms;
    uint64_t max_age_ms;
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
    uint64_t event; /* number of the last event */
    bool wanted;
};

struct memory {
    struct store store; /* first: store_closed frees it */
    struct map records;
    struct map groups;
    uint64_t last; /* one counter for versions, sequence and fencing numbers */
    uint64_t n_bytes;
    uint64_t max_bytes;
};

/* --- memory.c */
uint64_t memory_cost_of(size_t n_bytes);
void memory_replace(struct str *text, struct str with);
void memory_drop_entry(struct record *record, struct entry *entry);
void memory_expire_after(struct record *record, uint64_t ttl_ms);
uint64_t memory_left_of(const struct record *record); /* 0: it does not expire */
struct record *memory_find(struct memory *memory,
                           struct str key); /* NULL: it is not there, or has expired */
/* True: there is room for `n_bytes` more; false: the operation has failed. */
bool memory_has_room(struct memory *memory, struct store_op *op, size_t n_bytes);
/* Finds the record, or makes it. NULL: the operation has failed. */
struct record *memory_find_or_make(struct memory *memory, struct store_op *op);
void memory_set_bytes(struct record *record, struct str bytes);
/* False: the operation has failed. */
bool memory_is_readable(struct store_op *op, unsigned format);

/* --- memory_stream.c */
/* Tells the operations that wait for the record's next entry or event. */
void memory_wake(struct record *record, enum store_kind kind);
void memory_append(struct memory *memory, struct store_op *op);
void memory_read_stream(struct memory *memory, struct store_op *op);

/* --- memory_lease.c */
void memory_lease(struct memory *memory, struct store_op *op);
void memory_renew(struct memory *memory, struct store_op *op);
void memory_release(struct memory *memory, struct store_op *op);
void memory_watch(struct memory *memory, struct store_op *op);
/* The process of that name is dead: its leases end now. `store` is a store in memory. */
void memory_end_holder(struct store *store, struct str holder);

#endif
