#!/usr/bin/env bash
# Opens /ui on the admin listener and /ui/runs on the other one in headless Chromium, at the width of a telephone and of
# a desk, light and dark: figures come, nothing is asked of another host (not of server.public_url either), nothing is
# written to the console.
#   check_ui.sh BINARY SCRATCH
# With VP_SHOTS=FOLDER screenshots are left there. Skips (77) where Chromium or npm is missing.
set -euo pipefail
# shellcheck source=tests/harness/serve.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/serve.sh"
# shellcheck source=tests/harness/npm.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/npm.sh"
binary=$1
scratch=$2/browser

command -v chromium >/dev/null || { echo "skipped: no chromium (Debian package chromium)"; exit 77; }
npm_tools browser "$scratch"
serve "$binary" "$scratch" --latency 40ms --set admin.listen=127.0.0.1:0 --set auth.keys=key-of-somebody-who-tests \
    --set server.public_url=https://pub.example/qa
cp "$(dirname "${BASH_SOURCE[0]}")/ui.js" "$scratch/ui.js"
cd "$scratch" && timeout 1100 node ui.js "$url" "$admin_url" key-of-somebody-who-tests
