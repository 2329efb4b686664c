#!/usr/bin/env bash
# Holds the JSON Schema of test files against test files, with ajv: what compiles is accepted, and what a
# schema can tell is refused. The files are those of tests/golden/testfile and, where VP_SHARED names a
# folder, those of its corpus/tests.
#   check_schema.sh BINARY SCRATCH GOLDEN [SHARED]
# Skips (77) where npm or node is missing, or the packages cannot be fetched.
set -euo pipefail
# shellcheck source=tests/harness/npm.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/npm.sh"
binary=$(realpath "$1")
scratch=$2/schema
golden=$(realpath "$3")
corpus=${4:+$4/corpus/tests}

for tool in npm node; do
    command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
npm_tools schema "$scratch"
if [ -z "$corpus" ] || [ ! -d "$corpus" ]; then
    echo "only the golden files are checked: cmake -DVP_SHARED=FOLDER names a folder with corpus/tests"
    corpus=
fi

rm -rf "$scratch/files"
mkdir -p "$scratch/files"
for file in "$golden"/*.case; do # the test file stands above a line of five equals signs
    sed '/^=====$/,$d' "$file" >"$scratch/files/golden-$(basename "$file" .case).yaml"
done
if [ -n "$corpus" ]; then
    cp "$corpus"/* "$scratch/files/"
fi
"$binary" schema >"$scratch/schema.json"
(cd "$scratch/files" && timeout 400 "$binary" validate --json ./* 2>/dev/null) >"$scratch/verdicts.jsonl" || true
cp "$(dirname "${BASH_SOURCE[0]}")/check_schema.js" "$scratch/check_schema.js"
timeout 400 node "$scratch/check_schema.js" "$scratch"
