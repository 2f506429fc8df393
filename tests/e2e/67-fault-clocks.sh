#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# In a time namespace, whose clocks are a day ahead or behind: what the kernel's side tells is dated
# by the kernel's own clock, and so is all the rest. Nothing is a day old, nor younger than nothing.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

needs unshare
unshare --time --fork true 2>/dev/null || skip "time namespaces"

ahead=0
in_its_time() { unshare --time --fork --monotonic "$ahead" --boottime "$ahead" -- "$LOSTSOCK" "$@"; }

# The ages of all connections, and when all processes began, are of the last minute.
check_ages() {
	jq -e --argjson now "$(date +%s)" '
		([.connections[] | .age_s, .in_state_s, .idle_s | select(. != null)
			| select(. < 0 or . > 60)] == [])
		and ([.processes[] | select(.start_s > $now + 5 or .start_s < $now - 60)] == [])
		and ((.time | fromdate) - $now | fabs < 10)' "$JSON" >/dev/null || {
		jq -c '.time, .connections[], .processes[]' "$JSON" >&2
		fail "$ahead s ahead: not the last minute's"
	}
}

# No offset may set the clock to before the boot.
read -r up _ </proc/uptime
behind=$((${up%.*} - 60))
[ "$behind" -lt 86400 ] || behind=86400
load idlepool --count 3
before=$PID
for ahead in 86400 "-$behind"; do
	JSON=$TMPDIR/json.$ahead
	in_its_time top --once --json --all --netns self --interval 500ms --for 5s \
		>"$JSON" 2>"$JSON.err" 9>&- &
	look_pid=$!
	sleep 2.5
	load idlepool --count 4
	status=0
	wait $look_pid || status=$?
	check_json $status
	check_ages
	expect_nothing
	expect_connections "$before" 3
	expect_connections "$PID" 4 '.age_s < 4'
	unload

	# A gate measures how long its command took, and a stack's mappings are of its own program.
	in_its_time run --junit "$TMPDIR/junit" sh -c 'sleep 1' 2>"$TMPDIR/err" 9>&- ||
		fail "run, $ahead s ahead: $(cat "$TMPDIR/err")"
	took=$(grep -o '<testsuites [^>]*time="[0-9.]*"' "$TMPDIR/junit" | grep -oE '[0-9.]+"$' | tr -d '"')
	compare "${took:-0} >= 1 and ${took:-0}" '<' 20 || fail "run, $ahead s ahead: it took ${took:-?} s"
done
