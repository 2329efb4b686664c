#!/usr/bin/env bash
# Layout of the C files, judged by clang-format 14 and .clang-format. Another version judges differently: 77, skipped.
#   check_format.sh ROOT CLANG_FORMAT [--fix]
set -euo pipefail
root=$1
tool=$2
if ! "$tool" --version 2>/dev/null | grep -q 'version 14\.'; then
    echo "SKIPPED: clang-format 14 is not here ($("$tool" --version 2>&1 || true))"
    exit 77
fi
cd "$root"
if [ "${3-}" = --fix ]; then
    mode=(-i)
else
    mode=(--dry-run -Werror)
fi
find include src tests bench \( -name '*.c' -o -name '*.h' \) -print0 2>/dev/null |
    xargs -0 -r -n 20 -P "$(nproc)" "$tool" "${mode[@]}" --style=file ||
    { echo "format: run tests/lint/check_format.sh . $tool --fix"; exit 1; }
