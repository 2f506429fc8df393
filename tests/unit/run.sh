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

# Reads a log test by test: the summary is missing exactly where a program died. Prints
# "ok bad skipped last", then a line for each test that did not pass. A test that began and has no
# result is bad: it took the program with it.
read_log() {
	awk '
	function close_test(word) {
		if (name == "")
			return
		n[word]++
		if (word != "OK")
			list = list "\n    " word " " name
		name = ""
	}
	match($0, /\[ RUN +\] /) { close_test("FAILED"); last = name = substr($0, RSTART + RLENGTH); next }
	/\[ +OK +\] / { close_test("OK"); next }
	/\[ +SKIPPED +\] / { close_test("SKIPPED"); next }
	/\[ +FAILED +\] / || /\[ +ERROR +\] [^-]/ { close_test("FAILED"); next }
	END {
		close_test("FAILED")
		print n["OK"] + 0, n["FAILED"] + 0, n["SKIPPED"] + 0, last list
	}' "$1"
}

passed=0 failed=0 skipped=0
for binary; do
	name=$(basename "$binary")
	log=$logs/$name
	status=0
	# The outer redirection is for the shell's own word on a child that a signal ended.
	{ timeout -k 5 "${TEST_SECONDS:-120}" "$binary" >"$log" 2>&1 </dev/null || status=$?; } 2>/dev/null

	read_log "$log" >"$log.tests"
	read -r ok bad skip last <"$log.tests"
	why=
	if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
		why="did not end within ${TEST_SECONDS:-120} s"
	elif [ "$status" -gt 128 ]; then
		why="died of signal $((status - 128))"
	elif ! grep -qE '^\[==========\].* test\(s\) run\.' "$log"; then
		why="ended with status $status before its tests had"
	elif [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
		why="ended with status $status"
	elif [ $((ok + bad + skip)) -eq 0 ]; then
		why="ran no test"
	fi
	if [ -n "$why" ] && [ "$bad" -eq 0 ]; then
		bad=1
	fi

	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
	if [ -n "$why" ]; then
		echo "  FAIL  $name: $why${last:+ (last test: $last)}"
	elif [ "$bad" -gt 0 ]; then
		echo "  FAIL  $name: $bad of $((ok + bad + skip))"
	else
		echo "  OK    $name: $ok$([ "$skip" -eq 0 ] || echo ", $skip skipped")"
	fi
	tail -n +2 "$log.tests"
	if [ "$bad" -gt 0 ] || [ "${V:-0}" = 1 ]; then
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
