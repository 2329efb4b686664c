#!/usr/bin/env bash
# Proves that check_exports.sh refuses what it should and lets the rest through. Argument: scratch folder.
# a.h declares thing(), a.c defines it; the planted file uses it, or does not.
set -euo pipefail
scratch=$1
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lint/selftest.sh
. "$here/selftest.sh"

plant() {
    mkdir -p "$scratch/src/api"
    printf '/* thing(1) */\nint thing(int a);\n' >"$scratch/src/api/a.h"
    printf '#include "a.h"\nint thing(int a)\n{\n    return a > 0 ? thing(a - 1) : 0;\n}\n' >"$scratch/src/api/a.c"
}

check() {
    bash "$here/check_exports.sh" "$scratch"
}

expect ACCEPTED src/api/b.c 'static int x(void) { return thing(1); }'
expect ACCEPTED src/api/b.c 'const struct row rows[] = {{"x", thing}};'
expect ACCEPTED tests/b.c 'int y(void) { return thing(1); }'
expect ACCEPTED src/api/a.h 'int thing(int a);
static inline int half(int a)
{
    return thing(a / 2);
}'
expect REFUSED src/api/b.c '/* thing(1) */'
expect REFUSED src/api/c.h 'handler idle,
    lazy;'
expect REFUSED src/api/b.c 'const char *x = "thing(1)";'
expect REFUSED src/api/b.c 'int x = something(1);'
finish
