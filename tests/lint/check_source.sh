#!/usr/bin/env bash
# Rules that grep can decide: banned functions, words that mark unfinished work, comment style, length of files and
# functions; and what may stand at the top of the repository.
#   check_source.sh ROOT
# Comments and string contents are told apart by c_text.awk, so neither a comment nor a text that mentions a
# function counts.
set -euo pipefail
root=$1
here=$(cd "$(dirname "$0")" && pwd)
long_files=$here/long_files.txt
[ -e "$long_files" ] || long_files=
cd "$root"

# Only what git knows: a folder for the build may lie beside it.
others=$(git ls-files 2>/dev/null | cut -d/ -f1 | sort -u |
    grep -vxE '\..*|CMakeLists\.txt|CMakePresets\.json|Dockerfile|README\.md|src|include|third_party|conf|tests|bench|k8s' || true)
if [ -n "$others" ]; then
    echo "source: no part of the agreed layout: ${others//$'\n'/ }"
    exit 1
fi

places=()
for place in include src tests bench third_party CMakeLists.txt; do
    [ ! -e "$place" ] || places+=("$place")
done
files=$(find "${places[@]}" \
    \( -name build -o -name node_modules -o -name golden -o -name corpus -o -name regression \) -prune -o \
    -type f \( -name '*.c' -o -name '*.h' -o -name '*.S' -o -name '*.cmake' -o -name '*.sh' -o -name '*.awk' \
    -o -name CMakeLists.txt \) -print | sort)
n_files=$(printf '%s\n' "$files" | grep -c . || true)
if [ "$n_files" -eq 0 ]; then
    echo "source: no files under $root"
    exit 1
fi
# shellcheck disable=SC2086 # names of ours hold no spaces
if ! awk -v long_files="$long_files" -f "$here/c_text.awk" -f "$here/source.awk" $files; then
    exit 1
fi
echo "source: $n_files files, nothing banned"
