#!/usr/bin/env bash
# Proves both README commands in a bare Debian: debootstrap makes the root once, a copy of it is thrown away
# after each proof. Needs root, debootstrap and the distribution's mirror; no part of ctest.
#   third_party/prove.sh 12|13 demo|test|all [--worktree]
# The clone holds what is committed; with --worktree, the working tree as it is.
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
[ "$(id -u)" -eq 0 ] || die "needs root (chroot)"

bare=$roots/d$version
work=$roots/work-d$version-$$

make_bare_root() {
    [ ! -e "$bare/usr/bin/apt-get" ] || return 0
    command -v debootstrap >/dev/null || die "needs debootstrap (apt-get install debootstrap)"
    mkdir -p "$roots"
    debootstrap --variant=minbase "$suite" "$bare" ${MIRROR:+"$MIRROR"}
}

copy_sources() {
    mkdir -p "$work/srv/main"
    if [ "${1-}" = --worktree ]; then
        tar -C "$source_dir" --exclude=./build --exclude=./.git -cf - . | tar -C "$work/srv/main" -xf -
    else
        git clone -q --no-hardlinks "$source_dir" "$work/srv/main"
    fi
    if [ -d "$source_dir/../shared" ]; then
        cp -a "$source_dir/../shared" "$work/srv/shared"
    fi
}

# Runs inside the root: the demo must come up, answer, and end by itself on SIGINT.
prove_demo() {
    # shellcheck disable=SC2016 # expanded inside
    in_root '
        third_party/bootstrap.sh demo >/tmp/demo.out &
        demo=$!
        for _ in $(seq 1200); do
            line=$(grep -m 1 "^listening on http://" /tmp/demo.out || true)
            [ -z "$line" ] || break
            kill -0 "$demo" || { cat /tmp/demo.out; exit 1; }
            sleep 0.5
        done
        address=${line#listening on http://}
        sleep 3
        exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
        printf "GET /health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" >&3
        cat <&3 >/tmp/ready.out
        cat /tmp/demo.out
        grep -q "^HTTP/1.1 200" /tmp/ready.out
        kill -INT "$demo"
        wait "$demo"
    '
    echo "prove: demo works on Debian $version"
}

prove_test() {
    in_root 'CI=true bash .ci/run </dev/null'
    echo "prove: all tests pass on Debian $version"
}

# In namespaces of its own, so that mounts and stray processes end with it.
in_root() {
    # shellcheck disable=SC2016 # expanded inside
    unshare --mount --pid --fork --kill-child bash -euc '
        mount --bind /dev "$1/dev"
        mount --bind /dev/pts "$1/dev/pts" 2>/dev/null || true
        mount --bind /sys "$1/sys"
        mount -t proc proc "$1/proc"
        exec chroot "$1" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root bash -euc "cd /srv/main; $2"
    ' prove "$work" "$1"
}

make_bare_root
trap 'rm -rf --one-file-system "$work"' EXIT
cp -a "$bare" "$work"
cp /etc/resolv.conf "$work/etc/resolv.conf"
copy_sources "${3-}"

[ "$what" = test ] || prove_demo
[ "$what" = demo ] || prove_test
