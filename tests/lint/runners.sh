#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The scripts that count tests can count: each way in which a cmocka program ends, and each way in
# which a suite reports, comes out as the numbers that it should. The programs are scripts that
# print what cmocka 1.1 prints.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0

# program NAME EXIT LINE...
program() {
	local file=$dir/$1 code=$2
	shift 2
	{
		echo '#!/bin/sh'
		printf "echo '%s'\n" "$@"
		echo "$code"
	} >"$file"
	chmod +x "$file"
}

# expect NAME "passed failed skipped": run NAME alone.
expect() {
	local got code=0 want_code=0
	TEST_SECONDS=1 tests/unit/run.sh "$dir/result" "$dir/$1" >"$dir/output" || code=$?
	got=$(cat "$dir/result")
	[ "$(cut -d' ' -f2 <<<"$2")" = 0 ] || want_code=1
	if [ "$got" != "$2" ] || [ "$code" != "$want_code" ]; then
		echo "tests/unit/run.sh: $1: '$got' with status $code, not '$2' with $want_code"
		status=1
	fi
	if [ "$want_code" = 1 ] && ! grep -q "FAIL  $1" "$dir/output"; then
		echo "tests/unit/run.sh: $1: failed without being named"
		status=1
	fi
}

begin='[==========] Running 2 test(s).'
end='[==========] 2 test(s) run.'
run_a='[ RUN      ] a'
run_b='[ RUN      ] b'
ok_a='[       OK ] a'
ok_b='[       OK ] b'

program pass 'exit 0' "$begin" "$run_a" "$ok_a" "$run_b" "$ok_b" "$end" '[  PASSED  ] 2 test(s).'
expect pass '2 0 0'
program fail 'exit 1' "$begin" "$run_a" '[  ERROR   ] --- no' '[  FAILED  ] a' "$run_b" "$ok_b" "$end" \
	'[  PASSED  ] 1 test(s).' '[  FAILED  ] 1 test(s), listed below:' '[  FAILED  ] a' ' 1 FAILED TEST(S)'
expect fail '1 1 0'
program hides 'exit 0' "$begin" "$run_a" '[  FAILED  ] a' "$run_b" "$ok_b" "$end"
expect hides '1 1 0'
program skip 'exit 0' "$begin" "$run_a" '[  SKIPPED ] a' "$run_b" "$ok_b" "$end" '[  PASSED  ] 1 test(s).' \
	'[  SKIPPED ] 1 test(s), listed below:' '[  SKIPPED ] a' ' 1 SKIPPED TEST(S)'
expect skip '1 0 1'
program teardown 'exit 1' "$begin" "$run_a" '[  ERROR   ] a' "$run_b" "$ok_b" "$end"
expect teardown '1 1 0'
program setup 'exit 1' "$begin" '[  FAILED  ] GROUP SETUP' '[  ERROR   ] group' '[==========] 0 test(s) run.'
expect setup '0 1 0'
program crash 'kill -SEGV $$' "$begin" "$run_a" "$ok_a" "$run_b"
expect crash '1 1 0'
program leak 'exit 23' "$begin" "$run_a" "$ok_a" "$run_b" "$ok_b" "$end"
expect leak '2 1 0'
program quits 'exit 0' "$begin" "$run_a" "$ok_a" "$run_b"
expect quits '1 1 0'
program hangs 'exec sleep 30' "$begin" "$run_a" "$ok_a" "$run_b"
expect hangs '1 1 0'
program empty 'exit 0' '[==========] 0 test(s) run.'
expect empty '0 1 0'

# tally "last line" STATUS, of the suites one and two
tally() {
	local got code=0
	got=$(tests/tally.sh "$dir" one two 2>/dev/null) || code=$?
	if [ "$(tail -n 1 <<<"$got")" != "$1" ] || [ "$code" != "$2" ]; then
		echo "tests/tally.sh: status $code, not $2, or not '$1':"
		echo "$got"
		status=1
	fi
}

echo 3 0 1 >"$dir/one"
echo 4 0 0 >"$dir/two"
tally '7 passed, 0 failed, 1 skipped' 0
echo 4 2 0 >"$dir/two"
tally '7 passed, 2 failed, 1 skipped' 1
echo oops >"$dir/two"
tally '3 passed, 1 failed, 1 skipped' 1
rm "$dir/two"
tally '3 passed, 1 failed, 1 skipped' 1
exit $status
