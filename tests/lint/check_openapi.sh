#!/usr/bin/env bash
# Holds /openapi.json against Spectral's rules for OpenAPI; a hint is a failure too.
#   check_openapi.sh BINARY SCRATCH
# Skips (77) where npm or curl is missing, or the linter cannot be fetched.
set -euo pipefail
# shellcheck source=tests/harness/serve.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/serve.sh"
# shellcheck source=tests/harness/npm.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/npm.sh"
binary=$1
scratch=$2/openapi

for tool in npm curl; do
    command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
npm_tools openapi "$scratch"
spectral=$scratch/node_modules/.bin/spectral
serve "$binary" "$scratch"
curl -sS --max-time 100 -o "$scratch/openapi.json" "$url/openapi.json"
echo 'extends: ["spectral:oas"]' >"$scratch/ruleset.yaml"
timeout 400 "$spectral" lint "$scratch/openapi.json" -r "$scratch/ruleset.yaml" --fail-severity=hint
