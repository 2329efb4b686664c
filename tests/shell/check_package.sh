#!/usr/bin/env bash
# The Debian package: made twice, the same both times; installed in a root of its own with dpkg, started there, and purged.
#   check_package.sh CPACK BUILD SCRATCH
# Skips (77) without dpkg, dpkg-shlibdeps and file (which CPack asks), or as a user: dpkg installs as root only.
set -euo pipefail
cpack=$1
build=$(realpath "$2")
mkdir -p "$3"
scratch=$(realpath "$3")/package
export SOURCE_DATE_EPOCH=1767225600

for tool in dpkg dpkg-deb dpkg-shlibdeps file; do
    command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
[ "$(id -u)" -eq 0 ] || { echo "skipped: dpkg installs as root only"; exit 77; }
rm -rf "$scratch"
for time in first second; do
    mkdir -p "$scratch/$time"
    (cd "$build" && "$cpack" -G DEB -B "$scratch/$time") >"$scratch/$time.log" 2>&1 || { tail -n 20 "$scratch/$time.log"; exit 1; }
done
package=$(cd "$scratch/first" && echo ./*.deb)
cmp "$scratch/first/$package" "$scratch/second/$package" || { echo "failed: two packages differ"; exit 1; }
package=$scratch/first/$package
echo "package: $(stat -c %s "$package") bytes; depends on $(dpkg-deb -f "$package" Depends)"
for library in libuv1 libcurl4 libmbedtls libssl3 libyaml-0-2 libcjson1 zlib1g libc6; do
    dpkg-deb -f "$package" Depends | grep -q "$library" || { echo "failed: it does not depend on $library"; exit 1; }
done

root=$scratch/root
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
touch "$root/var/lib/dpkg/status"
# Its libraries are those of the machine: the root has none.
run_dpkg() { dpkg --root="$root" --log=/dev/null --force-depends "$@" >"$scratch/dpkg.log" 2>&1 || { cat "$scratch/dpkg.log"; exit 1; }; }
run_dpkg -i "$package"
for file in usr/bin/virtuoso-proxy etc/virtuoso-proxy.yaml usr/share/man/man1/virtuoso-proxy.1 \
    usr/share/bash-completion/completions/virtuoso-proxy usr/share/doc/virtuoso-proxy/NOTICES \
    usr/lib/systemd/system/virtuoso-proxy.service usr/lib/systemd/system/virtuoso-proxy.socket; do
    [ -s "$root/$file" ] || { echo "failed: $file is not installed"; exit 1; }
done
"$root/usr/bin/virtuoso-proxy" version
"$root/usr/bin/virtuoso-proxy" check -c "$root/etc/virtuoso-proxy.yaml" --sandbox
# A configuration that somebody has changed stays until the package is purged.
echo "# changed" >>"$root/etc/virtuoso-proxy.yaml"
run_dpkg -r virtuoso-proxy
grep -q '^# changed' "$root/etc/virtuoso-proxy.yaml" || { echo "failed: a changed configuration is gone"; exit 1; }
[ ! -e "$root/usr/bin/virtuoso-proxy" ] || { echo "failed: the program is still there"; exit 1; }
run_dpkg -P virtuoso-proxy
left=$(find "$root" -path "$root/var" -prune -o -type f -print)
[ -z "$left" ] || { echo "failed: these are left: $left"; exit 1; }
rm -rf "$scratch"
