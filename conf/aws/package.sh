#!/bin/sh
# Makes the package of a function of AWS Lambda (runtime provided.al2023): the program with its own loader and libraries, because
# those of the runtime are older, and with certificates, which lie elsewhere there.
#   package.sh PROGRAM OUT.zip [CONFIG.yaml]
set -eu
program=$1
out=$(realpath -m "$2")
config=${3:-}
certificates=/etc/ssl/certs/ca-certificates.crt

command -v zip >/dev/null || { echo "package.sh: zip is missing" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/lib"
install -m 755 "$program" "$folder/virtuoso-proxy"
loader=$(ldd "$program" | awk '$1 ~ /\/ld-linux/ { print $1 }')
[ -n "$loader" ] || { echo "package.sh: $program names no loader" >&2; exit 1; }
for library in "$loader" $(ldd "$program" | awk '$2 == "=>" { print $3 }'); do
    install -m 755 "$(realpath "$library")" "$folder/lib/$(basename "$library")"
done
[ ! -r "$certificates" ] || install -m 644 "$certificates" "$folder/ca-certificates.crt"
[ -z "$config" ] || install -m 644 "$config" "$folder/virtuoso-proxy.yaml"
cat >"$folder/bootstrap" <<END
#!/bin/sh
cd "\${LAMBDA_TASK_ROOT:-\${0%/*}}" || exit 1
[ ! -r ca-certificates.crt ] || export VIRTUOSO_PROXY_UPSTREAM_CA_FILE="\${VIRTUOSO_PROXY_UPSTREAM_CA_FILE:-\$PWD/ca-certificates.crt}"
exec "lib/$(basename "$loader")" --library-path lib ./virtuoso-proxy "\$@"
END
chmod 755 "$folder/bootstrap"
find "$folder" -exec touch -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" {} +
rm -f "$out"
(cd "$folder" && find . -type f | LC_ALL=C sort | TZ=UTC zip -q -X -@ "$out")
