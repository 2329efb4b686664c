#include "json_memory.h"

#include <stdalign.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/check.h"
#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__) || defined(BASE_ARENA_MALLOC)
#define KEEPS_PIECES false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEPS_PIECES false
#endif
#endif
#ifndef KEEPS_PIECES
#define KEEPS_PIECES true
#endif

enum { STEP = 16, N_CLASSES = 8, KEPT_MAX = 8192 /* pieces of one class */ };

/* In front of each piece. */
struct piece {
    size_t class; /* N_CLASSES: too large to be kept */
    struct piece *next;
};

_Static_assert(sizeof(struct piece) % alignof(max_align_t) == 0, "what follows is aligned");

static _Thread_local struct {
    struct piece *first;
    size_t n;
} kept[N_CLASSES];

void *json_memory_alloc(size_t size)
{
    size_t class = size == 0 ? 0 : (size - 1) / STEP;
    struct piece *piece;

    if (KEEPS_PIECES && class < N_CLASSES) {
        piece = kept[class].first;
        if (piece != NULL) {
            kept[class].first = piece->next;
            kept[class].n--;
        } else {
            piece = mem_alloc(sizeof(*piece) + (class + 1) * STEP);
            piece->class = class;
        }
        return piece + 1;
    }
    CHECK(size <= SIZE_MAX - sizeof(*piece));
    piece = mem_alloc(sizeof(*piece) + size);
    piece->class = N_CLASSES;
    return piece + 1;
}

void json_memory_free(void *memory)
{
    struct piece *piece = memory;

    if (piece == NULL) {
        return;
    }
    piece--;
    if (piece->class < N_CLASSES && kept[piece->class].n < KEPT_MAX) {
        piece->next = kept[piece->class].first;
        kept[piece->class].first = piece;
        kept[piece->class].n++;
        return;
    }
    mem_free(piece);
}
