#!/usr/bin/env bash
# Shell scripts: syntax always, shellcheck where it is installed.
#   check_shell.sh ROOT SHELLCHECK
set -euo pipefail
cd "$1"
tool=$2
mapfile -t scripts < <(find .ci third_party tests bench -name '*.sh' -o -path .ci/run | sort)
for script in "${scripts[@]}"; do
    bash -n "$script"
done
if [ -x "$tool" ]; then
    "$tool" "${scripts[@]}"
fi
echo "shell: ${#scripts[@]} scripts"
