#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Every program of lostsock loads, is attached, and runs; and none is a kprobe or an fentry, on kernels
# that have both. The one program of the kind kprobe is stream_told, on uprobes alone.
# shellcheck source=tests/e2e/lib.sh
. /tests/e2e/lib.sh

needs bpftool jq
busybox sysctl -qw kernel.bpf_stats_enabled=1

# What is loaded at the moment, and how it is attached. Emulated machines are slow: jq comes later.
sample() {
	bpftool -j prog show >>"$TMPDIR/progs"
	bpftool -j link show >>"$TMPDIR/links"
	bpftool -j perf show >>"$TMPDIR/perfs"
}

# watch_so ARGS...: lostsock with them, looked at now and then until it ends.
watch_so() {
	local pid status=0
	"$LOSTSOCK" "$@" >"$TMPDIR/out" 2>"$TMPDIR/err" 9>&- &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sample
		sleep 2
	done
	wait "$pid" || status=$?
	[ "$status" -le 1 ] || fail "lostsock $1: exit status $status: $(cat "$TMPDIR/err")"
}

load every
every=$PID
load streams --count 10000 --rate 40 --keep 4
watch_so attach "$every,$PID" --for 20s --after 1s
watch_so run --after 1s -- "$LOAD/every" --hold 6
# Sockets that only a ring holds are looked for in the kernel's own tables.
load uring --mode direct
watch_so top --once --for 6s
jq -r '.[] | "\(.name) \(.type) \(.run_cnt // 0)"' "$TMPDIR/progs" >"$TMPDIR/seen"

# What the kernel lacks is the business of doctor's list.
lacks() { jq -e --arg name "$1" '.features[] | select(.name == $name) | .works | not' /tmp/doctor >/dev/null; }

idle=
while read -r program; do
	case $program in
	tasks_nopoll) lacks "blocked in poll()" || continue ;;
	tasks) ! lacks "blocked in poll()" || continue ;;
	local_open) ! lacks "AF_UNIX births" || continue ;;
	read_empty) ! lacks "empty reads" || continue ;;
	esac
	awk -v name="$program" '$1 == name && $3 > 0 { ran = 1 } END { exit !ran }' "$TMPDIR/seen" ||
		idle+=" $program"
done </programs
[ -z "$idle" ] || fail "never ran:$idle
$(sort "$TMPDIR/seen" | awk '{ n[$1 " " $2] = $3 } END { for (i in n) print i, n[i] }')"

kinds=$(awk '{ print $2, $1 }' "$TMPDIR/seen" | sort -u)
! grep '^kprobe ' <<<"$kinds" | grep -v ' stream_told$' || fail "a kprobe: $kinds"
ways=$(jq -r '.[] | .attach_type // .type' "$TMPDIR/links"; jq -r '.[].fd_type' "$TMPDIR/perfs")
ways=$(sort -u <<<"$ways")
! grep -Ei 'fentry|fexit|modify_return|kprobe|kretprobe' <<<"$ways" || fail "attached by: $ways"
say "attached by: $(paste -sd' ' <<<"$ways")"
