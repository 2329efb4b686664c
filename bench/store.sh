#!/usr/bin/env bash
# What a shared store costs: commands of one session, one after another, with the store in memory and in Redis. Counted under
# callgrind, so that it repeats on a busy machine: user instructions of a command, of all libraries together, while the leases
# are held; and what Redis was asked for meanwhile.
#   store.sh BUILD     BUILD has virtuoso-proxy and bench_platform
set -euo pipefail
# shellcheck source=bench/stand/stand.sh
. "$(dirname "${BASH_SOURCE[0]}")/stand/stand.sh"
stand "$1" redis-server redis-cli valgrind curl
few=300
many=1300

redis=$scratch/redis.sock
redis-server --port 0 --unixsocket "$redis" --save "" --appendonly no --logfile /dev/null --dir "$scratch" &
pids+=($!)
start_platform 0
asked() { redis-cli -s "$redis" info stats | sed -n 's/^total_commands_processed:\([0-9]*\).*/\1/p'; }

# URL N: the instructions of the whole process, to `count`; how often Redis was asked, to `questions`.
count_of() {
    local url=$1 n=$2 session before sent
    start_proxy valgrind --tool=callgrind --callgrind-out-file=/dev/null -- --set "store.url=$url" --set store.timeout_ms=10000
    session=$(curl -sf --retry 20 --retry-all-errors -X POST "http://127.0.0.1:$port/api/v1/sessions" \
        -H 'Content-Type: application/json' -d '{"checkpoint_id":"1000001"}' | sed 's/.*"session_id":"\([^"]*\)".*/\1/')
    before=$(asked)
    sent=$("$build/virtuoso-proxy" load -r 1000000 -n "$n" -c 1 -t 300s -o json \
        -b "{\"command\":\"step-interact click\",\"args\":[\"Sign in\"],\"session_id\":\"$session\"}" \
        "http://127.0.0.1:$port/api/v1/commands/execute")
    [[ $sent == *"\"statuses\":{\"200\":$n}"* ]] || { echo "not all commands went well: $sent" >&2; exit 1; }
    questions=$(($(asked) - before - 1))
    end_proxy
    count=$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$scratch/out.err")
}

declare -A each
for url in memory: "unix:$redis"; do
    name=${url%%:*}
    count_of "$url" $few
    first=$count
    count_of "$url" $many
    each[$name]=$(((count - first) / (many - few)))
    echo "${name/unix/redis}: ${each[$name]} instructions of a command, Redis asked $questions times for $many commands"
done
awk -v a="${each[memory]}" -v b="${each[unix]}" 'BEGIN { printf "ratio: %.3f\n", b / a }'
