#!/usr/bin/env bash
# Event streams through a real nginx that knows nothing of them: its defaults, and proxy_pass. The first comment comes at once, events do
# while nginx reads its configuration again, nothing is compressed, and the end of the proxy is the end of the stream.
#   check_nginx.sh BINARY SCRATCH
# Skips (77) without nginx and curl.
set -euo pipefail
# shellcheck source=tests/harness/serve.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/serve.sh"
mkdir -p "$2"
binary=$1
scratch=$(mktemp -d "${TMPDIR:-/tmp}/vp-nginx-XXXXXX") # short: it has a socket
PATH=$PATH:/usr/sbin
for tool in nginx curl; do
    command -v "$tool" >/dev/null || { echo "skipped: no $tool"; rm -rf "$scratch"; exit 77; }
done
trap 'jobs -p | xargs -r kill 2>/dev/null || true; wait; rm -rf "$scratch"' EXIT

serve "$binary" "$scratch" --set runs.heartbeat_s=1 --set http.gzip=true
cat >"$scratch/nginx.conf" <<CONFIG
daemon off;
pid $scratch/nginx.pid;
error_log $scratch/nginx.err notice;
events {}
http {
    access_log off;
    client_body_temp_path $scratch/body;
    proxy_temp_path $scratch/proxy;
    fastcgi_temp_path $scratch/fastcgi;
    uwsgi_temp_path $scratch/uwsgi;
    scgi_temp_path $scratch/scgi;
    server {
        listen unix:$scratch/nginx.sock;
        location / { proxy_pass $url; }
    }
}
CONFIG
nginx -p "$scratch" -c "$scratch/nginx.conf" 2>>"$scratch/nginx.err" &
nginx=$!
wait_until test -S "$scratch/nginx.sock"

through() { curl -sS --unix-socket "$scratch/nginx.sock" --max-time 600 "$@"; }
begins() { [ -s "$scratch/stream" ]; }
has_events() { [ "$(grep -c '^data: .*"session.created"' "$scratch/stream")" -ge "$1" ]; }
has_comments() { [ "$(grep -c '^:' "$scratch/stream")" -ge "$1" ]; }
has_workers() { [ "$(grep -c 'start worker process ' "$scratch/nginx.err")" -ge "$1" ]; }
fail() { echo "$1"; cat "$scratch/stream" "$scratch/nginx.err" "$scratch/serve.err"; exit 1; }
new_session() { through -o /dev/null -f -H 'Content-Type: application/json' -d '{"name":"a"}' http://proxy/api/v1/sessions; }

through -N -H 'Accept-Encoding: gzip' -D "$scratch/head" -o "$scratch/stream" http://proxy/api/v1/events &
stream=$!
wait_until begins || fail "nothing of the stream came through"
grep -qi '^content-type: text/event-stream' "$scratch/head" || fail "it is no event stream"
! grep -qi '^content-encoding' "$scratch/head" || fail "the stream is compressed"
new_session
wait_until has_events 1 || fail "the event did not come through"
workers=$(grep -c 'start worker process ' "$scratch/nginx.err")
kill -HUP "$nginx"
wait_until has_workers $((workers + 1)) || fail "nginx did not read its configuration again"
new_session
wait_until has_events 2 || fail "no event came through after the reload"
wait_until has_comments 3 || fail "a silent stream gets no comments"
kill -TERM "$server"
wait "$stream" || fail "curl says that the stream was cut: $?"
wait "$server" || fail "the proxy ended with $?"
server=""
echo "a stream through nginx: $(grep -c '^data:' "$scratch/stream") events, $(grep -c '^:' "$scratch/stream") comments"
