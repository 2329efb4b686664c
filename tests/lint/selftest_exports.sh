#!/usr/bin/env bash
# Proves that check_exports.sh refuses what it should and lets the rest through. Argument: scratch folder.
set -euo pipefail
scratch=$1
check=$(cd "$(dirname "$0")" && pwd)/check_exports.sh
failed=0

# expect ACCEPTED|REFUSED NAME: a.h declares thing(), a.c defines it, FILE uses it as TEXT says.
expect() {
    local want=$1 file=$2 text=$3 got=ACCEPTED
    rm -rf "$scratch"
    mkdir -p "$scratch/src/api" "$scratch/tests"
    printf '/* thing(1) */\nint thing(int a);\n' >"$scratch/src/api/a.h"
    printf '#include "a.h"\nint thing(int a)\n{\n    return a > 0 ? thing(a - 1) : 0;\n}\n' >"$scratch/src/api/a.c"
    printf '%s\n' "$text" >"$scratch/$file"
    bash "$check" "$scratch" >/dev/null 2>&1 || got=REFUSED
    if [ "$got" != "$want" ]; then
        echo "$file: $text: $got, expected $want"
        failed=1
    fi
}

expect ACCEPTED src/api/b.c 'static int x(void) { return thing(1); }'
expect ACCEPTED src/api/b.c 'const struct row rows[] = {{"x", thing}};'
expect ACCEPTED tests/b.c 'int y(void) { return thing(1); }'
expect REFUSED src/api/b.c '/* thing(1) */'
expect REFUSED src/api/b.c 'const char *x = "thing(1)";'
expect REFUSED src/api/b.c 'int x = something(1);'
rm -rf "$scratch"
exit "$failed"
