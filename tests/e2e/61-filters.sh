#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the kernel leaves out: by process (its children followed), cgroup and network namespace. And
# what the view leaves out: by name and by class.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

pids() { jq -c '[.processes[] | select(.live > 0) | .pid] | sort' "$JSON"; }
sorted() { jq -nc '$ARGS.positional | map(tonumber) | sort' --args "$@"; }
expect_pids() { [ "$(pids)" = "$(sorted "$@")" ] || wrong "processes $* expected, got $(pids)"; }
# Without --netns self, which `findings` gives: each look here has one filter alone.
only() { lostsock top --once --json --interval 500ms "$@" >"$JSON" 2>"$JSON.err" 9>&- || fail "$*"; }

load close-wait --leaky --hold 60
mine=$PID
load unread --leaky --hold 60
others=$PEER

only -p "$mine" --for 2s --after 1s
expect_pids "$mine"
expect_finding class=close-wait pid="$mine" count=8
only --pid "$mine,$PID" --for 1s
expect_pids "$mine" "$PID"

# Of two workers that share a listener, one has not what the other has accepted.
load workers.py
only -p "$PID" --for 3s --after 1s
expect_nothing
only -p "$PEER" --for 3s --after 1s
expect_finding class=close-wait pid="$PEER" count=5

# A child born while we watch is in; so is what its parent opens meanwhile. Nobody else is.
"$LOSTSOCK" top --once --json -p $$ --for 4s >"$JSON" 2>"$JSON.err" 9>&- &
watch_pid=$!
until_true 15 attached || fail "nothing attached"
load idlepool --count 5
wait "$watch_pid"
jq -e --argjson pid "$PID" '[.processes[] | select(.live > 0)] | length <= 2 and
	any(.[]; .pid == $pid and .live == 5)' "$JSON" >/dev/null || wrong "the child $PID, and no other"

# A network namespace, seen out of another: told as a name, a path or a number.
netns=$(ip netns identify $$)
[ -n "$netns" ] || netns=/proc/$$/ns/net
number=$(stat -Lc %i /proc/$$/ns/net)
for name in "$netns" "/proc/$$/ns/net" "$number"; do
	status=0
	unshare --net "$LOSTSOCK" top --once --json --netns "$name" >"$JSON" \
		2>"$JSON.err" 9>&- || status=$?
	check_json $status
	jq -e --argjson pid "$mine" --argjson ns "$number" 'any(.processes[]; .pid == $pid) and
		all(.processes[]; .netns == $ns)' "$JSON" >/dev/null || wrong "--netns $name"
done

# A cgroup, and below it.
mount=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
if [ -n "$mount" ] && mkdir "$mount/lostsock-e2e-$$" 2>/dev/null; then
	trap 'echo "$others" 2>/dev/null >"$mount/cgroup.procs" || :; rmdir "$mount/lostsock-e2e-$$/below" "$mount/lostsock-e2e-$$"' EXIT
	mkdir "$mount/lostsock-e2e-$$/below"
	echo "$others" >"$mount/lostsock-e2e-$$/below/cgroup.procs"
	only --cgroup "$mount/lostsock-e2e-$$" --for 1s
	expect_pids "$others"
	findings --container "lostsock-e2e-$$" --for 1s
	findings --for 1s
fi

findings --comm clos --for 2s --after 1s
expect_finding class=close-wait count=8
expect_none class=unread
findings --class unread --for 2s --after 1s
expect_none class=close-wait
expect_finding class=unread count=8
refuses 2 'no process' top -p 4194000 --once
refuses 2 'self.*name.*path' top --netns nowhere --once
refuses '[23]' 'cgroup' top --cgroup /etc --once
refuses 2 "no class 'close-wiat'.*close-wait" top --class close-wiat --once
