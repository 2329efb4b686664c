#!/usr/bin/env bash
# Client certificates, made here with openssl and shown by curl: who is let in, who is not, and what a reload, a ticket and a
# slow handshake change.
#   check_mtls.sh BINARY SCRATCH
set -uo pipefail
# shellcheck source=tests/harness/serve.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/serve.sh"
source_dir=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
binary=$1
scratch=$2/mtls-$$
for tool in openssl curl; do
    if ! command -v "$tool" >/dev/null; then
        echo "$tool is not installed: skipped"
        exit 77
    fi
done
rm -rf "$scratch"
mkdir -p "$scratch"
cd "$scratch" || exit 1
n_wrong=0
key='key-of-a-test-0001'

wrong() {
    echo "WRONG: $1"
    n_wrong=$((n_wrong + 1))
}

# --- certificates ---

# authority NAME
authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=authority $1" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
        -keyout "$1.key" -out "$1.crt" 2>>openssl.log || exit 1
}

# certificate NAME AUTHORITY SUBJECT DAYS EXTENSION...
certificate() {
    local name=$1 by=$2 subject=$3 days=$4
    shift 4
    printf '%s\n' "$@" >"$name.ext"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$subject" -keyout "$name.key" -out "$name.csr" \
        2>>openssl.log || exit 1
    local until=(-days "$days")
    if [ "$days" -lt 0 ] && grep -q -- -not_after <<<"$(openssl x509 -help 2>&1)"; then # 3.4 and later
        until=(-not_before 20200101000000Z -not_after 20200201000000Z)
    fi
    openssl x509 -req -in "$name.csr" -CA "$by.crt" -CAkey "$by.key" -CAcreateserial "${until[@]}" \
        -extfile "$name.ext" -out "$name.crt" 2>>openssl.log || exit 1
}

for_clients=(keyUsage=digitalSignature extendedKeyUsage=clientAuth)
authority ours
authority theirs
certificate server ours /CN=localhost 30 extendedKeyUsage=serverAuth subjectAltName=DNS:localhost,IP:127.0.0.1
certificate by-uri ours /CN=any 30 "${for_clients[@]}" subjectAltName=URI:spiffe://example.com/ci
certificate by-dns ours /CN=any 30 "${for_clients[@]}" subjectAltName=DNS:Reports.Example.com
certificate by-cn ours "/O=Example/CN=reader" 30 "${for_clients[@]}"
certificate nobody ours /CN=nobody 30 "${for_clients[@]}"
certificate two ours /CN=reader 30 "${for_clients[@]}" subjectAltName=URI:spiffe://example.com/ci
certificate two-names ours /CN=reader/CN=other 30 "${for_clients[@]}"
certificate expired ours /CN=reader -1 "${for_clients[@]}"
certificate of-a-server ours /CN=reader 30 keyUsage=digitalSignature extendedKeyUsage=serverAuth
certificate to-encipher ours /CN=reader 30 keyUsage=keyEncipherment extendedKeyUsage=clientAuth
certificate stranger theirs /CN=reader 30 "${for_clients[@]}"
certificate evil ours $'/CN=reader\n{"level":"forged"}' 30 "${for_clients[@]}"

# revoke FROM UNTIL [CERTIFICATE...]: the list of `ours`, as revoked.pem
revoke() {
    local first_day=$1 last_day=$2 one
    shift 2
    rm -f index.txt* crlnumber*
    : >index.txt
    echo 01 >crlnumber
    printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=sha256\n' >ca.conf
    for one in "$@"; do
        openssl ca -config ca.conf -keyfile ours.key -cert ours.crt -revoke "$one.crt" 2>>openssl.log || exit 1
    done
    openssl ca -config ca.conf -keyfile ours.key -cert ours.crt -gencrl -crl_lastupdate "$first_day" -crl_nextupdate "$last_day" \
        -out revoked.part 2>>openssl.log || exit 1
    mv revoked.part revoked.pem
}

# --- tokens of an identity provider ---

base64url() { base64 -w0 | tr '+/' '-_' | tr -d '='; }

openssl genrsa -out issuer.key 2048 2>>openssl.log || exit 1
printf '{"keys": [{"kty": "RSA", "kid": "k", "e": "AQAB", "n": "%s"}]}' \
    "$(openssl rsa -in issuer.key -noout -modulus | sed 's/^Modulus=//' | tr -d '\n' | basenc --base16 -d | base64url)" >keys.json

# token SUBJECT SCOPE
token() {
    local signed
    signed=$(printf '{"alg":"RS256","kid":"k"}' | base64url).$(printf \
        '{"iss":"https://idp.example","aud":"qa","sub":"%s","scope":"%s","exp":%d}' "$1" "$2" $(($(date +%s) + 3600)) | base64url)
    printf '%s.%s' "$signed" "$(printf '%s' "$signed" | openssl dgst -sha256 -sign issuer.key | base64url)"
}

# --- the proxy ---

cat >proxy.yaml <<END
sandbox: {enabled: true}
drain: {notice_ms: 0, limit_ms: 0}
runs: {heartbeat_s: 3600}
http: {max_handshakes: 2, handshake_timeout_ms: 600000}
server:
  listen: "127.0.0.1:0"
  listeners:
    - {name: optional, listen: "127.0.0.1:0", tls_certificate_file: server.crt, tls_key_file: server.key,
       client_ca_file: clients.crt, client_crl_file: revoked.pem}
    - {name: required, listen: "127.0.0.1:0", tls_certificate_file: server.crt, tls_key_file: server.key,
       client_ca_file: clients.crt, client_crl_file: revoked.pem, client_certificates: required}
    - {name: without, listen: "127.0.0.1:0", tls_certificate_file: server.crt, tls_key_file: server.key}
    - {name: balanced, listen: "127.0.0.1:0", tls_certificate_file: server.crt, tls_key_file: server.key,
       client_ca_file: clients.crt, proxy_protocol: true, proxy_from: [127.0.0.1]}
auth:
  mode: [keys, jwt, mtls]
  jwt: {jwks: keys.json, issuer: "https://idp.example", audience: qa}
  keys:
    - {name: ci, key: $key}
    - {name: other, key: $key-of-another}
  certificates:
    - {name: ci, uri: "spiffe://example.com/ci"}
    - {name: reports, dns: reports.example.com, permissions: [read]}
    - {name: reader, cn: reader, permissions: [read]}
END
cp ours.crt clients.crt
grep -q crl_lastupdate <<<"$(openssl ca -help 2>&1)" || {
    echo "this openssl cannot write lists of revoked certificates with dates of its own: skipped"
    exit 77
}
revoke 20200101000000Z 20990101000000Z
serve_config "$binary" "$scratch" 5 proxy.yaml
ports=("${urls[@]##*:}")
plain=${ports[0]} optional=${ports[1]} required=${ports[2]} without=${ports[3]} balanced=${ports[4]}

# ask PORT CERTIFICATE|- VERSION [CURL'S ARGUMENTS...]: prints the status; the body is in `body`
ask() {
    local port=$1 with=$2 version=$3 arguments=()
    shift 3
    [ "$with" = - ] || arguments+=(--cert "$with.crt" --key "$with.key")
    curl -s --noproxy '*' --max-time 200 --cacert ours.crt --tls-max "$version" "${arguments[@]}" "$@" -o body \
        -w '%{http_code}' "https://localhost:$port${path:-/api/v1/sessions}" --resolve "localhost:$port:127.0.0.1"
}

# expect STATUS WHAT PORT CERTIFICATE [CURL'S ARGUMENTS...]
expect() {
    local status=$1 what=$2 port=$3 with=$4 version got
    shift 4
    for version in 1.2 1.3; do
        got=$(ask "$port" "$with" "$version" "$@")
        [ "$got" = "$status" ] || wrong "$what (TLS up to $version): $got instead of $status: $(head -c 300 body 2>/dev/null)"
    done
}

# metric NAME VALUE: whether this is the proxy's figure; all of them are in `metrics` then
# shellcheck disable=SC2317 # wait_until calls it
metric() {
    curl -s --noproxy '*' "http://127.0.0.1:$plain/metrics" >metrics
    grep -q "^virtuoso_proxy_$1 $2\$" metrics
}

# The log is written behind the addresses.
# shellcheck disable=SC2317 # wait_until calls it
all_are_told() { [ "$(grep -c server.listening serve.err)" -eq 5 ]; }
wait_until all_are_told || wrong "not each listener says what it is"
grep -q '"name":"required".*"client_certificates":"required"' serve.err || grep -q 'required.*client_certificates=required' serve.err ||
    wrong "a listener does not say that it requires certificates"

bearer=(-H "Authorization: Bearer $key")
other=(-H "Authorization: Bearer $key-of-another")
expect 200 "a certificate by URI" "$optional" by-uri
expect 200 "a certificate by DNS name, in other letters" "$optional" by-dns
expect 200 "a certificate by common name" "$optional" by-cn
expect 401 "no certificate and no key" "$optional" -
expect 200 "a key alone" "$optional" - "${bearer[@]}"
expect 200 "a certificate and a key of the same caller" "$optional" by-uri "${bearer[@]}"
expect 401 "a certificate and a key of different callers" "$optional" by-uri "${other[@]}"
expect 401 "a good certificate and a wrong key" "$optional" by-uri -H "Authorization: Bearer wrong-key-000"
expect 401 "a certificate that stands for nobody" "$optional" nobody
grep -q 'stands for nobody' body || wrong "who stands for nobody is not told so"
expect 200 "a certificate that stands for nobody, and a key" "$optional" nobody "${bearer[@]}"
expect 401 "a certificate of two callers" "$optional" two
expect 401 "a certificate with two common names" "$optional" two-names
expect 401 "an expired certificate" "$optional" expired
grep -q 'expired' body || wrong "who has an expired certificate is not told so"
expect 401 "an expired certificate and a key" "$optional" expired "${bearer[@]}"
expect 401 "a certificate of a server" "$optional" of-a-server
expect 401 "a certificate that must not sign" "$optional" to-encipher
expect 401 "a certificate of another authority" "$optional" stranger
expect 401 "a certificate with a line end in its name" "$optional" evil
expect 403 "a certificate without the permission" "$optional" by-cn -X POST -H 'Content-Type: application/json' -d '{}'
expect 200 "a certificate where it is required" "$required" by-uri
expect 200 "a key where a certificate is required, too" "$required" nobody "${bearer[@]}"
expect 401 "a certificate that nobody asked for" "$without" by-uri

# --- tokens beside certificates: both of one caller, and the token says what the caller may do ---

of_ci=(-H "Authorization: Bearer $(token ci read)")
of_other=(-H "Authorization: Bearer $(token other read)")
forged=(-H "Authorization: Bearer $(token ci read)AAAA")
create=(-X POST -H 'Content-Type: application/json' -d '{}')
expect 200 "a token alone" "$optional" - "${of_ci[@]}"
expect 200 "a certificate and a token of the same caller" "$optional" by-uri "${of_ci[@]}"
expect 401 "a certificate and a token of different callers" "$optional" by-uri "${of_other[@]}"
grep -q 'different callers' body || wrong "who shows a certificate and a token of two callers is not told so"
expect 401 "a certificate and a forged token" "$optional" by-uri "${forged[@]}"
expect 401 "an expired certificate and a token" "$optional" expired "${of_ci[@]}"
expect 401 "a certificate of another authority and a token" "$optional" stranger "${of_ci[@]}"
expect 200 "a certificate that stands for nobody, and a token" "$optional" nobody "${of_ci[@]}"
expect 200 "a token where a certificate is required, too" "$required" nobody "${of_ci[@]}"
expect 000 "no connection with a token and no certificate where one is required" "$required" - "${of_ci[@]}"
expect 201 "what the certificate permits" "$optional" by-uri "${create[@]}"
expect 403 "what the certificate permits and the token does not" "$optional" by-uri "${of_ci[@]}" "${create[@]}"
expect 401 "a certificate with a token and a key" "$optional" by-uri "${of_ci[@]}" -H "X-API-Key: $key"

for bad in - expired of-a-server stranger; do
    expect 000 "no connection with '$bad' where a good certificate is required" "$required" "$bad" "${bearer[@]}"
done
expect 200 "a certificate behind a PROXY header" "$balanced" by-uri --haproxy-protocol
expect 000 "a certificate without the PROXY header that is expected" "$balanced" by-uri
path=/livez expect 200 "after all that" "$without" -
grep -q 'http.tls_failed.*required' serve.err || wrong "a connection without a good certificate leaves no line in the log"

# --- certificates that are revoked, and a list that is too old ---

n_reloads() { grep -c config.reloaded serve.err; }
# shellcheck disable=SC2317 # wait_until calls it
has_reloaded() { [ "$(n_reloads)" -gt "$1" ]; }
reload() {
    local before
    before=$(n_reloads)
    kill -HUP "$server"
    wait_until has_reloaded "$before" || wrong "a reload does not happen"
}

revoke 20200101000000Z 20990101000000Z by-cn
reload
expect 401 "a certificate that was revoked" "$optional" by-cn
grep -q 'revoked' body || wrong "who has a revoked certificate is not told so"
expect 401 "a certificate that was revoked, and a key" "$optional" by-cn "${bearer[@]}"
expect 000 "no connection with a revoked certificate where a good one is required" "$required" by-cn
expect 200 "a certificate that was not revoked" "$optional" by-uri
revoke 20200101000000Z 20200201000000Z
reload
expect 401 "a certificate while the list of its authority is too old" "$optional" by-uri
grep -q 'list of revoked certificates has expired' body || wrong "who is refused for an old list is not told so"
revoke 20200101000000Z 20990101000000Z
reload
expect 200 "a certificate that is not revoked any more" "$optional" by-cn

# --- tickets: who comes back with one is asked all the same ---

# session PORT OPTIONS...: the lines of openssl about it
session() {
    local port=$1
    shift
    printf 'GET /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' |
        timeout 200 openssl s_client -connect "127.0.0.1:$port" -ign_eof -tls1_2 "$@" 2>/dev/null
}

session "$without" -sess_out ticket >s1
session "$without" -sess_in ticket >s2
grep -q '^Reused' s2 || wrong "a ticket of a listener without client certificates is not taken"
session "$optional" -sess_in ticket >s3
grep -q '^Reused' s3 && wrong "a ticket of another listener is taken"
grep -q '^HTTP/1.1 401' s3 || wrong "a ticket of another listener lets somebody in"
session "$optional" -sess_out mine -cert by-uri.crt -key by-uri.key >s4
grep -q '^HTTP/1.1 200' s4 || wrong "a certificate is not taken from openssl"
session "$optional" -sess_in mine >s5
grep -q '^Reused' s5 && wrong "who showed a certificate comes back without it"
grep -q '^HTTP/1.1 401' s5 || wrong "a session that was kept lets somebody in"

# --- slow handshakes: who is quick is served ---

for _ in 1 2 3 4 5; do
    { exec 9<>"/dev/tcp/127.0.0.1/$without" && printf '\x16\x03\x01\x02\x00\x01' >&9 && read -r _ <&9; } &
done
wait_until metric connections 6 || wrong "five slow handshakes, and who asks, are not all there is"
path=/livez expect 200 "a handshake beside slow ones" "$without" -
# --- two hundred at once: two handshakes at a time, and no long turn of the loop ---

curl -s --noproxy '*' --cacert ours.crt --max-time 600 --parallel --parallel-immediate --parallel-max 200 \
    -w '%{http_code}\n' -o /dev/null --resolve "localhost:$without:127.0.0.1" \
    "https://localhost:$without/livez?[1-200]" >many 2>many.err
[ "$(grep -c '^200' many)" -eq 200 ] || wrong "of 200 connections at once $(grep -c '^200' many) were answered: $(head -c 300 many.err)"
wait_until metric tls_handshakes_active 0 || wrong "a handshake is still counted as under way"
handshakes=$(sed -n 's/^virtuoso_proxy_tls_handshakes_total{result="ok"} //p' metrics)
longest=$(sed -n 's/^virtuoso_proxy_loop_turn_cpu_seconds_max //p' metrics)
[ "${handshakes:-0}" -ge 100 ] || wrong "only ${handshakes:-0} handshakes are counted"
awk -v s="${longest:-1}" -v slow="${VP_SLOW:-1}" 'BEGIN { exit !(s < 0.025 * slow) }' || wrong "a turn of the loop took $longest s of CPU"
[ -z "${VP_TELL:-}" ] || echo "handshakes: $handshakes, longest turn: $longest s of CPU"

# --- another authority, under an open connection ---

mkfifo to
openssl s_client -connect "127.0.0.1:$optional" -quiet -cert by-uri.crt -key by-uri.key <to >from 2>/dev/null &
client=$!
exec 8>to
printf 'GET /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\n\r\n' >&8
wait_until grep -qs '^HTTP/1.1 200' from || wrong "a certificate over an open connection is not taken"
# Two silent streams, whose heartbeat is an hour away: one of the certificate, one of a key without one.
stream() {
    curl -sN --noproxy '*' --max-time 600 --cacert ours.crt --resolve "localhost:$optional:127.0.0.1" "${@:2}" -o "$1" \
        "https://localhost:$optional/api/v1/events" &
}
stream of-certificate --cert by-uri.crt --key by-uri.key
certified=$!
stream of-key "${bearer[@]}"
keyed=$!
wait_until test -s of-certificate || wrong "a stream of events of a certificate does not begin"
wait_until test -s of-key || wrong "a stream of events of a key does not begin"
cp theirs.crt clients.crt
reload
printf 'GET /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\n\r\n' >&8
wait_until grep -q 'HTTP/1.1 401' from || wrong "an authority that was taken away still lets an open connection in"
# shellcheck disable=SC2317 # wait_until calls it
has_ended() { ! kill -0 "$1" 2>/dev/null; }
wait_until has_ended "$certified" || wrong "a silent stream outlives the authority of its certificate"
has_ended "$keyed" && wrong "the stream of a key ends with an authority that it has nothing to do with"
kill "$keyed" 2>/dev/null
exec 8>&-
kill "$client" 2>/dev/null
expect 401 "the authority of before" "$optional" by-uri
expect 200 "the authority that came" "$optional" stranger

# --- an edge before a proxy that demands a certificate ---

# edge WANTED WHAT [OPTION...]: what a read of the platform is answered through one
edge() {
    local wanted=$1 what=$2 got
    shift 2
    (
        mkdir -p edge
        start_server "$scratch/edge" 1 "$binary" serve -c "$source_dir/conf/edge.yaml" --listen 127.0.0.1:0 --set drain.notice_ms=0 \
            --set auth.mode=none --set "upstream.base_url=https://localhost:$required/virtuoso" --set "upstream.token=$key" \
            --set upstream.ca_file=ours.crt --set upstream.max_tries=1 --set upstream.connect_timeout_ms=120000 "$@"
        curl -sS -o /dev/null -w '%{http_code}' --max-time 200 "${urls[0]}/virtuoso/user"
        serve_end || echo " (it ended with $?)"
    ) >edge.said 2>edge.err
    got=$(cat edge.said)
    [ "$got" = "$wanted" ] || { wrong "$what: $got"; cat edge.err edge/serve.err; }
}
cp ours.crt clients.crt
reload
edge 200 "an edge with a certificate" --set upstream.client_certificate_file=by-uri.crt --set upstream.client_key_file=by-uri.key
edge 502 "an edge without one"
edge 502 "an edge with that of a stranger" --set upstream.client_certificate_file=stranger.crt --set upstream.client_key_file=stranger.key

# --- the end ---

serve_end || wrong "the server ended with $?"
grep -n 'forged' serve.out serve.err && wrong "the name in a certificate is in the log"
grep -q 'ERROR: ' serve.err && wrong "$(grep 'ERROR: ' serve.err)"
cd /
[ $n_wrong -gt 0 ] || rm -rf "$scratch"
exit $((n_wrong > 0))
