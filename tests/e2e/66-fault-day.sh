#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A day, replayed in a second: steady traffic is never accused at any of its looks, what is lost once
# an hour is found and hours old, a clock that jumps accuses nobody, and memory stays what it was
# after the first hour. THOROUGH=1: a week, a look every five seconds, and under sanitizers.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

needs python3
hours=24 look=60
[ -z "${THOROUGH:-}" ] || hours=168 look=5
sanitized=${LOSTSOCK%/*}/sanitized/lostsock

day() { "$here/load/daylong.py" --hours $hours --look $look "$@"; }

# replays FILE ARGS...: and says, in $rss_kb, how much memory that took at most.
replays() {
	rss_kb=$(python3 -c '
import resource, subprocess, sys
out = open(sys.argv[1], "w")
status = subprocess.run(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=out).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)' "$JSON" "$LOSTSOCK" replay "$@") || fail "replay $*: exit status $?"
}

# Findings at any of the looks; one object a look.
ever() { jq -cn '[inputs | .time as $t | .findings[] | [$t, .class, .pid, .count]][:5]' "$JSON"; }

# --- steady: nothing, at no look, however short the thresholds ---

day >"$TMPDIR/steady"
for after in '' '--after 2s' '--after growth=3s --after task-growth=3s'; do
	# shellcheck disable=SC2086 # words
	replays "$TMPDIR/steady" --speed 1000000 --json $after
	[ "$(jq -n '[inputs] | length' "$JSON")" -ge $((hours * 3600 / look)) ] || fail "not all looks"
	[ "$(ever)" = '[]' ] || fail "steady traffic accused${after:+ with $after}: $(ever)"
done

# --- memory: of a day no more than of its first hour ---

"$here/load/daylong.py" --hours 1 --look $look >"$TMPDIR/hour"
replays "$TMPDIR/hour" --once --json
first_kb=$rss_kb
replays "$TMPDIR/steady" --once --json --all
say "$hours h: $rss_kb kB, 1 h: $first_kb kB"
[ "$rss_kb" -lt $((first_kb + 3072)) ] || fail "$hours hours take $rss_kb kB, one hour $first_kb kB"
# Of the 20 seconds before the end; and each process but two has ended.
expect_connections 4000 51
[ "$(jq '.processes | length' "$JSON")" -le 5 ] || fail "processes that have ended stay"

# --- one an hour: each is found, as old as it is; the idle ones, whose site has so few, if asked for ---

day --leak 3600 --forget 3600 >"$TMPDIR/leaky"
replays "$TMPDIR/leaky" --once --json
expect_finding class=close-wait pid=5000 certain=true "count=$hours"
jq -e --argjson h $hours '[.findings[].age_s | . / 3600 | floor] | sort == [range($h)]' "$JSON" >/dev/null ||
	wrong "not one of each hour"
[ "$(jq '[.findings[] | select(.class != "close-wait")] | length' "$JSON")" = 0 ] || wrong "and more"
replays "$TMPDIR/leaky" --once --json --after growth=12h
expect_finding class=growth pid=5000 "count>=10"
expect_none pid=4000

# --- after six hours the machine is halted for eight, and its clock runs on ---

day --halt 6 8 >"$TMPDIR/halted"
replays "$TMPDIR/halted" --speed 1000000 --json
[ "$(ever)" = '[]' ] || fail "accused of having been halted: $(ever)"
jq -en '[inputs.processes[] | select(.pid == 4000) | .oldest_s | select(. != null)] == []' "$JSON" >/dev/null ||
	fail "a finding's age without a finding"

# --- under sanitizers, where such a build is there ---

[ -x "$sanitized" ] || [ -z "${THOROUGH:-}" ] || fail "no $sanitized: make SANITIZE=1"
if [ -x "$sanitized" ] && [ -n "${THOROUGH:-}" ]; then
	"$sanitized" replay "$TMPDIR/leaky" --once --json >"$JSON" || fail "under sanitizers: exit status $?"
	expect_finding class=close-wait pid=5000 "count=$hours"
fi
