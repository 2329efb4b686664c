#!/usr/bin/env bash
# Holds our signatures of requests to AWS to those of @smithy/signature-v4 and of aws4, on 10,000 generated requests.
#   check_sigv4.sh SIGN SCRATCH
# Skips (77) where npm is missing, or the tools cannot be fetched.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/harness/npm.sh
. "$here/../harness/npm.sh"
sign=$1
scratch=$2/sigv4

npm_tools sigv4 "$scratch"
cp "$here/sigv4.mjs" "$scratch"
cd "$scratch"
node sigv4.mjs make 10000 >requests.txt
"$sign" <requests.txt >signatures.txt
node sigv4.mjs check requests.txt signatures.txt
