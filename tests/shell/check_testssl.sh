#!/usr/bin/env bash
# testssl.sh against the TLS listener: nothing of severity MEDIUM or above but what the certificate of the test itself is
# (self-signed, long-lived, without revocation). It takes two minutes.
#   check_testssl.sh BINARY SCRATCH CERTIFICATES
set -uo pipefail
# shellcheck source=tests/harness/serve.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/serve.sh"
binary=$1
scratch=$2/testssl-$$
certificates=$3
tool=$(command -v testssl.sh || command -v testssl) || {
    echo "testssl.sh is not installed (Debian: apt-get install testssl.sh): skipped"
    exit 77
}
mkdir -p "$scratch"
cd "$scratch" || exit 1
serve "$binary" "$scratch" --set "server.tls_certificate_file=$certificates/cert.pem" \
    --set "server.tls_key_file=$certificates/key.pem"
port=${url##*:}
TERM=dumb timeout 500 "$tool" --severity MEDIUM --color 0 --quiet --warnings off --jsonfile found.json \
    "127.0.0.1:$port" >scan 2>&1 </dev/null
[ -s found.json ] || {
    cat scan
    exit 1
}
serve_end || {
    echo "the server ended with $?"
    exit 1
}
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
