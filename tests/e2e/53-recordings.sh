#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Recordings that are none, or not whole.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

load unread --leaky
lostsock record "$TMPDIR/whole" --for 2s --netns self
size=$(stat -c %s "$TMPDIR/whole")
[ "$size" -gt 100 ] || fail "a recording of $size bytes"

refuses '[12]' 'empty|not a lostsock recording|too short' replay /dev/null --once --json
refuses '[12]' 'not a lostsock recording' replay /etc/passwd --once --json
refuses '[12]' 'not a lostsock recording|not a regular' replay /bin/ls --once --json
refuses '[12]' 'no such file' replay "$TMPDIR/none" --once --json
refuses '[12]' 'directory' replay "$TMPDIR" --once --json
head -c 5 "$TMPDIR/whole" >"$TMPDIR/stump"
refuses '[12]' 'not a lostsock recording|too short|cut' replay "$TMPDIR/stump" --once --json

# Cut at any place, it is shown as far as it goes, and that it was cut is said; it never crashes.
for part in 10 25 50 75 99; do
	head -c $((size * part / 100)) "$TMPDIR/whole" >"$TMPDIR/cut"
	status=0
	lostsock replay "$TMPDIR/cut" --once --json >"$JSON" 2>"$JSON.err" || status=$?
	[ $status -le 2 ] || fail "cut at $part %: exit status $status"
	[ $status -ne 0 ] || jq -e .schema "$JSON" >/dev/null || fail "cut at $part %: no JSON"
	grep -qiE 'cut|incomplete|truncated|short' "$JSON" "$JSON.err" ||
		fail "cut at $part %: not a word of it"
done

# Bytes turned over: refused or shown, never a crash.
for at in 0 9 40 200 777; do
	cp "$TMPDIR/whole" "$TMPDIR/bad"
	head -c 8 /dev/urandom | dd of="$TMPDIR/bad" bs=1 seek=$at conv=notrunc status=none
	status=0
	timeout 10 "$LOSTSOCK" replay "$TMPDIR/bad" --once --json >/dev/null 2>&1 || status=$?
	[ $status -le 2 ] || fail "overwritten at $at: exit status $status"
done
