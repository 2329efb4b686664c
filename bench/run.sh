#!/usr/bin/env bash
# Builds with the release flags, starts the server with its sandbox on loopback, runs the load profiles, appends
# their JSON lines to bench/results/load.jsonl and stops the server.
#   bench/run.sh [RATE [SECONDS]]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
rate=${1:-1000}
seconds=${2:-10}
build=build/bench
cmake --preset bench >/dev/null
cmake --build $build

log=$build/server.log
$build/virtuoso-proxy serve --sandbox --listen 127.0.0.1:0 --sandbox-listen 127.0.0.1:0 \
    --set auth.mode=none --set log.access=false >"$log" 2>&1 &
server=$!
trap 'kill -TERM "$server" 2>/dev/null; wait "$server" || true' EXIT
port=""
for _ in $(seq 200); do
    port=$(sed -n 's/^listening on http:.*:\([0-9]*\)$/\1/p' "$log")
    [ -z "$port" ] || break
    sleep 0.05
done
[ -n "$port" ] || { cat "$log" >&2; exit 1; }

BENCH_COMMIT=$(git rev-parse --short HEAD)
BENCH_MACHINE=$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)
export BENCH_COMMIT BENCH_MACHINE
mkdir -p bench/results
{
    $build/bench_load -p "$port" -n ping -r "$rate" -s "$seconds" -t /health/live
    $build/bench_load -p "$port" -n dry_run -r "$rate" -s "$seconds" -m POST -t /api/v1/commands/execute \
        -b '{"command":"step-interact click","args":["Sign in"],"checkpoint_id":"1","position":0,"dry_run":true}'
} | tee -a bench/results/load.jsonl
