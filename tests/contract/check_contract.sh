#!/usr/bin/env bash
# Calls every operation of /openapi.json with a client made of the document (openapi-typescript, openapi-fetch), through
# prism as a proxy that holds requests and answers against the document.
#   check_contract.sh BINARY SCRATCH
# Skips (77) where npm is missing, or the tools cannot be fetched.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/harness/serve.sh
. "$here/../harness/serve.sh"
# shellcheck source=tests/harness/npm.sh
. "$here/../harness/npm.sh"
binary=$1
scratch=$2/contract

npm_tools contract "$scratch"
serve "$binary" "$scratch" --set webhooks.allow_private=true # of calls.mts: to port 9, where nobody is
cd "$scratch"
cp "$here/calls.mts" .
node -e 'fetch(process.argv[1] + "/openapi.json").then((answer) => answer.text()).then(console.log)' "$url" >openapi.json
node_modules/.bin/openapi-typescript openapi.json -o schema.d.mts >/dev/null
node_modules/.bin/tsc --strict --skipLibCheck --types node --target es2022 --module nodenext calls.mts

# Port 0 is any free one; the line that tells it is prism's last before it serves.
: >prism.out # the line of an earlier one
node_modules/.bin/prism proxy openapi.json "$url" -h 127.0.0.1 -p 0 >prism.out 2>&1 &
wait_until grep -q 'listening on' prism.out || true
prism_url=$(sed -n 's/.*listening on \(http:[^ ]*\).*/\1/p' prism.out)
[ -n "$prism_url" ] || { cat prism.out >&2; exit 1; }
timeout 400 node calls.mjs "$prism_url" "$url"
