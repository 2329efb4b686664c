/* What a caller may do, as bits (src/api/README.md, "Permissions"). */
#ifndef CONFIG_PERMISSION_H
#define CONFIG_PERMISSION_H

#include "base/buf.h"

enum {
    PERMISSION_READ = 1,
    PERMISSION_WRITE_TESTS = 2,
    PERMISSION_WRITE_LIBRARY = 4,
    PERMISSION_EXECUTE = 8,
    PERMISSION_ADMIN = 16,
    PERMISSION_ALL = 31,
    PERMISSION_CONTINUE = 32 /* only this: continue a run of any caller, by the run's whole name */
};

/* clang-format off */
/* The one list of permissions: the end of each PERMISSION_ constant, and the name. `between` separates two rows. */
#define PERMISSION_TABLE(X, between)              \
    X(READ, "read") between                       \
    X(WRITE_TESTS, "write:tests") between         \
    X(WRITE_LIBRARY, "write:library") between     \
    X(EXECUTE, "execute") between                 \
    X(ADMIN, "admin") between                     \
    X(CONTINUE, "continue:runs")
/* clang-format on */

/* String literals with all names, for messages: PERMISSION_NAMES(", "). PERMISSIONS_KNOWN adds "all", which means
 * several permissions and is no bit. */
#define PERMISSION_NAME_(id, name) name
#define PERMISSION_NAMES(between)  PERMISSION_TABLE(PERMISSION_NAME_, between)
#define PERMISSIONS_KNOWN          PERMISSION_NAMES(", ") " and all"

const char *
permission_name(unsigned permission); /* the name of the lowest bit; "none": no known bit is set */
unsigned permission_bits(struct str name);              /* 0: unknown name; "all": PERMISSION_ALL */
void permissions_print(unsigned bits, struct buf *out); /* ["read", "execute"] */

#endif
