#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What is done in a guest, and told to run.sh over the serial line: "vm: feature ..." for each that
# doctor tells of, "vm: ok NAME" or "vm: not ok NAME" for each scenario. The kernel's command line
# names the scenarios: vm.run=10-close-wait,... or vm.run=refused.
set -u

export LOSTSOCK=/lostsock LOAD=/load LOAD_HOLD=300
run=$(sed -nE 's/.*\bvm\.run=([^ ]+).*/\1/p' /proc/cmdline)
slow=$(sed -nE 's/.*\bvm\.seconds=([^ ]+).*/\1/p' /proc/cmdline)

# scenario NAME FILE: in a network namespace of its own.
scenario() {
	local name=$1 file=$2 status=0 start=$SECONDS
	export TMPDIR=/tmp/$name
	mkdir -p "$TMPDIR"
	# shellcheck disable=SC2016 # expanded in there
	busybox unshare -n bash -c 'busybox ip link set lo up; exec timeout -k 5 "$0" bash "$1"' \
		"${slow:-240}" "$file" >"/tmp/$name.log" 2>&1 </dev/null || status=$?
	case $status in
	0)
		echo "vm: ok $name ($((SECONDS - start)) s)"
		grep '^attached by:' "/tmp/$name.log"
		;;
	77) echo "vm: skip $name: $(sed -n 's/^skip: //p' "/tmp/$name.log" | tail -n 1)" ;;
	*)
		echo "vm: not ok $name: exit status $status"
		sed 's/^/    | /' "/tmp/$name.log"
		;;
	esac
}

/lostsock doctor --json >/tmp/doctor 2>/tmp/doctor.err
echo "vm: feature exit status $?"
jq -r '.features[] | if .works then "ok \(.name)" else "missing \(.name) (\(.error))" end' \
	/tmp/doctor | sed 's/^/vm: feature /'
sed 's/^/    | /' /tmp/doctor.err

for name in ${run//,/ }; do
	for file in /tests/vm/"$name".sh /tests/e2e/"$name".sh; do
		[ ! -e "$file" ] || scenario "$name" "$file"
	done
done
