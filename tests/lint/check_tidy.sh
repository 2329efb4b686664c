#!/usr/bin/env bash
# clang-tidy 14 with .clang-tidy over every C file. Another version has other checks: 77, skipped.
#   check_tidy.sh ROOT SCRATCH CLANG_TIDY [FILE...]      SCRATCH/flags.txt holds what the build is compiled with
set -euo pipefail
root=$1
scratch=$2
tool=$3
shift 3
if ! "$tool" --version 2>/dev/null | grep -q 'version 14\.'; then
    echo "SKIPPED: clang-tidy 14 is not here ($("$tool" --version 2>&1 | head -n 1 || true))"
    exit 77
fi
cd "$root"
mapfile -t flags <"$scratch/flags.txt"

list_files() {
    if [ $# -gt 0 ]; then
        printf '%s\0' "$@"
    else
        find src tests bench -name '*.c' -print0 2>/dev/null
    fi
}

# One process a file, so that both cores are busy to the end; "warnings generated" counts those of
# system headers, which nobody wants to see.
export tool
tidy_one() {
    local output
    if ! output=$("$tool" --quiet "$1" -- "${@:2}" 2>&1); then
        printf '%s\n' "$output" | grep -v -E '^[0-9]+ warnings? (generated|treated)' || true
        return 1
    fi
}
export -f tidy_one
list_files "$@" | xargs -0 -r -P "$(nproc)" -I{} bash -c 'tidy_one "$@"' tidy {} "${flags[@]}"
