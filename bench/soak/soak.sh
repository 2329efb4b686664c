#!/usr/bin/env bash
# A million requests mixed with faults of the platform and of clients: after each tenth of them the memory of the
# program is within 2 % of what it was after the second tenth, and it holds no more descriptors.
#   soak.sh BUILD [REQUESTS]     BUILD has virtuoso-proxy and bench_platform; REQUESTS: 1000000
set -euo pipefail
build=$(cd "$1" && pwd)
requests=${2:-1000000}
rounds=10
each=$((requests / rounds))
scratch=$(mktemp -d)
pids=()
finish() {
    for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$scratch"
}
trap finish EXIT

# The port in the first line of a file that matches; fails after a minute.
port_of() {
    local port=""
    for _ in $(seq 1200); do
        port=$(sed -n "s/^$2\([0-9]*\)\$/\1/p" "$1" | head -n 1)
        [ -z "$port" ] || break
        sleep 0.05
    done
    [ -n "$port" ] || { echo "no port in $1:" >&2; cat "$1" >&2; exit 1; }
    echo "$port"
}

"$build/bench_platform" 500 0 150 >"$scratch/platform" &
pids+=($!)
platform=$(port_of "$scratch/platform" "port ")
VIRTUOSO_API_TOKEN=token-of-the-soak "$build/virtuoso-proxy" serve --listen 127.0.0.1:0 --set auth.mode=none \
    --set log.access=false --set log.level=error --set drain.notice_ms=0 --set upstream.organization_id=1 \
    --set "upstream.base_url=http://127.0.0.1:$platform/api" >"$scratch/out" 2>"$scratch/err" &
server=$!
pids+=("$server")
port=$(port_of "$scratch/out" 'listening on http:.*:')
url="http://127.0.0.1:$port"

# NUMBER PATH [OPTIONS...]: so many requests over 64 connections; prints the answers by status.
send() {
    local n=$1 path=$2
    shift 2
    "$build/virtuoso-proxy" load -r 1000000 -n "$n" -c 64 -t 60s -o json "$@" "$url$path" |
        sed -n 's/.*"statuses":{\([^}]*\)},"failures":{\([^}]*\)}.*/\1/p'
}

# Clients that leave in the middle of a head, of a body, and before the answer.
leave_early() {
    local i
    for i in $(seq 50); do
        exec 3<>"/dev/tcp/127.0.0.1/$port"
        case $((i % 3)) in
        0) printf 'POST /api/v1/commands/execute HT' >&3 ;;
        1) printf 'POST /api/v1/commands/execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"command":' >&3 ;;
        2) printf 'GET /api/v1/projects HTTP/1.1\r\nHost: x\r\n\r\n' >&3 ;;
        esac
        exec 3>&-
    done
}

one_round() {
    local command='{"command":"step-interact click","args":["Sign in"],"checkpoint_id":{id},"position":0}'
    local wrong='{"command":"step-interact clik","args":["Sign in"],"checkpoint_id":"{id}x"}'
    send $((each * 6 / 10)) /api/v1/commands/execute --ids 1000001-1020000 -b "$command"
    leave_early
    send $((each / 10)) /api/v1/commands/execute --ids 1-1000 -b "$wrong"
    send $((each / 10)) /api/v1/projects -H 'Cache-Control: no-cache'
    send $((each / 10)) '/api/v1/no/such/path/{id}' --ids 1-100000
    send $((each / 10)) /health/live
}

# Anonymous memory in KiB once nothing is under way any more.
memory() { awk '/^RssAnon:/ { print $2 }' "/proc/$server/status"; }
descriptors() { find "/proc/$server/fd" -mindepth 1 | wc -l; }

status=0
for round in $(seq "$rounds"); do
    answers=$(one_round | tr '\n' ' ')
    sleep 1
    kib=$(memory)
    fds=$(descriptors)
    echo "after $((round * each)): $kib KiB, $fds descriptors; answers: $answers"
    if [ "$round" -eq 2 ]; then
        first_kib=$kib
        first_fds=$fds
    fi
    if [ "$round" -gt 2 ] && { [ $((kib * 100)) -gt $((first_kib * 102)) ] || [ "$fds" -gt $((first_fds + 2)) ]; }; then
        status=1
    fi
done
[ "$status" -eq 0 ] || echo "soak: memory or descriptors have grown since the second round"
kill -TERM "$server"
wait "$server" || { echo "soak: the program did not end well"; status=1; }
[ ! -s "$scratch/err" ] || sort "$scratch/err" | cut -c 1-200 | uniq -c | sort -rn | head -5
[ "$status" -eq 0 ]
