#!/usr/bin/env bash
# The units of conf/systemd are ones that systemd understands, shut in enough, and fit to the configuration.
#   check_systemd.sh ROOT BINARY SCRATCH
# Skips (77) without systemd-analyze.
set -euo pipefail
root=$1
binary=$(realpath "$2")
scratch=$3/systemd
max_exposure=20 # tenths, of 100

command -v systemd-analyze >/dev/null || { echo "skipped: no systemd-analyze"; exit 77; }
rm -rf "$scratch"
mkdir -p "$scratch"
# A link without blanks in it: systemd would cut the path there.
link=$(mktemp -u)
ln -s "$binary" "$link"
trap 'rm -f "$link"' EXIT
for unit in service socket; do
    sed "s|^ExecStart=/usr/bin/virtuoso-proxy|ExecStart=$link|; /^Documentation=/d" "$root/conf/systemd/virtuoso-proxy.$unit" \
        >"$scratch/virtuoso-proxy.$unit"
done
grep -q "^ExecStart=$link serve" "$scratch/virtuoso-proxy.service" || { echo "ExecStart is another one"; exit 1; }

# Other units of the machine may have faults of their own: only lines about ours count.
verify() { SYSTEMD_LOG_COLOR=0 systemd-analyze verify "$@" 2>&1 | grep -F virtuoso-proxy || true; }
faults=$(verify "$scratch/virtuoso-proxy.service" "$scratch/virtuoso-proxy.socket")
[ -z "$faults" ] || { echo "$faults"; exit 1; }
# It would say so if there were something to say.
sed 's/^Type=notify/Tipe=notify/' "$scratch/virtuoso-proxy.service" >"$scratch/virtuoso-proxy-wrong.service"
verify "$scratch/virtuoso-proxy-wrong.service" | grep -q Tipe || { echo "systemd-analyze verify misses an unknown key"; exit 1; }
systemd-analyze security --no-pager --offline=yes --threshold=$max_exposure "$scratch/virtuoso-proxy.service" >"$scratch/security" ||
    { tail -n 3 "$scratch/security"; exit 1; }

# Seconds and descriptors against the defaults of the options.
option() { "$binary" check -c "$root/conf/virtuoso-proxy.yaml" --sandbox --print | sed -n "/^$1:/,/^[^ ]/s/^  $2: *\([0-9]*\).*/\1/p"; }
setting() { sed -n "s/^$1=\([0-9]*\).*/\1/p" "$scratch/virtuoso-proxy.service"; }
[ "$(setting TimeoutStopSec)" -gt $(($(option drain limit_ms) / 1000)) ] || { echo "TimeoutStopSec is not above drain.limit_ms"; exit 1; }
[ "$(setting LimitNOFILE)" -gt $(($(option http max_connections) + $(option upstream max_active))) ] ||
    { echo "LimitNOFILE is too low"; exit 1; }

# The secrets reach the program by the names that the unit gives.
printf 'token-of-a-test\n' >"$scratch/platform-token"
printf 'key-of-a-test-with-enough-letters\n' >"$scratch/api-keys"
mapfile -t environment < <(sed -n "s|^Environment=\(.*\)%d/|\1$scratch/|p" "$scratch/virtuoso-proxy.service")
[ ${#environment[@]} -eq 2 ] || { echo "two secrets are passed by credentials, and here are ${#environment[@]}"; exit 1; }
env -i "${environment[@]}" "$binary" check -c "$root/conf/virtuoso-proxy.yaml"
