# shellcheck shell=bash
# Sourced by scripts that measure the proxy before a platform that answers at once: a scratch folder, and processes that end
# with the script.
#   stand BUILD [TOOL...]                      BUILD has virtuoso-proxy and bench_platform; sets $build and $scratch. Ends
#                                              with 77 when a tool is not installed
#   start_platform [DELAY_MS...]               sets $platform, its port; the arguments are those of bench_platform
#   start_proxy [WRAPPER...] -- [ARGUMENT...]  `serve` of $program, else of the one in BUILD, under WRAPPER: sets $server, its process, and $port; what it writes
#                                              is in $scratch/out and $scratch/out.err
#   end_proxy                                  SIGTERM, and waits; its exit code
#   port_of FILE PREFIX                        the port in the first line that is PREFIX and a number; fails after a minute
pids=()

finish() {
    for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$scratch"
}

stand() {
    build=$(cd "$1" && pwd)
    shift
    for tool in "$@"; do
        command -v "$tool" >/dev/null || { echo "$tool is not installed" >&2; exit 77; }
    done
    scratch=$(mktemp -d)
    trap finish EXIT
}

port_of() {
    local port=""
    for _ in $(seq 1200); do
        port=$(sed -n "s/^$2\([0-9]*\)\$/\1/p" "$1" | head -n 1)
        [ -z "$port" ] || break
        sleep 0.05
    done
    [ -n "$port" ] || { echo "no port in $1:" >&2; cat "$1"* >&2; exit 1; }
    echo "$port"
}

start_platform() {
    "$build/bench_platform" "$@" >"$scratch/platform" &
    pids+=($!)
    platform=$(port_of "$scratch/platform" "port ")
}

start_proxy() {
    local wrapper=()
    while [ "$1" != -- ]; do
        wrapper+=("$1")
        shift
    done
    shift
    : >"$scratch/out" # the port in it is that of the one before
    VIRTUOSO_API_TOKEN=token-of-the-bench "${wrapper[@]}" "${program:-$build/virtuoso-proxy}" serve --listen 127.0.0.1:0 \
        --set auth.mode=none --set log.access=false --set log.level=error --set drain.notice_ms=0 \
        --set "upstream.base_url=http://127.0.0.1:$platform/api" "$@" >"$scratch/out" 2>"$scratch/out.err" &
    server=$!
    pids+=("$server")
    # shellcheck disable=SC2034 # for the script that sourced this
    port=$(port_of "$scratch/out" 'listening on http:.*:')
}

end_proxy() {
    kill -TERM "$server"
    wait "$server"
}
