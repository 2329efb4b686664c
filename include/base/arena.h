/* arena: memory and cleanups that live exactly as long as one thing (an exchange, a compile).
 * Promise: arena_alloc never fails (aborts on out of memory) and is 16-byte aligned. arena_reset
 * runs the deferred functions in reverse order, then frees all memory except one block for reuse.
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
    char *at;  /* in the newest block: the next bytes to hand out; aligned */
    char *end; /* of that block; equals `at` while there is no block, under ASan always */
    struct arena_block *blocks; /* newest first */
    struct arena_cleanup *cleanups;
    size_t used_bytes; /* handed out since the last reset */
};

void arena_init(struct arena *arena);
void arena_done(struct arena *arena); /* reset, then frees the last block too; zeroed is fine */
void arena_reset(struct arena *arena);
/* arena_done, but the memory is overwritten first. */
void arena_wipe(struct arena *arena);

/* Giving 25 MiB back to the system takes 6 ms. A bin gives memory back in pieces, a MiB in a turn of the loop.
 * Owner: it outlives the arenas that go into it; arena_bin_done gives the rest back at once. */
struct arena_bin {
    struct later_item item;
    struct later *later;
    struct arena_block *blocks;
};

enum { ARENA_LARGE = 1024 * 1024 }; /* used bytes; the memory of a smaller arena is freed at once */

void arena_bin_init(struct arena_bin *bin, struct later *later);
void arena_bin_done(struct arena_bin *bin); /* zeroed is fine */
/* As arena_done, but the memory of a large arena is freed in later turns. */
void arena_done_into(struct arena *arena, struct arena_bin *bin);

void *arena_alloc_slow(struct arena *arena, size_t size); /* no room in the newest block */

/* Uninitialised memory. The usual case is inline, since a request makes a hundred allocations. */
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
/* To be called before each element that is added to an array of n: returns the array with room for one more, zeroed.
 * Where n is 0 or a power of two, that is a copy with twice the room. For arrays that only grow. */
void *arena_room(struct arena *arena, const void *items, size_t n, size_t size);
struct str arena_str(struct arena *arena, struct str s); /* a copy (NUL-terminated too) */
struct str arena_take(struct arena *arena,
                      struct buf *buf); /* a copy of a buf's bytes; buf_done is called on it */
const char *arena_cstr(struct arena *arena, struct str s);   /* a copy as a C string */
struct str arena_lower(struct arena *arena, struct str s);   /* a copy in lower case (ASCII) */
struct str arena_int(struct arena *arena, int64_t value);    /* in decimal */
struct str arena_time(struct arena *arena, int64_t wall_ms); /* as clock_format writes it */
/* Adds `item` to the words in `*list`, with `separator` between them; an empty list gets none. */
void arena_join(struct arena *arena, struct str *list, const char *separator, struct str item);
/* The text is NUL-terminated, too. */
struct str arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

/* Calls fn(pointer) at the next reset or done. */
void arena_defer(struct arena *arena, void (*fn)(void *), void *pointer);
/* Calls buf_done(buf) then. */
void arena_defer_buf(struct arena *arena, struct buf *buf);

#endif
