/* Compiler attributes and small macros that every room uses. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#include <stddef.h>

#define MUST_CHECK                   __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))
#define NO_RETURN                    __attribute__((noreturn))

/* For a large array on the stack of a hot function that writes it before it reads it. Release builds zero all
 * other locals (-ftrivial-auto-var-init), which costs an instruction for every eight bytes. */
#if defined(__has_attribute)
#if __has_attribute(uninitialized)
#define UNINITIALISED __attribute__((uninitialized))
#endif
#endif
#ifndef UNINITIALISED
#define UNINITIALISED
#endif

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* The same pointer without const, for functions of libraries that should have taken a const one. */
static inline void *unconst(const void *pointer)
{
    union {
        const void *as_const;
        void *as_is;
    } both = {.as_const = pointer};

    return both.as_is;
}

/* The struct of `type` in which `pointer` is the member `member`. */
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline void *container_or_null(void *member, size_t offset)
{
    return member != NULL ? (char *)member - offset : NULL;
}

/* As CONTAINER_OF, but NULL for a NULL. */
#define CONTAINER_OR_NULL(pointer, type, member)                                                   \
    ((type *)container_or_null(pointer, offsetof(type, member)))

#endif
