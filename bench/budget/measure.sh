#!/usr/bin/env bash
# What one command costs, counted and not timed, so that it repeats: user instructions and calls of malloc and its kin,
# of all libraries together; and the instructions of the longest turn of the loop while a large request is answered.
#   measure.sh BUILD     BUILD has virtuoso-proxy, bench_load, bench_platform and libbench_count.so
# Prints lines "name number". A count is the difference between a run of few and one of many commands, so that start
# and end of the program do not count. One connection, one request at a time: no two events fall into one turn.
set -euo pipefail
# shellcheck source=bench/stand/stand.sh
. "$(dirname "${BASH_SOURCE[0]}")/../stand/stand.sh"
stand "$1" valgrind curl
few=100
many=600
mib=1048000

start_platform 0

# [WRAPPER...]: the proxy under WRAPPER
serve() {
    start_proxy "$@" -- --set upstream.organization_id=1 --set http.max_test_file_body=8MiB \
        --set http.exchange_timeout_ms=300000 --set http.long_exchange_timeout_ms=300000 # callgrind on a busy machine
}

send_commands() { # N
    local sent
    sent=$("$build/virtuoso-proxy" load -r 1000000 -n "$1" -c 1 -t 300s -o json --ids 1000001-1000100 \
        -b '{"command":"step-interact click","args":["Sign in"],"checkpoint_id":{id},"position":0}' \
        "http://127.0.0.1:$port/api/v1/commands/execute")
    [[ $sent == *"\"statuses\":{\"200\":$1}"* ]] || { echo "not all commands went well: $sent" >&2; exit 1; }
}

per_command() { awk -v few="$few" -v many="$many" -v a="$1" -v b="$2" 'BEGIN { printf "%.1f\n", (b - a) / (many - few) }'; }

instructions_of() { # N
    serve valgrind --tool=callgrind --callgrind-out-file=/dev/null
    send_commands "$1"
    end_proxy
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$scratch/out.err"
}

# The loader splits LD_PRELOAD at blanks, which the path of the build may hold.
cp "$build/libbench_count.so" "$scratch/"

allocations_of() { # N
    serve env "LD_PRELOAD=$scratch/libbench_count.so" "COUNT_ALLOCATIONS=$scratch/count"
    send_commands "$1"
    end_proxy
    cat "$scratch/count"
}

# The largest of the turns from number $1 on. Callgrind writes what it has counted whenever a turn begins to wait for
# events (on_prepare of net/loop.c), into files with numbers.
largest_since() {
    local i=$1 most=0 n
    while [ -e "$scratch/turn.$i" ]; do
        n=$(sed -n 's/^totals: //p' "$scratch/turn.$i")
        [ "${n:-0}" -le "$most" ] || most=$n
        i=$((i + 1))
    done
    echo "$most"
}

next_turn() {
    local i=$1
    while [ -e "$scratch/turn.$i" ]; do i=$((i + 1)); done
    echo "$i"
}

# NAME PATH [CURL'S OPTIONS...]: one request, and the longest turn while it was answered. A second request shows that
# the turn of the first one is over and counted.
turn() {
    local name=$1 path=$2
    shift 2
    first=$(next_turn "$first")
    curl -fsS -o /dev/null --max-time 300 "$@" "http://127.0.0.1:$port/$path"
    curl -fsS -o /dev/null --max-time 300 "http://127.0.0.1:$port/health/live"
    echo "turn_$name $(largest_since "$first")"
}

write_bodies() {
    local i separator=""
    {
        printf 'name: growth\nsteps:\n'
        for i in $(seq 1000); do
            printf '  - click: "Sign in %d"\n  - write: {selector: "Email %d", text: "user@example.com"}\n' "$i" "$i"
        done
    } >"$scratch/file.yaml"
    {
        printf '{"checkpoint_id":1000001,"commands":['
        for i in $(seq 0 499); do
            printf '%s{"command":"step-interact click","args":["Sign in"],"position":%d}' "$separator" "$i"
            separator=","
        done
        printf ']}'
    } >"$scratch/batch.json"
    text "$mib" '\u00e9' '{"command":"step-interact click","args":["' '"]}' >"$scratch/escapes.json"
    text "$mib" '漢' '{"command":"step-interact click","args":["' '"]}' >"$scratch/wide.json"
    batch_of step-interact '\\n' >"$scratch/batch_escapes.json"
    batch_of stepp-interact '\\n' >"$scratch/batch_wrong.json"
    text 970000 "  - {command: step-interact click, args: [\"$(text 1900 a '' '')\"]}
" 'checkpoint_id: 1000001
commands:
' '' >"$scratch/batch.yaml"
    text "$mib" '{"click":"a button with a name that is long enough for less than ten thousand steps in all of the file"},' \
        '{"name":"x","steps":[' '{"click":"end"}]}' >"$scratch/file.json"
}

# text BYTES UNIT HEAD TAIL: the unit as often as it fits between head and tail.
text() {
    local n=$((($1 - ${#3} - ${#4}) / $(printf '%s' "$2" | wc -c)))
    printf '%s' "$3"
    UNIT=$2 awk -v n="$n" 'BEGIN { for (i = 0; i < n; i++) printf "%s", ENVIRON["UNIT"] }'
    printf '%s' "$4"
}

# batch_of COMMAND UNIT: 500 commands of 1,900 bytes each, nearly a MiB.
batch_of() {
    local separator='' one
    one=$(text 1900 "$2" '"command":"'"$1"' click","args":["' '"]')
    printf '{"checkpoint_id":1000001,"stop_on_error":false,"commands":['
    for _ in $(seq 500); do
        printf '%s{%s}' "$separator" "$one"
        separator=,
    done
    printf ']}'
}

turns() {
    local file=(-H 'Content-Type: application/yaml' --data-binary "@$scratch/file.yaml")
    local json=(-H 'Content-Type: application/json')
    first=2 # the first one is the start of the program
    write_bodies
    serve valgrind --tool=callgrind --dump-line=no "--callgrind-out-file=$scratch/turn" --dump-before=on_prepare
    curl -fsS -o /dev/null --max-time 300 "http://127.0.0.1:$port/health/live"
    turn validate api/v1/tests/validate "${file[@]}"
    turn compile api/v1/tests/compile "${file[@]}"
    turn sentences 'api/v1/tests/compile?to=sentences' "${file[@]}"
    turn dry_run 'api/v1/tests/run?dry_run=true' "${file[@]}"
    turn json_file api/v1/tests/validate "${json[@]}" --data-binary "@$scratch/file.json"
    turn batch api/v1/commands/batch "${json[@]}" --data-binary "@$scratch/batch.json"
    turn batch_escapes 'api/v1/commands/batch?dry_run=true' "${json[@]}" --data-binary "@$scratch/batch_escapes.json"
    turn batch_yaml 'api/v1/commands/batch?dry_run=true' -H 'Content-Type: application/yaml' --data-binary "@$scratch/batch.yaml"
    turn batch_wrong 'api/v1/commands/batch?dry_run=true' "${json[@]}" --data-binary "@$scratch/batch_wrong.json"
    turn text_of_escapes api/v1/commands/validate "${json[@]}" --data-binary "@$scratch/escapes.json"
    turn text_of_wide api/v1/commands/validate "${json[@]}" --data-binary "@$scratch/wide.json"
    turn metrics metrics
    turn openapi openapi.json
    turn catalogue api/v1/commands
    end_proxy
}

few_instructions=$(instructions_of "$few")
many_instructions=$(instructions_of "$many")
echo "instructions_per_command $(per_command "$few_instructions" "$many_instructions")"
few_allocations=$(allocations_of "$few")
many_allocations=$(allocations_of "$many")
echo "allocations_per_command $(per_command "$few_allocations" "$many_allocations")"
turns
