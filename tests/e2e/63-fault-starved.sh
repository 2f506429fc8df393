#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# lostsock gets no CPU for seconds, while its ring overflows: what was lost is counted and said, the
# table heals to what is open, and nobody is accused of what was not heard. THOROUGH=1: ten times.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

rounds=1 count=30000
[ -z "${THOROUGH:-}" ] || rounds=10

starve() {
	kill -STOP "$watch_pid"
	until_true 5 grep -q '^State:.T' "/proc/$watch_pid/status" || fail "does not stop"
}
feed() { kill -CONT "$watch_pid"; }

expect_lost() {
	jq -e '.lost.total > 0' "$JSON" >/dev/null || wrong "lost records, and not a word"
	say "lost: $(jq -c .lost "$JSON")"
}

# --- connections ---

load close-wait --leaky --hold 600
expects close-wait
load idlepool --count 5 --hold 600
pool=$PID
watch --for $((4 + 8 * rounds))s --after close-wait=1s --all
kept=()
for ((round = 0; round < rounds; round++)); do
	starve
	load churn --count $count --keep 20 --hold 600
	load_done
	kept+=("$PID" "$PEER")
	sleep 1
	feed
	sleep 1
done
watched
expect_lost
jq -e '.lost.ring > 0' "$JSON" >/dev/null || wrong "the ring has not overflowed"
check_expected
expect_process "$pool" live=5
for PID in "${kept[@]}"; do
	expect_process "$PID" live=20 "opened<=$count" "opened>=20"
	expect_connections "$PID" 20
	jq -e "[.processes[] | select(.pid == $PID)] | all(.opened - .closed == .live)" "$JSON" >/dev/null ||
		wrong "process $PID: opened less closed is not what is live"
done

# --- streams, of which no snapshot tells: those whose end was not heard are not half open ---

load streams --mended --count 400000 --keep 5 --rate 100000
"$LOSTSOCK" attach "$LOAD_PID" --json --ring-pages 16 --after stream-half-open=2s --interval 200ms >"$JSON" 2>"$JSON.err" 9>&- &
watch_pid=$!
until_true 15 attached || fail "lostsock has attached nothing after 15 s"
starve
sleep 1
feed
load_done
sleep 4
kill -INT "$watch_pid"
watched
expect_lost
jq -e '[.findings[] | select(.class | startswith("stream")) | .count] | (add // 0) <= 5' "$JSON" >/dev/null ||
	wrong "accused of what was not heard"
jq -e ".processes[] | select(.pid == $LOAD_PID) | .streams.live >= 5" "$JSON" >/dev/null ||
	wrong "it does not say how many it holds for open"
