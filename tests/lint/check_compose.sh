#!/usr/bin/env bash
# Holds conf/compose.yaml against what it names; see check_compose.mjs.
#   check_compose.sh ROOT BINARY SCRATCH
# Skips (77) where npm is missing, or the packages cannot be fetched.
set -euo pipefail
# shellcheck source=tests/harness/npm.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/npm.sh"
root=$(realpath "$1")
binary=$(realpath "$2")
scratch=$3/compose
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")

npm_tools compose "$scratch"
scratch=$(realpath "$scratch")
cp "$here/check_compose.mjs" "$scratch/"
timeout 400 node "$scratch/check_compose.mjs" "$root" "$binary"
