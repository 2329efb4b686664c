/* Bump allocation in blocks. One block of BLOCK_BYTES survives a reset; a bigger request gets a block of its
 * own. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"

/* Sanitizers and valgrind only notice accesses outside of a malloc, so with them each allocation is its own malloc. */
#if defined(BASE_ARENA_MALLOC) || defined(__SANITIZE_ADDRESS__)
#define EACH_ITS_OWN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EACH_ITS_OWN 1
#endif
#endif

enum { BLOCK_BYTES = 8192, PRINTED_ONCE = 256 };

struct arena_block {
    struct arena_block *next;
    size_t size; /* of `bytes` */
    char bytes[];
};

struct arena_cleanup {
    struct arena_cleanup *next;
    void (*fn)(void *);
    void *pointer;
};

void arena_init(struct arena *arena)
{
    *arena = (struct arena){0};
}

static struct arena_block *block_new(size_t size)
{
    struct arena_block *block = mem_alloc(sizeof(*block) + size);

    block->next = NULL;
    block->size = size;
    return block;
}

/* Puts a block in front of the others; `used` bytes of it are handed out. */
static void use_block(struct arena *arena, struct arena_block *block, size_t used)
{
    block->next = arena->blocks;
    arena->blocks = block;
#ifndef EACH_ITS_OWN
    arena->at = block->bytes + used;
    arena->end = block->bytes + block->size;
#else
    (void)used;
#endif
}

void *arena_alloc_slow(struct arena *arena, size_t size)
{
    struct arena_block *newest = arena->blocks;
    struct arena_block *block;
    size_t rounded;

    CHECK(size <= SIZE_MAX - BLOCK_BYTES);
    rounded = size > 0 ? (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1) : ARENA_ALIGN;
    arena->used_bytes += rounded;
#ifdef EACH_ITS_OWN
    block = block_new(size);
#else
    if (rounded <= (size_t)(arena->end - arena->at)) { /* a request of size 0 */
        arena->at += rounded;
        return arena->at - rounded;
    }
    block = block_new(rounded > BLOCK_BYTES ? rounded : BLOCK_BYTES);
#endif
    if (newest != NULL && rounded > BLOCK_BYTES) {
        block->next = newest->next; /* the newest still has room: it stays in front */
        newest->next = block;
    } else {
        use_block(arena, block, rounded);
    }
    return block->bytes;
}

void *arena_zalloc(struct arena *arena, size_t size)
{
    void *memory = arena_alloc(arena, size);

    memset(memory, 0, size);
    return memory;
}

void *arena_calloc(struct arena *arena, size_t n, size_t size)
{
    size_t total;

    CHECK(size_mul(n, size, &total));
    return arena_zalloc(arena, total);
}

void *arena_room(struct arena *arena, const void *items, size_t n, size_t size)
{
    void *grown;

    if ((n & (n - 1)) != 0) {
        return unconst(items);
    }
    grown = arena_calloc(arena, n == 0 ? 1 : n * 2, size);
    mem_copy(grown, items, n * size);
    return grown;
}

struct str arena_str(struct arena *arena, struct str s)
{
    char *copy = arena_alloc(arena, s.len + 1);

    mem_copy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return (struct str){copy, s.len};
}

struct str arena_lower(struct arena *arena, struct str s)
{
    struct str copy = arena_str(arena, s);
    char *at = unconst(copy.ptr);

    for (size_t i = 0; i < copy.len; i++) {
        at[i] = char_lower(at[i]);
    }
    return copy;
}

struct str arena_take(struct arena *arena, struct buf *buf)
{
    struct str text = arena_str(arena, buf_view(buf));

    buf_done(buf);
    return text;
}

const char *arena_cstr(struct arena *arena, struct str s)
{
    return arena_str(arena, s).ptr;
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
    UNINITIALISED char
        shown[PRINTED_ONCE]; /* most texts are short: printing twice would cost as much again */
    va_list args;
    va_list again;
    int len;
    char *text;

    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(shown, sizeof(shown), format, args);
    CHECK(len >= 0);
    text = arena_alloc(arena, (size_t)len + 1);
    if ((size_t)len < sizeof(shown)) {
        mem_copy(text, shown, (size_t)len + 1);
    } else {
        (void)vsnprintf(text, (size_t)len + 1, format, again);
    }
    va_end(again);
    va_end(args);
    return (struct str){text, (size_t)len};
}

void arena_join(struct arena *arena, struct str *list, const char *separator, struct str item)
{
    struct str between = list->len > 0 ? str_from(separator) : STR_EMPTY;
    size_t len = list->len + between.len + item.len;
    char *text = arena_alloc(arena, len + 1);

    mem_copy(text, list->ptr, list->len);
    mem_copy(text + list->len, between.ptr, between.len);
    mem_copy(text + list->len + between.len, item.ptr, item.len);
    text[len] = '\0';
    *list = (struct str){text, len};
}

struct str arena_int(struct arena *arena, int64_t value)
{
    char digits[DIGITS_MAX];

    return arena_str(arena, str_of_int(value, digits));
}

struct str arena_time(struct arena *arena, int64_t wall_ms)
{
    char room[CLOCK_TEXT_MAX];
    struct buf text;

    buf_init_on(&text, room, sizeof(room), sizeof(room));
    clock_format(&text, wall_ms);
    return arena_take(arena, &text);
}

void arena_defer(struct arena *arena, void (*fn)(void *), void *pointer)
{
    struct arena_cleanup *cleanup = arena_alloc(arena, sizeof(*cleanup));

    *cleanup = (struct arena_cleanup){arena->cleanups, fn, pointer};
    arena->cleanups = cleanup;
}

/* A cleanup may defer again; it runs in the same reset. */
static void run_cleanups(struct arena *arena)
{
    while (arena->cleanups != NULL) {
        struct arena_cleanup cleanup = *arena->cleanups;

        arena->cleanups = cleanup.next;
        cleanup.fn(cleanup.pointer);
    }
}

static void free_blocks(struct arena_block *block)
{
    while (block != NULL) {
        struct arena_block *next = block->next;

        mem_free(block);
        block = next;
    }
}

/* Frees all blocks but one of the usual size, which is returned; NULL: there is none. */
static struct arena_block *free_most(struct arena_block *blocks)
{
#ifndef EACH_ITS_OWN
    struct arena_block **link = &blocks;

    while (*link != NULL && (*link)->size != BLOCK_BYTES) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        struct arena_block *kept = *link;

        *link = kept->next;
        free_blocks(blocks);
        return kept;
    }
#endif
    free_blocks(blocks);
    return NULL;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *kept;

    run_cleanups(arena);
    kept = free_most(arena->blocks);
    *arena = (struct arena){0};
    if (kept != NULL) {
        use_block(arena, kept, 0);
    }
}

void arena_wipe(struct arena *arena)
{
    run_cleanups(arena);
    for (struct arena_block *block = arena->blocks; block != NULL; block = block->next) {
        mem_wipe(block->bytes, block->size);
    }
    arena_done(arena);
}

void arena_done(struct arena *arena)
{
    run_cleanups(arena);
    free_blocks(arena->blocks);
    *arena = (struct arena){0};
}

static void free_buf(void *buf)
{
    buf_done(buf);
}

void arena_defer_buf(struct arena *arena, struct buf *buf)
{
    arena_defer(arena, free_buf, buf);
}

/* ---- bin ---- */

void arena_bin_init(struct arena_bin *bin, struct later *later)
{
    *bin = (struct arena_bin){.later = later};
}

static void bin_free(struct arena_bin *bin, size_t max_bytes)
{
    size_t bytes = 0;

    while (bin->blocks != NULL && bytes < max_bytes) {
        struct arena_block *block = bin->blocks;

        bin->blocks = block->next;
        bytes += block->size;
        mem_free(block);
    }
}

static void on_bin_turn(struct later_item *item)
{
    struct arena_bin *bin = CONTAINER_OF(item, struct arena_bin, item);

    bin_free(bin, ARENA_LARGE);
    if (bin->blocks != NULL) {
        later_add(bin->later, &bin->item, on_bin_turn);
    }
}

void arena_bin_done(struct arena_bin *bin)
{
    later_remove(&bin->item);
    bin_free(bin, SIZE_MAX);
}

void arena_done_into(struct arena *arena, struct arena_bin *bin)
{
    struct arena_block **end = &arena->blocks;

    if (arena->used_bytes < ARENA_LARGE) {
        arena_done(arena);
        return;
    }
    run_cleanups(arena);
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = bin->blocks;
    bin->blocks = arena->blocks;
    *arena = (struct arena){0};
    later_add(bin->later, &bin->item, on_bin_turn);
}
