#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The dashboard of deploy/grafana: a real Prometheus that scrapes a real exporter answers every one of
# its queries with data, for all processes and for the leaky one alone.
# shellcheck disable=SC2016,SC2119 # what until_true evaluates each time; exporter's own arguments
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/export.sh
. "${0%/*}/../e2e/export.sh"

needs prometheus
dashboard=$here/../../deploy/grafana/lostsock.json
load close-wait --leaky --hold 80
load task-stuck --leaky --hold 80
exporting --after 1s --web.listen-address 127.0.0.1:9977
comes 'lostsock_findings{class="close-wait",kind="leak",certainty="certain"}' '>=' 1
cat >"$TMPDIR/prometheus.yml" <<-END
	scrape_configs:
	  - job_name: lostsock
	    scrape_interval: 1s
	    static_configs: [{ targets: ["127.0.0.1:9977"] }]
END
prometheus --config.file="$TMPDIR/prometheus.yml" --storage.tsdb.path="$TMPDIR/data" \
	--web.listen-address=127.0.0.1:9090 >"$TMPDIR/prometheus.log" 2>&1 9>&- &
prometheus_pid=$!

api() { "${CURL[@]}" -G "http://127.0.0.1:9090/api/v1/$1" "${@:2}" 2>/dev/null; }
# rows QUERY: how many series it answers with, numbers all of them; "?" and why if it is no query.
rows() {
	api query --data-urlencode "query=$1" | jq -r 'if .status == "success" then
		[.data.result[] | select(.value[1] != "NaN")] | length else "?" + .error end'
}
some() { [[ $(rows "$1") =~ ^[1-9] ]]; }
until_true 30 some 'count_over_time(up{job="lostsock"}[1m]) > 3' || fail "Prometheus does not scrape it: $(tail -n 5 "$TMPDIR/prometheus.log")"
! some 'lostsock_no_such_metric' || fail "what is not there is answered"

# choices WORD=VALUE...: the variables as somebody has chosen them.
choices=() queries=0
substituted() {
	local text=$1 pair
	for pair in "${choices[@]}" __rate_interval=30s; do
		text=${text//\$${pair%%=*}/${pair#*=}}
	done
	[[ $text != *\$* ]] || fail "a variable is left: $text"
	printf '%s\n' "$text"
}

# What each variable has to choose from, the metric it asks being there: "label_values(METRIC, LABEL)".
offers() {
	local query metric label
	query=$(jq -r --arg n "$1" '.templating.list[] | select(.name == $n) | .query' "$dashboard")
	[[ $query =~ ^label_values\((.+),\ ([a-z]+)\)$ ]] || fail "$1: no query: $query"
	metric=$(substituted "${BASH_REMATCH[1]}") label=${BASH_REMATCH[2]}
	api "label/$label/values" --data-urlencode "match[]=$metric" | jq -r '.data[]'
}
choices=(instance='.*' comm='.*' container='.*')
offers instance | grep -qx '127.0.0.1:9977' || fail "machines: $(offers instance)"
offers comm | grep -qx close-wait || fail "processes: $(offers comm)"
choices[1]=comm=close-wait
container=$(offers container)
[ "$(wc -l <<<"$container")" -eq 1 ] || fail "containers: $container"

all_answer() {
	local panel expr
	queries=0
	while IFS=$'\t' read -r panel expr; do
		expr=$(substituted "$expr")
		until_true 10 some "$expr" || fail "$panel: no data (${choices[*]}): $expr: $(rows "$expr")"
		queries=$((queries + 1))
	done < <(jq -r '(.panels[] | .title as $t | .targets[]? | [$t, .expr]),
		(.annotations.list[] | [.name, .expr]) | @tsv' "$dashboard" | sed 's/\\\\/\\/g')
	[ $queries -ge 35 ] || fail "only $queries queries"
}
choices=(instance='.*' comm='.*' container='.*')
all_answer
choices=(instance='127.0.0.1:9977' comm='close-wait' container="$container")
all_answer

# Every metric that it draws is one of METRICS.md's, and it is a whole board.
jq -r '.panels[].targets[]?.expr' "$dashboard" | grep -oE 'lostsock_[a-z_]+' | sort -u | while read -r name; do
	grep -qE "^\| \`${name%_bucket}\`" "$here/../../docs/METRICS.md" || fail "$name is in no METRICS.md"
done
jq -e '([.panels[].id] | length == (unique | length)) and ([.panels[] | select(.type != "row")
	| .title != "" and (.targets | length > 0) and .gridPos.x + .gridPos.w <= 24] | all)' "$dashboard" >/dev/null ||
	fail "panels that share an id, have no title, no query, or no room"
exported
kill "$prometheus_pid"
wait "$prometheus_pid" || fail "Prometheus ended with $?"
