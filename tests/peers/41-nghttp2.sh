#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# libnghttp2, linked statically: a server that forgets to answer every fifth request leaves those
# streams open, as many as it says itself; one that answers all leaves none.
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/peers/streams.sh
. "${0%/*}/streams.sh"

needs h2load

asked() { [ "$(wc -l <"$load_out")" -ge 2 ]; }

for mode in leaky mended; do
	start "$PEERS/nghttp2_streams" $mode 5
	port=${PID#* } PID=${PID% *}
	record -p "$PID"
	# Those that get no answer hold their places, so that it does not come to its end by itself.
	timeout 3 h2load -c 1 -m 10000 -n 1000 "http://127.0.0.1:$port/" >"$TMPDIR/h2load" 2>&1 9>&- || :
	until_true 5 asked || fail "the server does not say what it had: $(cat "$TMPDIR/h2load")"
	recorded
	read -r _ opened _ left <<<"$(sed -n 2p "$load_out")"
	twin_ends
	compare "$opened" '>=' 1000 || fail "h2load asked for too little: $(cat "$TMPDIR/h2load")"
	has "$PID" "open=$opened" "free=$((opened - left))" "live=$left" "conn_close=1"
	case $mode in
	leaky) compare "$left" '=' $((opened / 5)) || fail "the leaky twin left $left of $opened" ;;
	mended) compare "$left" '=' 0 || fail "the mended twin left $left of $opened" ;;
	esac
done
