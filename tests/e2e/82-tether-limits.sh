#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tether-serve where there is not enough: descriptors, readers; and a thousand idle peers.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/tether.sh
. "${0%/*}/tether.sh"

needs python3 curl

# hold KIND COUNT: peers that stay until let_go.
hold() {
	mkfifo "$TMPDIR/hold" 2>/dev/null || :
	"$HOSTILE" "$port" hold "$1" "$2" <"$TMPDIR/hold" >"$TMPDIR/held" 9>&- &
	hold_pid=$!
	exec 8>"$TMPDIR/hold"
	until_true 15 test -s "$TMPDIR/held" || fail "hold $1 $2 is not ready"
}

let_go() {
	exec 8>&-
	wait "$hold_pid" || fail "hostile.py: status $?"
}

cpu_ticks() { awk '{ print $14 + $15 }' "/proc/$serve_pid/stat"; }

# Two hundred peers, and descriptors for some fifty. It serves those it has, does not spin, and the
# others have their turn when these have gone.
serve_log=$TMPDIR/serve.few
: >"$serve_log"
(
	ulimit -n 64
	exec "$SERVE" --listen 127.0.0.1:0 --idle 60s "$WWW"
) 2>"$serve_log" 9>&- &
serve_pid=$!
until_true 5 said_port || fail "tether-serve says no port"
port=$(sed -n 's/^tether-serve: port //p' "$serve_log")
baseline=$(fds)
hold silent 200
[ "$(fds)" -ge 60 ] || fail "only $(fds) descriptors are used"
before=$(cpu_ticks)
sleep 1
[ $(($(cpu_ticks) - before)) -lt 30 ] || fail "it spins without descriptors"
kill -0 "$serve_pid" || fail "tether-serve has ended: $(cat "$serve_log")"
curl -sS --max-time 20 -o /dev/null "http://127.0.0.1:$port/" 8>&- &
waiting=$!
sleep 0.3
let_go
wait "$waiting" || fail "who came while there were no descriptors was not served later"
fds_back 5
curl -sS --max-time 5 -o /dev/null "http://127.0.0.1:$port/" || fail "it has not recovered"
served 5

# Peers that ask for much and never read.
serve --write-deadline 1s
hold never-reads 20
fds_back 10
curl -sS --max-time 5 -o /dev/null "http://127.0.0.1:$port/" || fail "not serving"
let_go
served 5

# A thousand idle ones cost little, and go.
serve --idle 60s
hold idle 1000
resident() { awk '/^VmRSS/ { print $2 }' "/proc/$serve_pid/status"; }
all_in() { [ "$(fds)" -ge $((baseline + 1000)) ]; }
until_true 10 all_in || fail "$(fds) descriptors with 1000 peers"
[ "$(resident)" -lt 40000 ] || fail "$(resident) KiB with 1000 idle peers"
curl -sS --max-time 5 -o /dev/null "http://127.0.0.1:$port/" || fail "not serving"
let_go
fds_back 5
served 5
