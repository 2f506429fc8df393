#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The bugs of libtether-faulty, each beside libtether itself, in the same programs. What is lost is counted
# by the library, as it commits the fault.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"

# shellcheck source=tests/e2e/tether.sh
. "$here/tether.sh"
# shellcheck source=tests/e2e/tether-faults.sh
. "$here/tether-faults.sh"
needs python3
ulimit -c 0

# bug FAULT:OPTIONS CLASS COUNT FUNCTION: with begin, act and finish as they are then.
bug() {
	fault=$1
	twins "tether, $1" "$2" "$3" "$4"
}

# From now on programs run with the library that has the bug, or with the one that has not.
prepare() {
	case $1 in
	leaky) library faulty ;;
	mended) library release ;;
	esac
	: >"$LOG"
	export TETHER_FAULT=$fault TETHER_FAULT_LOG=$LOG
}

# getter ARGS...: tether-get, which starts when it is told to.
getter() {
	# shellcheck disable=SC2016 # for the inner shell
	held bash -c 'exec "$@" 2>"$0"' "$TMPDIR/get" "$GET" --hold 60s "$@"
	get_pid=$PID
}

got() {
	: >"$TMPDIR/get"
	release
	until_true 20 get_done || fail "tether-get: $(cat "$TMPDIR/get")"
}

finish() {
	exec 8>&-
	# shellcheck disable=SC2086 # those that there are
	{ kill -KILL $serve_pid $get_pid $peer_pid; wait $serve_pid $get_pid $peer_pid; } 2>/dev/null || :
}

# The server ends idle connections; the reader of each should see that and go. The four are made by
# as many threads.
begin() {
	prepare "$1"
	serve --idle 1s
	getter --threads -c 4 -n 200 "http://127.0.0.1:$port/"
}
act() {
	got
	ok 200
	sleep 1.5
	# How many connections the requests need is a matter of pace.
	[ "$mode" = mended ] || count=$(committed "$PID")
}
bug reader:every=2 close-wait 2 -

# 100 Continue was said, and the body never comes.
begin() {
	prepare "$1"
	serve --body-deadline 1s
	PID=$serve_pid
}
act() {
	serve() { :; } # it is there
	load_expect
	also close-wait "$peer_pid" "peers that were turned away in time, and are in no hurry"
	also unread "$peer_pid" "the same"
}
bug expect:every=2 expect-body 3 -

# The connection is closed with the body in it.
begin() {
	prepare "$1"
	serve
	getter -c 4 -n 100 "http://127.0.0.1:$port/large"
}
act() { got; }
bug cancel-early:every=4 aborted 25 -

# Nobody reads the body, nobody ends it.
begin() {
	prepare "$1"
	serve
	getter -c 10 -n 60 "http://127.0.0.1:$port/large"
	also unsent "$serve_pid" "what they do not read"
}
bug cancel-never:every=12 unread 5 -

# The last one out is told twice, and the second time is a panic.
begin() {
	prepare "$1"
	serve --body-deadline 30s --grace 20s
	PID=$serve_pid
	also close-wait "$BASHPID" "the peers, which are this shell"
	also dead-fd "$BASHPID" "the same"
	also unread "$BASHPID" "an answer that the shell does not read"
}
act() {
	load_drain
	also miscount "$PID" "the same, by what the library tells of its count"
}
bug drain-race died-holding 5 -

# HTTP/3. A request is answered before its body has come; that side of its stream is forgotten.
needs gtlsclient openssl
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost -keyout "$TMPDIR/key.pem" -out "$TMPDIR/cert.pem" 2>/dev/null
truncate -s 8G "$TMPDIR/body" # an upload that lasts
said_h3() { grep -q '^tether-serve: h3 port ' "$serve_log"; }

begin() {
	prepare "$1"
	serve --tls "$TMPDIR/cert.pem,$TMPDIR/key.pem" --h3 127.0.0.1:0
	until_true 5 said_h3 || fail "no port for HTTP/3: $(cat "$serve_log")"
	PID=$serve_pid
}
act() {
	local h3 url=https://localhost/index.html
	h3=$(sed -n 's/^tether-serve: h3 port //p' "$serve_log")
	gtlsclient -q --download "$TMPDIR" -m POST -d "$TMPDIR/body" 127.0.0.1 "$h3" $url $url \
		>"$TMPDIR/client.log" 2>&1 9>&- &
	peer_pid=$!
	sleep 1
	[ "$mode" = mended ] || count=$(committed "$PID")
}
bug half-close:every=1 stream-half-open 2 -

proved
