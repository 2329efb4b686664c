#!/usr/bin/env bash
# Holds /openapi.json against Spectral's rules for OpenAPI; a hint is a failure too.
#   check_openapi.sh BINARY SCRATCH
# Skips (77) where npm or curl is missing, or the linter cannot be fetched.
set -euo pipefail
# shellcheck source=tests/harness/serve.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/serve.sh"
binary=$1
scratch=$2/openapi

for tool in npm curl; do
    command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
mkdir -p "$scratch"
spectral=$scratch/node_modules/.bin/spectral
if [ ! -x "$spectral" ]; then
    (cd "$scratch" && timeout 120 npm install --no-fund --no-audit --silent @stoplight/spectral-cli@6.16.3) >/dev/null 2>&1 ||
        { echo "skipped: @stoplight/spectral-cli cannot be fetched"; exit 77; }
fi
serve "$binary" "$scratch"
curl -sS --max-time 10 -o "$scratch/openapi.json" "$url/openapi.json"
echo 'extends: ["spectral:oas"]' >"$scratch/ruleset.yaml"
timeout 100 "$spectral" lint "$scratch/openapi.json" -r "$scratch/ruleset.yaml" --fail-severity=hint
