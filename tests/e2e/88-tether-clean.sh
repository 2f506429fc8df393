#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The loads of 87 with the release library, and TETHER_FAULT set as there: lostsock finds nothing of
# tether-get and tether-serve.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/tether.sh
. "${0%/*}/tether.sh"
# shellcheck source=tests/e2e/tether-faults.sh
. "${0%/*}/tether-faults.sh"

needs python3

innocent() {
	local pid
	for pid; do
		expect_none "pid=$pid"
	done
	[ ! -s "$LOG" ] || fail "the release library speaks of faults: $(cat "$LOG")"
	say "$TETHER_FAULT: nothing"
}

library release

commit reader
load_reader
sleep 1.5
findings --for 5s --after 2s
innocent "$get_pid" "$serve_pid"
get_ends
served 5

commit expect
load_expect
sleep 1.5
findings --for 4s --after 1s --after expect-body=1s
innocent "$serve_pid"
kill -KILL "$peer_pid"
wait "$peer_pid" 2>/dev/null || :
served 5

for fault in cancel-early cancel-never; do
	commit $fault
	serve
	watch --for 7s --after 3s
	load_cancel -c 10 -n 60
	watched
	ok 60
	# Ten idle connections of a pool are well.
	innocent "$get_pid" "$serve_pid"
	get_ends
	served 15
done

commit drain-race
serve --body-deadline 3s --grace 20s
watch --for 8s
load_drain
watched
innocent "$serve_pid"
drain_ends
[ "$drain_status" -eq 0 ] || fail "tether-serve: exit status $drain_status"
