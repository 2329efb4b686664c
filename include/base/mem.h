/* Heap memory that cannot fail: out of memory prints one line and aborts.
 * Justified because every size that a client influences is capped before it gets here. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

void *mem_alloc(size_t size);            /* uninitialised */
void *mem_zalloc(size_t size);           /* zeroed */
void *mem_calloc(size_t n, size_t size); /* zeroed array; aborts on overflow */
void *mem_realloc(void *memory, size_t size);
void *mem_dup(const void *bytes, size_t size);
char *mem_strdup(const char *text);
void mem_free(void *memory); /* NULL is fine */

/* Zeroes; never optimised away: the compiler is told that somebody reads the memory afterwards. NULL with
 * size 0 is fine. */
static inline void mem_wipe(void *memory, size_t size)
{
    if (size > 0) {
        memset(memory, 0, size);
        __asm__ volatile("" : : "r"(memory) : "memory");
    }
}

/* Size 0 with NULL is fine. */
static inline void mem_copy(void *to, const void *from, size_t size)
{
    if (size > 0) {
        memcpy(to, from, size);
    }
}

/* a+b and a*b for sizes that come from outside; false on overflow, out untouched. */
static inline bool size_add(size_t a, size_t b, size_t *out)
{
    size_t sum;
    bool fits = !__builtin_add_overflow(a, b, &sum);

    if (fits) {
        *out = sum;
    }
    return fits;
}

bool size_mul(size_t a, size_t b, size_t *out);

#endif
