/* What somebody may do, as bits (src/api/README.md, "Permissions"). */
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
    PERMISSION_CONTINUE =
        32 /* lead on the run of anybody, whose whole name is told; nothing else */
};

/* clang-format off */
/* What stands behind PERMISSION_, and its name: the one list of them. `between` stands between two. */
#define PERMISSION_TABLE(X, between)              \
    X(READ, "read") between                       \
    X(WRITE_TESTS, "write:tests") between         \
    X(WRITE_LIBRARY, "write:library") between     \
    X(EXECUTE, "execute") between                 \
    X(ADMIN, "admin") between                     \
    X(CONTINUE, "continue:runs")
/* clang-format on */

/* For texts, as literals: the names, as in PERMISSION_NAMES(", "); and with "all", which is no permission of its own. */
#define PERMISSION_NAME_(id, name) name
#define PERMISSION_NAMES(between)  PERMISSION_TABLE(PERMISSION_NAME_, between)
#define PERMISSIONS_KNOWN          PERMISSION_NAMES(", ") " and all"

const char *
permission_name(unsigned permission);      /* of its first bit; "none" when there is none such */
unsigned permission_bits(struct str name); /* 0: unknown; "all" is all of them */
void permissions_print(unsigned bits, struct buf *out); /* ["read", "execute"] */

#endif
