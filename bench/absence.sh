#!/usr/bin/env bash
# Whether a request notices that those who are told of it (an OpenTelemetry collector, a webhook receiver, an HTTP sink and BigQuery) are slow,
# refuse, close in the middle, never answer, or are away: how long one answer in a hundred takes, in rounds that take turns. The target: at most 1.1
# times of what it takes while all four take what comes. Give it an idle machine: one of the two sides of a ratio that something
# else disturbs says nothing.
#   absence.sh BUILD [ROUNDS [SECONDS [RATE]]]     BUILD has virtuoso-proxy and bench_platform
set -euo pipefail
# shellcheck source=bench/stand/stand.sh
. "$(dirname "${BASH_SOURCE[0]}")/stand/stand.sh"
stand "$1" curl python3
rounds=${2:-5}
seconds=${3:-5}
rate=${4:-300}
moods=(takes slow refuses closes silent away hole)

start_platform 5
start_taker() { # MOOD; its port to `taker_port`
    python3 "$(dirname "${BASH_SOURCE[0]}")/stand/taker.py" "$1" >"$scratch/taker.$1" &
    pids+=($!)
    taker_port=$(port_of "$scratch/taker.$1" "port ")
}
start_taker token
export GCE_METADATA_HOST=127.0.0.1:$taker_port
declare -A ports figures
for mood in "${moods[@]}"; do
    start_taker "$mood"
    ports[$mood]=$taker_port
done

measure() { # MOOD: adds the p99 in ms to figures[MOOD]
    local url=http://127.0.0.1:${ports[$1]} answer
    rm -f "$scratch"/events.jsonl* "$scratch"/audit.jsonl*
    CLOUDSDK_API_ENDPOINT_OVERRIDES_BIGQUERY=$url start_proxy -- --set "otel.endpoint=$url" --set otel.interval_ms=500 \
        --set "analytics.url=$url/rows" --set analytics.bigquery=p.d.t --set analytics.interval_ms=200 \
        --set webhooks.allow_private=true --set webhooks.retry_ms=200 \
        --set "analytics.file=$scratch/events.jsonl" --set "audit.file=$scratch/audit.jsonl"
    curl -sf --retry 20 --retry-all-errors -o /dev/null -X POST "http://127.0.0.1:$port/api/v1/webhooks" \
        -H 'Content-Type: application/json' -d "{\"url\":\"$url/\",\"events\":[\"command.executed\"]}"
    answer=$("$build/virtuoso-proxy" load -r "$rate" --warm-up 1s -d "${seconds}s" -c 16 -o json --ids 1000001-1000100 --max-errors 0 \
        -b '{"command":"step-interact click","args":["Sign in"],"checkpoint_id":{id},"position":0}' \
        "http://127.0.0.1:$port/api/v1/commands/execute") || { echo "not all commands went well: $answer" >&2; exit 1; }
    figures[$1]+="$(sed -n 's/.*"p99":\([0-9.]*\).*/\1/p' <<<"${answer%%generator_late*}") "
    end_proxy
}

for _ in $(seq "$rounds"); do
    for mood in "${moods[@]}"; do
        measure "$mood"
    done
done
middle() { tr ' ' '\n' <<<"$1" | grep . | sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }
before=$(middle "${figures[takes]}")
for mood in "${moods[@]}"; do
    awk -v mood="$mood" -v a="$before" -v b="$(middle "${figures[$mood]}")" -v all="${figures[$mood]}" \
        'BEGIN { printf "%-8s p99 %7.3f ms  %.3f times   (%s)\n", mood, b, b / a, all }'
done
