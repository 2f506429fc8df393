#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh RESULT BINARY...  runs cmocka programs and leaves "passed failed skipped" in RESULT. A
# program's output is shown when it fails, or with V=1. One that dies (a signal, a sanitizer, a
# leak found at exit, the time limit) is one failure more, with its name.
set -eu

result=$1
shift
suite=$(basename "$result")
logs=$result.logs
rm -rf "$result" "$logs"
mkdir -p "$logs"

export CMOCKA_MESSAGE_OUTPUT=stdout
# cmocka catches SIGSEGV to go on with the next test; the sanitizer's report is worth more.
export ASAN_OPTIONS=${ASAN_OPTIONS:-handle_segv=2:handle_abort=2:detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

# count LOG PATTERN: the lines that match.
count() {
	grep -cE "$2" "$1" || :
}

# names LOG WORD: the tests that carry [ WORD ], without the summaries.
names() {
	sed -nE "s/^\[ +$2 \] (.*)$/\1/p" "$1" | grep -vE '^[0-9]+ test\(s\)' | sort -u | sed "s/^/    $2 /"
}

passed=0 failed=0 skipped=0
for binary; do
	name=$(basename "$binary")
	log=$logs/$name
	status=0
	timeout -k 5 "${TEST_SECONDS:-120}" "$binary" >"$log" 2>&1 </dev/null || status=$?

	# Counted test by test: the summary is missing exactly where a program died.
	started=$(count "$log" '^\[ RUN +\] ')
	ok=$(count "$log" '^\[ +OK \] ')
	skip=$(names "$log" SKIPPED | wc -l)
	bad=$(names "$log" FAILED | wc -l)
	ended=$(count "$log" '^\[==========\].* test\(s\) run\.')
	why=
	if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
		why="did not end within ${TEST_SECONDS:-120} s"
	elif [ "$status" -gt 128 ]; then
		why="died of signal $((status - 128))"
	elif [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
		why="ended with status $status"
	elif [ "$ended" -eq 0 ]; then
		why="ended before its tests had"
	elif [ "$started" -eq 0 ]; then
		why="ran no test"
	fi

	passed=$((passed + ok)) skipped=$((skipped + skip)) failed=$((failed + bad))
	if [ -n "$why" ]; then
		failed=$((failed + 1))
		last=$(sed -nE 's/^\[ RUN +\] //p' "$log" | tail -n 1)
		echo "  FAIL  $name: $why${last:+ (last test: $last)}"
	elif [ "$bad" -gt 0 ]; then
		echo "  FAIL  $name: $bad of $started"
	else
		echo "  OK    $name: $ok$([ "$skip" -eq 0 ] || echo ", $skip skipped")"
	fi
	names "$log" FAILED
	names "$log" SKIPPED
	if [ -n "$why" ] || [ "$bad" -gt 0 ] || [ "${V:-0}" = 1 ]; then
		sed 's/^/    | /' "$log"
	fi
done

if [ $# -eq 0 ]; then
	echo "$suite: there are no test programs" >&2
	failed=1
fi
echo "$passed $failed $skipped" >"$result"
echo "$suite: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
