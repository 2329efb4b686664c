/* Assertions about what the programmer promised; never about input, files or the network.
 * CHECK stays on in release: it prints the condition and aborts. DCHECK is for expensive
 * conditions, and is off in release. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include "base/attr.h"

NO_RETURN void check_failed(const char *condition, const char *file, int line);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            check_failed(#condition, __FILE__, __LINE__);                                          \
        }                                                                                          \
    } while (0)

#ifdef NDEBUG
#define DCHECK(condition) ((void)0)
#else
#define DCHECK(condition) CHECK(condition)
#endif

#endif
