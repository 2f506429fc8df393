#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What is in libtether: no fault in the release library, all of them in the other; the probes that
# docs/TETHER.md lists, each with its arguments; and names of tether_* only for others to see.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

needs nm readelf

build=${LOSTSOCK%/*}

faults() { nm "$1" | awk '$NF ~ /(^|_)fault/'; }

# probes LIBRARY: "name arguments" of each that its notes tell of.
probes() {
	readelf --notes "$1" 2>/dev/null | awk '
		/Provider: / { ours = $2 == "tether" }
		/Name: / { name = $2 }
		/Arguments: / && ours { print name, gsub("@", "") }' |
		sort -u
}

release=$build/libtether.so.1 faulty=$build/libtether-faulty.so
[ -z "$(faults "$release")" ] || fail "the release library has faults: $(faults "$release")"
[ "$(grep -c TETHER_FAULT "$release" || :)" -eq 0 ] || fail "the release library knows TETHER_FAULT"
[ "$(faults "$faulty" | wc -l)" -gt 5 ] || fail "the faulty library has no faults"
cmp -s <(nm -D --defined-only "$release" | cut -d' ' -f3 | sort) \
	<(nm -D --defined-only "$faulty" | cut -d' ' -f3 | sort) || fail "two libraries, two ABIs"
foreign=$(nm -D --defined-only "$release" | awk '$3 !~ /^tether_/ { print $3 }')
[ -z "$foreign" ] || fail "it gives away names that are not its own: $foreign"
case $(readelf -d "$faulty") in
*"soname: [libtether.so.1]"*) ;;
*) fail "the faulty library cannot stand in the other's place" ;;
esac

list='conn_open 5
conn_state 4
conn_close 2
lease_acquire 4
lease_end 2
task_start 4
task_park 3
task_wake 1
task_exit 1
scope_open 3
scope_cancel 2
scope_close 1
body_begin 3
body_end 2
drain_begin 2
drain_refused 1
drain_done 1
conn_count 2
stream_open 3
stream_read_closed 3
stream_write_closed 3
stream_release 2
stream_free 2
stream_blocked 3'
probes "$release" >"$TMPDIR/probes"
while read -r name args; do
	grep -qx "$name $args" "$TMPDIR/probes" || fail "no probe $name of $args arguments:
$(cat "$TMPDIR/probes")"
done <<<"$list"
probes "$faulty" | grep -qx "fault_injected 1" || fail "the faulty library has no probe of its faults"
