#!/usr/bin/env bash
# Lists every message of the program, "FILE:LINE: TEXT", so that all of them can be read without the code beside them.
# What is left out holds what people write in test files (sentences, verbs), and no message.
#   list_messages.sh ROOT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$1"

mapfile -d '' -t files < <(find src include -name '*.[ch]' ! -name sentence_table.c ! -name convert.c -print0 | sort -z)
if [ ${#files[@]} -eq 0 ]; then
    echo "messages: no sources under $1" >&2
    exit 1
fi
awk -f "$here/messages.awk" "${files[@]}"
