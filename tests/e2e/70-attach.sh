#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# attach: a report at the end that names the line which opened, the one that waits, and for how
# long; of the given processes alone. It ends after --for, at a signal, and with the process.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

# attach ARGS...: the report into $TMPDIR/report, what is said meanwhile into $TMPDIR/err.
attach() {
	local status=0
	timeout 60 "$LOSTSOCK" attach "$@" >"$TMPDIR/report" 2>"$TMPDIR/err" 9>&- || status=$?
	[ "$status" -eq "${STATUS:-0}" ] ||
		fail "attach $*: exit status $status: $(cat "$TMPDIR/err")"
}

has() { grep -qE -- "$1" "$TMPDIR/report" || fail "no /$1/ in: $(cat "$TMPDIR/report")"; }
has_not() { ! grep -qE -- "$1" "$TMPDIR/report" || fail "/$1/ in: $(cat "$TMPDIR/report")"; }

# Opened while it is watched: the program's own function stands first, the library's behind it.
load died-holding --leaky --mode exit --seconds 4
attach "$PID" --after 1s
has '^process [0-9]+ \((victim|died-holding)\): .*/died-holding '
has 'exited with status 0: .* 8 live at its end'
grep -q "process $PID .* has ended" "$TMPDIR/err" || fail "its end is not told: $(cat "$TMPDIR/err")"

# What stood when it ended is told, though the kernel has closed it by then.
load close-wait --leaky --hold 4
attach "$LOAD_PID" --after 1s
has '^close-wait: 8 leaked by close-wait'
has 'exited with status 0'
has '^    remedy'

load close-wait --leaky --hold 30
attach "$PID" --for 2s --after 1s
has 'still runs'
JSON=$TMPDIR/json
attach "$PID" --for 2s --after 1s --json
cp "$TMPDIR/report" "$JSON" && : >"$JSON.err"
expect_finding class=close-wait "pid=$PID" count=8
expect_process "$PID" live=8
jq -e '.waits | type == "array"' "$JSON" >/dev/null || fail "no waits"
[ "$(jq --argjson pid "$PID" --argjson peer "$PEER" \
	'[.processes[].pid] - [$pid, $peer] | length' "$JSON")" -eq 0 ] || wrong "others are listed"
STATUS=1 attach "$PID" --for 2s --after 1s --fail-on close-wait
STATUS=0 attach "$PID" --for 2s --after 1s --fail-on unread

# Killed: the signal is named.
load close-wait --leaky --hold 30
rm "$TMPDIR/err"
env --default-signal=INT timeout 30 "$LOSTSOCK" attach "$LOAD_PID" --after 1s \
	>"$TMPDIR/report" 2>"$TMPDIR/err" 9>&- &
pid=$!
until_true 10 grep -qs leaked "$TMPDIR/err" || fail "no progress: $(cat "$TMPDIR/err")"
kill -KILL "$LOAD_PID"
wait "$pid" || fail "exit status $?"
has 'killed by signal 9 \(SIGKILL\)'
has '^close-wait: 8 leaked'

# ^C ends it, and the report comes.
load silent-peer --leaky --hold 30
rm "$TMPDIR/err"
env --default-signal=INT "$LOSTSOCK" attach "$PID" --after 1s >"$TMPDIR/report" 2>"$TMPDIR/err" 9>&- &
pid=$!
until_true 10 grep -qs stalled "$TMPDIR/err" || fail "no progress: $(cat "$TMPDIR/err")"
kill -INT "$pid"
wait "$pid" || fail "exit status $?"
has '^silent-peer: 8 stalled by silent-peer'
has '    waits     thread [0-9]+ .* in read\(\): load_recv \(load.h:[0-9]+\) < wait_for_answer \(silent-peer.c:'
has '^Blocked time'
has ' read .* load_recv '

# A healthy one is accused of nothing.
load idlepool --mended --hold 30
attach "$PID" --for 3s --after 1s
has '^No leaks\.'
has_not 'leaked by|stalled by'
