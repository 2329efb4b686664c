#!/usr/bin/env bash
# Proves that check_references.sh refuses what it should and lets the rest through. Argument: scratch folder.
set -euo pipefail
scratch=$1
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lint/selftest.sh
. "$here/selftest.sh"

plant() {
    mkdir -p "$scratch/src/api" "$scratch/out"
    printf '# Title\n\n## How it ends\n' >"$scratch/src/README.md"
    printf 'int a;\n' >"$scratch/src/api/other.c"
}

check() {
    bash "$here/check_references.sh" "$scratch" "$scratch/out"
}

expect ACCEPTED src/api/a.c '/* See other.c, src/api/other.c, and src/README.md, "How it ends". */ int a;'
expect ACCEPTED src/api/a.c 'const char *a = "gone.c"; /* a text is no citation */'
# shellcheck disable=SC2016 # backticks as they stand
expect ACCEPTED src/api/NOTES.md '[the way](../README.md), `src/api/other.c`'
expect REFUSED src/api/a.c '/* See go''ne.c. */ int a;'
expect REFUSED src/api/a.c '/* src/README.md, "How it beg''ins" */ int a;'
expect REFUSED src/api/a.c "$(printf '/* The end (src/README.md,\n * "How it beg%s"). */ int a;' ins)"
expect REFUSED src/api/NOTES.md '[the way](../GO''NE.md)'
# shellcheck disable=SC2016 # the same
expect REFUSED src/api/NOTES.md 'in `src/api/go''ne.c`'
# shellcheck disable=SC2016 # the same
expect ACCEPTED src/api/NOTES.md "$(printf '```diff\n+++ src/api/other.c\n+int a;\n```')"
# shellcheck disable=SC2016 # the same
expect REFUSED src/api/NOTES.md "$(printf '```diff\n+++ src/api/other.c\n+int b;\n```')"
# shellcheck disable=SC2016 # the same
expect REFUSED src/api/NOTES.md "$(printf '```diff\n+++ src/api/go%s.c\n+int a;\n```' ne)"
finish
