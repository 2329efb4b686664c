#!/usr/bin/env bash
# Spans and metrics as a collector reads them: JSON and protobuf, plain and compressed, by OTLP's schema (from npm).
#   check_otlp.sh BINARY SCRATCH
# Skips (77) where npm is missing, or the tools cannot be fetched.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/harness/serve.sh
. "$here/../harness/serve.sh"
# shellcheck source=tests/harness/npm.sh
. "$here/../harness/npm.sh"
binary=$1
scratch=$2/otlp

npm_tools otlp "$scratch"
cp "$here/otlp.mjs" "$scratch"
for form in http/json http/protobuf; do
    for compression in none gzip; do
        rm -f "$scratch/port"
        (cd "$scratch" && exec timeout 400 node otlp.mjs "$form" "$compression" port) &
        collector=$!
        wait_until test -s "$scratch/port"
        serve "$binary" "$scratch" --set "otel.endpoint=http://127.0.0.1:$(cat "$scratch/port")" --set otel.interval_ms=100 \
            --set "otel.protocol=$form" --set "otel.compression=$compression" --set 'otel.resource_attributes=team=a%22b%C3%BC'
        node -e 'const ask = (path, body) => fetch(process.argv[1] + path, {method: "POST", body, headers: {
            "Content-Type": "application/json", traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            tracestate: "a=1,b=2"}}).then((answer) => answer.text());
          ask("/api/v1/commands/execute", JSON.stringify({command: "create-project", args: ["P"]}))
            .then(() => ask("/api/v1/tests/run", JSON.stringify({name: "T", steps: [{click: "a"}]})));' "$url"
        wait "$collector"
        serve_end
    done
done
