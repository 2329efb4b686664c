#!/usr/bin/env bash
# The steps of the Dockerfile's build stage, on Debian 13:
#   image.sh tools        installs what the build needs, and builds libcurl for HTTP alone, as a part of the program (the
#                         distribution's brings 30 libraries)
#   image.sh root FOLDER  builds the program and puts together the file system of the image: the program, the libraries that it
#                         loads, certificates, user, configuration, notices and the licenses that they name, and a list of it
#                         all (SPDX)
# SOURCE_DATE_EPOCH is the time of everything that is written: two builds are the same.
set -euo pipefail

curl_prefix=/opt/curl

tools() {
    # Debian's image lists its sources in one form, debootstrap in the other.
    sed -i 's/^Types: deb$/Types: deb deb-src/' /etc/apt/sources.list.d/debian.sources 2>/dev/null ||
        sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >/etc/apt/sources.list.d/sources-too.list
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends gcc libc6-dev cmake ninja-build make pkg-config \
        dpkg-dev ca-certificates libuv1-dev libssl-dev libcjson-dev libyaml-dev libmbedtls-dev zlib1g-dev libhiredis-dev libllhttp-dev
    build_curl
    rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/apt /var/log/dpkg.log
}

# CURL_VERSION: nothing for the newest, a version, or "any" for the newest whose sources the mirror has. A mirror may know a
# version before it has the files; an older one may lack a correction, so only who asks for it gets it.
get_curl() {
    local version versions=("${CURL_VERSION:-}")
    if [ "${CURL_VERSION:-}" = any ]; then
        mapfile -t versions < <(apt-cache showsrc curl | sed -n 's/^Version: //p' | sort -rV)
    fi
    for version in "${versions[@]}"; do
        if (cd "$1" && apt-get source -q -o APT::Sandbox::User=root "curl${version:+=$version}"); then
            return 0
        fi
    done
    return 1
}

build_curl() {
    local work
    work=$(mktemp -d)
    get_curl "$work" || { echo "image: the sources of curl cannot be had" >&2; exit 1; }
    (
        cd "$work"/curl-*/
        CFLAGS="-O2 -ffile-prefix-map=$PWD=. -fstack-protector-strong -D_FORTIFY_SOURCE=2" ./configure --quiet --prefix="$curl_prefix" \
            --with-openssl --with-ca-bundle=/etc/ssl/certs/ca-certificates.crt --disable-shared --disable-docs --disable-manual \
            --without-zlib --without-brotli --without-zstd --without-libpsl --without-libidn2 --without-nghttp2 \
            --disable-ldap --disable-ftp --disable-file --disable-dict --disable-telnet --disable-tftp --disable-pop3 --disable-imap \
            --disable-smb --disable-smtp --disable-gopher --disable-mqtt --disable-rtsp --disable-websockets --disable-ntlm
        make -s -j"$(nproc)" -C lib
        make -s -C lib install
        make -s -C include install
        make -s install-pkgconfigDATA
        mkdir -p "$curl_prefix/share/doc"
        cp COPYING "$curl_prefix/share/doc/copyright"
        dpkg-parsechangelog -S Version >"$curl_prefix/version"
    )
    rm -rf "$work"
}

# The shared libraries that a program loads, its loader included.
libraries_of() {
    LD_LIBRARY_PATH=$curl_prefix/lib ldd "$1" | awk '$2 == "=>" { print $3 } $1 ~ /^\// { print $1 }' | sort -u
}

# One line of the list of contents: NAME VERSION KIND
contents() {
    local library package
    {
        echo "virtuoso-proxy $(/src/build/virtuoso-proxy version | awk '{ print $2 }') program"
        echo "curl $(cat "$curl_prefix/version") source"
        for library in "$@"; do
            package=$(dpkg-query -S "$(realpath "$library")" 2>/dev/null | head -n 1 | cut -d: -f1) || true
            [ -z "$package" ] || echo "$package $(dpkg-query -W -f='${Version}' "$package") package"
        done
        echo "ca-certificates $(dpkg-query -W -f='${Version}' ca-certificates) package"
    } | sort -u
}

# SPDX 2.3 of the lines of `contents`.
spdx() {
    awk -v created="$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)" '
        { id[NR] = "SPDXRef-" $1; gsub(/[^A-Za-z0-9.-]/, "-", id[NR]); name[NR] = $1; version[NR] = $2; kind[NR] = $3 }
        END {
            printf "{\"spdxVersion\":\"SPDX-2.3\",\"dataLicense\":\"CC0-1.0\",\"SPDXID\":\"SPDXRef-DOCUMENT\",\"name\":\"virtuoso-proxy\","
            printf "\"documentNamespace\":\"urn:virtuoso-proxy:image:%s\",", created
            printf "\"creationInfo\":{\"created\":\"%s\",\"creators\":[\"Tool: image.sh\"]},\"packages\":[", created
            for (i = 1; i <= NR; i++) {
                printf "%s\n{\"SPDXID\":\"%s\",\"name\":\"%s\",\"versionInfo\":\"%s\",\"downloadLocation\":\"NOASSERTION\",", (i > 1 ? "," : ""), id[i], name[i], version[i]
                printf "\"filesAnalyzed\":false"
                if (kind[i] != "program") {
                    printf ",\"externalRefs\":[{\"referenceCategory\":\"PACKAGE-MANAGER\",\"referenceType\":\"purl\",\"referenceLocator\":\"pkg:deb/debian/%s@%s\"}]", name[i], version[i]
                }
                printf "}"
            }
            printf "],\n\"relationships\":["
            for (i = 1; i <= NR; i++) {
                printf "%s\n{\"spdxElementId\":\"SPDXRef-DOCUMENT\",\"relationshipType\":\"DESCRIBES\",\"relatedSpdxElement\":\"%s\"}", (i > 1 ? "," : ""), id[i]
            }
            printf "]}\n"
        }'
}

# notices FILE: those of the lines of `contents`
notices() {
    local packages
    packages=$(awk '$3 == "package" { print $1 }' | paste -sd ';')
    cmake -DOUTPUT="$1" -DCURL="$curl_prefix/share/doc/copyright" -DALSO="$packages" \
        -DSWAGGER="$PWD/build/third_party/swagger/package" -P third_party/notices.cmake
}

# common_licenses FOLDER FILE: into FOLDER the license texts that FILE names, where it says that they lie
common_licenses() {
    local text
    while read -r text; do
        if [ -e "$text" ]; then
            mkdir -p "$(dirname "$1$text")"
            cp -L "$text" "$1$text"
        else
            echo "image: there is no $text, which the notices name" >&2
        fi
    done < <(grep -o '/usr/share/common-licenses/[A-Za-z0-9.+-]*[A-Za-z0-9]' "$2" | sort -u)
}

root() {
    local out=$1 library target libraries doc listed
    doc=$out/usr/share/doc/virtuoso-proxy
    export PKG_CONFIG_PATH=$curl_prefix/lib/pkgconfig
    CFLAGS=-ffile-prefix-map=/src=. cmake --preset release
    cmake --build build --target virtuoso-proxy
    strip --strip-unneeded build/virtuoso-proxy
    mkdir -p "$out"/{usr/bin,usr/lib,etc/ssl/certs,etc/virtuoso-proxy,tmp} "$doc"
    mapfile -t libraries < <(libraries_of build/virtuoso-proxy)
    # /lib and /lib64 are links to /usr/lib..., as on Debian; the loader's own path finds what lies in them.
    ln -s usr/lib "$out/lib"
    for library in "${libraries[@]}"; do
        case $library in
        */ld-linux*) target=$out$library ;;
        *) target=$out/usr/lib/$(basename "$library") ;;
        esac
        mkdir -p "$(dirname "$target")"
        cp -L "$library" "$target"
        strip --strip-unneeded "$target"
    done
    cp build/virtuoso-proxy "$out/usr/bin/"
    cp -L /etc/ssl/certs/ca-certificates.crt "$out/etc/ssl/certs/"
    # In a container all addresses are those of the container; $PORT changes the port.
    sed -e '/^server:/,/^$/s/^  listen: .*/  listen: "0.0.0.0:8000"/' -e '/^admin:/,/^$/s/^  listen: .*/  listen: "127.0.0.1:9090"/' \
        conf/virtuoso-proxy.yaml >"$out/etc/virtuoso-proxy/virtuoso-proxy.yaml"
    echo "virtuoso-proxy:x:65532:65532::/:/nonexistent" >"$out/etc/passwd"
    echo "virtuoso-proxy:x:65532:" >"$out/etc/group"
    echo "hosts: files dns" >"$out/etc/nsswitch.conf"
    listed=$(contents "${libraries[@]}")
    spdx <<<"$listed" >"$doc/sbom.spdx.json"
    notices "$doc/NOTICES" <<<"$listed"
    common_licenses "$out" "$doc/NOTICES"
    find "$out" -depth -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    echo "image: ${#libraries[@]} shared libraries, $(du -sk "$out" | cut -f1) KiB"
}

"$@"
