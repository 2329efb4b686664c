#!/usr/bin/env bash
# Proves that check_layers.cmake refuses what it should: one planted violation of each kind.
# Arguments: cmake, scratch folder.
set -euo pipefail
cmake=$1
scratch=$2
check=$(dirname "$0")/check_layers.cmake
failed=0

# expect ACCEPTED|REFUSED NAME FILE LINE [TEXT]: the tree with that one line in that file; TEXT is what the refusal says.
expect() {
    local want=$1 name=$2 file=$3 line=$4 text=${5:-} got=ACCEPTED output
    rm -rf "$scratch"
    mkdir -p "$scratch/include/"{base,data,http,net,observe} "$scratch/src/"{base,data,app}
    : >"$scratch/include/base/str.h"
    : >"$scratch/include/net/loop.h"
    : >"$scratch/include/observe/log.h"
    printf '#include "%s"\n' base/str.h net/loop.h observe/log.h >"$scratch/include/http/server.h"
    : >"$scratch/include/data/json.h"
    : >"$scratch/src/data/data_internal.h"
    mkdir -p "$(dirname "$scratch/$file")"
    printf '%s\n' "$line" >"$scratch/$file"
    output=$("$cmake" -DROOT="$scratch" -P "$check" 2>&1) || got=REFUSED
    if [ "$got" != "$want" ] || [[ $output != *"$text"* ]]; then
        echo "$name: $got, expected $want $text"
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
expect REFUSED "a room seen through a header" src/sandbox/server.c '#include "http/server.h"' 'sees "net/loop.h"'
expect REFUSED "a part of api that includes another" include/api/docs/x.h '#include "api/ops/x.h"' 'api/docs'
expect REFUSED "a grant that nothing uses" src/data/json.c '#include "data/json.h"' 'granted base'
expect REFUSED "an unknown room" src/elsewhere/x.c ''
rm -rf "$scratch"
exit "$failed"
