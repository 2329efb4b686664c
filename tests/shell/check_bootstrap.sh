#!/usr/bin/env bash
# What third_party/bootstrap.sh says and installs, on a machine that is played: apt-get, dpkg-query, sudo, cmake and the rest
# are scripts that note their arguments, in a path with a blank. third_party/prove.sh does the same in real roots.
#   check_bootstrap.sh SOURCE SCRATCH
# shellcheck disable=SC2016 # what the tools do is expanded when they run
set -euo pipefail
source_dir=$1
scratch="$2/boot strap-$$"
rm -rf "$scratch"
mkdir -p "$scratch/tools" "$scratch/tree/third_party" "$scratch/tree/tests/harness"
cp "$source_dir/third_party/bootstrap.sh" "$scratch/tree/third_party/"
cd "$scratch"

fail() {
    echo "failed: $*" >&2
    cat said noted >&2 2>/dev/null || true
    exit 1
}

# tool NAME [LINES]: a command that notes how it was called
tool() {
    printf '#!/bin/bash\nprintf "%%s %%s\\n" "${0##*/}" "$*" >>"%s/noted"\n%s\n' "$scratch" "${2-}" >"tools/$1"
    chmod +x "tools/$1"
}

# The commands that the script may find: these, and what each machine has.
for name in awk bash cat dirname env grep head sed tr; do
    ln -sf "$(command -v "$name")" tools/
done
tool id 'echo 1000'
tool nproc 'echo 2'
tool dpkg-query 'case $* in *Status*) grep -qx -- "${*: -1}" "'"$scratch/installed"'" && printf installed ;; *) exit 1 ;; esac; exit 0'
tool apt-get
tool apt-cache 'case $1 in policy) printf "%s:\n  Candidate: 1.0\n" "$2" ;; depends) echo "  Depends: clang-19" ;; esac'
tool cmake 'case $* in *--build*) for i in {1..900}; do echo "[$i/900] Building"; done ;; esac'
tool ctest
sudo='while [ "$1" = env ] || [[ $1 = *=* ]]; do shift; done; case $1 in apt-get) exec "$@" ;; esac'

# boot ARGUMENTS...: exit code in $code, all that was said in the file `said`, calls in `noted`
boot() {
    : >noted
    code=0
    env -i PATH="$scratch/tools" HOME="$scratch" bash -c 'cd "$1" && shift && exec bash tree/third_party/bootstrap.sh "$@"' \
        boot "$scratch" "$@" >said 2>&1 || code=$?
}

said() {
    grep -q -- "$1" said || fail "nothing says '$1'"
}

# --- a verb that was mistyped ---

: >installed
for typed in dmeo:demo tset:test tests:test bulid:build Demo:demo; do
    boot "${typed%%:*}"
    [ "$code" -eq 1 ] || fail "${typed%%:*}: exit code $code"
    said "unknown verb \"${typed%%:*}\"; did you mean \"${typed##*:}\"?"
    said 'bootstrap.sh demo'
    ! grep -q 'apt-get\|cmake' noted || fail "${typed%%:*} does something"
done
boot frobnicate
said 'unknown verb "frobnicate"$'

# --- neither root nor sudo: all that is missing at once ---

needs=(gcc libc6-dev cmake ninja-build pkg-config ca-certificates libuv1-dev libcurl4-openssl-dev libcjson-dev libyaml-dev
    libmbedtls-dev libssl-dev zlib1g-dev libhiredis-dev curl)
boot demo
[ "$code" -eq 1 ] || fail "demo without packages: exit code $code"
for package in "${needs[@]}"; do
    said "apt-get install .* $package\b"
done
[ "$(grep -c 'apt-get install' said)" -eq 1 ] || fail "the packages are not named in one line"
boot test
[ "$code" -eq 1 ] || fail "test without packages: exit code $code"
for package in "${needs[@]}" libcmocka-dev clang valgrind libclang-rt-19-dev redis-server; do
    said "apt-get install .* $package\b"
done
! grep -q '^cmake\|^apt-get' noted || fail "it goes on without the packages"
printf '%s\n' "${needs[@]}" >installed
sed -i '/^libcjson-dev$/d' installed
boot demo
said 'apt-get install --no-install-recommends libcjson-dev libllhttp-dev$'

# --- with sudo: the same is installed; curl, which the lines of the demo need, too ---

tool sudo "$sudo"
: >installed
boot demo
[ "$code" -eq 1 ] || [ "$code" -eq 126 ] || [ "$code" -eq 127 ] || fail "there is no program, and demo says $code"
for package in "${needs[@]}"; do
    grep -q "^apt-get .*install .* $package\b" noted || fail "demo does not install $package"
done
printf '%s\n' "${needs[@]}" libllhttp-dev >installed
boot demo
! grep -q '^apt-get' noted || fail "apt-get is called though nothing is missing"

# --- at the end: what is not there, and how long the tests take ---

last=$(grep -n "^bootstrap: /docs will be the plain page" said | cut -d: -f1) || fail "a missing npm is not said"
[ "$last" -gt "$(grep -n '^\[900/900\]' said | cut -d: -f1)" ] || fail "a missing npm is not said behind the build"
boot test
[ "$code" -eq 0 ] || fail "test: exit code $code"
tail -n 3 said | grep -q 'running every test: about [0-9]* minutes' || fail "nobody says how long the tests take"
after=$(sed '1,/^\[900\/900\]/d' said)
for note in 'no npm: ' 'no chromium: ' 'no shellcheck: '; do
    case $after in *"bootstrap: $note"*) ;; *) fail "'$note' is not said at the end" ;; esac
done
grep -q '^ctest --test-dir .*/tree/build --output-on-failure --no-tests=error -j 8' noted || fail "ctest is not called"

cd /
rm -rf "$scratch"
