#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# attach to what is not plain: exec, children, other namespaces, thousands of threads, children
# that live for milliseconds.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

needs unshare jq
JSON=$TMPDIR/json

attach() {
	timeout 60 "$LOSTSOCK" attach "$@" --json >"$JSON" 2>"$JSON.err" 9>&- || check_json $?
	check_json 0
}

attach_in_background() {
	rm -f "$JSON.err"
	timeout 60 "$LOSTSOCK" attach "$@" --json >"$JSON" 2>"$JSON.err" 9>&- &
	watcher=$!
	until_true 10 grep -qs attached "$JSON.err" || fail "not attached: $(cat "$JSON.err")"
}

# exec puts another program into the process; what the other does is found as well.
mkfifo "$TMPDIR/go"
# shellcheck disable=SC2016 # for the inner shell
bash -c 'read -r _ <"$1"; exec "$2" --leaky --hold 4' - "$TMPDIR/go" "$LOAD/close-wait" \
	<"$TMPDIR/rope" >"$TMPDIR/load" 9>&- &
shell=$!
attach_in_background "$shell" --after 1s
echo go >"$TMPDIR/go"
wait "$watcher" || fail "exit status $?: $(cat "$JSON.err")"
: >"$JSON.err"
expect_finding class=close-wait "pid=$shell" comm=close-wait count=8
jq -e '.findings[0].site.function | test("^load_connect ")' "$JSON" >/dev/null ||
	wrong "what was opened after exec has no name"

# A child of it, and one of that.
mkfifo "$TMPDIR/go2"
# shellcheck disable=SC2016 # for the inner shell
bash -c 'read -r _ <"$1"; (sleep 0.1; "$2" --leaky --hold 3; :); :' - "$TMPDIR/go2" "$LOAD/close-wait" \
	<"$TMPDIR/rope" >"$TMPDIR/load" 9>&- &
attach_in_background $! --after 1s
echo go >"$TMPDIR/go2"
wait "$watcher" || fail "exit status $?: $(cat "$JSON.err")"
: >"$JSON.err"
expect_finding class=close-wait comm=close-wait count=8

# Other pid and mount namespaces: the pid is the one seen from here.
unshare --pid --mount --fork --mount-proc "$LOAD/close-wait" --leaky --hold 20 \
	<"$TMPDIR/rope" >"$TMPDIR/inner" 9>&- &
until_true 10 test -s "$TMPDIR/inner" || fail "unshare: not ready"
inner=$(pgrep -P $! | head -n 1)
[ "$(jq .pid "$TMPDIR/inner")" -ne "$inner" ] || fail "unshare has made no pid namespace"
attach "$inner" --for 2s --after 1s
expect_finding class=close-wait "pid=$inner" count=8

# Thousands of threads.
load task-stuck --leaky --count 3000 --hold 30
attach "$PID" --for 3s --after 1s
[ "$(jq --argjson pid "$PID" '[.processes[] | select(.pid == $pid)][0].threads' "$JSON")" -ge 3000 ] ||
	wrong "not all threads are there"
jq -e '[.findings[] | .count] | add >= 2900' "$JSON" >/dev/null || wrong "3000 stuck threads expected"

# Hundreds of children that live for a moment.
mkfifo "$TMPDIR/go3"
# shellcheck disable=SC2016 # for the inner shell
bash -c 'read -r _ <"$1"; for i in {1..300}; do /bin/true; done' - "$TMPDIR/go3" 9>&- &
attach_in_background $!
echo go >"$TMPDIR/go3"
wait "$watcher" || fail "exit status $?: $(cat "$JSON.err")"
: >"$JSON.err"
expect_nothing
[ "$(jq '[.processes[] | select(.ended)] | length' "$JSON")" -ge 290 ] ||
	wrong "300 children expected"
