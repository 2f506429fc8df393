#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What cannot be attached to is said in one line.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

refuses 2 'PID is needed' attach
refuses 2 'no process 4194399|from 1 to' attach 4194399
refuses 2 'no process 4194303' attach 4194303
refuses 2 'abc' attach abc
refuses 2 'from 1 to' attach 0
refuses 2 "from 1 to.*'-?'|PID" attach ''
refuses 2 'no process 4194303' attach "$$,4194303"
refuses 2 'no process 4194303' attach $$ 4194303
refuses 2 '/no/such' attach $$ --suppress /no/such
refuses 2 'fp' attach $$ --stacks hot
refuses 2 'does not go' attach $$ --settle 1s

# A kernel thread: 2 is kthreadd, where /proc is that of the initial namespace.
[ "$(cat /proc/2/comm 2>/dev/null)" != kthreadd ] || refuses 2 'kernel thread' attach 2

# shellcheck disable=SC2016 # for that shell
printf '#!/bin/sh\nexec "%s" attach $$\n' "$LOSTSOCK" >"$TMPDIR/itself"
chmod 755 "$TMPDIR/itself"
program=$LOSTSOCK LOSTSOCK=$TMPDIR/itself
refuses 2 'lostsock itself'
LOSTSOCK=$program

# A thread is not a process, though /proc has it.
load task-stuck --leaky
tid=$(find "/proc/$PID/task" -mindepth 1 -maxdepth 1 -printf '%f\n' | grep -vx "$PID" | head -n 1)
refuses 2 "thread of process $PID" attach "$tid"

# One that has ended, and was not waited for.
(sleep 0.1 9>&- & exec sleep 5 9>&-) &
parent=$!
ended() { zombie=$(pgrep -P "$parent" -r Z); }
if until_true 3 ended; then
	refuses 2 'ended' attach "$zombie"
fi
kill "$parent" 2>/dev/null || :

# It ends while we attach: so it is said, and nothing hangs. (Or it has just not ended yet.)
for _ in 1 2 3; do
	sleep 0.1 9>&- &
	status=0
	timeout 20 "$LOSTSOCK" attach $! >"$TMPDIR/out" 2>"$TMPDIR/err" || status=$?
	case $status in
	0) grep -q 'exited with status 0' "$TMPDIR/out" || fail "$(cat "$TMPDIR/out")" ;;
	2) grep -qE 'ended|no process' "$TMPDIR/err" || fail "$(cat "$TMPDIR/err")" ;;
	*) fail "exit status $status: $(cat "$TMPDIR/err")" ;;
	esac
done
