#include "base/mem.h"
#include "base/check.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void check_failed(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, condition);
    abort();
}

static NO_RETURN void out_of_memory(size_t size)
{
    (void)fprintf(stderr, "out of memory: %zu bytes\n", size);
    abort();
}

void *mem_alloc(size_t size)
{
    void *memory = malloc(size > 0 ? size : 1);

    if (memory == NULL) {
        out_of_memory(size);
    }
    return memory;
}

void *mem_zalloc(size_t size)
{
    return mem_calloc(1, size);
}

void *mem_calloc(size_t n, size_t size)
{
    void *memory = calloc(n > 0 ? n : 1, size > 0 ? size : 1);

    if (memory == NULL) {
        out_of_memory(size);
    }
    return memory;
}

void *mem_realloc(void *memory, size_t size)
{
    void *bigger = realloc(memory, size > 0 ? size : 1);

    if (bigger == NULL) {
        out_of_memory(size);
    }
    return bigger;
}

void *mem_dup(const void *bytes, size_t size)
{
    void *memory = mem_alloc(size);

    mem_copy(memory, bytes, size);
    return memory;
}

char *mem_strdup(const char *text)
{
    return mem_dup(text, strlen(text) + 1);
}

void mem_free(void *memory)
{
    free(memory);
}

bool size_mul(size_t a, size_t b, size_t *out)
{
    size_t product;

    if (__builtin_mul_overflow(a, b, &product)) {
        return false;
    }
    *out = product;
    return true;
}
