#!/usr/bin/env bash
# Proves that check_layers.cmake refuses what it should: one planted violation of each kind.
# Arguments: cmake, scratch folder.
set -euo pipefail
cmake=$1
scratch=$2
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lint/selftest.sh
. "$here/selftest.sh"

plant() {
    mkdir -p "$scratch/include/"{base,data,http,net,observe} "$scratch/src/"{base,data,app,http,load}
    touch "$scratch/src/"{base,data,app,http,load}/README.md
    : >"$scratch/include/base/str.h"
    printf '#include <uv.h>\n' >"$scratch/include/net/loop.h"
    : >"$scratch/include/observe/log.h"
    printf '#include "%s"\n' base/str.h net/loop.h observe/log.h >"$scratch/include/http/server.h"
    printf '#include "base/str.h"\n' >"$scratch/include/http/answer.h"
    printf '#include <%s>\n' llhttp.h zlib.h >"$scratch/src/http/libraries.c"
    printf '#include <%s>\n' cjson/cJSON.h yaml.h >"$scratch/src/data/libraries.c"
    : >"$scratch/include/data/json.h"
    : >"$scratch/src/data/data_internal.h"
}

# A row that is planted as table.cmake takes the place of the same room's.
check() {
    sed "/^set(MAY_app /r $scratch/table.cmake" "$here/check_layers.cmake" >"$scratch/check_layers.cmake"
    "$cmake" -DROOT="$scratch" -P "$scratch/check_layers.cmake"
}

# a room below
expect ACCEPTED src/data/json.c '#include "base/str.h"'
# own private header
expect ACCEPTED src/data/json.c '#include "data_internal.h"'
# own library
expect ACCEPTED src/data/json.c '#include <cjson/cJSON.h>'
# the C library
expect ACCEPTED src/base/str.c '#include <string.h>'
# a room above
expect REFUSED src/base/str.c '#include "data/json.h"'
# a room above, in a header
expect REFUSED include/base/mem.h '#  include "data/json.h"'
# another room's private header
expect REFUSED src/app/main.c '#include "data_internal.h"'
# another room's private header by path
expect REFUSED src/app/main.c '#include "../data/data_internal.h"'
# another room's library
expect REFUSED src/data/json.c '#include <uv.h>'
# a header that does not exist
expect REFUSED src/data/json.c '#include "data/nothing.h"'
# our header in angle brackets
expect REFUSED src/data/json.c '#include <base/str.h>'
# a room seen through a header
expect REFUSED src/sandbox/server.c '#include "http/server.h"' 'sees "net/loop.h"'
# the one header of a room that is granted
expect ACCEPTED src/load/a.c '#include "http/answer.h"'
# another header of that room
expect REFUSED src/load/a.c '#include "http/server.h"' 'load may not include "http/server.h"'
# the same, seen through a header
expect REFUSED include/load/a.h '#include "http/server.h"' 'sees "http/server.h"'
# a part of api that includes another
expect REFUSED include/api/docs/x.h '#include "api/ops/x.h"' 'api/docs'
# a grant that nothing uses
expect REFUSED src/data/json.c '#include "data/json.h"' 'granted base'
# a library that its room does not touch
expect REFUSED src/crypto/a.c '#include "base/str.h"' 'granted the library mbedtls'
# a granted header that nothing includes
expect REFUSED src/load/a.c '#include "base/str.h"' 'granted http/answer.h'
# a row that names a room above it
expect ACCEPTED table.cmake 'set(MAY_data base crypto)'
# a row that names a room below it
expect REFUSED table.cmake 'set(MAY_crypto base data)' 'crypto names data, which is not above it'
# a row that names a header of a room below it
expect REFUSED table.cmake 'set(MAY_crypto base data/json.h)' 'crypto names data, which is not above it'
# a room without a README
expect REFUSED src/crypto/a.c '#include "base/str.h"' 'src/crypto: the room has no README.md'
# an unknown room
expect REFUSED src/elsewhere/x.c ''
finish
