#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Containers that are gone while they are being named, and processes that move into theirs after they
# were first seen, as runtimes move them: a name is the right one, or there is none. THOROUGH=1: 600.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

count=40
[ -z "${THOROUGH:-}" ] || count=600
mount=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
[ -n "$mount" ] || skip "cgroup2"
home=$mount/lostsock-e2e-$$
mkdir "$home" 2>/dev/null || skip "a cgroup of our own"
cleanup() {
	local group pid
	for group in "$home"/*/; do
		while read -r pid; do
			kill -KILL "$pid" 2>/dev/null || :
		done 2>/dev/null <"$group/cgroup.procs" || :
	done
	until_true 5 eval "rmdir '$home'/*/ 2>/dev/null; rmdir '$home' 2>/dev/null || [ ! -d '$home' ]" || :
}
trap cleanup EXIT

# container N LATE: a short life in a cgroup of its own, which is removed at once; LATE: it enters
# that only when it runs. Truth: "pid id late".
container() {
	local id group pid
	id=$(printf '%016x%08x%040x' "$$" "$1" "$RANDOM")
	group=$home/docker-$id.scope
	mkdir "$group" || return
	if [ "$2" -eq 0 ]; then
		sh -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" "$LOAD/idlepool" --count 2 \
			--hold "0.$((RANDOM % 7 + 1))" </dev/null >/dev/null 2>&1 9>&- &
		pid=$!
	else
		"$LOAD/idlepool" --count 2 --hold 3 </dev/null >/dev/null 2>&1 9>&- &
		pid=$!
		sleep 0.6
		echo $pid >"$group/cgroup.procs"
	fi
	echo "$pid ${id:0:12} $2 $(date +%s.%N)" >>"$TMPDIR/truth"
	wait $pid || :
	until_true 5 rmdir "$group" 2>/dev/null
}

: >"$TMPDIR/truth"
"$LOSTSOCK" top --json --netns self --interval 150ms >"$TMPDIR/looks" 2>"$TMPDIR/err" 9>&- &
watch_pid=$!
JSON=$TMPDIR/err # attached says what it says
until_true 15 attached || fail "lostsock has attached nothing after 15 s"
for ((i = 0; i < count; i++)); do
	[ "$(jobs -rp | wc -l)" -lt 6 ] || wait -n
	container $i $((i % 8 == 0)) &
	sleep 0.05
done
# shellcheck disable=SC2046 # one word a pid
wait $(jobs -rp | grep -vx "$watch_pid") || :
kill -0 "$watch_pid" 2>/dev/null || fail "lostsock has ended: $(cat "$TMPDIR/err")"
kill -INT "$watch_pid"
wait "$watch_pid" || fail "exit status $?: $(cat "$TMPDIR/err")"
[ "$(wc -l <"$TMPDIR/truth")" -eq "$count" ] || fail "not all containers have lived"

# Of each look at each of them: [named, late, how long after it was in its container].
jq -n --rawfile truth "$TMPDIR/truth" '
	($truth | split("\n") | map(select(. != "") | split(" ")
		| {key: .[0], value: {id: .[1], late: .[2], in: (.[3] | tonumber)}}) | from_entries) as $of
	| [inputs | (.time | sub("\\.[0-9]+"; "") | fromdate) as $t | .processes[]
		| select($of[.pid | tostring] and (.ended | not)) | $of[.pid | tostring] as $c
		| {pid, container, right: (.container == "docker:" + $c.id), late: $c.late, since: ($t - $c.in)}]' \
	"$TMPDIR/looks" >"$TMPDIR/seen"
say "$(jq -c '{looks: length, named: map(select(.right)) | length, processes: map(.pid) | unique | length}' "$TMPDIR/seen")"
jq -e 'map(select(.container | startswith("docker:")) | select(.right | not)) == []' "$TMPDIR/seen" >/dev/null ||
	fail "another's name: $(jq -c 'map(select(.container | startswith("docker:")) | select(.right | not))[:3]' "$TMPDIR/seen")"
jq -e 'map(select(.late == "0" and .since > 2 and (.right or .container == "" | not))) == []' "$TMPDIR/seen" >/dev/null ||
	fail "a wrong name: $(jq -c 'map(select(.late == "0" and (.right or .container == "" | not)))[:3]' "$TMPDIR/seen")"
# Who has moved is named by where it is, a look or two later.
jq -e 'map(select(.late == "1" and .since > 1.2)) | length > 0 and all(.right)' "$TMPDIR/seen" >/dev/null ||
	fail "moved, and not named anew: $(jq -c 'map(select(.late == "1" and .since > 1.2 and (.right | not)))[:3]' "$TMPDIR/seen")"
jq -e '(map(select(.right)) | length) * 2 > length' "$TMPDIR/seen" >/dev/null || fail "hardly any is named"
