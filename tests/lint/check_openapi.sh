#!/usr/bin/env bash
# Holds /openapi.json against Spectral's rules for OpenAPI; a hint is a failure too.
#   check_openapi.sh BINARY SCRATCH
# Skips (77) where npm or curl is missing, or the linter cannot be fetched.
set -euo pipefail
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
"$binary" serve --sandbox --listen 127.0.0.1:0 --set drain.notice_ms=0 >"$scratch/out" 2>/dev/null &
server=$!
trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true' EXIT
for _ in $(seq 100); do
    grep -q '^listening on' "$scratch/out" && break
    sleep 0.1
done
url=$(sed -n 's/^listening on //p' "$scratch/out")
curl -sS --max-time 10 -o "$scratch/openapi.json" "$url/openapi.json"
echo 'extends: ["spectral:oas"]' >"$scratch/ruleset.yaml"
timeout 100 "$spectral" lint "$scratch/openapi.json" -r "$scratch/ruleset.yaml" --fail-severity=hint
