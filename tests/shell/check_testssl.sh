#!/usr/bin/env bash
# testssl.sh against the TLS listener: nothing of severity MEDIUM or above but what the certificate of the test itself is
# (self-signed, long-lived, without revocation). It takes two minutes.
#   check_testssl.sh BINARY SCRATCH CERTIFICATES
set -uo pipefail
binary=$1
scratch=$2/testssl-$$
certificates=$3
tool=$(command -v testssl.sh || command -v testssl) || {
    echo "testssl.sh is not installed (Debian: apt-get install testssl.sh): skipped"
    exit 77
}
mkdir -p "$scratch"
cd "$scratch" || exit 1
: >out
env -i "$binary" serve --sandbox --listen 127.0.0.1:0 --set drain.notice_ms=0 \
    --set "server.tls_certificate_file=$certificates/cert.pem" --set "server.tls_key_file=$certificates/key.pem" \
    >out 2>err &
server=$!
trap 'kill -TERM "$server" 2>/dev/null' EXIT
port=""
for _ in $(seq 400); do
    port=$(sed -n 's/^listening on https:.*:\([0-9]*\)$/\1/p' out)
    [ -z "$port" ] || break
    sleep 0.05
done
[ -n "$port" ] || {
    cat err
    exit 1
}
TERM=dumb timeout 500 "$tool" --severity MEDIUM --color 0 --quiet --warnings off --jsonfile found.json \
    "127.0.0.1:$port" >scan 2>&1 </dev/null
[ -s found.json ] || {
    cat scan
    exit 1
}
kill -TERM "$server"
wait "$server" || {
    echo "the server ended with $?"
    exit 1
}
trap - EXIT
# One finding a line: ID SEVERITY. What begins with engine, scan or psl is of the tool, not of the listener.
findings=$(tr -d '\n' <found.json | grep -o '"id" *: *"[^"]*"[^}]*"severity" *: *"[^"]*"' |
    sed 's/^"id" *: *"\([^"]*\)".*"severity" *: *"\([^"]*\)"$/\1 \2/' |
    grep -Ev '^(cert|engine_problem|optimal_proto|scanTime|BREACH|DNS_CAArecord|OCSP|overall_grade|grade_cap|final_score|TLS1_3 INFO)' |
    grep -Ev ' (OK|INFO|LOW|DEBUG)$')
if [ -n "$findings" ]; then
    echo "$findings"
    cat found.json
    exit 1
fi
cd / && rm -rf "$scratch"
