#!/usr/bin/env bash
# Proves both README commands in a bare Debian, from a path with a blank, as root and as a user: debootstrap makes the
# root once, a copy of it is thrown away after each proof. Needs root, debootstrap and the distribution's mirror; no
# part of ctest.
#   third_party/prove.sh 12|13 demo|test|all [--worktree] [--as root|both]
# The clone holds what is committed; with --worktree, the working tree as it is. As a user (without sudo): first without
# the packages, where both commands must name all of them at once, then with them, in a tree of the user's own.
# VP_ROOTS: where the roots are kept (default /var/tmp/virtuoso-proxy-roots); MIRROR: a mirror for debootstrap.
set -euo pipefail

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
roots=${VP_ROOTS:-/var/tmp/virtuoso-proxy-roots}

die() {
    echo "prove: $*" >&2
    exit 1
}

case ${1-} in
12) suite=bookworm ;;
13) suite=trixie ;;
*) die "which Debian: 12 or 13" ;;
esac
version=$1
what=${2-}
case $what in
demo | test | all) ;;
*) die "what: demo, test or all" ;;
esac
shift 2
worktree=no
as=both
while [ $# -gt 0 ]; do
    case $1 in
    --worktree) worktree=yes ;;
    --as)
        as=${2-}
        shift
        ;;
    *) die "unknown option $1" ;;
    esac
    shift
done
case $as in
root | both) ;;
*) die "--as: root or both" ;;
esac
[ "$(id -u)" -eq 0 ] || die "needs root (chroot)"

bare=$roots/d$version
work=$roots/work-d$version-$$
user=1000
declare -A trees=([root]="/srv/a path/of root" [user]="/srv/a path/of a user")

make_bare_root() {
    [ ! -e "$bare/usr/bin/apt-get" ] || return 0
    command -v debootstrap >/dev/null || die "needs debootstrap (apt-get install debootstrap)"
    mkdir -p "$roots"
    debootstrap --variant=minbase "$suite" "$bare" ${MIRROR:+"$MIRROR"}
}

# copy_sources root|user
copy_sources() {
    local tree=$work${trees[$1]}
    mkdir -p "$tree/main"
    if [ "$worktree" = yes ]; then
        tar -C "$source_dir" --exclude=./build --exclude=./.git -cf - . | tar -C "$tree/main" -xf -
    else
        git clone -q --no-hardlinks "$source_dir" "$tree/main"
    fi
    chown -R 0:0 "$tree"
    [ "$1" = root ] || chown -R "$user:$user" "$tree"
}

# in_root root|user COMMANDS: in namespaces of its own, so that mounts and stray processes end with it.
in_root() {
    # shellcheck disable=SC2016 # expanded inside
    unshare --mount --pid --fork --kill-child bash -euc '
        mount --bind /dev "$1/dev"
        mount --bind /dev/pts "$1/dev/pts" 2>/dev/null || true
        mount --bind /sys "$1/sys"
        mount -t proc proc "$1/proc"
        become=()
        [ "$2" = root ] || become=(setpriv --reuid="$5" --regid="$5" --clear-groups)
        exec chroot "$1" "${become[@]}" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$3" \
            bash -euc "cd \"\$HOME/main\"; $4"
    ' prove "$work" "$1" "${trees[$1]}" "$2" "$user"
}

# Without packages, root, sudo and package lists: refused at once, and the one command that helps names everything.
prove_refusal() {
    # shellcheck disable=SC2016 # expanded inside
    in_root user '
        for verb in demo test; do
            code=0
            third_party/bootstrap.sh "$verb" 2>refusal.txt || code=$?
            cat refusal.txt
            [ "$code" -eq 1 ]
            grep -q "apt-get update && apt-get install .*gcc .*libcurl4-openssl-dev .*curl" refusal.txt
        done
        grep -q "libcmocka-dev clang valgrind libclang-rt-[0-9]*-dev .*redis-server" refusal.txt
        rm refusal.txt
    '
    echo "prove: without root both commands say what to install on Debian $version"
}

# The demo must come up, answer, each curl line that it prints must work, and SIGINT must end it.
prove_demo() {
    # shellcheck disable=SC2016 # expanded inside
    in_root "$1" '
        third_party/bootstrap.sh demo >demo.out &
        demo=$!
        for _ in $(seq 2400); do
            grep -q "^Serving until Ctrl-C" demo.out && break
            kill -0 "$demo" || { cat demo.out; exit 1; }
            sleep 0.5
        done
        cat demo.out
        url=$(sed -n "s/^listening on //p" demo.out)
        [ "$(curl -s -o ready.out -w "%{http_code}" "$url/health/ready")" = 200 ]
        n=0
        while IFS= read -r line; do
            bash -c "$line" >curl.out
            [ -s curl.out ]
            n=$((n + 1))
        done < <(sed -n "s/.*\(curl -s .*\)/\1/p" demo.out)
        [ "$n" -ge 1 ]
        kill -INT "$demo"
        wait "$demo"
        rm demo.out ready.out curl.out
    '
    echo "prove: as $1 the demo works on Debian $version"
}

prove_test() {
    # shellcheck disable=SC2016 # expanded inside
    in_root "$1" '
        CI=true bash .ci/run </dev/null
        for server in redis-server prometheus; do
            ! pidof "$server" || { echo "$server was left running"; exit 1; }
        done
        [ "$(id -u)" -ne 0 ] || [ ! -e /usr/sbin/policy-rc.d ]
    '
    echo "prove: as $1 all tests pass on Debian $version"
}

prove_as() {
    local began=$SECONDS
    [ "$what" = test ] || prove_demo "$1"
    [ "$what" = demo ] || prove_test "$1"
    echo "prove: as $1 on Debian $version: $((SECONDS - began)) s"
}

make_bare_root
trap 'rm -rf --one-file-system "$work"' EXIT
cp -a "$bare" "$work"
rm -rf "$work/var/lib/apt/lists/"* # as in the image of a container
cp /etc/resolv.conf "$work/etc/resolv.conf"
copy_sources root
copy_sources user
[ "$as" = root ] || prove_refusal
prove_as root
[ "$as" = root ] || prove_as user
