#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh [-v] [-j N] [-d DIR] [-n NAME] [PATTERN]: runs the scenarios NN-name.sh of DIR (default: tests/e2e) whose
# name has PATTERN in it, each in a fresh network namespace, and checks that none leaves a BPF program
# behind. Leaves "passed failed skipped" in build/results/NAME (else that of DIR). Needs root.
#
# From the environment: LOSTSOCK the program, LOAD the folder of workloads, RESULTS the folder for
# results, V=1 and T=PATTERN as -v and PATTERN, TEST_SECONDS the time limit of a scenario. One that needs
# more says so in a line "# seconds: N". THOROUGH=1 is for the scenarios of faults, which run far longer.
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export LOSTSOCK=${LOSTSOCK:-$root/build/lostsock} LOAD=${LOAD:-$root/build/load}
results=${RESULTS:-$root/build/results}
verbose=${V:-0} pattern=${T:-} jobs=1 scenarios=$here suite=''
while getopts vj:d:n: opt; do
	case $opt in
	v) verbose=1 ;;
	j) jobs=$OPTARG ;;
	n) suite=$OPTARG ;;
	d) scenarios=$(cd "$OPTARG" && pwd) || exit 2 ;;
	*)
		echo "usage: run.sh [-v] [-j N] [-d DIR] [-n NAME] [PATTERN]" >&2
		exit 2
		;;
	esac
done
shift $((OPTIND - 1))
pattern=${1:-$pattern}
suite=${suite:-$(basename "$scenarios")}

[ "$(id -u)" -eq 0 ] || {
	echo "e2e: needs root: network namespaces and BPF" >&2
	exit 3
}
for command in ip nsenter bpftool jq timeout; do
	command -v "$command" >/dev/null || {
		echo "e2e: $command is missing" >&2
		exit 3
	}
done

work=$(mktemp -d "${TMPDIR:-/tmp}/lostsock-e2e.XXXXXX")
prefix=lostsock-e2e-$$

# Ends everything that lives in a namespace of ours, and the namespace.
drop_netns() {
	local name=$1 pids round
	for round in TERM KILL; do
		pids=$(ip netns pids "$name" 2>/dev/null) || return 0
		[ -n "$pids" ] || break
		# shellcheck disable=SC2086 # one word a pid
		kill -"$round" $pids 2>/dev/null
		sleep 0.3
	done
	ip netns del "$name" 2>/dev/null
}

# shellcheck disable=SC2317 # called by the trap
cleanup() {
	local group name
	trap - EXIT INT TERM
	for group in "$work"/*/group; do
		[ -s "$group" ] && kill -KILL -- "-$(cat "$group")" 2>/dev/null
	done
	for name in $(ip netns list | awk '{ print $1 }' | grep "^$prefix-"); do
		drop_netns "$name"
	done
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# "id name" of each BPF program that no process holds: what is left of one that has ended.
orphans() {
	bpftool -j prog show 2>/dev/null | jq -r '.[] | "\(.id) \(.name // "")"' | sort >"$work/all"
	cat /proc/[0-9]*/fdinfo/* 2>/dev/null | awk '/^prog_id:/ { print $2 }' | sort -u |
		join -v 2 - "$work/all"
}

# Prints the programs of lostsock that came since $1 (a list of orphans) and belong to nobody.
left_behind() {
	local try id name left=''
	for try in {1..40}; do # the kernel frees them a grace period later
		left=
		while read -r id name; do
			[ -n "$name" ] && grep -qaF -- "$name" "$LOSTSOCK" && left+=" $name($id)"
		done < <(orphans | comm -13 "$1" -)
		[ -n "$left" ] || return 0
		[ "$try" -eq 40 ] || sleep 0.25
	done
	echo "$left"
}

# Runs one scenario; leaves its verdict in $work/NAME/verdict.
run_one() {
	local script=$1 name=$2 netns=$prefix-$3 dir=$work/$2 status=0 left group verdict limit start=$SECONDS
	limit=$(sed -nE 's/^# seconds: ([0-9]+)$/\1/p' "$script")
	[ "${limit:-0}" -gt "${TEST_SECONDS:-90}" ] || limit=${TEST_SECONDS:-90}
	mkdir -p "$dir/tmp"
	chmod 755 "$work" "$dir" "$dir/tmp"
	orphans >"$dir/before"
	# nsenter, as `ip netns exec` would hide what is mounted below /sys, cgroup2 among it.
	ip netns add "$netns" && ip -n "$netns" link set lo up || return 1
	TMPDIR=$dir/tmp nsenter --net="/run/netns/$netns" \
		timeout -k 5 "$limit" bash "$script" </dev/null >"$dir/log" 2>&1 &
	group=$! # timeout makes itself the leader of a group
	echo "$group" >"$dir/group"
	wait "$group" || status=$?
	kill -KILL -- "-$group" 2>/dev/null
	: >"$dir/group"
	drop_netns "$netns"
	left=$(left_behind "$dir/before")
	rm -rf "$dir/tmp"
	case $status in
	0) verdict="ok $name" ;;
	77) verdict="skip $name: $(sed -n 's/^skip: //p' "$dir/log" | tail -n 1)" ;;
	124 | 137) verdict="not ok $name: did not end within $limit s" ;;
	*) verdict="not ok $name" ;;
	esac
	[ -z "$left" ] || verdict="not ok $name: left attached:$left"
	echo "$verdict" >"$dir/verdict"
	{
		echo "$verdict ($((SECONDS - start)) s)"
		case $verdict:$verbose in
		"not ok"* | *:1) sed 's/^/    | /' "$dir/log" ;;
		esac
	} >"$dir/report"
	cat "$dir/report"
}

number=0
for script in "$scenarios"/[0-9][0-9]-*.sh; do
	name=$(basename "$script" .sh)
	[[ $name == *"$pattern"* ]] || continue
	while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
		wait -n
	done
	number=$((number + 1))
	run_one "$script" "$name" "$number" &
done
wait

count() { cat "$work"/*/verdict 2>/dev/null | grep -c "^$1"; }
passed=$(count "ok ") skipped=$(count "skip ")
failed=$((number - passed - skipped)) # one without a verdict has failed
if [ "$number" -eq 0 ]; then
	echo "$suite: no scenario matches '$pattern'" >&2
	failed=1
fi
mkdir -p "$results"
echo "$passed $failed $skipped" >"$results/$suite"
echo "$suite: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
