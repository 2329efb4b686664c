#!/usr/bin/env bash
# Buckets, against s3rver from npm. The reports of a test run arrive there, and the audit. The store does not use it: s3rver reads requests as S3 does (but not the
# signature's value), and takes every PUT whatever its conditions are, so the program gets as far as finding that out, and refuses.
#   check_s3.sh BINARY SCRATCH
# Skips (77) where npm is missing, or the tool cannot be fetched.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/harness/npm.sh
. "$here/../harness/npm.sh"
binary=$1
scratch=$2/s3rver

npm_tools s3rver "$scratch"
cd "$scratch"
rm -rf buckets
mkdir buckets
: >s3rver.out # the addresses of earlier ones
: >serve.out
timeout 400 node_modules/.bin/s3rver -d buckets -a 127.0.0.1 -p 0 --no-vhost-buckets --configure-bucket qa-bucket >s3rver.out 2>&1 &
server=$!
proxy=
trap 'kill $server $proxy 2>/dev/null || true; wait 2>/dev/null || true' EXIT
for _ in $(seq 3000); do
    grep -q 'listening on' s3rver.out && break
    sleep 0.1
done
port=$(sed -n 's/.*listening on [^ ]*:\([0-9]*\).*/\1/p' s3rver.out)
[ -n "$port" ] || { cat s3rver.out >&2; exit 1; }

# ID WORDS: what `check --connect` with this id of a key says.
expect() {
    if AWS_ACCESS_KEY_ID=$1 AWS_SECRET_ACCESS_KEY=S3RVER AWS_REGION=us-east-1 AWS_ENDPOINT_URL_S3=http://127.0.0.1:$port \
        VIRTUOSO_API_TOKEN=a-token-of-a-test "$binary" check --connect --set auth.mode=none \
        --set store.url=s3://qa-bucket/proxies --set store.timeout_ms=60000 >check.out 2>&1; then
        echo "it was taken:"
        cat check.out
        exit 1
    fi
    grep -q "$2" check.out || { cat check.out; exit 1; }
}
expect S3RVER 'the service does not keep to conditions'
expect another-id 'InvalidAccessKeyId'
echo "s3rver takes our requests, and is not used: it does not keep to conditions"

# The reports of a run.
export AWS_ACCESS_KEY_ID=S3RVER AWS_SECRET_ACCESS_KEY=S3RVER AWS_REGION=us-east-1 AWS_ENDPOINT_URL_S3=http://127.0.0.1:$port
timeout --foreground 400 "$binary" serve --sandbox --listen 127.0.0.1:0 --set artifacts.url=s3://qa-bucket/reports --set drain.notice_ms=0 \
    --set audit.url=s3://qa-bucket/audit --set audit.chain=one --set sandbox.listen=127.0.0.1:0 >serve.out 2>serve.err &
proxy=$!
for _ in $(seq 3000); do
    grep -q '^listening on' serve.out && break
    sleep 0.1
done
url=$(sed -n 's/^listening on //p' serve.out)
id=$(curl -sS --max-time 200 -H 'Content-Type: application/yaml' --data-binary $'name: Sign in\nsteps:\n  - click: "Sign in"\n' \
    "$url/api/v1/tests/run" | sed -n 's/.*"id":"\(run_[0-9a-f]*\)".*/\1/p')
for _ in $(seq 3000); do
    found=$(find buckets/qa-bucket/reports/"$id" -name 'report.html*_object' 2>/dev/null) && [ -n "$found" ] && grep -q '<h2>Sign in</h2>' "$found" && break
    sleep 0.1
done
[ -n "$found" ] || { echo "the reports did not arrive"; cat serve.err; exit 1; }
grep -q '<h2>Sign in</h2>' "$found" || { echo "the page is not ours"; exit 1; }
grep -q "s3://qa-bucket/reports/$id/report.html" buckets/qa-bucket/reports/"$id"/report.json*_object || { echo "no links in the report"; exit 1; }
for _ in $(seq 3000); do # a second after its line, and at the end only as long as the end may take
    grep -qs '"action":"/api/v1/tests/run"' buckets/qa-bucket/audit/one/*.jsonl*_object && break
    sleep 0.1
done
kill -TERM $proxy # --foreground: else timeout sends the signal twice, and the second one is no drain
wait $proxy || { echo "the server ended with $?"; cat serve.err; exit 1; }
echo "the reports of a run arrive in s3rver"
"$binary" audit export one --set sandbox.enabled=true --set audit.url=s3://qa-bucket/audit >lines.jsonl
"$binary" audit verify lines.jsonl >verify.out
grep -q '"action":"/api/v1/tests/run"' lines.jsonl || { echo "the audit does not tell of the run"; exit 1; }
cat buckets/qa-bucket/audit/one/*.jsonl*_object | cmp - lines.jsonl
echo "so does the audit"
