#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tally.sh DIR SUITE...  sums the "passed failed skipped" that each suite left in DIR/SUITE. A suite
# that left nothing has died before it could report, and counts as one failure.
set -eu

dir=$1
shift
passed=0 failed=0 skipped=0
for suite; do
	p=0 f=0 s=0 more=
	if ! { read -r p f s more <"$dir/$suite"; } 2>/dev/null ||
		! [[ "$p $f $s$more" =~ ^[0-9]+\ [0-9]+\ [0-9]+$ ]]; then
		echo "$suite: did not report" >&2
		p=0 f=1 s=0
	fi
	printf '%-8s %5d passed %4d failed %4d skipped\n' "$suite" "$p" "$f" "$s"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
