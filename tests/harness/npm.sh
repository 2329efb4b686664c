#!/usr/bin/env bash
# The tools that tests take from npm, each in one exact version (third_party/README.md says what for).
#   npm.sh BUILD       fetches all of them into the build folder BUILD, and says which test skips itself where that fails
#   npm_tools NAME FOLDER    (sourced) has those of one test in FOLDER/node_modules, or ends the script as skipped (77)
# Fetched once: FOLDER/fetched says which versions are there.
set -euo pipefail

npm_packages() {
    case $1 in
    contract) echo @stoplight/prism-cli@5.14.2 openapi-fetch@0.17.0 openapi-typescript@7.13.0 typescript@5.9.3 @types/node@20.19.43 ;;
    openapi) echo @stoplight/spectral-cli@6.16.3 ;;
    schema) echo ajv@8.17.1 yaml@2.8.1 ;;
    k8s) echo kubernetes-models@5.1.0 @kubernetes-models/keda@2.0.0 @kubernetes-models/prometheus-operator@6.0.0 \
        @kubernetes-models/gateway-api@2.0.0 @kubernetes-models/external-secrets@2.0.0 @kubernetes-models/envoy-gateway@2.0.0 yaml@2.8.1 typescript@5.9.3 ;;
    cloudformation) echo @aws-cdk/aws-service-spec@0.1.100 yaml@2.8.1 ;;
    compose) echo yaml@2.8.1 ;;
    s3rver) echo s3rver@3.7.1 ;;
    sigv4) echo aws4@1.13.2 @smithy/signature-v4@5.7.5 @aws-crypto/sha256-js@5.2.0 ;;
    webhooks) echo standardwebhooks@1.1.1 adaptivecards@3.0.6 swiper@12.1.2 ;;
    otlp) echo @opentelemetry/otlp-transformer@0.57.2 ;;
    browser) echo playwright-core@1.56.0 ;;
    *) return 1 ;;
    esac
}

npm_fetch() {
    local packages
    read -r -a packages <<<"$(npm_packages "$1")"
    mkdir -p "$2"
    if [ "$(cat "$2/fetched" 2>/dev/null)" != "${packages[*]}" ]; then
        rm -f "$2/fetched"
        (cd "$2" && timeout 200 npm install --no-fund --no-audit --silent --save-exact "${packages[@]}") >/dev/null 2>&1 || return 1
        echo "${packages[*]}" >"$2/fetched"
    fi
}

npm_tools() {
    command -v npm >/dev/null || { echo "skipped: no npm"; exit 77; }
    npm_fetch "$1" "$2" || { echo "skipped: npm cannot fetch $(npm_packages "$1")"; exit 77; }
}

# name, folder below BUILD, test
npm_fetch_all() {
    local name folder test
    while read -r name folder test; do
        npm_fetch "$name" "$1/$folder" || echo "$test will be skipped: npm cannot fetch $(npm_packages "$name")"
    done <<'END'
contract scratch/contract contract.openapi
openapi scratch/lint/openapi lint.openapi
schema scratch/lint/schema lint.schema
k8s scratch/lint/k8s lint.k8s
cloudformation scratch/lint/cloudformation lint.cloudformation
compose scratch/lint/compose lint.compose
sigv4 scratch/sigv4 contract.sigv4
s3rver scratch/s3rver contract.s3
webhooks scratch/webhooks contract.webhooks
otlp scratch/otlp contract.otlp
browser scratch/browser browser.docs,browser.ui
END
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    [ $# -eq 1 ] || { echo "usage: npm.sh BUILD" >&2; exit 1; }
    npm_fetch_all "$1"
fi
