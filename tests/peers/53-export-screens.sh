#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The exporter's page on a phone (390 px) and on a desk (1280 px), by day and by night: nothing is cut
# off, all of it can be read, and a screen reader is told what it needs. The pictures are left in
# $RESULTS/export-*.png.
# shellcheck disable=SC2016,SC2119 # what until_true evaluates each time; exporter's own arguments
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/export.sh
. "${0%/*}/../e2e/export.sh"

needs chromium python3
results=${RESULTS:-$here/../../build/results}
mkdir -p "$results"
rm -f "$results"/export-*.png
# A name without a gap, as long as one can be, is what would push a table out of the screen.
cp "$LOAD/close-wait" "$TMPDIR/abcdefghijklmno"
LOAD=$TMPDIR load abcdefghijklmno --leaky --hold 80
load unread --leaky --hold 80
load unsent --leaky --hold 80
exporting --after 1s
comes 'lostsock_findings{class="close-wait",kind="leak",certainty="certain"}' '>=' 1
comes lostsock_stalled_connections '>=' 1
timeout 80 "${0%/*}/shots.py" "$base/" "$results" >"$TMPDIR/shots" 2>"$TMPDIR/shots.err" 9>&- ||
	fail "no pictures: $(tail -n 3 "$TMPDIR/shots.err")"
[ "$(wc -l <"$TMPDIR/shots")" -eq 4 ] || fail "pictures: $(cat "$TMPDIR/shots")"

# every CONDITION WORDS: holds for each of the four.
every() {
	local bad
	bad=$(jq -c "select(($1) | not)" "$TMPDIR/shots")
	[ -z "$bad" ] || fail "$2: $bad"
}
every '.rows >= 3 and (.say | test("leaked"))' "the page is empty"
every '.scroll_width <= .width and .wide == []' "wider than the screen"
every 'if .width < 600 then .scrolled == [] else true end' "a phone has to scroll sideways"
every '.pale == []' "too little contrast"
every '.tiny == [] and .small_targets == []' "too small"
every '.live == ["say"]' "what changes is told to a screen reader in other places than one"
every '.headers_without_scope == 0 and .headers >= 14 and .captions == 2' "tables without headers or captions"
every '.pictures_without_name == 0' "a chart without words"
every '.complaints == []' "the page complains"
while read -r path width; do
	python3 - "$path" "$width" <<-'END' || fail "$path: no picture of that width"
		import struct, sys
		data = open(sys.argv[1], "rb").read()
		assert data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) > 10000, len(data)
		width, height = struct.unpack(">II", data[16:24])
		assert width == int(sys.argv[2]) and height >= 600, (width, height)
	END
done < <(jq -r '"\(.path) \(.width)"' "$TMPDIR/shots")
exported
