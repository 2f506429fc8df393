#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# quic-go, which tells nothing by itself: Close() ends one direction of a stream alone, as its
# documentation says. Every stream of the leaky twin is seen to stay half open, at both its ends;
# the mended twin's are all freed. With symbols, and stripped of them.
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/peers/streams.sh
. "${0%/*}/streams.sh"

streams=2000
for program in quic_streams quic_streams-stripped; do
	for mode in leaky mended; do
		start "$PEERS/$program" $mode $streams
		record -p "$PID"
		go_on
		recorded
		twin_ends
		# Client and server are one process: each stream is opened at both ends.
		case $mode in
		leaky) has "$PID" "open=$((2 * streams))" "half=$((2 * streams))" free=0 unknown=0 ;;
		mended) has "$PID" "open=$((2 * streams))" "free=$((2 * streams))" live=0 unknown=0 ;;
		esac
		jq -e '.libraries == ["quic-go"]' "$TMPDIR/has" >/dev/null || fail "who tells: $(cat "$TMPDIR/has")"
	done
done

# What that means: the server's ends are read to their end and never ended by it; and who accepted
# them is named.
for mode in leaky mended; do
	start "$PEERS/quic_streams" $mode 1000
	attach --for 7s --after 1s
	go_on
	watched
	twin_ends
	case $mode in
	leaky)
		expect_finding class=stream-half-open "pid=$PID" count\>=990
		[ "$(named quic-go.newStream)" -ge 990 ] || wrong "no stack leads to newStream"
		;;
	mended) expect_nothing ;;
	esac
done
