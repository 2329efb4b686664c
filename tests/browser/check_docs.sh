#!/usr/bin/env bash
# Opens /docs in headless Chromium with every other host counted, and presses "try it out" on GET /api/projects.
#   check_docs.sh BINARY SCRATCH
# Skips (77) where Chromium or npm is missing, or the binary has the plain page only.
set -euo pipefail
# shellcheck source=tests/harness/serve.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/serve.sh"
# shellcheck source=tests/harness/npm.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/npm.sh"
binary=$1
scratch=$2/browser

command -v chromium >/dev/null || { echo "skipped: no chromium (Debian package chromium)"; exit 77; }
npm_tools browser "$scratch"
serve "$binary" "$scratch"
cp "$(dirname "${BASH_SOURCE[0]}")/docs.js" "$scratch/docs.js"
cd "$scratch" && timeout 1100 node docs.js "$url"
