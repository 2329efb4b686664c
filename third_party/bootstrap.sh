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
    sed -n '2,4s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

is_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Whether the distribution offers a package; needs the package lists.
is_offered() {
    local policy
    policy=$(apt-cache policy "$1" 2>/dev/null) # not a pipe: grep -q would end it with SIGPIPE
    grep -q '^  Candidate: [^(]' <<<"$policy"
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

# Prints the names among the arguments that are not installed.
missing_of() {
    local package
    for package in "$@"; do
        is_installed "$package" || printf '%s ' "$package"
    done
}

install_packages() {
    local missing
    missing=$(missing_of "$@")
    if [ -n "$missing" ]; then
        can_be_root || die "neither root nor sudo: let an administrator run: apt-get install ${missing% }"
        update_lists
        say "installing: $missing"
        # shellcheck disable=SC2086 # a list of words
        apt_get install -y --no-install-recommends $missing || die "apt-get install failed"
    fi
}

# Installs a package where the distribution has it; otherwise nothing happens.
install_if_offered() {
    is_installed "$1" && return 0
    if ! is_offered base-files && can_be_root; then
        update_lists
    fi
    if is_offered "$1"; then
        install_packages "$1"
    fi
}

install_build_tools() {
    install_packages gcc libc6-dev cmake ninja-build pkg-config ca-certificates \
        libuv1-dev libcurl4-openssl-dev libcjson-dev libyaml-dev libmbedtls-dev zlib1g-dev
    # Debian 13. Debian 12 has llhttp only as C sources inside node-llhttp, which would pull in
    # Node.js: third_party/llhttp.cmake downloads and unpacks that package without installing it.
    install_if_offered libllhttp-dev
    if ! is_installed libllhttp-dev && [ ! -e /usr/share/llhttp/llhttp.c ] &&
        [ ! -e "$build_dir/third_party/llhttp/usr/share/llhttp/llhttp.c" ] &&
        ! is_offered node-llhttp && can_be_root; then
        update_lists
    fi
}

# Format and tidy are checked with version 14 alone (their verdicts differ from version to version);
# where the distribution has another one, those two tests report themselves as skipped.
install_test_tools() {
    local llvm
    install_packages libcmocka-dev clang valgrind
    llvm=$(dpkg-query -W -f='${Depends}' clang | sed -n 's/.*clang-\([0-9][0-9]*\).*/\1/p')
    install_packages "libclang-rt-$llvm-dev"
    install_if_offered clang-format-14
    install_if_offered clang-tidy-14
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
    local verb=${1-build}
    case $verb in
    -h | --help)
        usage
        exit 0
        ;;
    build | demo | test) ;;
    *)
        usage >&2
        exit 1
        ;;
    esac
    [ $# -eq 0 ] || shift

    if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
        install_build_tools
        [ "$verb" != test ] || install_test_tools
    else
        say "no apt-get here: relying on what is installed (third_party/README.md says what is needed)"
    fi

    case $verb in
    build)
        configure release
        build --target virtuoso-proxy
        ;;
    demo)
        configure release
        build --target virtuoso-proxy
        exec "$build_dir/virtuoso-proxy" demo "$@"
        ;;
    test)
        configure test
        build
        exec ctest --test-dir "$build_dir" --output-on-failure --no-tests=error -j "$(nproc)" "$@"
        ;;
    esac
}

main "$@"
