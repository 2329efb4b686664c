#!/usr/bin/env bash
# Proves that check_source.sh refuses what it should and lets the rest through. Argument: scratch folder.
set -euo pipefail
scratch=$1
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lint/selftest.sh
. "$here/selftest.sh"

plant() {
    mkdir -p "$scratch/src/base"
    printf 'int a;\n' >"$scratch/src/base/a.c"
}

check() {
    bash "$here/check_source.sh" "$scratch"
}

expect ACCEPTED src/api/a.c 'int b; /* free( and strcpy( in a comment, and the word placeholders */'
expect ACCEPTED src/api/a.c 'log("free(x) // \" strcpy(");'
expect ACCEPTED src/api/a.c 'mem_free(x); x->free(y); runtime(z);'
expect ACCEPTED src/base/mem.c 'free(x);'
expect ACCEPTED tests/unit/api/test_a.c 'free(x);'
expect ACCEPTED src/api/a.c "char c = '\"'; int b; /* free( */"
expect REFUSED src/api/a.c 'free(x);'
expect REFUSED src/api/a.c '    if (x) { snprintf (y); }'
expect REFUSED src/api/a.c "char c = '\"'; free(x);"
expect REFUSED src/base/a.c 'strcpy(a, b);'
expect REFUSED tests/unit/api/test_a.c 'x = atoi(b);'
expect REFUSED src/api/a.c 'int a; // old comment style'
expect REFUSED src/api/a.c '/* TO''DO: the rest */'
expect REFUSED third_party/a.cmake '# good enough for ''now'
expect REFUSED src/api/a.c 'buf_printf(b, "{\"id\": %d}", id);'
expect ACCEPTED src/api/a.c "int f(void)
{
$(yes '    g();' | head -n 60)
}"
expect REFUSED src/api/a.c "int f(void)
{
$(yes '    g();' | head -n 61)
}"
expect REFUSED src/api/a.c "$(yes 'int a;' | head -n 501)"
expect ACCEPTED src/api/a.c "$(yes 'int a;' | head -n 500)"
expect ACCEPTED tests/unit/api/test_a.c "$(yes 'int a;' | head -n 501)"
expect REFUSED tests/unit/api/test_a.c "$(yes 'int a;' | head -n 701)"
in_git() {
    mkdir -p "$scratch/src/base"
    git -C "$scratch" init -q
    printf 'int a;\n' >"$scratch/$1"
    git -C "$scratch" add .
}
if command -v git >/dev/null; then
    plant() { in_git README.md; }
    expect ACCEPTED src/api/a.c 'int a;'
    plant() { in_git pids; }
    expect REFUSED src/api/a.c 'int a;' "agreed layout: pids"
fi
finish
