#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A healthy server that a signal has stopped: it cannot close what its clients leave, nor accept. Its
# clients are stuck, though, and who asks is told why. Once it goes on there is nothing.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

needs python3
load chat.py --hold 60
trap 'kill -CONT "$PID"' EXIT # a stopped one never sees that this shell has ended

stops() {
	kill -STOP "$PID"
	findings --for 6s "$@"
	expect_none class=close-wait
	expect_none "pid=$PID" certain=true
	expect_finding class=not-accepted "pid=$PID" "count>=1"
	jq -e "[.findings[] | select(.pid == $PID) | .evidence | contains(\"kill -CONT $PID\")] | all" \
		"$JSON" >/dev/null || wrong 'nothing says that it is stopped'
	kill -CONT "$PID"
}

stops --after 2s
sleep 1
findings --for 4s --after 2s
expect_none "pid=$PID"

# Frozen with its cgroup, by the first look already.
group=$(findmnt -nt cgroup2 -o TARGET | head -n 1)/lostsock-frozen
mkdir "$group" 2>/dev/null || skip 'no cgroup2 to freeze'
trap 'echo 0 >"$group/cgroup.freeze"; unload; rmdir "$group"' EXIT
echo "$PID" >"$group/cgroup.procs"
echo 1 >"$group/cgroup.freeze"
sleep 3
findings --for 3s --after 2s
expect_none class=close-wait
expect_none "pid=$PID" certain=true
expect_finding class=not-accepted "pid=$PID" "count>=1"
