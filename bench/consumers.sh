#!/usr/bin/env bash
# What telling others costs a command: with nothing on, with each consumer of events and spans alone, and with all of them; and in a program
# that notes no facts and asks for no spans ("without"), which is compiled for it. One run: the figures can be compared. The targets, by the
# processor's time: all of them together at most 1.15 times of nothing; nothing at most 1.01 times of without.
#   consumers.sh BUILD [count|time|all [ROUNDS]]     BUILD has virtuoso-proxy and bench_platform
# count: user instructions under callgrind, of all libraries and threads together, which repeat on a busy machine. Callgrind's processor has no
# instructions for SHA-256, so the audit costs less than they say. time: of the processor, in rounds that take turns.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=bench/stand/stand.sh
. "$(dirname "${BASH_SOURCE[0]}")/stand/stand.sh"
stand "$1" valgrind curl python3 cmake ninja
what=${2:-all}
few=200
many=1200

python3 "$(dirname "${BASH_SOURCE[0]}")/stand/taker.py" takes >"$scratch/taker" &
pids+=($!)
taker=http://127.0.0.1:$(port_of "$scratch/taker" "port ")
start_platform 0

make_hook() {
    [ -z "$hook" ] ||
        curl -sf --retry 20 --retry-all-errors -o /dev/null -X POST "http://127.0.0.1:$port/api/v1/webhooks" \
            -H 'Content-Type: application/json' -d "{\"url\":\"$taker/\",\"events\":[\"$hook\"]}"
}

send() { # COMMANDS CONNECTIONS
    local sent
    sent=$("$build/virtuoso-proxy" load -r 1000000 -n "$1" -c "$2" -t 300s -o json --ids 1000001-1000100 \
        -b '{"command":"step-interact click","args":["Sign in"],"checkpoint_id":{id},"position":0}' \
        "http://127.0.0.1:$port/api/v1/commands/execute")
    [[ $sent == *"\"statuses\":{\"200\":$1}"* ]] || { echo "not all commands went well: $sent" >&2; exit 1; }
}

# N: the instructions of the whole process, to `count`.
count_of() {
    rm -f "$scratch"/events.jsonl "$scratch"/audit.jsonl
    start_proxy valgrind --tool=callgrind --callgrind-out-file=/dev/null -- "${sets[@]}"
    make_hook
    send "$1" 1
    end_proxy
    count=$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$scratch/out.err")
}

cmake -S "$root" -B "$build/without" -G Ninja -DCMAKE_BUILD_TYPE=Release -DVP_TESTS=OFF -DCMAKE_C_FLAGS=-DFACTS_ARE_NOTED=0 >"$scratch/without.log"
cmake --build "$build/without" --target virtuoso-proxy >>"$scratch/without.log" || { tail "$scratch/without.log" >&2; exit 1; }

off=(--set analytics.enabled=false --set webhooks.allow_private=true --set analytics.interval_ms=1000)
otel=(--set "otel.endpoint=$taker" --set otel.interval_ms=5000)
analytics=(--set analytics.enabled=true)
audit=(--set "audit.file=$scratch/audit.jsonl")
file=(--set "analytics.file=$scratch/events.jsonl")
http=(--set "analytics.url=$taker/rows")

# NAME: the arguments of the proxy to `sets`, the program to `program`, events of a webhook to `hook`.
configure() {
    program=$build/virtuoso-proxy
    hook=""
    sets=("${off[@]}")
    case $1 in
    without) program=$build/without/virtuoso-proxy ;;
    analytics) sets+=("${analytics[@]}") ;;
    audit) sets+=("${audit[@]}") ;;
    spans) sets+=("${otel[@]}") ;;
    file) sets+=("${file[@]}") ;;
    http) sets+=("${http[@]}") ;;
    webhook) hook=run.finished ;;
    all)
        hook=run.finished
        sets+=("${analytics[@]}" "${audit[@]}" "${otel[@]}" "${file[@]}" "${http[@]}")
        ;;
    esac
}
# shellcheck disable=SC2206 # words
names=(${NAMES:-without nothing analytics audit spans file http webhook all})

declare -A each
if [ "$what" != time ]; then
    for name in "${names[@]}"; do
        configure "$name"
        count_of $few
        first=$count
        count_of $many
        each[$name]=$(((count - first) / (many - few)))
        awk -v name="$name" -v a="${each[nothing]:-0}" -v b="${each[$name]}" \
            'BEGIN { printf "%-10s %8d instructions a command", name, b; if (a) printf "  %+7d  %.3f times", b - a, b / a; print "" }'
    done
    awk -v a="${each[without]}" -v b="${each[nothing]}" -v c="${each[all]}" \
        'BEGIN { printf "instructions: off %.4f times of without, on %.3f times of off\n", b / a, c / b }'
fi
[ "$what" != count ] || exit 0

rounds=${3:-25}
commands=6000
# Of all threads, in nanoseconds.
processor_ns() { awk '{ sum += $1 } END { printf "%d", sum }' "/proc/$server/task"/*/schedstat; }

time_of() { # NAME: a line with nanoseconds of the processor for a command
    local before
    configure "$1"
    rm -f "$scratch"/events.jsonl "$scratch"/audit.jsonl
    start_proxy -- "${sets[@]}"
    make_hook
    send 2500 16 # every page of the ring of facts is there then
    before=$(processor_ns)
    send $commands 16
    sleep 1.1 # what was gathered is sent, too
    echo "$1 $((($(processor_ns) - before) / commands))" >>"$scratch/times"
    end_proxy
}

for _ in $(seq "$rounds"); do
    for name in $(shuf -e "${names[@]}"); do
        time_of "$name"
    done
done
# What disturbs the machine makes a run longer, never shorter: so the least says more than the middle where others work, too.
for name in "${names[@]}"; do
    sort -n -k 2 "$scratch/times" | awk -v name="$name" '$1 == name { a[++n] = $2 } $1 == "nothing" { b[++m] = $2 } END {
        h = int((n + 1) / 2)
        printf "%-10s least %6.2f us of the processor a command, %.3f times of nothing; middle %6.2f us, %.3f times\n",
            name, a[1] / 1000, a[1] / b[1], a[h] / 1000, a[h] / b[h]
    }'
done
