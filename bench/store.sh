#!/usr/bin/env bash
# What a shared store costs: commands of one session, one after another, with the store in memory and in Redis. Counted under
# callgrind, so that it repeats on a busy machine: user instructions of a command, of all libraries together, while the leases
# are held; and what Redis was asked for meanwhile. The store is told things some milliseconds at a time, so under callgrind, where a
# command takes forty times as long, each command bears more of that: this ratio is for comparing versions. What counts is the processor's time by
# the clock, user and system: the target is 1.25 times at most. Then how long the middle one of many commands takes with each: the
# target is 0.3 ms more at most. And how often a process that does nothing asks Redis: the target is less than twice a second.
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

open_session() {
    session=$(curl -sf --retry 20 --retry-all-errors -X POST "http://127.0.0.1:$port/api/v1/sessions" \
        -H 'Content-Type: application/json' -d '{"checkpoint_id":"1000001"}' | sed 's/.*"session_id":"\([^"]*\)".*/\1/')
}
send() { # RATE N: what the generator says
    "$build/virtuoso-proxy" load -r "$1" -n "$2" -c 1 -t 300s -o json \
        -b "{\"command\":\"step-interact click\",\"args\":[\"Sign in\"],\"session_id\":\"$session\"}" \
        "http://127.0.0.1:$port/api/v1/commands/execute"
}

# URL N: the instructions of the whole process, to `count`; how often Redis was asked, to `questions`.
count_of() {
    local url=$1 n=$2 before sent
    start_proxy valgrind --tool=callgrind --callgrind-out-file=/dev/null -- --set "store.url=$url" --set store.timeout_ms=10000
    open_session
    before=$(asked)
    sent=$(send 1000000 "$n")
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
awk -v a="${each[memory]}" -v b="${each[unix]}" 'BEGIN { printf "ratio under callgrind: %.3f\n", b / a }'

ticks() { awk '{ print $14 + $15 }' "/proc/$server/stat"; }
cpu_of() { # URL: adds the processor's time of 20,000 commands, in ticks, to cpu[URL]
    local before sent
    start_proxy -- --set "store.url=$1" --set store.timeout_ms=10000
    open_session
    before=$(ticks)
    sent=$(send 1000000 20000)
    [[ $sent == *'"statuses":{"200":20000}'* ]] || { echo "not all commands went well: $sent" >&2; exit 1; }
    cpu[$1]=$((${cpu[$1]:-0} + $(ticks) - before))
    end_proxy
}
declare -A cpu
for _ in 1 2 3 4 5; do
    cpu_of memory:
    cpu_of "unix:$redis"
done
awk -v a="${cpu[memory:]}" -v b="${cpu[unix:$redis]}" -v hz="$(getconf CLK_TCK)" \
    'BEGIN { printf "processor: %.1f us of a command in memory, %.1f with Redis: %.3f times (at most 1.25)\n", a / hz * 10, b / hz * 10, b / a }'

# Sets `middle` to the median time of a command in milliseconds, with the store at URL.
middle_of() {
    start_proxy -- --set "store.url=$1" --set store.timeout_ms=10000
    open_session
    middle=$(send 200 1000 | sed -n 's/.*"p50":\([0-9.]*\).*/\1/p')
}

# By turns, so that a machine that grows slower does so for both; the middle of the turns counts.
rounds=5
: >"$scratch/memory"
: >"$scratch/redis"
for ((round = 1; round <= rounds; round++)); do
    middle_of memory:
    echo "$middle" >>"$scratch/memory"
    end_proxy
    middle_of "unix:$redis"
    echo "$middle" >>"$scratch/redis"
    if ((round < rounds)); then end_proxy; fi
done
mid() { sort -n "$1" | sed -n "$(((rounds + 1) / 2))p"; }
awk -v a="$(mid "$scratch/memory")" -v b="$(mid "$scratch/redis")" 'BEGIN { printf "p50: %.3f ms in memory, %.3f ms with Redis: %.3f ms more (at most 0.3)\n", a, b, b - a }'
# The last proxy is still there. What a script does inside Redis is no command of ours.
sent_by_us() { redis-cli -s "$redis" info commandstats | sed -n 's/^cmdstat_\(evalsha\|eval\|xread\|client|unblock\|client\):calls=\([0-9]*\).*/\2/p' | awk '{ n += $1 } END { print n + 0 }'; }
sleep 8 # what the commands have left behind is written, and their leases are let go
before=$(sent_by_us)
sleep 10
after=$(sent_by_us)
awk -v n=$((after - before)) 'BEGIN { printf "idle: %.1f commands a second\n", n / 10 }'
end_proxy
