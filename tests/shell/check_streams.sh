#!/usr/bin/env bash
# The standard streams: closed ones do no harm, and text that could not be written is told and is exit code 1.
#   check_streams.sh BINARY SCRATCH
set -uo pipefail
# shellcheck source=tests/harness/serve.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/serve.sh"
binary=$1
scratch=$2/streams
mkdir -p "$scratch"
cd "$scratch" || exit 1
export VIRTUOSO_PROXY_LAST_RUN=$scratch/last-run # not in the folder of whoever tests
n_wrong=0

wrong() {
    echo "$1"
    n_wrong=$((n_wrong + 1))
}

cat >test.yaml <<'YAML'
name: A test of the streams
steps:
  - click: Sign in
YAML

# --- output that is lost
lost() {
    local status
    for _ in 1 2 3; do # top does not wait for long for a proxy that stands still
        env -i "$binary" "$@" >/dev/full 2>errors
        status=$?
        ! grep -q 'cannot write' errors || break
    done
    [ $status -eq 1 ] || wrong "$* >/dev/full: exit code $status"
    grep -q 'cannot write.*: No space left on device' errors || wrong "$* >/dev/full: stderr says: $(cat errors)"
    [ "$(grep -c 'cannot write' errors)" -eq 1 ] || wrong "$* >/dev/full: told more than once"
}

lost --help
lost help
lost --version
lost version
for command in serve sandbox check demo command validate convert run completion man version; do
    lost $command --help
done
lost man
lost completion bash
lost completion zsh
lost completion fish
lost check --set sandbox.enabled=true
lost check --print --set sandbox.enabled=true
lost command --list
lost command step-interact click --help
lost command --sandbox --checkpoint 1680930 step-interact click x
lost command --sandbox --checkpoint 1680930 -n -o json step-interact click x
lost validate test.yaml
lost validate --json test.yaml
lost convert --to commands test.yaml
lost convert --to sentences test.yaml
lost run --sandbox test.yaml
lost run --sandbox -o json test.yaml
lost demo --once
lost schema
rm -rf made
lost init made
lost command --list -o json
lost run --sandbox -n test.yaml
lost run --sandbox -o yaml test.yaml
lost help run
lost version
lost key new --name x

# One picture of a proxy that serves.
serve "$binary" "$scratch" --set auth.mode=none --set log.level=error
lost top --once "$url"
lost top --once -o json "$url"
lost load --rate 20 --duration 1 "$url/livez"
serve_end || wrong "serve: exit code $?"

# A file that may not grow is an error, and no signal.
(
    ulimit -f 0
    exec env -i "$binary" run --sandbox --junit small.xml test.yaml
) 2>&1 >/dev/null | cat >errors
status=${PIPESTATUS[0]}
[ "$status" -eq 1 ] || wrong "run under ulimit -f 0: exit code $status"
grep -q 'cannot write small.xml: File too large' errors || wrong "run under ulimit -f 0: stderr says: $(cat errors)"

# GitHub's annotations go where the report goes: that cannot be written is told once.
printf 'name: x\nsteps: [{clik: a}]\n' >broken.yaml
env -i GITHUB_ACTIONS=true "$binary" run --sandbox broken.yaml >/dev/full 2>errors
status=$?
[ $status -eq 1 ] || wrong "run with annotations >/dev/full: exit code $status"
[ "$(grep -c 'cannot write' errors)" -eq 1 ] || wrong "run with annotations >/dev/full: stderr says: $(cat errors)"
env -i "$binary" init test.yaml/sub >/dev/null 2>errors
status=$?
[ $status -eq 1 ] || wrong "init below a file: exit code $status"
[ "$(grep -c 'cannot make the folder' errors)" -eq 1 ] || wrong "init below a file: stderr says: $(cat errors)"

# A file that a report goes to counts as well; a reader that has seen enough does not.
env -i "$binary" run --sandbox --junit /dev/full test.yaml >/dev/null 2>errors
status=$?
[ $status -eq 1 ] || wrong "run --junit /dev/full: exit code $status"
grep -q 'No space left on device' errors || wrong "run --junit /dev/full: stderr says: $(cat errors)"
env -i VIRTUOSO_PROXY_LAST_RUN=/dev/full "$binary" run --sandbox test.yaml >/dev/null 2>errors
status=$?
[ $status -eq 1 ] || wrong "run with VIRTUOSO_PROXY_LAST_RUN=/dev/full: exit code $status"
grep -q 'cannot write /dev/full: No space left on device' errors ||
    wrong "run with VIRTUOSO_PROXY_LAST_RUN=/dev/full: stderr says: $(cat errors)"
env -i "$binary" run --sandbox test.yaml 2>errors | true
status=${PIPESTATUS[0]}
[ "$status" -eq 0 ] || wrong "run | true: exit code $status: $(cat errors)"

# --- streams that are closed
closed() { # the words that close them, then the program's
    local how=$1 status
    shift
    rm -f report.xml
    (eval "exec $how"; exec env -i "$binary" "$@") >/dev/null 2>/dev/null
    status=$?
    [ $status -eq 0 ] || wrong "$* $how: exit code $status"
}

for how in '<&-' '>&-' '2>&-' '<&- >&-' '>&- 2>&-' '<&- >&- 2>&-'; do
    closed "$how" version
    closed "$how" schema
    closed "$how" man
    closed "$how" completion bash
    closed "$how" convert --to sentences test.yaml
    closed "$how" command --sandbox --checkpoint 1680930 step-interact click x
    closed "$how" check --set sandbox.enabled=true
    closed "$how" demo --once
    closed "$how" validate test.yaml
    closed "$how" run --sandbox --junit report.xml test.yaml
    # Whole XML and nothing else: the text for the terminal is not in the file.
    if [ "$(head -c 5 report.xml)" != '<?xml' ] || ! tail -n 1 report.xml | grep -q '^</testsuites>$'; then
        wrong "run $how: the report holds something else: $(head -c 80 report.xml)"
    fi
    grep -q 'passed\b.*of.*steps' report.xml && wrong "run $how: the report holds the text for the terminal"
done

[ $n_wrong -eq 0 ] && echo "streams: as they should be"
[ $n_wrong -eq 0 ]
