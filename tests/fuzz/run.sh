#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh RESULT SECONDS BINARY...  runs each libFuzzer program (build/fuzz/fuzz_NAME) for so long,
# from the committed corpus in tests/fuzz/corpus/NAME and what earlier runs found (build/fuzz/
# corpus/NAME, where new finds go). An input that breaks it is kept in build/fuzz/crash/NAME.
set -eu

result=$1
seconds=$2
shift 2
mkdir -p "$(dirname "$result")"
rm -f "$result"

passed=0 failed=0
for binary; do
	name=$(basename "$binary")
	name=${name#fuzz_}
	found=build/fuzz/corpus/$name
	crash=build/fuzz/crash/$name
	log=build/fuzz/$name.log
	mkdir -p "$found" "$crash"
	dirs=("$found")
	if [ -d "tests/fuzz/corpus/$name" ]; then
		dirs+=("tests/fuzz/corpus/$name")
	fi
	if "$binary" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
		-artifact_prefix="$crash/" "${dirs[@]}" >"$log" 2>&1; then
		passed=$((passed + 1))
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
		echo "  OK    fuzz_$name: ${runs:-?} runs in $seconds s"
	else
		failed=$((failed + 1))
		echo "  FAIL  fuzz_$name: the input is in $crash"
		grep -v '^stat::' "$log" | tail -n 40 | sed 's/^/    | /'
	fi
done

if [ $# -eq 0 ]; then
	echo "fuzz: there are no fuzz programs" >&2
	failed=1
fi
echo "$passed $failed 0" >"$result"
echo "fuzz: $passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
