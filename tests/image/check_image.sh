#!/usr/bin/env bash
# Builds the image twice with buildah from two folders, in different minutes, compares them, and starts it as its own configuration says:
# as a user without a name and as process 1, on a file system that cannot be written, without a network, on the sandbox, on $PORT; with
# its HEALTHCHECK.
# Then it is a function of AWS Lambda: the tests of the program as a function, with the image's own.
#   check_image.sh ROOT SCRATCH TESTS_OF_LAMBDA
# Skips (77) without root, buildah, mmdebstrap, unshare, curl, iproute2 and node, or where the distribution's mirror cannot be reached.
set -euo pipefail
root=$(realpath "$1")
mkdir -p "$2/image"
scratch=$(realpath "$2/image")
lambda_tests=$3
max_libraries=15
max_kib=25600

[ "$(id -u)" -eq 0 ] || { echo "skipped: needs root"; exit 77; }
for tool in buildah mmdebstrap unshare curl ip node; do
    command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
store=(--root "$scratch/storage" --runroot "$scratch/run")
buildah_here() { buildah "${store[@]}" "$@"; }
clean() {
    buildah_here rm --all >/dev/null 2>&1 || true
    buildah_here rmi --all --force >/dev/null 2>&1 || true
    rm -rf "$scratch/storage" "$scratch/run" "$scratch/first" "$scratch/second"
}
trap clean EXIT

# The base: what debian:trixie-slim stands for where no registry of images is reached.
if [ ! -s "$scratch/base.tar" ]; then
    mirror=$(sed -n 's/^URIs: //p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)
    timeout 600 mmdebstrap --variant=minbase trixie "$scratch/base.part" ${mirror:+"$mirror"} >"$scratch/base.log" 2>&1 ||
        { echo "skipped: no base can be made"; exit 77; }
    mv "$scratch/base.part" "$scratch/base.tar"
fi
container=$(buildah_here from scratch)
buildah_here add -q "$container" "$scratch/base.tar" / >/dev/null
buildah_here commit -q --rm "$container" localhost/base >/dev/null

# The same sources in two folders, whatever is changed meanwhile: what git knows, and what it does not ignore.
rm -rf "$scratch/first" "$scratch/second"
mkdir -p "$scratch/first"
git -C "$root" ls-files -z --cached --others --exclude-standard | (cd "$root" && xargs -0 cp --parents -t "$scratch/first")
cp -r "$scratch/first" "$scratch/second"

# build NAME: from the folder of that name
build() {
    (cd "$scratch/$1" && buildah_here build -q --no-cache --format docker --build-arg BASE=localhost/base --build-arg CURL_VERSION=any --timestamp 1767225600 --target runtime \
        -t "localhost/$1" .) >"$scratch/$1.log" 2>&1 || { tail -n 40 "$scratch/$1.log"; exit 1; }
    container=$(buildah_here from "localhost/$1")
    mounted=$(buildah_here mount "$container")
}

sums() { (cd "$mounted" && find . -type f -print0 | sort -z | xargs -0 sha256sum && find . -mindepth 1 -printf '%p %m %s %T@ %l\n' | sort); }

# config NAME: a member of the configuration of the image, as words, one a line
config() { node -e '
    const value = JSON.parse(require("fs").readFileSync(process.argv[1])).Docker.config[process.argv[2]];
    console.log((typeof value === "string" ? [value] : (value.Test ?? (Array.isArray(value) ? value : Object.keys(value)))).join("\n"));' \
    "$scratch/inspected" "$1"; }

began=$(date +%H%M)
build first
sums >"$scratch/first.sums"
n_libraries=$(find "$mounted" -name '*.so*' -type f | wc -l)
kib=$(du -sk "$mounted" | cut -f1)
echo "image: $kib KiB, $n_libraries shared libraries"
[ "$n_libraries" -le "$max_libraries" ] || { echo "more than $max_libraries shared libraries"; exit 1; }
[ "$kib" -le "$max_kib" ] || { echo "more than $max_kib KiB"; exit 1; }
[ ! -e "$mounted/bin/sh" ] || { echo "there is a shell in it"; exit 1; }
buildah_here inspect --type image localhost/first >"$scratch/inspected"
[ "$(config User)" = 65532:65532 ] || { echo "it does not run as 65532"; exit 1; }
for label in title description version; do
    config Labels | grep -qx "org.opencontainers.image.$label" ||
        { echo "it has no label $label"; exit 1; }
done
mapfile -t entry < <(config Entrypoint; config Cmd)
mapfile -t health < <(config Healthcheck | sed 1d) # behind the word CMD
# What must be in the list of contents.
# shellcheck disable=SC2016 # JavaScript
node -e 'const names = JSON.parse(require("fs").readFileSync(process.argv[1])).packages.map((one) => one.name);
    for (const wanted of ["virtuoso-proxy", "curl", "libc6", "ca-certificates"]) {
        if (!names.includes(wanted)) { console.log(`the list of contents lacks ${wanted}`); process.exit(1); } }' \
    "$mounted/usr/share/doc/virtuoso-proxy/sbom.spdx.json"
notices=$mounted/usr/share/doc/virtuoso-proxy/NOTICES
for title in libuv llhttp curl cJSON libyaml "Mbed TLS" OpenSSL zlib hiredis "GNU C library" ca-certificates; do
    [ "$(grep -cx "==== $title ====" "$notices")" -eq 1 ] || { echo "its notices lack $title, or have it twice"; exit 1; }
done
if grep -B 2 '^The notice comes with' "$notices"; then
    echo "a title without its notice"
    exit 1
fi
grep -A 3 -x '==== curl ====' "$notices" | grep -q '^COPYRIGHT AND PERMISSION NOTICE' || { echo "curl's title has another notice"; exit 1; }
mapfile -t texts < <(grep -o '/usr/share/common-licenses/[A-Za-z0-9.+-]*[A-Za-z0-9]' "$notices" | sort -u)
for text in "${texts[@]}" /usr/share/common-licenses/LGPL-2.1; do
    [ -s "$mounted$text" ] || { echo "its notices name $text, which it lacks"; exit 1; }
done

# Name spaces of its own: no network but loopback, the image's file system cannot be written, and it is process 1.
cat >"$scratch/start.sh" <<'START'
set -u
mounted=$1 out=$2
shift 2
begin() { exec env -i PORT=8123 VIRTUOSO_PROXY_SANDBOX_ENABLED=true VIRTUOSO_PROXY_DRAIN_NOTICE_MS=0 "$(command -v chroot)" \
    --userspec=65532:65532 "$mounted" "$@"; }
inside() { (begin "$@"); }
n_health=$1
health=("${@:2:$n_health}")
shift $((n_health + 1))
ip link set lo up && mount --bind "$mounted" "$mounted" && mount -o remount,ro,bind "$mounted" || exit 1
inside "${health[@]}" >/dev/null 2>&1 && echo "the health check finds a proxy where none is"
# As the first process of its name space, which a container has: signals are its own business, and those of nobody are its children.
begin_first() { exec env -i PORT=8123 VIRTUOSO_PROXY_SANDBOX_ENABLED=true VIRTUOSO_PROXY_DRAIN_NOTICE_MS=0 "$(command -v unshare)" \
    --pid --fork "$(command -v chroot)" --userspec=65532:65532 "$mounted" "$@"; }
: >"$out" # the line of an earlier one
begin_first "$@" >"$out" 2>"$out.err" &
server=$!
for _ in $(seq 6000); do
    ! grep -q '^listening on' "$out" || break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.05
done
read -r first <"/proc/$server/task/$server/children"
curl -sS --max-time 10 -o /dev/null -w '%{http_code}\n' "http://127.0.0.1:8123/readyz"
curl -sS --max-time 10 -o /dev/null -w '%{http_code}\n' "http://127.0.0.1:9090/metrics"
inside "${health[@]}" >/dev/null || echo "the health check finds nothing"
kill -TERM "$first"
wait "$server" || echo "it ended with $?"
START
unshare --net --mount bash "$scratch/start.sh" "$mounted" "$scratch/serve.out" "${#health[@]}" "${health[@]}" "${entry[@]}" >"$scratch/status" ||
    { echo "it does not start"; cat "$scratch/serve.out.err"; exit 1; }
[ "$(tr '\n' ' ' <"$scratch/status")" = "200 200 " ] ||
    { echo "started with ${entry[*]}:"; cat "$scratch/status" "$scratch/serve.out" "$scratch/serve.out.err"; exit 1; }

# As a function: Lambda sets a variable and nothing else.
VP_SLOW=3 VP_WRAPPER="bash	-c	exec unshare -r --root='$mounted' ${entry[*]}" "$lambda_tests" ||
    { echo "it is no function of Lambda"; exit 1; }

while [ "$(date +%H%M)" = "$began" ]; do sleep 1; done
build second
sums | diff "$scratch/first.sums" - || { echo "the second build differs"; exit 1; }
echo "both builds are the same: $(sha256sum <"$scratch/first.sums" | cut -c1-16)"
