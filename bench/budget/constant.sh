#!/usr/bin/env bash
# Comparing two credentials takes the same instructions wherever they differ, and where they do not: what an attacker could time tells
# nothing. As it is shipped, since a compiler may make a shorter way of it.
#   constant.sh BUILD
# Skips (77) where valgrind is missing.
set -euo pipefail
command -v valgrind >/dev/null || { echo "skipped: no valgrind"; exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

instructions() { # NAME: inside bytes_equal_constant_time, of 1,000 comparisons
    valgrind --tool=callgrind "--callgrind-out-file=$scratch/$1" --toggle-collect=bytes_equal_constant_time \
        "$build/bench_micro" "$1" 1000 >/dev/null 2>&1
    sed -n 's/^totals: //p' "$scratch/$1"
}

build=$(cd "$1" && pwd)
first=$(instructions secret_first)
last=$(instructions secret_last)
equal=$(instructions secret_equal)
echo "1000 comparisons: $first instructions (first byte differs), $last (last byte), $equal (none)"
if [ "${first:-0}" -lt 32000 ]; then
    echo "that is less than a step a byte: was the function found?"
    exit 1
fi
[ "$first" = "$last" ] && [ "$first" = "$equal" ]
