#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh RESULT  runs every check beside it (all of them, also after one has failed) and leaves
# "passed failed skipped" in RESULT. A check prints only what is wrong.
set -eu

result=$1
mkdir -p "$(dirname "$result")"
rm -f "$result"

passed=0 failed=0
for check in tests/lint/*.sh; do
	name=$(basename "$check" .sh)
	[ "$name" != run ] || continue
	if output=$("$check" 2>&1 </dev/null); then
		passed=$((passed + 1))
		echo "  OK    $name"
	else
		failed=$((failed + 1))
		echo "  FAIL  $name"
	fi
	[ -z "$output" ] || printf '%s\n' "$output" | sed 's/^/    /'
done

echo "$passed $failed 0" >"$result"
echo "lint: $passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
