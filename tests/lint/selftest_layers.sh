#!/usr/bin/env bash
# Proves that check_layers.cmake refuses what it should: one planted violation of each kind.
# Arguments: cmake, scratch folder.
set -euo pipefail
cmake=$1
scratch=$2
check=$(dirname "$0")/check_layers.cmake
failed=0

# expect ACCEPTED|REFUSED NAME FILE LINE: the tree with that one line in that file.
expect() {
    local want=$1 name=$2 file=$3 line=$4 got=ACCEPTED
    rm -rf "$scratch"
    mkdir -p "$scratch/include/base" "$scratch/include/data" "$scratch/src/base" "$scratch/src/data" \
        "$scratch/src/app"
    : >"$scratch/include/base/str.h"
    : >"$scratch/include/data/json.h"
    : >"$scratch/src/data/data_internal.h"
    mkdir -p "$(dirname "$scratch/$file")"
    printf '%s\n' "$line" >"$scratch/$file"
    "$cmake" -DROOT="$scratch" -P "$check" >/dev/null 2>&1 || got=REFUSED
    if [ "$got" != "$want" ]; then
        echo "$name: $got, expected $want"
        failed=1
    fi
}

expect ACCEPTED "a room below" src/data/json.c '#include "base/str.h"'
expect ACCEPTED "own private header" src/data/json.c '#include "data_internal.h"'
expect ACCEPTED "own library" src/data/json.c '#include <cjson/cJSON.h>'
expect ACCEPTED "the C library" src/base/str.c '#include <string.h>'
expect REFUSED "a room above" src/base/str.c '#include "data/json.h"'
expect REFUSED "a room above, in a header" include/base/mem.h '#  include "data/json.h"'
expect REFUSED "another room's private header" src/app/main.c '#include "data_internal.h"'
expect REFUSED "another room's private header by path" src/app/main.c '#include "../data/data_internal.h"'
expect REFUSED "another room's library" src/data/json.c '#include <uv.h>'
expect REFUSED "a header that does not exist" src/data/json.c '#include "data/nothing.h"'
expect REFUSED "our header in angle brackets" src/data/json.c '#include <base/str.h>'
expect REFUSED "an unknown room" src/elsewhere/x.c ''
rm -rf "$scratch"
exit "$failed"
