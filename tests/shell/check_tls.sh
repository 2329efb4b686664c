#!/usr/bin/env bash
# What a scanner sees of the TLS listener: nothing older than TLS 1.2, only AEAD with ECDHE, X25519 and no weak curve.
#   check_tls.sh BINARY SCRATCH CERTIFICATES
set -uo pipefail
# shellcheck source=tests/harness/serve.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/serve.sh"
binary=$1
scratch=$2/tls
certificates=$3
if ! command -v sslscan >/dev/null; then
    echo "sslscan is not installed (Debian: apt-get install sslscan): skipped"
    exit 77
fi
mkdir -p "$scratch"
cd "$scratch" || exit 1
n_wrong=0

wrong() {
    echo "$1"
    n_wrong=$((n_wrong + 1))
}

serve "$binary" "$scratch" --set "server.tls_certificate_file=$certificates/cert.pem" \
    --set "server.tls_key_file=$certificates/key.pem"
port=${url##*:}
timeout 400 sslscan --no-colour --timeout=100 "127.0.0.1:$port" >scan || wrong "sslscan: exit code $?"
for old in SSLv2 SSLv3 TLSv1.0 TLSv1.1; do
    grep -Eq "^$old +disabled" scan || wrong "$old is not disabled"
done
grep -Eq '^TLSv1.2 +enabled' scan || wrong "TLS 1.2 is not enabled"
grep -Eq '^Preferred .*Curve 25519' scan || wrong "X25519 is not what is preferred"
[ "$(grep -Ec '^(Preferred|Accepted) ' scan)" -ge 3 ] || wrong "fewer than three suites"
if grep -E '^(Preferred|Accepted) ' scan | grep -Ev 'ECDHE-(ECDSA|RSA)-(AES(128|256)-GCM|CHACHA20)|TLS_(AES|CHACHA20)'; then
    wrong "a suite that is not AEAD with ECDHE"
fi
if grep -E 'secp(192|224|521)|brainpool|secp256k1|sect' scan; then
    wrong "a curve that should not be offered"
fi
grep -q 'Session renegotiation not supported' scan || wrong "sessions are renegotiated"
serve_end || wrong "the server ended with $?"
[ $n_wrong -eq 0 ] || cat scan
exit $((n_wrong > 0))
