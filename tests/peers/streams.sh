# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh sets, and uses
#
# streams.sh: twins whose streams are looked at, on top of lib.sh: what a recording has of them.

record=$TMPDIR/rec

# start PROGRAM ARGS...: sets PID to what it says first.
start() {
	mkfifo "$TMPDIR/go.$((++load_no))"
	load_out=$TMPDIR/twin.$load_no
	: >"$load_out"
	exec 8<>"$TMPDIR/go.$load_no"
	"$@" <&8 8>&- 9>&- >"$load_out" &
	LOAD_PID=$!
	until_true 30 has_line 1 || fail "$*: not ready after 30 s"
	PID=$(head -n 1 "$load_out")
	[ -n "$PID" ] || fail "$*: ended before it was ready"
}

# record ARGS...: in the background, until recorded; returns once it listens.
record() {
	"$LOSTSOCK" record --streams --interval 200ms "$@" "$record" 2>"$JSON.err" 8>&- 9>&- &
	watch_pid=$!
	until_true 15 attached || fail "lostsock has attached nothing after 15 s"
}

recorded() {
	sleep 0.5
	kill -INT "$watch_pid"
	wait "$watch_pid" || fail "lostsock record: $(cat "$JSON.err")"
}

# has PID FIELD=VALUE...: what the recording has of the streams of a process.
has() {
	local pid=$1 pair field op value got
	shift
	"$here/load/recorded.py" "$record" "$pid" >"$TMPDIR/has" || fail "the recording makes no sense"
	for pair; do
		split "$pair"
		got=$(jq ".$field" "$TMPDIR/has")
		compare "$got" "$op" "$value" || fail "process $pid: $pair expected: $(cat "$TMPDIR/has")"
	done
}
