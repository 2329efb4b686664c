/* Bump allocation in blocks. The first block survives resets; bigger requests get blocks of their
 * own. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(at, size)   ASAN_POISON_MEMORY_REGION(at, size)
#define UNPOISON(at, size) ASAN_UNPOISON_MEMORY_REGION(at, size)
#else
#define POISON(at, size)   ((void)(at), (void)(size))
#define UNPOISON(at, size) ((void)(at), (void)(size))
#endif

enum { BLOCK_BYTES = 8192, ALIGN = 16, PRINTED_ONCE = 256 };

struct arena_block {
    struct arena_block *next;
    size_t size; /* of the bytes behind */
    size_t used;
    size_t pad;
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
    block->used = 0;
    POISON(block->bytes, size);
    return block;
}

static void block_free(struct arena_block *block)
{
    UNPOISON(block->bytes, block->size);
    mem_free(block);
}

static bool has_room(const struct arena_block *block, size_t size)
{
#ifdef BASE_ARENA_MALLOC
    (void)block;
    (void)size;
    return false;
#else
    return block != NULL && block->size - block->used >= size;
#endif
}

static struct arena_block *add_block(struct arena *arena, size_t size)
{
    struct arena_block *newest = arena->blocks;
    struct arena_block *block;

#ifndef BASE_ARENA_MALLOC
    block = block_new(size > BLOCK_BYTES ? size : BLOCK_BYTES);
#else
    block = block_new(size);
#endif
    if (newest != NULL && size > BLOCK_BYTES) {
        block->next = newest->next; /* the newest still has room: keep it in front */
        newest->next = block;
        return block;
    }
    block->next = newest;
    arena->blocks = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->blocks;
    size_t rounded;
    void *memory;

    CHECK(size <= SIZE_MAX - ALIGN);
    rounded = size > 0 ? (size + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
    if (!has_room(block, rounded)) {
        block = add_block(arena, rounded);
    }
    memory = block->bytes + block->used;
    block->used += rounded;
    arena->used_bytes += rounded;
    UNPOISON(memory, size);
    return memory;
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

struct str arena_str(struct arena *arena, struct str s)
{
    char *copy = arena_alloc(arena, s.len + 1);

    mem_copy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return (struct str){copy, s.len};
}

const char *arena_cstr(struct arena *arena, struct str s)
{
    return arena_str(arena, s).ptr;
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
    char shown[PRINTED_ONCE]; /* most texts are short: printing twice would cost as much again */
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

void arena_reset(struct arena *arena)
{
    struct arena_block *block;
    struct arena_block *kept = NULL;

    run_cleanups(arena);
    block = arena->blocks;
    while (block != NULL) {
        struct arena_block *next = block->next;

        if (kept == NULL && block->size == BLOCK_BYTES) {
            kept = block;
        } else {
            block_free(block);
        }
        block = next;
    }
    if (kept != NULL) {
        kept->next = NULL;
        kept->used = 0;
        POISON(kept->bytes, kept->size);
    }
    arena->blocks = kept;
    arena->used_bytes = 0;
}

void arena_wipe(struct arena *arena)
{
    run_cleanups(arena);
    for (struct arena_block *block = arena->blocks; block != NULL; block = block->next) {
        UNPOISON(block->bytes, block->size);
        mem_wipe(block->bytes, block->size);
    }
    arena_done(arena);
}

void arena_done(struct arena *arena)
{
    arena_reset(arena);
    if (arena->blocks != NULL) {
        block_free(arena->blocks);
    }
    arena->blocks = NULL;
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
        block_free(block);
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
