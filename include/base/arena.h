/* arena: memory and cleanups that live exactly as long as one thing (an exchange, a compile).
 * Promise: arena_alloc never fails (aborts on out of memory) and is 16-byte aligned. arena_reset
 * runs the deferred functions in reverse order, then forgets all memory except the first block.
 * Under ASan and with BASE_ARENA_MALLOC each allocation is its own malloc. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/later.h"
#include "base/str.h"

struct arena_block;
struct arena_cleanup;
struct buf;

enum { ARENA_ALIGN = 16 };

struct arena {
    char *at;  /* of the newest block: the next bytes to hand out; aligned */
    char *end; /* and its end; equal to `at` while there is no block, and under ASan always */
    struct arena_block *blocks; /* newest first */
    struct arena_cleanup *cleanups;
    size_t used_bytes; /* handed out since the last reset */
};

void arena_init(struct arena *arena);
void arena_done(struct arena *arena); /* reset, then frees the first block too; zeroed is fine */
void arena_reset(struct arena *arena);
/* arena_done, and all that was in it is overwritten first. */
void arena_wipe(struct arena *arena);

/* The system takes 25 MiB back in 6 ms. A bin gives memory back a MiB a turn. Owner: outlives the arenas that
 * go into it; arena_bin_done gives the rest back at once. */
struct arena_bin {
    struct later_item item;
    struct later *later;
    struct arena_block *blocks;
};

enum { ARENA_LARGE = 1024 * 1024 }; /* used bytes; what is smaller is given back at once */

void arena_bin_init(struct arena_bin *bin, struct later *later);
void arena_bin_done(struct arena_bin *bin); /* zeroed is fine */
/* arena_done, the memory of a large one in later turns. */
void arena_done_into(struct arena *arena, struct arena_bin *bin);

void *arena_alloc_slow(struct arena *arena, size_t size); /* what has no room in the newest block */

/* Uninitialised. What has room is taken where this is called: a request makes a hundred allocations. */
static inline void *arena_alloc(struct arena *arena, size_t size)
{
    char *memory = arena->at;
    size_t rounded = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);

    /* Both pointers are aligned, so what fits also fits when it is rounded up. */
    if (size == 0 || size > (size_t)(arena->end - memory)) {
        return arena_alloc_slow(arena, size);
    }
    arena->at = memory + rounded;
    arena->used_bytes += rounded;
    return memory;
}

void *arena_zalloc(struct arena *arena, size_t size);           /* zeroed */
void *arena_calloc(struct arena *arena, size_t n, size_t size); /* zeroed; aborts on overflow */
/* Call it before each element that is added to an array of n: returns the array with room for one more, zeroed. Where
 * n is a power of two, that is a copy of twice the size. For arrays that only grow. */
void *arena_room(struct arena *arena, const void *items, size_t n, size_t size);
struct str arena_str(struct arena *arena, struct str s); /* a copy (NUL-terminated too) */
struct str arena_take(struct arena *arena,
                      struct buf *buf); /* the same of a buf, which is done then */
const char *arena_cstr(struct arena *arena, struct str s);   /* the same copy as a C string */
struct str arena_lower(struct arena *arena, struct str s);   /* the same in lower case (ASCII) */
struct str arena_int(struct arena *arena, int64_t value);    /* in decimal */
struct str arena_time(struct arena *arena, int64_t wall_ms); /* as clock_format writes it */
/* Adds `item` to the words in `*list`, with `separator` between them; an empty list gets none. */
void arena_join(struct arena *arena, struct str *list, const char *separator, struct str item);
/* NUL-terminated too. */
struct str arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

/* Calls fn(pointer) at the next reset or done. */
void arena_defer(struct arena *arena, void (*fn)(void *), void *pointer);
/* buf_done then. */
void arena_defer_buf(struct arena *arena, struct buf *buf);

#endif
