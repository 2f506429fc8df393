#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A terminal of 20 columns and 8 lines: drawn, not one column too wide, and q ends it.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

needs tmux
load close-wait --leaky
term() { tmux -L "lostsock-$$" -f /dev/null "$@" 9>&-; }
trap 'term kill-server 2>/dev/null || :' EXIT
export LC_ALL=C.UTF-8 TMUX_TMPDIR=$TMPDIR
for size in "20 8" "40 3" "80 24" "10 2"; do
	read -r columns lines <<<"$size"
	rm -f "$TMPDIR/status"
	term new-session -d -x "$columns" -y "$lines" \
		"'$LOSTSOCK' top --netns self --after 1s; echo \$? >'$TMPDIR/status'"
	sleep 3
	term capture-pane -p >"$TMPDIR/screen" || fail "$size: it ended by itself"
	grep -q '[^[:space:]]' "$TMPDIR/screen" || fail "$size: an empty screen"
	[ "$(wc -L <"$TMPDIR/screen")" -le "$columns" ] || fail "$size: too wide"
	term resize-window -x 30 -y 6 2>/dev/null || :
	sleep 0.5
	term send-keys q
	until_true 5 test -s "$TMPDIR/status" || fail "$size: q does not end it"
	[ "$(cat "$TMPDIR/status")" = 0 ] || fail "$size: exit status $(cat "$TMPDIR/status")"
done
