#!/usr/bin/env bash
# What telling others costs: user instructions of a command under callgrind, of all libraries and threads together, with nothing on,
# with each consumer of events and spans alone, and with all of them. One run: the figures can be compared. The targets: all of them
# together at most 1.15 times of nothing; nothing on, what notes facts and asks for spans at most 1.01 times of the rest.
#   consumers.sh BUILD     BUILD has virtuoso-proxy and bench_platform
set -euo pipefail
# shellcheck source=bench/stand/stand.sh
. "$(dirname "${BASH_SOURCE[0]}")/stand/stand.sh"
stand "$1" valgrind curl python3
few=200
many=1200

# A collector and a sink that take what comes.
cat >"$scratch/taker.py" <<'END'
import http.server, socketserver
class Taker(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
    def log_message(self, *_):
        pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
server = Server(("127.0.0.1", 0), Taker)
print("port", server.server_port, flush=True)
server.serve_forever()
END
python3 "$scratch/taker.py" >"$scratch/taker" &
pids+=($!)
taker=http://127.0.0.1:$(port_of "$scratch/taker" "port ")
start_platform 0

# N: the instructions of the whole process, to `count`. $hook: events of a webhook, or nothing.
count_of() {
    local n=$1 sent
    rm -f "$scratch"/events.jsonl "$scratch"/audit.jsonl
    start_proxy valgrind --tool=callgrind --callgrind-out-file=/dev/null -- "${sets[@]}"
    if [ -n "$hook" ]; then
        curl -sf --retry 20 --retry-all-errors -o /dev/null -X POST "http://127.0.0.1:$port/api/v1/webhooks" \
            -H 'Content-Type: application/json' -d "{\"url\":\"$taker/\",\"events\":[\"$hook\"]}"
    fi
    sent=$("$build/virtuoso-proxy" load -r 1000000 -n "$n" -c 1 -t 300s -o json --ids 1000001-1000100 \
        -b '{"command":"step-interact click","args":["Sign in"],"checkpoint_id":{id},"position":0}' \
        "http://127.0.0.1:$port/api/v1/commands/execute")
    [[ $sent == *"\"statuses\":{\"200\":$n}"* ]] || { echo "not all commands went well: $sent" >&2; exit 1; }
    end_proxy
    count=$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$scratch/out.err")
}

declare -A each
measure() { # NAME
    local first
    count_of $few
    first=$count
    count_of $many
    each[$1]=$(((count - first) / (many - few)))
    awk -v name="$1" -v a="${each[nothing]}" -v b="${each[$1]}" \
        'BEGIN { printf "%-22s %8d instructions a command  %+7d  %.3f times\n", name, b, b - a, b / a }'
}

off=(--set analytics.enabled=false --set webhooks.allow_private=true --set analytics.interval_ms=1000)
otel=(--set "otel.endpoint=$taker" --set otel.interval_ms=5000)
analytics=(--set analytics.enabled=true)
audit=(--set "audit.file=$scratch/audit.jsonl")
hook=""
sets=("${off[@]}") && measure nothing
sets=("${off[@]}" "${analytics[@]}") && measure analytics
sets=("${off[@]}" "${audit[@]}") && measure audit
sets=("${off[@]}" "${otel[@]}") && measure spans
sets=("${off[@]}" --set "analytics.file=$scratch/events.jsonl") && measure file
sets=("${off[@]}" --set "analytics.url=$taker/rows") && measure http
hook=run.finished
sets=("${off[@]}") && measure webhook_of_runs
sets=("${off[@]}" "${analytics[@]}" "${audit[@]}" "${otel[@]}" --set "analytics.file=$scratch/events.jsonl") && measure all

# Instructions are not time. So the same by the processor's time, in rounds that take turns: of each the quickest one counts.
rounds=5
commands=30000
processor_ms() { awk '{ print ($14 + $15) * 10 }' "/proc/$server/stat"; }

time_of() { # NAME: milliseconds of the processor for $commands, the least so far to least[NAME]
    local before now
    rm -f "$scratch"/events.jsonl "$scratch"/audit.jsonl
    start_proxy -- "${sets[@]}"
    before=$(processor_ms)
    "$build/virtuoso-proxy" load -r 1000000 -n $commands -c 16 -t 300s -o json --ids 1000001-1000100 \
        -b '{"command":"step-interact click","args":["Sign in"],"checkpoint_id":{id},"position":0}' \
        "http://127.0.0.1:$port/api/v1/commands/execute" >/dev/null
    now=$(($(processor_ms) - before))
    end_proxy
    if [ "${least[$1]:-999999999}" -gt "$now" ]; then least[$1]=$now; fi
}

declare -A least
for _ in $(seq $rounds); do
    sets=("${off[@]}") && time_of nothing
    sets=("${off[@]}" "${analytics[@]}") && time_of analytics
    sets=("${off[@]}" "${audit[@]}") && time_of audit
    sets=("${off[@]}" "${otel[@]}") && time_of spans
    sets=("${off[@]}" "${analytics[@]}" "${audit[@]}" "${otel[@]}") && time_of analytics_audit_spans
done
for name in nothing analytics audit spans analytics_audit_spans; do
    awk -v name="$name" -v a="${least[nothing]}" -v b="${least[$name]}" -v n=$commands \
        'BEGIN { printf "%-22s %8.2f us of the processor a command  %.3f times\n", name, 1000 * b / n, b / a }'
done
