#!/usr/bin/env bash
# What comments and documents cite is there: files, sections of documents, links.
#   check_references.sh ROOT SCRATCH
set -euo pipefail
root=$1
scratch=$2
here=$(cd "$(dirname "$0")" && pwd)
cd "$root"

places=()
for place in src include tests bench third_party conf k8s .github .ci README.md CMakeLists.txt CMakePresets.json Dockerfile; do
    [ ! -e "$place" ] || places+=("$place")
done
find "${places[@]}" \( -name build -o -name node_modules \) -prune -o -print | sort >"$scratch/references.txt"
mapfile -d '' -t files < <(find "${places[@]}" \( -name build -o -name node_modules -o -name golden -o -name corpus \
    -o -name regression \) -prune -o -type f \( -name '*.[ch]' -o -name '*.md' -o -name '*.sh' -o -name '*.cmake' \
    -o -name '*.awk' -o -name CMakeLists.txt -o -name Dockerfile -o -name '*.yaml' \) -print0 | sort -z)
if [ ${#files[@]} -eq 0 ]; then
    echo "references: no files under $root"
    exit 1
fi
awk -v known="$scratch/references.txt" -f "$here/c_text.awk" -f "$here/references.awk" "${files[@]}"
echo "references: ${#files[@]} files, all that they cite is there"
