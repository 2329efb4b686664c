#!/usr/bin/env bash
# `init` writes what can be used as it stands, and overwrites nothing.
#   check_init.sh BINARY SCRATCH
set -euo pipefail
binary=$(realpath "$1")
scratch=$2/init
rm -rf "$scratch"
mkdir -p "$scratch"
cd "$scratch"

fail() {
    echo "failed: $*" >&2
    exit 1
}

"$binary" init suite/web --ci github >out || fail "init: $(cat out)"
verdict=$("$binary" validate suite/web/sign-in.yaml) || fail "the example does not compile"
case $verdict in *"ok: 1 test, 8 steps") ;; *) fail "the example is not without warnings: $verdict" ;; esac
"$binary" run --sandbox suite/web >run.out 2>&1 || fail "the folder does not run: $(cat run.out)"
# a newcomer's first green run is the line that init names, the first red one is what the guide says
next=$(sed -n 's/^next: virtuoso-proxy //p' out)
# shellcheck disable=SC2086 # words of a command line
"$binary" $next >run.out 2>&1 || fail "what init names next is not green: $(cat run.out)"
grep -q 'sign-in.yaml: passed, 8 steps' run.out || fail "the example was not executed: $(cat run.out)"
sed 's/^steps:$/&\n  - click: "FAIL"/' suite/web/sign-in.yaml >red.yaml
if "$binary" run --sandbox --wait red.yaml >run.out 2>&1; then fail "a step that holds FAIL is green"; fi
grep -q 'red.yaml: failed at step 1 of 9, red.yaml:[0-9]*: click on "FAIL"' run.out ||
    fail "the red step is not told with its line: $(cat run.out)"
cmp -s <("$binary" schema) suite/web/.testfile.schema.json || fail "the schema differs"
grep -q 'paths: suite/web$' .github/workflows/virtuoso.yml || fail "the CI file does not name the folder"
echo changed >suite/web/sign-in.yaml
if "$binary" init suite/web >out 2>&1; then
    fail "a second init says that all is well"
fi
[ "$(cat suite/web/sign-in.yaml)" = changed ] || fail "a file was overwritten"
for system in "gitlab virtuoso.gitlab-ci.yml" "azure azure-pipelines.yml" "jenkins Jenkinsfile"; do
    read -r name file <<<"$system"
    "$binary" init "$name" --ci "$name" >out 2>&1 || fail "$name: $(cat out)"
    grep -q "$name" "$file" || fail "$file does not name the folder"
    if grep -q '@DIR@' "$file"; then fail "$file has a place left open"; fi
done
if "$binary" init x --ci travis 2>out; then fail "an unknown system is taken"; fi
if "$binary" init 'a b' --ci gitlab 2>out; then fail "a folder with a space goes into shell commands"; fi
[ ! -e x ] || fail "a refused init has written something"
echo "init: all was as it should be"
