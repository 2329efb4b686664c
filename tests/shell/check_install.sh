#!/usr/bin/env bash
# What cmake --install brings: the program, its manual, completion and configuration, and a notice of each library.
#   check_install.sh CMAKE BUILD SCRATCH
set -euo pipefail
cmake=$1
build=$2
prefix=$3/install
rm -rf "$prefix"
"$cmake" --install "$build" --prefix "$prefix" >/dev/null

for file in bin/virtuoso-proxy etc/virtuoso-proxy.yaml share/man/man1/virtuoso-proxy.1 \
    share/bash-completion/completions/virtuoso-proxy share/doc/virtuoso-proxy/NOTICES; do
    [ -s "$prefix/$file" ] || { echo "failed: $file is not installed"; exit 1; }
done
"$prefix/bin/virtuoso-proxy" version
notices=$prefix/share/doc/virtuoso-proxy/NOTICES
for library in libuv llhttp curl cJSON libyaml "Mbed TLS" OpenSSL zlib hiredis "GNU C library"; do
    grep -qx "==== $library ====" "$notices" || { echo "failed: no notice of $library"; exit 1; }
done
# Where libraries are no packages of Debian, no text is known.
if command -v dpkg >/dev/null && grep -B 2 '^The notice comes with' "$notices"; then
    echo "failed: a title without its notice"
    exit 1
fi
if [ -d "$build/third_party/swagger/package" ]; then
    grep -q '^==== Swagger UI' "$notices" || { echo "failed: no notice of Swagger UI"; exit 1; }
fi
rm -rf "$prefix"
