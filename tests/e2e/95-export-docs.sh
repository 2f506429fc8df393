#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# METRICS.md names every metric with its type and labels, and no other.
# shellcheck disable=SC2016,SC2119 # what until_true evaluates each time; exporter's own arguments
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/export.sh
. "${0%/*}/export.sh"

# The kernel counts the runs of programs only if it is asked to.
stats=/proc/sys/kernel/bpf_stats_enabled was=$(cat "$stats")
trap 'echo "$was" >"$stats"' EXIT
echo 1 >"$stats" || skip 'kernel.bpf_stats_enabled cannot be set'

root=$(cd "$here/../.." && pwd)
load close-wait --leaky
exporting --after 1s
comes 'lostsock_findings{class="close-wait",kind="leak",certainty="certain"}' '=' "$COUNT"
gets 200 /metrics

# "name type labels" of each family.
awk '/^# TYPE / { type[$3] = $4 }
	/^[a-z]/ {
		name = $0; sub(/[{ ].*/, "", name)
		if (!(name in type)) sub(/_(bucket|sum|count)$/, "", name)
		labels = ""
		if (match($0, /\{.*\}/)) {
			rest = substr($0, RSTART + 1, RLENGTH - 2)
			gsub(/="([^"\\]|\\.)*"/, "", rest); sub(/(^|,)le$/, "", rest)
			labels = rest
		}
		if (!(name in seen) || length(labels) > length(seen[name])) seen[name] = labels
	}
	END { for (n in type) print n, type[n], seen[n] }' "$TMPDIR/body" | sort >"$TMPDIR/said"
sed -nE 's/^\| `(lostsock_[a-z_]+)` \| ([a-z]+) \|([^|]*)\|.*/\1 \2 \3/p' "$root/docs/METRICS.md" |
	sed 's/`//g; s/, /,/g; s/  */ /g; s/ *$//; s/^\([^ ]* [^ ]*\)$/\1 /' | sort >"$TMPDIR/documented"
[ "$(wc -l <"$TMPDIR/said")" -ge 30 ] || fail "only $(wc -l <"$TMPDIR/said") metrics"
diff "$TMPDIR/said" "$TMPDIR/documented" >&2 || fail "the program (<) and METRICS.md (>) differ"

# Each scrape is a connection.
comes 'lostsock_bpf_run_seconds_total{program="files"}' '>' 0
comes 'lostsock_bpf_runs_total{program="conn_state"}' '>' 0

# By convention: base units, help for all, counters and nothing else end with _total.
while read -r name type _; do
	[ "$(grep -c "^# HELP $name " "$TMPDIR/body")" -eq 1 ] || fail "$name: no help"
	case $type:$name in
	counter:*_total | gauge:*[!l] | gauge:*[!a]l | histogram:*_seconds) ;;
	*) fail "$name is a $type" ;;
	esac
	! [[ $name =~ _(ms|milliseconds|kb|minutes|percent)(_total)?$ ]] || fail "$name: not a base unit"
done <"$TMPDIR/said"
exported
