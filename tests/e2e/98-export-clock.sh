#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Somebody sets the wall clock: ages stay what they are, looks go on, and times of day follow.
# shellcheck disable=SC2016,SC2119 # what until_true evaluates each time; exporter's own arguments
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/export.sh
. "${0%/*}/export.sh"

faketime=$(find /usr/lib -name libfaketime.so.1 2>/dev/null | head -n 1)
[ -n "$faketime" ] || skip "faketime is not installed"
# Only the wall clock, and only for the exporter; read anew each time.
cat >"$TMPDIR/elsewhen" <<-END
	#!/bin/sh
	LD_PRELOAD=$faketime FAKETIME_TIMESTAMP_FILE=$TMPDIR/clock FAKETIME_DONT_FAKE_MONOTONIC=1 \\
		FAKETIME_NO_CACHE=1 exec "$LOSTSOCK" "\$@"
END
chmod 755 "$TMPDIR/elsewhen" "$TMPDIR"
set_clock() { echo "$1" >"$TMPDIR/clock.new" && mv "$TMPDIR/clock.new" "$TMPDIR/clock"; }
set_clock +0
load close-wait --leaky --hold 60
LOSTSOCK=$TMPDIR/elsewhen exporting --after 1s

# state: oldest, looks, its own day, and the process counter, of one answer.
oldest='lostsock_oldest_finding_seconds{class="close-wait"}'
comes 'lostsock_findings{class="close-wait",kind="leak",certainty="certain"}' '=' "$COUNT"
gets 200 /metrics
was=$(sample "$oldest") looks=$(sample lostsock_ticks_total) begin=$SECONDS

# jumps OFFSET SECONDS: the clock is set; two looks later it is as it was, but for the day. A third,
# as one may be under way, and findings are handed over after the metrics.
jumps() {
	local look now
	set_clock "$1"
	looks=$((looks + 3))
	comes lostsock_ticks_total '>=' $looks
	gets 200 /readyz
	gets 200 /metrics
	looks=$(sample lostsock_ticks_total)
	now=$(sample "$oldest")
	compare "$now" '>' "$was" || fail "the clock went by $1: the oldest has lasted $was s, then $now s"
	compare "$now" '<' "$was + $SECONDS - $begin + 5" || fail "the clock went by $1: the oldest has lasted $was s, then $now s"
	look=$(sample lostsock_last_look_timestamp_seconds)
	compare "$look" '>' "$(date +%s) + $2 - 60" || fail "the clock went by $1: the last look was at $look"
	compare "$look" '<' "$(date +%s) + $2 + 60" || fail "the clock went by $1: the last look was at $look"
	gets 200 /findings
	jq -e --argjson n "$COUNT" '[.findings[] | select(.class == "close-wait" and .since_s < 100)] | length == $n' \
		"$TMPDIR/body" >/dev/null || fail "the clock went by $1: $(jq -c '[.findings[].since_s]' "$TMPDIR/body")"
	[ "$(jq -r '.time | sub("[.][0-9]+"; "") | fromdate' "$TMPDIR/body")" -gt $(($(date +%s) + $2 - 60)) ] ||
		fail "the clock went by $1: it is $(jq -r .time "$TMPDIR/body")"
}
jumps +1d 86400
jumps -30d -2592000
jumps +2h 7200
exported
