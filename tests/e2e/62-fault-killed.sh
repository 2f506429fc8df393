#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# seconds: 240
# kill -9 at any moment, whatever it does: nothing stays attached, no file is left, who was watched
# goes on, and the next one starts as the first did. THOROUGH=1: 200 times.
# Where files could be left nobody else is: the mounts of those folders are its own.
[ -n "${MOUNTS_ARE_PRIVATE:-}" ] ||
	MOUNTS_ARE_PRIVATE=1 exec unshare --mount --propagation private bash "$0"
mount -t tmpfs tmpfs /dev/shm
mount -t bpf bpf /sys/fs/bpf

# shellcheck disable=SC2119 # exporting takes none here
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

needs nm python3
rounds=10
[ -z "${THOROUGH:-}" ] || rounds=200

# What it holds of BPF, "prog 12", as the kernel says of its descriptors.
held() { sed -nE 's/^(prog|map|link|btf)_id:\t([0-9]+)$/\1 \2/p' /proc/"$1"/fdinfo/* 2>/dev/null | sort -u; }

# What there is of BPF on this machine, likewise.
existing() {
	local kind
	for kind in prog map link btf; do
		bpftool -j $kind show 2>/dev/null | jq -r ".[] | \"$kind \(.id)\""
	done | sort -u
}

all_gone() { [ -z "$(comm -12 "$TMPDIR/json.held" <(existing))" ]; }

# Files where one could be left: pinned objects, probes that are known by name, shared memory, ours.
files() {
	find /sys/fs/bpf /dev/shm "$TMPDIR" -mindepth 1 ! -name 'load.*' ! -name 'json*' 2>/dev/null | sort
	cat /sys/kernel/tracing/uprobe_events /sys/kernel/debug/tracing/uprobe_events 2>/dev/null || :
}

# The counters that say how many listen to a probe of $1, one a line.
semaphores() {
	nm "$LOAD/streams" | awk '/_semaphore$/ { print $1 }' | python3 -c '
import sys
pid = sys.argv[1]
base = int(open(f"/proc/{pid}/maps").readline().split("-")[0], 16)
with open(f"/proc/{pid}/mem", "rb") as mem:
    for line in sys.stdin:
        mem.seek(base + int(line, 16))
        print(int.from_bytes(mem.read(2), "little"))' "$1"
}
silent() { ! semaphores "$told" | grep -qvx 0; }

load streams --mode alone --count 1 --hold 900
told=$LOAD_PID
silent || fail "somebody listens already"
load churn --count 900000 --rate 1000 --hold 900
churns=$PID
load idlepool --count 9 --hold 900

# start VERB: as a user would, at its own pace.
start() {
	local kind=$1
	set -- "$LOSTSOCK"
	case $kind in
	record) set -- "$@" record "$TMPDIR/json.rec" --netns self --interval 200ms ;;
	listen) set -- "$@" record "$TMPDIR/json.rec" --streams --netns self --interval 200ms ;;
	attach) set -- "$@" attach "$churns" --for 60s ;;
	top) set -- "$@" top --netns self --once --json --for 60s ;;
	run) set -- "$@" run sh -c 'echo $$ >"'"$TMPDIR"'/json.command"; exec sleep 40' ;;
	export) set -- "$@" export --netns self --interval 500ms --web.listen-address 127.0.0.1:0 ;;
	esac
	"$@" >"$TMPDIR/json.said" 2>&1 9>&- &
	victim=$!
}

ended() { ! kill -0 "$1" 2>/dev/null; }
# Ended, and nobody has waited for it; or gone.
over() { ended "$1" || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }

# A command lives on if it had begun, and as if nobody had watched; else it never begins.
check_command() {
	local state pid
	pid=$(cat "$TMPDIR/json.command" 2>/dev/null) || {
		# shellcheck disable=SC2086 # one word a pid
		for pid in $1; do
			until_true 5 over "$pid" || fail "$round. $kind: process $pid waits for ever"
		done
		return 0
	}
	state=$(awk '/^State:/ { print $2 }' "/proc/$pid/status" 2>/dev/null) || fail "$round. run: its command is gone"
	[[ $state == [SR] ]] || fail "$round. run: its command is left in state $state"
	kill "$pid"
}

kinds=(record listen attach top run export)
files >"$TMPDIR/json.files"
began=0
for ((round = 0; round < rounds; round++)); do
	kind=${kinds[round % ${#kinds[@]}]}
	rm -f "$TMPDIR/json.command"
	start "$kind"
	sleep "$(printf '%d.%03d' $((RANDOM % 2)) $((RANDOM % 1000)))"
	# Stopped, so that what it has does not change while it is read.
	kill -STOP "$victim" 2>/dev/null || fail "$round. $kind: ended by itself: $(cat "$TMPDIR/json.said")"
	until_true 10 grep -q '^State:.T' "/proc/$victim/status" || fail "$round. $kind: does not stop"
	held "$victim" >"$TMPDIR/json.held"
	children=$(pgrep -P "$victim" || :)
	[ ! -s "$TMPDIR/json.held" ] || began=$((began + 1))
	kill -KILL "$victim"
	wait "$victim" 2>/dev/null || :
	until_true 15 all_gone || fail "$round. $kind: left: $(comm -12 "$TMPDIR/json.held" <(existing) | tr '\n' ',')"
	until_true 15 silent || fail "$round. $kind: its probes still count: $(semaphores "$told" | tr '\n' ' ')"
	case $kind in
	run) check_command "$children" ;;
	*)
		for pid in $children; do
			until_true 5 over "$pid" || fail "$round. $kind: its process $pid is left"
		done
		;;
	esac
	files | diff "$TMPDIR/json.files" - >&2 || fail "$round. $kind: files"
	kill -0 "$churns" "$told" || fail "$round. $kind: who was watched has ended"
	[ $(((round + 1) % 10)) -eq 0 ] || continue
	findings --for 1s --all
	expect_process "$PID" live=9
	expect_process "$PEER" live=9
	expect_connections "$PID" 9
done
# Some were killed before they had attached anything, but not all.
[ "$began" -ge $((rounds / 2)) ] || fail "only $began of $rounds had begun"
say "$rounds killed, $began of them attached"

# --- the exporter's other process ---

# shellcheck source=tests/e2e/export.sh
. "${0%/*}/export.sh"
exporting
kill -KILL "$web_pid"
until_true 15 over "$export_pid" || fail "the collector goes on, and nobody can ask it"
status=0
wait "$export_pid" || status=$?
[ $status -eq 1 ] || fail "exit status 1 expected, got $status"
grep -q 'ended unexpectedly' "$export_log" || fail "it does not say so: $(cat "$export_log")"
exporting
held "$export_pid" >"$TMPDIR/json.held"
kill -KILL "$export_pid"
wait "$export_pid" 2>/dev/null || :
until_true 5 over "$web_pid" || fail "who serves goes on, with nothing to serve"
until_true 15 all_gone || fail "the collector left: $(comm -12 "$TMPDIR/json.held" <(existing))"
