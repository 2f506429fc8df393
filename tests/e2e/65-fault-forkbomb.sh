#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Thousands of short processes that share a few pids: nothing of them stays in memory, nobody is
# accused, and who is given a dead one's pid inherits nothing of it. THOROUGH=1: 20,000 a round.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

count=5000
[ -z "${THOROUGH:-}" ] || count=20000

rss_kb() { awk '/^VmRSS:/ { print $2 }' "/proc/$watch_pid/status"; }

# A round, and two looks at what is left of it.
round() {
	local n=$(($(wc -l <"$load_out") + 1))
	kill -USR1 "$LOAD_PID"
	until_true 240 has_line $n || fail "the workload's round is not over"
	TRUTH=$(sed -n ${n}p "$load_out")
	sleep 2.5
	rss+=("$(rss_kb)")
}

# How many threads the kernel's side holds for blocked: those that live, and no more.
rows_blocked() {
	local id
	# shellcheck disable=SC2013 # one number a line
	for id in $(sed -nE 's/^map_id:\t([0-9]+)$/\1/p' "/proc/$watch_pid/fdinfo/"* | sort -u); do
		[ "$(bpftool -j map show id "$id" | jq -r .name)" != blocked ] || bpftool -j map dump id "$id" | jq length
	done
}

# bomb NAME KB: four rounds. After three, what is needed at all is there, and stays what it is but for
# KB. An account keeps what each process has left open, two kilobytes, of 65,536 at most.
bomb() {
	rss=()
	round
	round
	round
	round
	rows=$(rows_blocked)
	[ "${rows:-0}" -lt 50 ] || fail "$1: $rows threads blocked, and most of them have ended"
	kill -INT "$watch_pid"
	watched
	say "$1: $(truth forked) processes; RSS ${rss[*]} kB; lost $(jq -c .lost "$JSON")"
	[ $((rss[3] - rss[2])) -lt "$2" ] || fail "$1: memory grows: ${rss[*]} kB"
	expect_nothing
	jq -e '.lost.map == 0 and .lost.ledger == 0' "$JSON" >/dev/null || wrong "$1: a table is full"
	got=$(jq -c "[.processes[] | select(.pid == $(truth child) and (.ended | not))
		| {live, opened, closed}]" "$JSON")
	[ "$got" = '[{"live":3,"opened":3,"closed":0}]' ] || wrong "$1: $(truth child) is $got: 3 live, no more"
	jq -e '[.processes[] | select(.ended and (.live > 3 or .opened > 3))] == []' "$JSON" >/dev/null ||
		wrong "$1: a dead process has more than any had"
	unload
}

JSON=$TMPDIR/json.top
load forkbomb --count $count --hold 900
env --default-signal=INT "$LOSTSOCK" top --once --json --all --netns self --interval 500ms --for 900s \
	>"$JSON" 2>"$JSON.err" 9>&- &
watch_pid=$!
until_true 15 attached || fail "lostsock has attached nothing after 15 s"
bomb top 2048

JSON=$TMPDIR/json.attach
load forkbomb --count $count --hold 900
env --default-signal=INT "$LOSTSOCK" attach "$LOAD_PID" --json --interval 500ms \
	>"$JSON" 2>"$JSON.err" 9>&- &
watch_pid=$!
until_true 15 attached || fail "lostsock has attached nothing after 15 s"
bomb attach $((2048 + count * 2 / 4))
