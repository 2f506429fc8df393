#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Each fault of libtether-faulty, under the programs that run with libtether otherwise: lostsock finds
# the class of its bug, on the process that has it, and as many as the library itself says.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/tether.sh
. "${0%/*}/tether.sh"
# shellcheck source=tests/e2e/tether-faults.sh
. "${0%/*}/tether-faults.sh"

needs python3
ulimit -c 0

# found CLASS PID N: that many, which the log says as well, and nothing else that is not allowed.
found() {
	[ "$(committed "$2")" -eq "$3" ] || fail "$1: $3 faults expected: $(cat "$LOG")"
	expects "$1" "=$3" "$2"
	check_expected
	say "$TETHER_FAULT: $1 = $3"
}

library faulty

# reader: the server has closed, and the reader waits for a request that nobody will make.
commit reader:every=2
load_reader
sleep 1.5
findings --for 5s --after 2s
# How many of the eight the first requests need is a matter of pace.
[ "$(committed "$get_pid")" -ge 2 ] || fail "two faults at least expected: $(cat "$LOG")"
found close-wait "$get_pid" "$(committed "$get_pid")"
get_ends
served 5

# expect: "100 Continue" was said, and the body is waited for without end.
commit expect:every=2
load_expect
sleep 1.5
findings --for 4s --after 1s --after expect-body=1s
allows close-wait "$peer_pid" # those that were turned away in time
allows unread "$peer_pid"     # they read nothing
found expect-body "$serve_pid" 3
kill -KILL "$serve_pid" "$peer_pid"
wait "$serve_pid" "$peer_pid" 2>/dev/null || :

# cancel-early: the connection is closed with the body in it, which the server sees as a reset.
commit cancel-early:every=4
serve
watch --for 10s
load_cancel -c 4 -n 100
watched
found aborted "$get_pid" 25
get_ends
served 15

# cancel-never: nobody reads the body, nobody ends it.
commit cancel-never:every=12
serve
load_cancel -c 10 -n 60
findings --for 6s --after 2s
allows unsent "$serve_pid" # what they do not read
found unread "$get_pid" 5
get_ends
served 15

# drain-race: the last one out is told twice, and the second time is a panic.
commit drain-race
serve --body-deadline 30s --grace 20s
watch --for 8s
load_drain
watched
allows close-wait $$ # the peers are this shell
allows dead-fd $$
found died-holding "$serve_pid" 5
drain_ends
[ "$drain_status" -eq 134 ] || fail "tether-serve: exit status $drain_status, abort() expected"
