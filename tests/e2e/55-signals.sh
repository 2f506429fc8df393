#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# SIGINT and SIGTERM at any moment: an orderly end, soon, and nothing stays attached (run.sh looks).
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

load churn --count 100000 --rate 2000 --hold 40
for signal in INT TERM INT TERM INT TERM INT TERM; do
	# A background job of a shell script ignores SIGINT unless told otherwise.
	env --default-signal=INT "$LOSTSOCK" record "$TMPDIR/recording" --netns self \
		>"$TMPDIR/out" 2>&1 9>&- &
	pid=$!
	sleep "$(printf '0.%03d' $((RANDOM % 700)))"
	kill -s "$signal" "$pid" || fail "it ended by itself: $(cat "$TMPDIR/out")"
	until_true 5 eval "! kill -0 $pid 2>/dev/null" || fail "$signal: still there after 5 s"
	status=0
	wait "$pid" || status=$?
	case $status in
	0 | 130 | 143) ;;
	*) fail "$signal: exit status $status: $(cat "$TMPDIR/out")" ;;
	esac
done
