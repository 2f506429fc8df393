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

# What that means: the server has answered and its reading was never ended, the client has its answer
# and never ended its writing. Who opened them is right at both ends, and the application's own
# function is named where it did; those of the peer are taken in by the library's own goroutine.
for mode in leaky mended slow; do
	start "$PEERS/quic_streams" $mode 1000
	attach --for 7s --after 1s
	go_on
	watched
	twin_ends
	if [ $mode != leaky ]; then
		expect_nothing # a slow answer is none of a leak
		continue
	fi
	expect_finding class=stream-half-open "pid=$PID" count\>=1980
	jq -e '[.findings[] | select(.class == "stream-half-open") | .stream |
		[.opened_by, .read, .write, (.stream | tonumber % 4)]] | unique ==
		[["peer", "open", "ended", 0], ["program", "ended", "open", 0]]' "$JSON" >/dev/null ||
		wrong "who opened them: $(jq -c '.findings[] | [.evidence, .stream]' "$JSON")"
	[ "$(named quic-go.newStream)" -ge 1980 ] || wrong "no stack leads to newStream"
	[ "$(named main.reserveStream)" -ge 990 ] || wrong "no stack leads to who opened them"
	jq -e '.findings[] | select(.stream.opened_by == "program") | .site.frames |
		any(contains("main.reserveStream"))' "$JSON" >/dev/null ||
		wrong "the application's function: $(jq -c '.findings[] | .site' "$JSON")"
done
