#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Replays each committed recording NAME.lsk (made with `lostsock record`) and compares what the
# views say of it, to the letter, with the files beside it: NAME.txt (--once), NAME.json (--once
# --json --all) and NAME.screen (top, 80x24). NAME.args may hold further options, one a line.
# UPDATE=1 writes the files instead; read the diff before you commit it. Leaves "passed failed
# skipped" in $RESULTS/golden. No recording at all is one skip, for it would look like success.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
lostsock=${LOSTSOCK:-$top/build/lostsock}
results=${RESULTS:-$top/build/results}
update=${UPDATE:-0}
word=${T:-}
passed=0 failed=0 skipped=0

# The same on every machine: what is drawn depends on the locale, times on the time zone.
export LC_ALL=C.UTF-8 TZ=UTC TERM=screen
unset NO_COLOR LINES COLUMNS

tmp=$(mktemp -d)
term() { TMUX_TMPDIR=$tmp tmux -L golden -f /dev/null "$@"; }
cleanup() {
	term kill-server 2>/dev/null || :
	rm -rf "$tmp"
}
trap cleanup EXIT

# compare NAME FILE: what was made, $tmp/made, with the committed FILE.
compare() {
	if [ "$update" = 1 ]; then
		cp "$tmp/made" "$2"
		skipped=$((skipped + 1)) # nothing was compared
		echo "  WROTE ${2##*/}"
	elif [ ! -e "$2" ]; then
		failed=$((failed + 1))
		echo "  FAIL  $1: no ${2##*/}; UPDATE=1 writes it"
	elif diff -u "$2" "$tmp/made" >"$tmp/diff"; then
		passed=$((passed + 1))
		echo "  OK    ${2##*/}"
	else
		failed=$((failed + 1))
		echo "  FAIL  ${2##*/}"
		sed 's/^/    | /' "$tmp/diff" | head -n 60
	fi
}

# replay NAME FILE OPTION...: one run without a screen.
replay() {
	local name=$1 file=$2 status=0
	shift 2
	timeout 60 "$lostsock" replay "$here/$name.lsk" "$@" "${args[@]}" >"$tmp/made" 2>"$tmp/err" ||
		status=$?
	if [ "$status" -ne 0 ] || [ -s "$tmp/err" ]; then
		failed=$((failed + 1))
		echo "  FAIL  ${file##*/}: exit status $status"
		sed 's/^/    | /' "$tmp/err" | head -n 60
		return
	fi
	compare "$name" "$file"
}

# The screen has settled when it shows a whole frame and stays the same for a while.
settled() {
	local before='' now i same=0
	for ((i = 0; i < 100; i++)); do
		now=$(term capture-pane -p 2>/dev/null) || return 1
		if [ "$now" = "$before" ] && [[ $now == *REPLAY* ]]; then
			same=$((same + 1))
		else
			same=0
		fi
		if [ "$same" = 3 ]; then
			printf '%s\n' "$now" >"$tmp/made"
			return 0
		fi
		before=$now
		sleep 0.2
	done
	return 1
}

screen() {
	local name=$1
	if ! command -v tmux >/dev/null; then
		skipped=$((skipped + 1))
		echo "  SKIP  $name.screen: no tmux"
		return
	fi
	term new-session -d -x 80 -y 24 "$lostsock" replay "$here/$name.lsk" "${args[@]}"
	if settled; then
		compare "$name" "$here/$name.screen"
	else
		failed=$((failed + 1))
		echo "  FAIL  $name.screen: the screen did not settle"
	fi
	term kill-server 2>/dev/null || :
}

mkdir -p "$results"
found=0
for recording in "$here"/*.lsk; do
	[ -e "$recording" ] || continue
	name=$(basename "$recording" .lsk)
	[[ $name == *"$word"* ]] || continue
	found=$((found + 1))
	args=()
	[ ! -e "$here/$name.args" ] || mapfile -t args <"$here/$name.args"
	replay "$name" "$here/$name.txt" --once
	replay "$name" "$here/$name.json" --once --json --all
	screen "$name"
done
if [ "$found" = 0 ]; then
	skipped=1
	echo "  SKIP  golden: no recording${word:+ whose name has $word in it}"
fi
echo "$passed $failed $skipped" >"$results/golden"
echo "golden: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
