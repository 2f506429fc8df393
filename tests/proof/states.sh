# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# states.sh: each state alone, by the workloads of tests/e2e, which say themselves what they have lost.

# shellcheck disable=SC2034,SC2154 # lib.sh sets and uses them
begin() { held "$LOAD/$2" "${@:3}" --hold 60 "--$1"; }
act() {
	release
	until_true 15 has_line 2 || fail "not ready after 15 s"
	TRUTH=$(sed -n 2p "$load_out")
	[ -n "$TRUTH" ] || fail "ended before it was ready"
	PEER=$(truth peer_pid)
	[ "$mode" = mended ] || count=$(truth count)
	case $mode:$class in
	leaky:half-closed) also close-wait "$PEER" "its peer, that holds its end" ;;
	leaky:never-used) also never-used "$PEER" "its peer" ;;
	leaky:unsent) also unread "$PEER" "its peer, who does not read" ;;
	leaky:inherited) PID=$(truth heir_pid) ;;
	esac
}
finish() {
	exec 8>&-
	{ kill "$LOAD_PID"; wait "$LOAD_PID"; } 2>/dev/null || :
}

# state CLASS ARGS...: the workload of that name.
state() {
	twins "C, $*" "$1" 8 - "$@"
}
