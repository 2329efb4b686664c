#!/usr/bin/env bash
# The store in a bucket, against s3rver from npm: it reads requests as S3 does (but not the signature's value), and takes every PUT whatever its
# conditions are. So the program gets as far as finding that out, and refuses to use it.
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
timeout 60 node_modules/.bin/s3rver -d buckets -a 127.0.0.1 -p 0 --no-vhost-buckets --configure-bucket qa-bucket >s3rver.out 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true' EXIT
for _ in $(seq 200); do
    grep -q 'listening on' s3rver.out && break
    sleep 0.1
done
port=$(sed -n 's/.*listening on [^ ]*:\([0-9]*\).*/\1/p' s3rver.out)
[ -n "$port" ] || { cat s3rver.out >&2; exit 1; }

# ID WORDS: what `check --connect` with this id of a key says.
expect() {
    if AWS_ACCESS_KEY_ID=$1 AWS_SECRET_ACCESS_KEY=S3RVER AWS_REGION=us-east-1 AWS_ENDPOINT_URL_S3=http://127.0.0.1:$port \
        VIRTUOSO_API_TOKEN=a-token-of-a-test "$binary" check --connect --set auth.mode=none \
        --set store.url=s3://qa-bucket/proxies >check.out 2>&1; then
        echo "it was taken:"
        cat check.out
        exit 1
    fi
    grep -q "$2" check.out || { cat check.out; exit 1; }
}
expect S3RVER 'the service does not keep to conditions'
expect another-id 'InvalidAccessKeyId'
echo "s3rver takes our requests, and is not used: it does not keep to conditions"
