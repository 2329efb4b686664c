#!/usr/bin/env bash
# Every metric that a rule, a dashboard or an object of the cluster names is one that a running process has, each alert
# has its runbook and is tested firing and silent, and conf/README.md tells of each metric.
#   check_metrics.sh ROOT BINARY SCRATCH
# Skips (77) where promtool and prometheus (Debian: prometheus) or curl are missing.
set -euo pipefail
# shellcheck source=tests/harness/serve.sh
. "$(dirname "${BASH_SOURCE[0]}")/../harness/serve.sh"
root=$1
scratch=$3/metrics
rules=$root/conf/prometheus/rules.yaml
tests=$root/tests/prometheus/rules_test.yaml
name='\b(virtuoso_proxy|http_server|http_client|process)_[a-z0-9_]+|\bvirtuoso_proxy:[a-z0-9_:]+'

for tool in promtool prometheus curl; do
    command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
mkdir -p "$scratch"

# A Prometheus that reads the process as it asks for it (OpenMetrics): it takes five seconds to begin.
rm -rf "$scratch/tsdb"
serve "$2" "$scratch"
cat >"$scratch/prometheus.yaml" <<END
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: ['$(realpath "$rules")']
scrape_configs: [{job_name: virtuoso-proxy, static_configs: [{targets: ['${url#http://}']}]}]
END
prometheus --config.file="$scratch/prometheus.yaml" --storage.tsdb.path="$scratch/tsdb" --web.listen-address=127.0.0.1:0 \
    --enable-feature=exemplar-storage 2>"$scratch/prometheus.log" &
# PATH PATTERN: whether a line of its answer is so; each rule is a line.
# shellcheck disable=SC2317 # wait_until calls it
asked() {
    local address
    address=$(sed -n 's/.*"Listening on" address=//p' "$scratch/prometheus.log")
    curl -sS --max-time 100 "http://$address/api/v1/$1" 2>"$scratch/asked.err" | sed 's/{"name"/\n&/g' | grep "$2" >/dev/null
}

promtool check rules --lint=all --lint-fatal "$rules" >"$scratch/rules.out" || { cat "$scratch/rules.out"; exit 1; }
promtool check config --syntax-only "$root/conf/prometheus/prometheus.yaml" >"$scratch/config.out" ||
    { cat "$scratch/config.out"; exit 1; }
promtool test rules "$tests" >"$scratch/test.out" || { cat "$scratch/test.out"; exit 1; }

# What a dashboard asks for is read as rules are; a variable stands for any text.
number=0
echo 'groups: [{name: dashboards, rules: [' >"$scratch/dashboards.yaml"
while IFS= read -r expression; do
    number=$((number + 1))
    printf "{record: 'panel%d', expr: '%s'},\n" "$number" "$expression"
done < <(sed -n 's/^ *"expr": "\(.*\)",\{0,1\}$/\1/p' "$root"/conf/grafana/*.json | sed 's/\\"/"/g; s/\\\\/\\/g') >>"$scratch/dashboards.yaml"
echo ']}]' >>"$scratch/dashboards.yaml"
all=$(cat "$root"/conf/grafana/*.json | grep -o '"expr"' | wc -l)
[ "$all" -gt 0 ] || { echo "conf/grafana: no expression was found"; exit 1; }
[ "$number" -eq "$all" ] || { echo "conf/grafana: $number of $all expressions were read"; exit 1; }
promtool check rules "$scratch/dashboards.yaml" >"$scratch/dashboards.out" 2>&1 ||
    { cat "$scratch/dashboards.out"; exit 1; }

curl -sS --max-time 100 -o "$scratch/metrics.txt" "$url/metrics"
promtool check metrics <"$scratch/metrics.txt" >"$scratch/lint.out" 2>&1 || { cat "$scratch/lint.out"; exit 1; }
{
    awk '$1 == "#" && $2 == "TYPE" {
        print $3
        if ($4 == "histogram") { print $3 "_bucket"; print $3 "_sum"; print $3 "_count" }
    }' "$scratch/metrics.txt"
    awk '$1 == "-" && $2 == "record:" { print $3 }' "$rules"
} | sort -u >"$scratch/known"

# What FILE names and nobody has, one a line.
unknown() {
    grep -oE "$name" "$1" | sort -u | comm -23 - "$scratch/known"
}

failed=0
complain() {
    echo "$1"
    failed=1
}
echo 'expr: virtuoso_proxy_gone / virtuoso_proxy:gone:rate5m' >"$scratch/bad.yaml"
[ "$(unknown "$scratch/bad.yaml" | wc -l)" -eq 2 ] || complain "selftest: unknown metrics are not seen"
while IFS= read -r file; do
    for metric in $(unknown "$file"); do
        complain "${file#"$root"/}: the process has no metric $metric"
    done
done < <(find "$root/conf" "$root/k8s" -type f \( -name '*.yaml' -o -name '*.json' -o -name '*.md' \))

# ALERT HOW WHAT: the test of that name asks for that alert alone, and WHAT is what comes of it.
alert_is_tested() {
    awk -v name="- name: $1 $2" -v alert="$1" -v what="$3" '
        $1 == "-" && $2 == "name:" { line = $0; sub(/^ */, "", line); is_here = line == name }
        is_here && /alertname:/ { n++; right += $NF == alert }
        is_here && index($0, what) > 0 { expected++ }
        END { exit !(n > 0 && n == right && expected > 0) }' "$tests"
}

while IFS= read -r alert; do
    grep -q "^### $alert\$" "$root/conf/README.md" || complain "conf/README.md: no section $alert"
    alert_is_tested "$alert" fires "exp_labels:" || complain "tests/prometheus: $alert is not tested firing"
    alert_is_tested "$alert" "is silent" "exp_alerts: []" || complain "tests/prometheus: $alert is not tested silent"
done < <(awk '$1 == "-" && $2 == "alert:" { print $3 }' "$rules")
awk '$1 == "#" && $2 == "HELP" && $3 !~ /^process_/ { name = $3; sub(/^# HELP [^ ]+ /, ""); print "| `" name "` | " $0 " |" }' \
    "$scratch/metrics.txt" >"$scratch/rows"
while IFS= read -r row; do
    grep -qxF "$row" "$root/conf/README.md" || complain "conf/README.md lacks the row: $row"
done <"$scratch/rows"
# A counter whose first sample is not 0 has grown by nothing: each that an alert looks at is there from the beginning, or its rule counts
# what was not there before ("offset").
while IFS= read -r metric; do
    grep -q "^${metric}[{ ]" "$scratch/metrics.txt" || grep -q "unless ${metric}.*offset" "$rules" ||
        complain "conf/prometheus/rules.yaml: an idle process has no series of $metric"
done < <(sed -n 's/.*increase(\([a-z_]*\).*/\1/p' "$rules" | sort -u)
# It has found an exemplar, and can work out each recorded series.
curl -sS --max-time 100 -o /dev/null "$url/api/user"
wait_until asked 'query?query=up' '"1"\]' || complain "Prometheus does not read /metrics"
wait_until asked 'query_exemplars?query=http_server_request_duration_seconds_bucket&start=0&end=9999999999' '"trace_id"' ||
    complain "Prometheus finds no exemplar"
while IFS= read -r record; do
    wait_until asked 'rules?type=record' "\"name\":\"$record\",.*\"health\":\"ok\"" || complain "Prometheus cannot work out $record"
done < <(awk '$1 == "-" && $2 == "record:" { print $3 }' "$rules")
series=$(grep -vc '^#' "$scratch/metrics.txt")
[ "$series" -lt 400 ] || complain "an idle process has $series series; 400 are too many"
exit "$failed"
