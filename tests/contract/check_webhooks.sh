#!/usr/bin/env bash
# Webhooks as their receivers read them: signatures by the verifier of Standard Webhooks, cards of Teams by the
# library of Adaptive Cards (both from npm).
#   check_webhooks.sh BINARY SCRATCH
# Skips (77) where npm is missing, or the tools cannot be fetched.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/harness/serve.sh
. "$here/../harness/serve.sh"
# shellcheck source=tests/harness/npm.sh
. "$here/../harness/npm.sh"
binary=$1
scratch=$2/webhooks

npm_tools webhooks "$scratch"
serve "$binary" "$scratch" --set webhooks.allow_private=true
cd "$scratch"
cp "$here/webhooks.mjs" .
timeout 400 node webhooks.mjs "$url"
