#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# lostsock watches tether-serve: under churn, among hostile peers and while it drains it has nothing
# to say of the server, at a threshold of 3 s and deadlines of 1 s. What it says of the hostile peers
# is right: they hold connections that the server has ended.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/tether.sh
. "${0%/*}/tether.sh"

needs python3 wrk curl

holders=()

# hold KIND COUNT: peers of that kind until this scenario ends, as workloads do.
hold() {
	"$HOSTILE" "$port" hold "$1" "$2" <"$TMPDIR/rope" >"$TMPDIR/held.$1" 9>&- &
	holders+=($!)
	until_true 15 test -s "$TMPDIR/held.$1" || fail "hold $1 $2 is not ready"
}

innocent() {
	expect_none "pid=$serve_pid"
	jq -e --argjson pid "$serve_pid" '[.findings[] | select(.opener.pid == $pid)] == []' "$JSON" \
		>/dev/null || wrong "sockets that tether-serve has opened are found"
}

serve --threads 2 --header-deadline 1s --body-deadline 1s --write-deadline 1s --idle 1s --grace 8s
watch --for 11s --after 3s --all
for kind in slow-header slow-body slow-chunks expect-nothing idle silent half-open never-reads; do
	hold $kind 5
done
wrk -t1 -c20 -d2s "http://127.0.0.1:$port/" >"$TMPDIR/wrk"
wrk -t1 -c20 -d2s -H 'Connection: close' "http://127.0.0.1:$port/" >>"$TMPDIR/wrk"
python3 "$HOSTILE" "$port" messages >&2 || fail "messages, see above"
watched
innocent
# It was looked at: what came and went is in lostsock's account.
expect_process "$serve_pid" "opened>=1000"
# The peers that hold what has ended are found, so this could have failed.
expect_finding class=close-wait count\>=5
fds_back 5

# While it drains: a request that takes its time, idle peers, and one that says nothing.
served 5
serve --threads 2 --idle 60s --body-deadline 8s --grace 8s
hold slow-body 3
watch --for 5s --after 3s
kill -TERM "$serve_pid"
watched
innocent
kill -0 "$serve_pid" 2>/dev/null || fail "the drain was over before it was watched"
wait "$serve_pid" || fail "tether-serve: exit status $?"
