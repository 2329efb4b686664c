#!/usr/bin/env bash
# No two rooms have a function or a variable of the same name: of a library the linker takes the first that it meets, without
# a word, and one room calls the other's.
#   check_symbols.sh LIBRARY SCRATCH CC
set -euo pipefail
library=$1
scratch=$2/symbols
cc=$3

# Names that are defined twice in LIBRARY, one a line.
twice() {
    nm --defined-only -g "$1" 2>/dev/null | awk '$2 ~ /^[TDBR]$/ { print $3 }' | sort | uniq -d
}

mkdir -p "$scratch"
rm -f "$scratch/two.a"
for part in one two; do
    echo 'int is_there_twice(void); int is_there_twice(void) { return 1; }' >"$scratch/$part.c"
    "$cc" -c -o "$scratch/$part.o" "$scratch/$part.c"
done
ar rcs "$scratch/two.a" "$scratch/one.o" "$scratch/two.o"
[ "$(twice "$scratch/two.a")" = is_there_twice ] || { echo "selftest: a name that is there twice is not seen"; exit 1; }

mapfile -t found < <(twice "$library")
if [ "${#found[@]}" -gt 0 ]; then
    printf '%s: defined in two files; give each the name of its room\n' "${found[@]}"
    exit 1
fi
