#!/usr/bin/env bash
# Holds the templates of conf/aws/ against AWS's own description of its resources; see check_cloudformation.mjs.
#   check_cloudformation.sh ROOT BINARY SCRATCH
# Skips (77) where npm is missing, or the packages cannot be fetched.
set -euo pipefail
# shellcheck source=tests/harness/serve.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/serve.sh"
# shellcheck source=tests/harness/npm.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/npm.sh"
root=$(realpath "$1")
binary=$(realpath "$2")
scratch=$3/cloudformation
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")

npm_tools cloudformation "$scratch"
scratch=$(realpath "$scratch")
serve "$binary" "$scratch"
cp "$here/check_cloudformation.mjs" "$scratch/"
timeout 400 node "$scratch/check_cloudformation.mjs" "$root/conf/aws" "$url"
