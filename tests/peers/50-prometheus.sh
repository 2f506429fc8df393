#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A real Prometheus scrapes the exporter with what deploy/ has: its own linter and its own tests are
# content, an alert fires while a program leaks, and resolves once it is mended.
# shellcheck disable=SC2016,SC2119 # what until_true evaluates each time; exporter's own arguments
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/export.sh
. "${0%/*}/../e2e/export.sh"

needs prometheus promtool
deploy=$here/../../deploy/prometheus
promtool check config "$deploy/scrape.yml" >"$TMPDIR/log" 2>&1 || fail "scrape.yml: $(cat "$TMPDIR/log")"
(cd "$deploy" && promtool test rules lostsock.rules.test.yml) >"$TMPDIR/log" 2>&1 || fail "rules: $(cat "$TMPDIR/log")"
# ... and those tests can fail.
mkdir "$TMPDIR/broken"
sed 's/lostsock_process_leaked_connections > 0/lostsock_process_leaked_connections > 100/' \
	"$deploy/lostsock.rules.yml" >"$TMPDIR/broken/lostsock.rules.yml"
cp "$deploy/lostsock.rules.test.yml" "$TMPDIR/broken"
! (cd "$TMPDIR/broken" && promtool test rules lostsock.rules.test.yml) >"$TMPDIR/log" 2>&1 ||
	fail "the rules' tests pass whatever the rules say"

exporting --after 1s --web.listen-address 127.0.0.1:9977
load close-wait --leaky
comes 'lostsock_findings{class="close-wait",kind="leak",certainty="certain"}' '=' "$COUNT"
gets 200 /metrics
promtool check metrics <"$TMPDIR/body" >"$TMPDIR/log" 2>&1 || fail "promtool: $(cat "$TMPDIR/log")"
[ ! -s "$TMPDIR/log" ] || fail "promtool: $(cat "$TMPDIR/log")"

# OpenMetrics, by the reference parser, which forgives nothing.
gets 200 /metrics -H 'Accept: application/openmetrics-text;version=1.0.0'
if /usr/bin/python3 -c 'import prometheus_client' 2>/dev/null; then
	/usr/bin/python3 - "$TMPDIR/body" >&2 <<-'END' || fail "no OpenMetrics, see above"
		import sys
		from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
		families = {f.name: f for f in parse(open(sys.argv[1]).read())}
		assert families["lostsock_connection_age_seconds"].type == "gaugehistogram"
		assert families["lostsock_connections_opened"].type == "counter"
		assert families["lostsock_build"].type == "info"
		assert len(families) >= 30, len(families)
	END
else
	say "python3-prometheus-client is not installed: OpenMetrics is parsed by Prometheus alone"
fi

# --- Prometheus: as in deploy/, but in seconds ---

sed -E 's/for: [0-9]+m/for: 2s/' "$deploy/lostsock.rules.yml" >"$TMPDIR/lostsock.rules.yml"
{
	printf 'global: { evaluation_interval: 1s }\n'
	sed 's/scrape_interval: .*/scrape_interval: 1s/' "$deploy/scrape.yml"
} >"$TMPDIR/prometheus.yml"
prometheus --config.file="$TMPDIR/prometheus.yml" --storage.tsdb.path="$TMPDIR/data" \
	--web.listen-address=127.0.0.1:9090 >"$TMPDIR/prometheus.log" 2>&1 9>&- &
prometheus_pid=$!

# ask QUERY: the value of the first sample, nothing if there is none.
ask() {
	"${CURL[@]}" http://127.0.0.1:9090/api/v1/query --data-urlencode "query=$1" 2>/dev/null |
		jq -r '.data.result[0].value[1] // empty'
}
answers() { [ "$(ask "$1")" = "$2" ]; }
alert() {
	"${CURL[@]}" http://127.0.0.1:9090/api/v1/alerts |
		jq -r --arg n "$1" --arg c "$2" '[.data.alerts[] | select(.labels.alertname == $n and .labels.comm == $c)][0].state // "none"'
}
is_alert() { [ "$(alert "$1" "$2")" = "$3" ]; }

until_true 30 answers 'up{job="lostsock"}' 1 || fail "Prometheus does not scrape it: $(tail -n 5 "$TMPDIR/prometheus.log")"
until_true 20 answers 'sum(lostsock_findings{class="close-wait"})' "$COUNT" || fail "findings: $(ask 'sum(lostsock_findings)')"
until_true 20 is_alert LostsockLeak close-wait firing || fail "no alert: $(alert LostsockLeak close-wait)"
[ -n "$(ask 'histogram_quantile(0.5, lostsock_connection_age_seconds_bucket{proto="tcp"})')" ] || fail "no quantile"
answers 'instance:lostsock_findings:sum{class="close-wait"}' "$COUNT" || fail "no recording"

# Mended: the leaky one is gone, its successor of the same name leaks nothing.
unload
load close-wait --mended
until_true 30 is_alert LostsockLeak close-wait none || fail "still $(alert LostsockLeak close-wait)"
answers 'sum(lostsock_findings{class="close-wait"})' 0 || fail "findings: $(ask 'sum(lostsock_findings)')"
# Its counter went on; Prometheus has seen no reset.
answers 'sum(resets(lostsock_process_connections_opened_total{comm="close-wait"}[5m]))' 0 || fail "a counter fell"
! grep -qE 'level=(warn|error)' "$TMPDIR/prometheus.log" || fail "Prometheus: $(grep -E 'level=(warn|error)' "$TMPDIR/prometheus.log" | head -n 3)"

exported
until_true 20 answers 'up{job="lostsock"}' 0 || fail "up: $(ask 'up{job="lostsock"}')"
until_true 20 eval '[ "$(ask "ALERTS{alertname=\"LostsockDown\",alertstate=\"firing\"}")" = 1 ]' || fail "nobody says that it is down"
kill "$prometheus_pid"
wait "$prometheus_pid" || fail "Prometheus ended with $?"
