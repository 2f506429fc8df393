#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# make.sh [NAME...]: makes the recordings that run.sh replays anew, from the workloads of the
# end-to-end tests, each in a network namespace and a cgroup of its own, so that nothing else of the
# machine gets in. Then write what they must print with UPDATE=1 run.sh, and read the diff. Needs
# root, cgroup2, and `make all load`. It takes twenty seconds. `streams` is written by streams.py.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
lostsock=${LOSTSOCK:-$top/build/lostsock}
load=${LOAD:-$top/build/load}
cgroup2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
slice=${cgroup2:?cgroup2 is not mounted}/lostsock-golden.slice

# start UNIT NAME WORKLOAD OPTION...: a workload, as a process called NAME, in a cgroup as systemd
# makes one for a unit; returns when it says that it is ready.
start() {
	local unit=$slice/$1.service binary=$tmp/$2 out=$tmp/$1.$2.out workload=$3 i
	shift 3
	mkdir -p "$unit"
	cp "$load/$workload" "$binary"
	(
		echo "$BASHPID" >"$unit/cgroup.procs"
		exec "$binary" "$@" --hold 120 >"$out"
	) &
	for ((i = 0; i < 100; i++)); do
		[ ! -s "$out" ] || return 0
		sleep 0.1
	done
	echo "make.sh: $workload is not ready after 10 s" >&2
	return 1
}

classes() {
	start api-gateway api-gateway close-wait --leaky --count 8
	start backup cron-sync dead-fd --leaky --count 2
	start mail mail-relay half-closed --leaky --family 6 --count 3
	start uploads upload-server expect-body --leaky --mode thread --count 5
	start prices price-feed silent-peer --leaky --count 2
	start report report-job unread --leaky --count 4
	start report report-udp unread --leaky --mode dgram --count 1
	start shop shop-web idlepool --count 6
}

healthy() {
	start shop shop-web idlepool --count 6
	start shop shop-pg idlepool --family unix --count 4
	start blog blog-server threadserver --count 4
	start blog blog-forks forkserver --count 3
	start metrics metrics listener --mode epoll
	start cache cache ramppool --count 3 --seconds 1
}

# What the machine says of itself is none of the tests' business: only its kernel's version is kept.
# Offsets are those of struct recording_header.
anonymize() {
	local release
	release="$(uname -r | grep -o '^[0-9.]*') $(uname -m)"
	{
		head -c 24 "$1"
		head -c 16 /dev/zero # boot_id
		tail -c +41 "$1" | head -c 24
		printf '%s' "$release" | cat - /dev/zero | head -c 64
		printf '%s' shop | cat - /dev/zero | head -c 64
		tail -c +193 "$1"
	} >"$2"
}

# In the namespace: one recording, with all that its workloads do before and during it.
record() {
	local snapshots=0 try=0
	"$1"
	sleep 2
	# On a busy machine lostsock looks seldom; a recording without a history shows too little.
	until [ "$snapshots" -ge 3 ]; do
		[ $((++try)) -le 5 ] || { echo "make.sh: this machine is too busy" >&2 && return 1; }
		"$lostsock" record --cgroup "$slice" --netns self --for 4s "$tmp/recording"
		snapshots=$("$lostsock" replay "$tmp/recording" --json --speed 1000000 | grep -c schema)
	done
	anonymize "$tmp/recording" "$here/$1.lsk"
}

clean() {
	local dir pids
	for dir in "$slice"/*.service; do
		[ -e "$dir" ] || continue
		mapfile -t pids <"$dir/cgroup.procs"
		[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || :
	done
	wait
	for dir in "$slice"/*.service "$slice"; do
		rmdir "$dir" 2>/dev/null || { sleep 0.2 && rmdir "$dir" 2>/dev/null; } || :
	done
	rm -rf "$tmp"
}

if [ "${1:-}" = --inside ]; then
	ip link set lo up
	tmp=$(mktemp -d) TMPDIR=/tmp
	mkdir -p "$slice"
	trap clean EXIT
	record "$2"
	exit
fi
[ $# -gt 0 ] || set -- classes healthy streams
for name; do
	if [ "$name" = streams ]; then
		"$here/streams.py" "$here/streams.lsk"
		continue
	fi
	unshare --net "$0" --inside "$name"
done
