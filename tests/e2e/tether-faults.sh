# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh and tether.sh set, and use
#
# tether-faults.sh: the loads under which each fault of libtether-faulty is committed, on top of lib.sh
# and tether.sh. The same programs run with either library; with the release library TETHER_FAULT
# means nothing. Each function ends when the load stands, or is over.

GET=${LOSTSOCK%/*}/tether-get
LOG=$TMPDIR/faults
get_pid='' peer_pid='' drain_fds=() drain_status=''

# library faulty|release: what the programs that are started from now on run with.
library() {
	unset LD_LIBRARY_PATH
	[ "$1" = faulty ] || return 0
	mkdir -p "$TMPDIR/faulty"
	ln -sf "$(realpath "${LOSTSOCK%/*}/libtether-faulty.so")" "$TMPDIR/faulty/libtether.so.1"
	export LD_LIBRARY_PATH=$TMPDIR/faulty
}

# commit FAULT:OPTIONS
commit() {
	: >"$LOG"
	expected=() allowed=()
	export TETHER_FAULT=$1 TETHER_FAULT_LOG=$LOG
}

# committed PID: how many connections the library itself says that it has lost there.
committed() { jq -s --argjson pid "$1" 'map(select(.pid == $pid) | .count) | add // 0' "$LOG"; }

get_done() { grep -q ^bytes "$TMPDIR/get" || ! kill -0 "$get_pid" 2>/dev/null; }

# get ARGS...: until its requests are over; it holds its connections after that.
get() {
	"$GET" --hold 60s "$@" 2>"$TMPDIR/get" 9>&- &
	get_pid=$!
	until_true 20 get_done || fail "tether-get: $(cat "$TMPDIR/get")"
	kill -0 "$get_pid" 2>/dev/null || fail "tether-get ended: $(cat "$TMPDIR/get")"
}

get_ends() {
	kill "$get_pid"
	wait "$get_pid" || :
}

# ok N: so many of its requests were answered.
ok() { grep -q "^requests *$1 ok" "$TMPDIR/get" || fail "$1 answers expected: $(cat "$TMPDIR/get")"; }

# The server ends idle connections; the reader of each should see that and go.
load_reader() {
	serve --idle 1s
	get --threads -c 8 -n 200 "http://127.0.0.1:$port/"
	ok 200
}

# 100 Continue was said, and the body never comes.
load_expect() {
	serve --body-deadline 1s
	python3 "$HOSTILE" "$port" hold expect-nothing 6 <"$TMPDIR/rope" >"$TMPDIR/held" 9>&- &
	peer_pid=$!
	until_true 15 test -s "$TMPDIR/held" || fail "the peers are not ready"
}

# Large answers, whose context ends when the headers are there.
load_cancel() {
	get "$@" "http://127.0.0.1:$port/large"
}

# Six requests in flight when the server is told to end. One of them gets its answer, then goes.
load_drain() {
	local n fd fds=()
	for n in 1 2 3 4 5 6; do
		exec {fd}<>"/dev/tcp/127.0.0.1/$port"
		printf 'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf-' >&"$fd"
		fds+=("$fd")
	done
	sleep 0.5
	kill -TERM "$serve_pid"
	sleep 0.5
	printf 'other' >&"${fds[0]}"
	timeout 5 head -c 20 <&"${fds[0]}" >/dev/null
	fd=${fds[0]}
	exec {fd}>&-
	sleep 0.5
	drain_fds=("${fds[@]:1}")
}

drain_ends() {
	local fd
	for fd in "${drain_fds[@]}"; do
		exec {fd}>&-
	done
	drain_status=0
	wait "$serve_pid" || drain_status=$?
}
