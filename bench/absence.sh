#!/usr/bin/env bash
# Whether a request notices that those who are told of it (an OpenTelemetry collector, a webhook receiver, an HTTP sink and BigQuery) are slow,
# refuse, close in the middle, never answer, or are away: how long one answer in a hundred takes. The target: at most 1.1 times of what it takes
# while all four take what comes. A proxy for each mood runs all the time; one of them answers at a time, and the others stand still. Each short
# measurement of a mood stands between two of "takes", and its ratio is to the mean of these two; what is printed is the middle of the ratios of
# all rounds, and the two quarters beside it. "again" is a second proxy whose receivers take everything: how far its ratios are from 1 is the noise.
# Give it an idle machine.
#   absence.sh BUILD [ROUNDS [SECONDS [RATE]]]     BUILD has virtuoso-proxy and bench_platform; a round of 2 seconds takes 35
set -euo pipefail
# shellcheck source=bench/stand/stand.sh
. "$(dirname "${BASH_SOURCE[0]}")/stand/stand.sh"
stand "$1" curl python3 chrt
rounds=${2:-9}
seconds=${3:-2}
rate=${4:-500}
moods=(again slow refuses closes silent away hole)

start_platform 5000 # us: a good deal less than the real one takes
# In production a receiver is another machine: here it gets what time of the processor nobody else wants.
start_taker() { # MOOD; its port to `taker_port`
    : >"$scratch/taker.$1"
    chrt --idle 0 python3 "$(dirname "${BASH_SOURCE[0]}")/stand/taker.py" "${1/again/takes}" >"$scratch/taker.$1" &
    pids+=($!)
    taker_port=$(port_of "$scratch/taker.$1" "port ")
}
start_taker token
export GCE_METADATA_HOST=127.0.0.1:$taker_port
declare -A servers ports ratios

send() { # MOOD RATE SECONDS: the p99 in us to `p99`
    local answer
    kill -CONT "${servers[$1]}"
    answer=$("$build/virtuoso-proxy" load -r "$2" --warm-up 300ms -d "$3s" -c 16 -o json --ids 1000001-1000100 --max-errors 0 \
        -b '{"command":"step-interact click","args":["Sign in"],"checkpoint_id":{id},"position":0}' \
        "http://127.0.0.1:${ports[$1]}/api/v1/commands/execute" 2>"$scratch/load.err") ||
        { echo "$1: not all commands went well: $answer" >&2; cat "$scratch/load.err" >&2; exit 1; }
    kill -STOP "${servers[$1]}"
    p99=$(sed -n 's/.*"p99":\([0-9.]*\).*/\1/p' <<<"${answer%%generator_late*}" | awk '{ printf "%d", $1 * 1000 }')
}

start_mood() { # MOOD
    local url folder=$scratch/$1
    start_taker "$1"
    url=http://127.0.0.1:$taker_port
    mkdir "$folder"
    CLOUDSDK_API_ENDPOINT_OVERRIDES_BIGQUERY=$url scratch=$folder start_proxy -- --set "otel.endpoint=$url" --set otel.interval_ms=500 \
        --set "analytics.url=$url/rows" --set analytics.bigquery=p.d.t --set analytics.interval_ms=200 \
        --set webhooks.allow_private=true --set webhooks.retry_ms=200 \
        --set "analytics.file=$folder/events.jsonl" --set "audit.file=$folder/audit.jsonl"
    servers[$1]=$server
    ports[$1]=$port
    curl -sf --retry 20 --retry-all-errors -o /dev/null -X POST "http://127.0.0.1:$port/api/v1/webhooks" \
        -H 'Content-Type: application/json' -d "{\"url\":\"$url/\",\"events\":[\"command.executed\"]}"
    send "$1" 800 3 # every page of the ring of facts is there then, and who is away has been away for some time
}

for mood in takes "${moods[@]}"; do
    start_mood "$mood"
done
for _ in $(seq "$rounds"); do
    send takes "$rate" "$seconds"
    before=$p99
    for mood in $(shuf -e "${moods[@]}"); do
        send "$mood" "$rate" "$seconds"
        its=$p99
        send takes "$rate" "$seconds"
        ratios[$mood]+="$(awk -v its="$its" -v a="$before" -v b="$p99" 'BEGIN { printf "%.3f %d", 2 * its / (a + b), its }')"$'\n'
        before=$p99
    done
done
for mood in "${moods[@]}"; do
    sort -n <<<"${ratios[$mood]}" | awk -v mood="$mood" 'NF == 2 { a[++n] = $1; us[n] = $2 } END {
        h = int((n + 1) / 2); q = int((n + 3) / 4)
        printf "%-8s p99 %.3f times of takes (middle of %d; a quarter below %.3f, a quarter above %.3f), %.3f ms%s\n",
            mood, a[h], n, a[q], a[n + 1 - q], us[h] / 1000, a[h] <= 1.1 ? "" : ": above 1.1"
    }'
done
