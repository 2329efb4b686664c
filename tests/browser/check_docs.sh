#!/usr/bin/env bash
# Opens /docs in headless Chromium with every other host counted, and presses "try it out" on GET /api/projects.
#   check_docs.sh BINARY SCRATCH
# Skips (77) where Chromium or npm is missing, or the binary has the plain page only.
set -euo pipefail
# shellcheck source=tests/harness/serve.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/serve.sh"
binary=$1
scratch=$2/browser

command -v chromium >/dev/null || { echo "skipped: no chromium (Debian package chromium)"; exit 77; }
command -v npm >/dev/null || { echo "skipped: no npm"; exit 77; }
mkdir -p "$scratch"
if [ ! -d "$scratch/node_modules/playwright-core" ]; then
    (cd "$scratch" && npm install --no-fund --no-audit --silent playwright-core@1.56.0) >/dev/null 2>&1 ||
        { echo "skipped: playwright-core cannot be fetched"; exit 77; }
fi
serve "$binary" "$scratch"
cp "$(dirname "${BASH_SOURCE[0]}")/docs.js" "$scratch/docs.js"
cd "$scratch" && timeout 100 node docs.js "$url"
