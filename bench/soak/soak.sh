#!/usr/bin/env bash
# A million requests mixed with faults of the platform and of clients: after each tenth of them the memory of the
# program is within 2 % of what it was after the second tenth, and it holds no more descriptors than before them and
# the connections that it keeps to the platform, of which there are as many as clients.
#   soak.sh BUILD [REQUESTS]     BUILD has virtuoso-proxy and bench_platform; REQUESTS: 1000000
set -euo pipefail
# shellcheck source=bench/stand/stand.sh
. "$(dirname "${BASH_SOURCE[0]}")/../stand/stand.sh"
stand "$1"
requests=${2:-1000000}
rounds=10
each=$((requests / rounds))

start_platform 500 0 150
start_proxy -- --set upstream.organization_id=1
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
most_fds=$(($(descriptors) + 64 + 8)) # libcurl has a pair for each 32 connections
for round in $(seq "$rounds"); do
    answers=$(one_round | tr '\n' ' ')
    sleep 1
    kib=$(memory)
    fds=$(descriptors)
    echo "after $((round * each)): $kib KiB, $fds descriptors; answers: $answers"
    if [ "$round" -eq 2 ]; then
        first_kib=$kib
    fi
    if [ "$round" -gt 2 ] && { [ $((kib * 100)) -gt $((first_kib * 102)) ] || [ "$fds" -gt "$most_fds" ]; }; then
        status=1
    fi
done
[ "$status" -eq 0 ] || echo "soak: memory has grown since the second round, or there are too many descriptors"
end_proxy || { echo "soak: the program did not end well"; status=1; }
[ ! -s "$scratch/out.err" ] || sort "$scratch/out.err" | cut -c 1-200 | uniq -c | sort -rn | head -5
[ "$status" -eq 0 ]
