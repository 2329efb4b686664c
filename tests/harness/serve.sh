# shellcheck shell=bash
# Sourced by scripts that need a running proxy with its sandbox: serve BINARY FOLDER [ARGUMENT...] starts one, sets $url
# (and $admin_url, where it has an admin listener), and has it stopped when the script ends.
serve() {
    local out=$2/serve.out
    rm -f "$out" # the address of an earlier one
    "$1" serve --sandbox --listen 127.0.0.1:0 --set drain.notice_ms=0 "${@:3}" >"$out" 2>/dev/null &
    server=$!
    trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true' EXIT
    for _ in $(seq 600); do
        grep -q '^listening on' "$out" 2>/dev/null && break
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    grep -q '^listening on' "$out" || { echo "$1 serve does not listen" >&2; exit 1; }
    # shellcheck disable=SC2034 # for the script that sourced this
    url=$(sed -n 's/^listening on //p' "$out")
    # shellcheck disable=SC2034
    admin_url=$(sed -n 's/^admin on //p' "$out")
}
