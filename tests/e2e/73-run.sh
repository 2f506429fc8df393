#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run: exit 1 around what leaks, the command's own status around what does not; stdin and stdout
# are the command's alone.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

# gate STATUS ARGS...: stdout into $TMPDIR/out, what is said into $TMPDIR/err.
gate() {
	local want=$1 status=0
	shift
	timeout 60 "$LOSTSOCK" run "$@" >"$TMPDIR/out" 2>"$TMPDIR/err" 9>&- || status=$?
	[ "$status" -eq "$want" ] ||
		fail "run $*: exit status $want expected, got $status: $(cat "$TMPDIR/err")"
}

says() { grep -qE -- "$1" "$TMPDIR/err" || fail "no /$1/ in: $(cat "$TMPDIR/err")"; }
says_not() { ! grep -qE -- "$1" "$TMPDIR/err" || fail "/$1/ in: $(cat "$TMPDIR/err")"; }

# --- a clean command ---

gate 0 true
says '^lostsock: no leaks; 1 process opened 0 connections$'
gate 7 sh -c 'exit 7'
gate 0 -- sh -c 'exit 0'
gate 143 sh -c 'kill -TERM $$'
gate 137 sh -c 'kill -KILL $$'
gate 127 no-such-command
says 'no-such-command: command not found'
gate 127 ./no-such-file
gate 126 /etc/passwd
says 'Permission denied'
gate 126 /
printf 'echo "$@"\n' >"$TMPDIR/script" # no first line: a shell runs it, as it would
chmod 755 "$TMPDIR/script"
gate 0 "$TMPDIR/script" --fail-on -v
[ "$(cat "$TMPDIR/out")" = '--fail-on -v' ] || fail "the command's own options: $(cat "$TMPDIR/out")"
gate 0 "$LOAD/died-holding" --mended --mode exit --seconds 0.2 --hold 0.5
says_not 'left-open'
gate 0 "$LOAD/close-wait" --mended --hold 1

# --- its streams ---

seq 100000 | gate 0 md5sum
[ "$(cat "$TMPDIR/out")" = "$(seq 100000 | md5sum)" ] || fail "its input or output was touched"
gate 0 find /proc/self/fd -type l -printf '%f %l\n'
cp "$TMPDIR/out" "$TMPDIR/ours"
find /proc/self/fd -type l -printf '%f\n' 9>&- | grep -vxFf - <(cut -d' ' -f1 "$TMPDIR/ours") &&
	fail "it has descriptors that it was not given: $(cat "$TMPDIR/ours")"
gate 0 sh -c 'grep -E "^Sig(Blk|Ign)" /proc/self/status' 
cp "$TMPDIR/out" "$TMPDIR/ours"
sh -c 'grep -E "^Sig(Blk|Ign)" /proc/self/status' | diff - "$TMPDIR/ours" ||
	fail "it has other signals blocked or ignored"
gate 0 env
grep -q "^HOME=${HOME:-}" "$TMPDIR/out" || [ -z "${HOME:-}" ] || fail "its environment was touched"

# --- one that is killed before it has begun ---

timeout 60 "$LOSTSOCK" run sleep 30 >"$TMPDIR/out" 2>"$TMPDIR/err" 9>&- &
waits=$!
child_of() {
	local run
	run=$(pgrep -P "$1" -x lostsock) && pgrep -P "$run" -x lostsock >"$TMPDIR/child"
}
until_true 10 child_of "$waits" || fail "there is no child that waits"
kill -KILL "$(cat "$TMPDIR/child")"
status=0
wait "$waits" || status=$?
[ "$status" -eq 137 ] || fail "killed while it waited: exit status 137 expected, got $status"

# --- one that leaks ---

gate 1 "$LOAD/died-holding" --leaky --mode exit --seconds 0.3 --hold 0.6
says '^left-open: 8 connections by (victim|died-holding) \(pid [0-9]+'
says '    opened by load_connect \(load.h:[0-9]+\) < victim \(died-holding.c:[0-9]+\)'
says '#0 +connect'
grep -q '"ready"' "$TMPDIR/out" || fail "its output was touched: $(cat "$TMPDIR/out")"
! grep -q lostsock "$TMPDIR/out" || fail "something on stdout: $(cat "$TMPDIR/out")"

# What stood at the end of a process; of one that died by a signal.
gate 1 --after 500ms "$LOAD/close-wait" --leaky --hold 2
says '^close-wait: 8 leaked by close-wait'
gate 1 "$LOAD/died-holding" --leaky --mode segv --seconds 0.3 --hold 0.6
says '^died-holding: 8 connections'

# Only what is asked for fails.
gate 0 --fail-on unread "$LOAD/died-holding" --leaky --mode exit --seconds 0.3 --hold 0.6
says '^left-open: 8'
says 'none of these fails'
gate 1 --fail-on unread,left-open "$LOAD/died-holding" --leaky --mode exit --seconds 0.3 --hold 0.6
# What is only suspected is told, and fails if asked for.
echo comm:peer >"$TMPDIR/supp" # it is killed, and exits with what it has
gate 0 --after 500ms --suppress "$TMPDIR/supp" "$LOAD/unread" --leaky --hold 2.5
says '^unread: .*suspected'
gate 1 --after 500ms --suppress "$TMPDIR/supp" --fail-on any "$LOAD/unread" --leaky --hold 2.5

# --- what it leaves running ---

SECONDS=0
gate 0 sh -c 'sleep 30 & '
says 'still runs: pid [0-9]+ \(sleep\)'
[ $SECONDS -lt 15 ] || fail "it waited for what was left running"
gate 0 --settle 10s sh -c 'sleep 1 &'
says_not 'still runs'
gate 1 --after 500ms --settle 2s sh -c "\"$LOAD/close-wait\" --leaky --hold 6 >/dev/null & sleep 0.5"
says 'still runs: .*close-wait'
says '^close-wait: 8 leaked'

# --- signals ---

for signal in TERM INT USR1 HUP; do
	rm -f "$TMPDIR/out"
	env --default-signal=INT "$LOSTSOCK" run bash -c \
		'trap "echo got '$signal'; kill \$!; exit 9" '$signal'; echo ready; sleep 30 & wait' \
		>"$TMPDIR/out" 2>"$TMPDIR/err" 9>&- &
	pid=$!
	until_true 10 grep -qs ready "$TMPDIR/out" || fail "not started: $(cat "$TMPDIR/err")"
	kill -s $signal "$pid"
	status=0
	wait "$pid" || status=$?
	[ $status -eq 9 ] || fail "$signal: exit status 9 expected, got $status: $(cat "$TMPDIR/err")"
	grep -q "got $signal" "$TMPDIR/out" || fail "$signal was not passed on"
done

# SIGCHLD ignored by whoever starts us takes no status away.
status=0
(trap '' CHLD; exec "$LOSTSOCK" run sh -c 'exit 5' 2>/dev/null) || status=$?
[ $status -eq 5 ] || fail "with SIGCHLD ignored: exit status 5 expected, got $status"

# --- usage ---

refuses 2 'COMMAND is needed' run
refuses 2 'COMMAND is needed' run --
refuses 2 'did you mean --fail-on' run --fail-no any true
refuses 2 'no class' run --fail-on nosuch true
refuses 2 'no duration' run --settle soon true
refuses 2 '/no/such/dir' run --report /no/such/dir/file true
refuses 2 '/no/such/dir' run --junit /no/such/dir/file true
refuses 2 '/no/such' run --suppress /no/such true
refuses 2 "no user 'nobody-at-all'" run --user nobody-at-all true
refuses 2 'does not go' run --for 3s true
