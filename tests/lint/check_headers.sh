#!/usr/bin/env bash
# Every header compiles alone, twice in one file (include guard), under all warnings.
#   check_headers.sh ROOT SCRATCH COMPILER      SCRATCH/flags.txt holds what the build is compiled with
set -euo pipefail
root=$1
scratch=$2
compiler=$3
mapfile -t flags <"$scratch/flags.txt"
failed=0
n_headers=0

while IFS= read -r header; do
    n_headers=$((n_headers + 1))
    if ! printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
        "$compiler" -x c - -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
            -Wstrict-prototypes -Wmissing-prototypes -Wundef -Werror "${flags[@]}" 2>&1; then
        echo "$header does not compile alone"
        failed=1
    fi
done < <(find "$root/include" "$root/src" "$root/tests/harness" -name '*.h' | sort)

if [ "$n_headers" -eq 0 ]; then
    echo "headers: none under $root"
    exit 1
fi
[ "$failed" -eq 0 ] && echo "headers: $n_headers compile alone with $compiler"
exit "$failed"
