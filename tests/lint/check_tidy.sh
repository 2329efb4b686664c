#!/usr/bin/env bash
# clang-tidy 14 with .clang-tidy. Another version has other checks: 77, skipped.
#   check_tidy.sh ROOT SCRATCH CLANG_TIDY [quick|changed|all] [FILE...]
# quick: every file, without the path analysis (clang-analyzer-*), which is nearly all of the time; changed: everything,
# over the files that are not yet in origin's main, unless they are so many that it would take longer than all other tests;
# all (the default): everything, over every file. SCRATCH/flags.txt holds what the build is compiled with.
set -euo pipefail
root=$1
scratch=$2
tool=$3
shift 3
changed_max=60
what=all
case ${1-} in
quick | changed | all)
    what=$1
    shift
    ;;
esac
if ! "$tool" --version 2>/dev/null | grep -q 'version 14\.'; then
    echo "SKIPPED: clang-tidy 14 is not here ($("$tool" --version 2>&1 | head -n 1 || true))"
    exit 77
fi
cd "$root"

# Without git, or without a remote, the files that are not committed.
list_changed() {
    local base
    base=$(git merge-base HEAD origin/main 2>/dev/null || git rev-parse --verify -q HEAD || true)
    [ -n "$base" ] || { echo "SKIPPED: no git history to compare with" >&2; return 77; }
    { git diff --name-only -z --diff-filter=d "$base" -- src tests bench
      git ls-files -z --others --exclude-standard -- src tests bench; } | grep -z '\.c$' || true
}

list_files() {
    if [ $# -gt 0 ]; then
        printf '%s\0' "$@"
    elif [ "$what" = changed ]; then
        list_changed
    else
        find src tests bench -name '*.c' -print0 2>/dev/null
    fi
}

# A process starts as long as it reads a file, so each takes twelve files; but for the path analysis, which takes much
# longer, and in the second file of a process takes each va_list for one that was not begun. "warnings generated" counts the warnings of
# system headers, which nobody wants to see.
export tool scratch what
tidy_files() {
    local output options=(--quiet) flags
    [ "$what" != quick ] || options+=(--checks=-clang-analyzer-*)
    mapfile -t flags <"$scratch/flags.txt"
    if ! output=$("$tool" "${options[@]}" "$@" -- "${flags[@]}" 2>&1); then
        printf '%s\n' "$output" | grep -v -E '^[0-9]+ warnings? (generated|treated)' || true
        return 1
    fi
}
export -f tidy_files
list=$scratch/tidy.$what
list_files "$@" >"$list" || exit 77
if [ "$what" = changed ] && [ "$(tr -cd '\0' <"$list" | wc -c)" -gt "$changed_max" ]; then
    echo "SKIPPED: more than $changed_max files differ from origin's main; the preset \"long\" looks at every file"
    exit 77
fi
# As a compiler cache does: what was found clean is clean while no source, header, check, flag or version of the tool differs.
digest=$({ "$tool" --version && cat .clang-tidy "$scratch/flags.txt" "$list"
           find src include tests bench \( -name '*.[ch]' -o -name .clang-tidy \) -print0 | sort -z | xargs -0 sha256sum; } | sha256sum)
clean=$scratch/tidy.$what.clean
if [ $# -eq 0 ] && [ "$(cat "$clean" 2>/dev/null)" = "$digest" ]; then
    echo "tidy: nothing differs since all was found clean ($what)"
    exit 0
fi
each=1
[ "$what" != quick ] || each=12
xargs -0 -r -a "$list" -P "$(nproc)" -n "$each" bash -c 'tidy_files "$@"' tidy
[ $# -gt 0 ] || printf '%s\n' "$digest" >"$clean"
echo "tidy: $(tr -cd '\0' <"$list" | wc -c) files ($what)"
