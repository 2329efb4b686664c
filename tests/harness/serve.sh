# shellcheck shell=bash
# Sourced by scripts that need a running proxy. What they start ends with them.
#   serve BINARY FOLDER [ARGUMENT...]          one with its sandbox: sets $url (and $admin_url, where it has an admin
#                                              listener)
#   serve_config BINARY FOLDER N CONFIG        one of this configuration with N listeners: sets $urls
#   serve_end                                  SIGTERM, and waits; its exit code
#   wait_until COMMAND...                      asks again until it succeeds; fails after five minutes
# What the proxy writes is in FOLDER/serve.out and FOLDER/serve.err.
server=""
trap 'jobs -p | xargs -r kill 2>/dev/null || true; wait' EXIT

wait_until() {
    for _ in $(seq 6000); do
        "$@" && return 0
        sleep 0.05
    done
    return 1
}

n_listening() {
    [ "$(grep -c '^listening on' "$1")" -ge "$2" ] || ! kill -0 "$server" 2>/dev/null
}

# start_server FOLDER N COMMAND...
start_server() {
    local out=$1/serve.out n=$2
    : >"$out" # the address of an earlier one
    env -i PATH="$PATH" "${@:3}" >"$out" 2>"$1/serve.err" &
    server=$!
    wait_until n_listening "$out" "$n" || true
    mapfile -t urls < <(sed -n 's/^listening on //p' "$out")
    [ ${#urls[@]} -ge "$n" ] || {
        echo "the proxy does not listen:" >&2
        cat "$out" "$1/serve.err" >&2
        exit 1
    }
}

serve() {
    start_server "$2" 1 "$1" serve --sandbox --listen 127.0.0.1:0 --set drain.notice_ms=0 "${@:3}"
    # shellcheck disable=SC2034 # for the script that sourced this
    url=${urls[0]} admin_url=$(sed -n 's/^admin on //p' "$2/serve.out")
}

serve_config() {
    start_server "$2" "$3" "$1" serve -c "$4"
}

serve_end() {
    local code=0
    kill -TERM "$server"
    wait "$server" || code=$?
    server=""
    return "$code"
}
