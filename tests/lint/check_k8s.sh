#!/usr/bin/env bash
# The configuration inside k8s/base/configmap.yaml is one that the binary accepts.
#   check_k8s.sh ROOT BINARY SCRATCH
set -euo pipefail
config=$3/k8s.yaml
awk 'inside && /^    / { print substr($0, 5); next }
     inside && /^$/ { print; next }
     { inside = /^  virtuoso-proxy\.yaml: \|/ }' "$1/k8s/base/configmap.yaml" >"$config"
[ -s "$config" ] || { echo "k8s/base/configmap.yaml holds no virtuoso-proxy.yaml"; exit 1; }
env -i API_KEYS=key-of-a-test VIRTUOSO_API_TOKEN=token-of-a-test "$2" check -c "$config"
