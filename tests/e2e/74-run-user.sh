#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run as another user: the one who called sudo, or whom --user names, with all their groups; the
# files that it writes are theirs, and signals still reach the command.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

needs id
# shellcheck disable=SC2034 # read by the program
user=nobody uid=$(id -u nobody) gid=$(id -g nobody)
cd "$TMPDIR" && chmod 755 . || exit

ran_as() {
	[ "$(cat out)" = "$1" ] || fail "ran as '$(cat out)', not as '$1': $(cat err)"
}

unset SUDO_UID SUDO_GID
lostsock run sh -c 'id -u; id -g; id -G' >out 2>err
ran_as "$(id -u; id -g; id -G)"
lostsock run --user "$user" sh -c 'id -u; id -g; id -G' >out 2>err
ran_as "$(id -u $user; id -g $user; id -G $user)"
lostsock run --user "$uid" id -u >out 2>err
ran_as "$uid"
SUDO_UID=$uid SUDO_GID=$gid lostsock run sh -c 'id -u; id -g; id -G' >out 2>err
ran_as "$(id -u $user; id -g $user; id -G $user)"
SUDO_UID=$uid SUDO_GID=$gid lostsock run --user root id -u >out 2>err
ran_as 0
SUDO_UID=54321 SUDO_GID=54322 lostsock run sh -c 'id -u; id -g; id -G' >out 2>err
ran_as $'54321\n54322\n54322'
SUDO_UID=$uid SUDO_GID=$gid lostsock run sh -c 'grep -E "^(CapEff|NoNewPrivs)" /proc/self/status' >out 2>err
ran_as $'CapEff:\t0000000000000000\nNoNewPrivs:\t0'

SUDO_UID=$uid SUDO_GID=$gid lostsock run --report report --junit junit.xml true
[ "$(stat -c %u report junit.xml | sort -u)" = "$uid" ] || fail "the files are not the user's"
: >of-root
SUDO_UID=$uid SUDO_GID=$gid lostsock run --report of-root true
[ "$(stat -c %u of-root)" = 0 ] || fail "a file that was there has been given away"

# A program of the user's may have put a link there, which only root could follow.
mkdir theirs && chmod 777 theirs && : >of-root && chmod 600 of-root && echo kept >of-root
ln -s ../of-root theirs/report && ln -s ../made theirs/junit.xml
for file in report junit; do
	status=0
	path=theirs/$file
	[ $file = report ] || path=theirs/junit.xml
	SUDO_UID=$uid SUDO_GID=$gid lostsock run --$file "$path" true 2>err || status=$?
	[ $status -eq 2 ] || fail "a link to what is root's: exit status 2 expected, got $status"
done
[ "$(cat of-root)" = kept ] || fail "a file of root's was overwritten through a link"
[ ! -e made ] || fail "a file was made through a link where its user may not"
SUDO_UID=$uid SUDO_GID=$gid lostsock run --report theirs/new true
[ "$(stat -c %u:%g theirs/new)" = "$uid:$gid" ] || fail "the file is not the user's"

mkdir closed && chmod 700 closed && cp /bin/true closed/
status=0
SUDO_UID=$uid SUDO_GID=$gid lostsock run "$PWD/closed/true" 2>err || status=$?
[ $status -eq 126 ] || fail "not executable for the user: exit status 126 expected, got $status"

rm out
env SUDO_UID="$uid" SUDO_GID="$gid" "$LOSTSOCK" run bash -c \
	'trap "exit 9" TERM; echo ready; sleep 30 & wait; kill $!' >out 2>err 9>&- &
pid=$!
until_true 10 grep -qs ready out || fail "not started: $(cat err)"
kill -TERM "$pid"
status=0
wait "$pid" || status=$?
[ $status -eq 9 ] || fail "a signal to another user's command: got $status: $(cat err)"
