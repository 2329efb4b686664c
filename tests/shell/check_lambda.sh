#!/usr/bin/env bash
# The package of a function of AWS Lambda: made twice, the same both times; unpacked where Lambda puts it, in a root that has
# nothing but a shell, and started there as Lambda starts it.
#   check_lambda.sh SOURCE PROGRAM TESTS SCRATCH
# TESTS are those of the program as a function: the same ones, with the program of the package.
# Skips (77) without zip and unzip, or where a user may not have a root of its own.
set -euo pipefail
source=$1
program=$2
tests=$3
mkdir -p "$4"
scratch=$(realpath "$4")/lambda_package
export SOURCE_DATE_EPOCH=1767225600

for tool in zip unzip ldd; do
    command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
unshare -r true 2>/dev/null || { echo "skipped: no root of its own"; exit 77; }
rm -rf "$scratch"
mkdir -p "$scratch/root/var/task" "$scratch/root/bin" "$scratch/root/usr" "$scratch/root/tmp" "$scratch/root/proc"
for time in first second; do
    "$source/conf/aws/package.sh" "$program" "$scratch/$time.zip"
done
cmp "$scratch/first.zip" "$scratch/second.zip" || { echo "failed: two packages differ"; exit 1; }
unzip -q "$scratch/first.zip" -d "$scratch/root/var/task"
for file in bootstrap virtuoso-proxy; do
    [ -x "$scratch/root/var/task/$file" ] || { echo "failed: $file is not executable"; exit 1; }
done
# The shell, with what it needs itself.
cp "$(command -v dash)" "$scratch/root/bin/sh"
for library in $(ldd "$(command -v dash)" | awk '$2 == "=>" { print $3 } $1 ~ /\/ld-linux/ { print $1 }'); do
    mkdir -p "$scratch/root$(dirname "$library")"
    cp "$(realpath "$library")" "$scratch/root$library"
done
size=$(du -sk "$scratch/root/var/task" | cut -f1)
echo "package: $(stat -c %s "$scratch/first.zip") bytes, unpacked $size KiB, $(find "$scratch/root/var/task/lib" -type f | wc -l) libraries"
VP_SLOW=3 VP_WRAPPER="unshare	-r	--root=$scratch/root	/bin/sh	-c	exec /var/task/bootstrap" "$tests" || { echo "failed: it does not work there"; exit 1; }
rm -rf "$scratch"
