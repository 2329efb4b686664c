/* Heap memory that cannot fail: out of memory prints one line and aborts.
 * Justified because every size that a client influences is capped before it gets here. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

void *mem_alloc(size_t size);            /* uninitialised */
void *mem_zalloc(size_t size);           /* zeroed */
void *mem_calloc(size_t n, size_t size); /* zeroed array; aborts on overflow */
void *mem_realloc(void *memory, size_t size);
void mem_copy(void *to, const void *from, size_t size); /* size 0 with NULL is fine */
void *mem_dup(const void *bytes, size_t size);
char *mem_strdup(const char *text);
void mem_free(void *memory);              /* NULL is fine */
void mem_wipe(void *memory, size_t size); /* zeroes; never optimised away */

/* a+b and a*b for sizes that come from outside; false on overflow, out untouched. */
bool size_add(size_t a, size_t b, size_t *out);
bool size_mul(size_t a, size_t b, size_t *out);

#endif
