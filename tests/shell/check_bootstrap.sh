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
# What it reads of the machine lies here, too.
sed -e "s|^policy=.*|policy='$scratch/policy-rc.d'|" -e "s|/etc/os-release|\"$scratch/os-release\"|" -e "s| \(/usr/[a-z]*/[a-z]*/llhttp[.a-z]*\)| \"$scratch\"\1|g" \
    "$source_dir/third_party/bootstrap.sh" >"$scratch/tree/third_party/bootstrap.sh"
cd "$scratch"
! grep -n '[ =]/\(etc\|usr\)/' tree/third_party/bootstrap.sh || { echo "failed: it would touch this machine" >&2; exit 1; }

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
for name in awk bash cat chmod dirname env grep head rm sed sleep tee tr; do
    ln -sf "$(command -v "$name")" tools/
done
tool id 'echo 1000'
tool nproc 'echo 2'
tool dpkg-query 'case $* in *Status*) grep -qx -- "${*: -1}" "'"$scratch/installed"'" && printf installed ;; *) exit 1 ;; esac; exit 0'
# A file `signal` is for who called apt-get: whether its services are still held back then stands in the file `held`.
tool apt-get 'case $* in
    *update*) : >"'"$scratch/lists"'" ;;
    *install*)
        [ ! -e "'"$scratch/signal"'" ] || kill -"$(cat "'"$scratch/signal"'")" "$PPID"
        sleep 0.3
        [ ! -x "'"$scratch/policy-rc.d"'" ] || : >"'"$scratch/held"'"
        ;;
    esac'
# Without lists apt knows what is installed, as base-files is everywhere. What is not offered stands in the file `lacks`.
tool apt-cache 'if [ "$*" = "policy base-files" ]; then printf "base-files:\n  Candidate: 13.1\n  Version table:\n *** 13.1 100\n"; fi
    [ -e "'"$scratch/lists"'" ] || { [ "$*" = "policy base-files" ] && echo "        100 /var/lib/dpkg/status"; exit; }
    grep -qxF -- "$2" "'"$scratch/lacks"'" && exit
    case $1 in
    policy) [ "$LC_ALL" = C ] && candidate=Candidate || candidate=Installationskandidat # in the language of the caller
        printf "%s:\n  $candidate: 1.0\n        500 http://mirror.example/debian trixie/main amd64 Packages\n" "$2" ;;
    depends) echo "  Depends: clang-$(sed -n s/VERSION_ID=//p "'"$scratch/os-release"'")" | sed "s/12/14/; s/13/19/" ;;
    esac'
tool cmake 'case $* in *--build*) for i in {1..900}; do echo "[$i/900] Building"; done ;; esac'
tool ctest
sudo='while [ "$1" = env ] || [[ $1 = *=* ]]; do shift; done; case $1 in apt-get) exec "$@" ;; tee | chmod | rm) [ "${*: -1}" != "'$scratch/policy-rc.d'" ] || exec "$@" ;; esac'

# machine DEBIAN LACKS...: a release with its package lists, but for the packages LACKS
machine() {
    printf 'VERSION_ID=%s\nID=debian\n' "$1" >os-release
    printf '%s\n' "${@:2}" >lacks
    : >lists
}
machine 13

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
said 'run: apt-get install --no-install-recommends libcjson-dev libllhttp-dev$'

# --- demo: a missing llhttp is needed where the distribution has it, and nothing goes on without ---

printf '%s\n' "${needs[@]}" >installed
boot demo
said 'apt-get install --no-install-recommends libllhttp-dev$'
! grep -q '^cmake' noted || fail "it goes on without llhttp"
machine 12 libllhttp-dev
boot demo
grep -q '^cmake' noted || fail "llhttp.cmake is not asked for the sources of llhttp"
rm lists
boot demo
said 'let an administrator run: apt-get update$'

# --- no package lists, as in the image of a container: one command names all, and is enough ---

# enough VERB: refused once; when the command that was said has run, no more
enough() {
    boot "$1"
    [ "$code" -eq 1 ] || fail "$1 without lists: exit code $code"
    said 'run: apt-get update && apt-get install --no-install-recommends gcc '
    sed -n 's/.* --no-install-recommends //p' said | tr ' ' '\n' >>installed
    : >lists
    boot "$1"
    ! grep -q 'neither root nor sudo' said || fail "$1: one command is not enough"
    grep -q '^cmake' noted || fail "$1 does not go on"
}
for verb in demo test; do
    machine 13 clang-format-14 clang-tidy-14
    rm lists
    : >installed
    enough "$verb"
    grep -qx libllhttp-dev installed || fail "$verb on Debian 13 does not name llhttp"
    ! grep -qx 'clang-.*-14' installed || fail "$verb on Debian 13 names what it does not have"
    machine 12 libllhttp-dev
    rm lists
    : >installed
    enough "$verb"
    ! grep -qx libllhttp-dev installed || fail "$verb on Debian 12 names what it does not have"
done
for package in libclang-rt-14-dev clang-format-14 redis-server; do
    grep -qx "$package" installed || fail "test on Debian 12 does not name $package"
done
echo ID=other >os-release
rm lists
: >installed
boot test
said 'run: apt-get update && apt-get install --no-install-recommends gcc .* clang valgrind$'
said 'without package lists'

# --- with sudo: lists are fetched first, and then the same is installed ---

tool sudo "$sudo"
machine 13 clang-format-14 clang-tidy-14
rm lists
boot test
[ "$(grep -c '^apt-get .* update' noted)" -eq 1 ] || fail "lists are not fetched, or twice"
for package in libllhttp-dev libclang-rt-19-dev redis-server; do
    grep -q "^apt-get .*install .* $package\b" noted || fail "without lists $package is not installed"
done
! grep -q '^apt-get .*install .*clang-format-14' noted || fail "what is not offered is asked for"
grep '^apt-get .*install ' noted | tr ' ' '\n' >installed
rm lists
boot test
! grep -q '^apt-get' noted || fail "apt-get is called without lists though nothing is missing"
machine 13

# --- with sudo: the same is installed; curl, which the lines of the demo need, too ---

: >installed
boot demo
[ "$code" -eq 1 ] || [ "$code" -eq 126 ] || [ "$code" -eq 127 ] || fail "there is no program, and demo says $code"
for package in "${needs[@]}"; do
    grep -q "^apt-get .*install .* $package\b" noted || fail "demo does not install $package"
done
printf '%s\n' "${needs[@]}" libllhttp-dev >installed
boot demo
! grep -q '^apt-get' noted || fail "apt-get is called though nothing is missing"

# --- services are held back while apt-get runs, and no longer, whatever ends it ---

for signal in "" INT TERM HUP; do
    rm -f held signal
    [ -z "$signal" ] || echo "$signal" >signal
    : >installed
    boot demo
    [ -e held ] || fail "${signal:-no signal}: services may start while apt-get runs"
    [ ! -e policy-rc.d ] || fail "${signal:-no signal}: the policy stays"
    [ "$signal" != TERM ] || [ "$code" -eq 143 ] || fail "TERM: exit code $code"
done
echo KILL >signal
{ boot demo; } 2>/dev/null # bash says "Killed"
[ -e policy-rc.d ] || fail "KILL: no policy is left, this test shows nothing"
rm signal
printf '%s\n' "${needs[@]}" libllhttp-dev >installed
boot demo
[ ! -e policy-rc.d ] || fail "what an earlier run left stays"
printf '#!/bin/sh\nexit 101\n' >policy-rc.d
: >installed
boot demo
[ "$(cat policy-rc.d)" = "$(printf '#!/bin/sh\nexit 101')" ] || fail "the policy of somebody else is touched"
rm policy-rc.d
printf '%s\n' "${needs[@]}" libllhttp-dev >installed

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
