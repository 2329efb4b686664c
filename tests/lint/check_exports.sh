#!/usr/bin/env bash
# No header declares a function that only its own source file uses.
#   check_exports.sh ROOT
set -euo pipefail
root=$1
here=$(cd "$(dirname "$0")" && pwd)
cd "$root"

folders=()
for folder in include src tests bench; do
    [ ! -d "$folder" ] || folders+=("$folder")
done
mapfile -d '' -t files < <(find "${folders[@]}" -type f \( -name '*.c' -o -name '*.h' \) -print0 | sort -z)
if [ ${#files[@]} -eq 0 ]; then
    echo "exports: no files under $root"
    exit 1
fi
awk -f "$here/c_text.awk" -f "$here/exports.awk" "${files[@]}"
echo "exports: ${#files[@]} files, each declared function has a user elsewhere"
