#!/usr/bin/env bash
# Holds every message of the program, and the pages that ship with it, to rules that need no reader.
#   check_messages.sh ROOT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$1

pages() {
    local page
    for page in README.md conf/README.md src/api/GUIDE.md src/cli/GUIDE.md src/testfile/GUIDE.md src/cli/MOVING.md; do
        # code spans and tables hold names and patterns
        [ ! -e "$root/$page" ] || awk -v name="$page" \
            '/^```/ { fence = !fence } !fence && !/^ *\|/ { gsub(/`[^`]*`/, "`"); print name ":" FNR ": " $0 }' "$root/$page"
    done
}

listed=$(bash "$here/list_messages.sh" "$root")
{ echo "$listed"; pages; } | awk -f "$here/rules_of_messages.awk"
echo "messages: $(wc -l <<<"$listed"), all as they should be"
