# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# lib.sh: what the rows of the proof are written in; the words of tests/peers/lib.sh and
# tests/e2e/lib.sh hold as well. A script NN-name.sh prepares what both twins need and declares them:
#
#	web 8080 1s
#	twins "libcurl, easy handle" close-wait 5 fetch_catalog "$PEERS/curl_easy"
#
# that is: program, the class that is expected of the leaky twin, how many, the function that must be
# named (- if none can be), and a command, which is called as those of tests/peers are: leaky|mended
# COUNT PORT wait. Programs of another shape come with functions of their own in place of these:
#
#	begin MODE COMMAND...	starts it, harmless so far; sets PID (and LOAD_PID)
#	act MODE		the work that leaks; returns when the leak stands
#	finish MODE		ends what begin and act have started
#
# `also CLASS PID WHY`, called in begin or act, names the same leak as its other end sees it: not what
# is asked for, and not false either; the table shows it. All else that is found in the network
# namespace, on whatever process, is false. The thresholds are the same for all rows: $AFTER.
# shellcheck source=tests/peers/lib.sh
. "${BASH_SOURCE[0]%/*}/../peers/lib.sh"

: "${ROWS:=$TMPDIR/rows}" "${PROOF:=$here/../../build/proof}" "${AFTER:=2s}"
# shellcheck disable=SC2034 # for the rows
own=$here/../proof/twins
script=$(basename "$0" .sh)
key=$(cat "$LOSTSOCK" "$0" "$here"/../proof/lib.sh | sha256sum | cut -c 1-16)
row_no=0 red=0 LIMIT=8 took=0 STREAM='' stream_pid=''
mkdir -p "$ROWS"

# held COMMAND...: a program that is a pid already, and starts when go_on or `release` says so.
held() {
	mkfifo "$TMPDIR/go.$((++load_no))"
	load_out=$TMPDIR/twin.$load_no
	: >"$load_out"
	exec 8<>"$TMPDIR/go.$load_no"
	# shellcheck disable=SC2016 # for the inner shell
	bash -c 'echo $$; read -r _; exec "$@"' held "$@" <&8 8>&- 9>&- >"$load_out" 2>"$load_out.err" &
	LOAD_PID=$! PID=$!
	until_true 15 has_line 1 || fail "$*: not ready"
}

release() { echo >&8; }

begin() { twin "${@:2}" "$1"; }
act() { go_on; }
finish() { twin_ends; }

# other_end VERB PORT [N]: of other_end.py; returns when it stands. It ends with this shell.
other_end() {
	local out=$TMPDIR/other.$((++load_no))
	"$own/other_end.py" "$@" <"$TMPDIR/rope" >"$out" 2>"$out.err" 8>&- 9>&- &
	# shellcheck disable=SC2034 # for the rows
	OTHER=$!
	until_true 15 test -s "$out" || fail "other_end.py $*: $(tail -n 1 "$out.err")"
}

also() { allowed+=("$1 $2 ${*:3}"); }

# stream ARGS...: the whole namespace, report after report.
stream() {
	STREAM=$TMPDIR/stream.$((++watch_no))
	: >"$STREAM"
	"$LOSTSOCK" top --json --netns self "$@" >"$STREAM" 2>"$STREAM.err" 8>&- 9>&- &
	stream_pid=$!
	until_true 15 grep -q '^}' "$STREAM" || fail "lostsock top says nothing: $(cat "$STREAM.err")"
}

# Those that are complete; and that of attach, once it has ended, which alone knows of streams.
reports() {
	jq -c . "$STREAM" 2>/dev/null || :
	[ ! -s "$JSON" ] || jq -c . "$JSON"
}

# The most that any report said of this class on this process.
seen() {
	reports | jq --arg class "$1" --argjson pid "$2" '[.findings[]
		| select(.class == $class and .pid == $pid) | .count] | add // 0' | sort -n | tail -n 1
}

# enough COUNT|>=COUNT N: is N what was expected?
enough() {
	case $1 in
	'>='*) [ "$2" -ge "${1#>=}" ] ;;
	*) [ "$2" -eq "$1" ] ;;
	esac
}

# Findings of any report that are neither expected nor the leak's other end: [{class, pid, comm, count}].
strangers() {
	local line class pid known=''
	for line in "${allowed[@]}" ${1:+"$1"}; do
		read -r class pid line <<<"$line"
		known+="$class $pid,"
	done
	reports | jq -c '.findings | group_by([.class, .pid])[]
		| {class: .[0].class, pid: .[0].pid, comm: .[0].comm, certain: .[0].certain,
		   count: (map(.count) | add), example: .[0] | del(.site)}' |
		jq -sc --arg known ",$known" '
		map(select(",\(.class) \(.pid)," as $it | $known | contains($it) | not))
		| group_by([.class, .pid]) | map(max_by(.count))'
}

# How many of the class are said, by the one who was attached to, to come from FUNCTION.
named_by() {
	jq --arg class "$1" --argjson pid "$2" --arg f "$3" '[.findings[]
		| select(.class == $class and .pid == $pid)
		| select(any(.. | objects | .frames? // empty | .[]?; tostring | contains($f)))
		| .count] | add // 0' "$JSON"
}

centiseconds() { echo $((10#${EPOCHREALTIME/[.,]/} / 10000)); }

# For a row: until as many are found as are expected, and then a little longer, for what is false. The
# mended twin is watched as long as the leaky one was.
wait_for_verdict() {
	local start now
	start=$(centiseconds) now=$start
	while [ $((now - start)) -lt $((LIMIT * 100)) ]; do
		sleep 0.25
		now=$(centiseconds)
		if [ "$mode" = leaky ]; then
			found=$(seen "$class" "$PID")
			! enough "$count" "${found:-0}" || break
		elif [ $((now - start)) -ge "$took" ]; then
			break
		fi
	done
	[ "$mode" = mended ] || took=$((now - start))
	sleep 1.5
}

watch_row() {
	begin "$mode" "$@"
	stream --interval 500ms --after "$AFTER"
	attach --after "$AFTER"
	act "$mode"
	wait_for_verdict
	kill -TERM "$watch_pid" "$stream_pid" 2>/dev/null || :
	watched
	[ -z "${KEEP:-}" ] || cp "$JSON" "$KEEP/$script-$mode.json"
	wait "$stream_pid" || :
	finish "$mode"
}

because() { reason+="${reason:+; }$*"; }

# What the watchers have seen becomes found, named, false, others and reason.
judge_row() {
	local line also_class also_pid why mine=''
	if [ "$mode" = leaky ]; then
		mine="$class $PID"
		[ "${found:-0}" -gt 0 ] || at_most=true
		found=$(seen "$class" "$PID")
		[ "${count#>=}" -gt 0 ] || because "nothing was lost"
		enough "$count" "$found" || because "$found found"
	fi
	if [ "$mode" = leaky ] && [ "$function" != - ]; then
		named=$(named_by "$class" "$PID" "$function")
		enough "$count" "$named" || because "$function named $named times"
	fi
	false=$(strangers "$mine")
	[ "$false" = '[]' ] || because "false: $(jq -r \
		'map("\(.count) \(.class) on \(.comm)") | join(", ")' <<<"$false")"
	[ -z "$reason" ] || [ -z "$known" ] || reason+=" ($known)"
	for line in "${allowed[@]}"; do
		read -r also_class also_pid why <<<"$line"
		line=$(seen "$also_class" "$also_pid")
		[ "${line:-0}" -eq 0 ] || others+="${others:+; }$line $also_class, $why"
	done
}

# write_row: from the variables of the one who calls; $file is where.
write_row() {
	jq -nc --arg script "$script" --arg key "$key" --argjson no "$row_no" --arg twin "$mode" \
		--arg program "$program" --arg class "$class" --arg count "$count" \
		--arg function "$function" --argjson found "${found:-0}" \
		--argjson at_most "$at_most" --argjson named "${named:-0}" --argjson cs "$took" --argjson false "${false:-[]}" \
		--arg others "$others" --arg reason "$reason" --arg at "$(date -u +%FT%TZ)" \
		'$ARGS.named' >"$file"
}

# A shell of its own, so that a row that fails ends what it has started and costs no other.
row() {
	trap 'kill $(jobs -p) 2>/dev/null || :' EXIT
	expected=() allowed=() PID=''
	watch_row "$@"
	judge_row
	write_row
	[ -z "$reason" ] || jq -c '.[]' <<<"$false" >&2
}

# twins PROGRAM CLASS COUNT FUNCTION COMMAND...: two rows.
twins() {
	local program=$1 class=$2 count=$3 function=$4 mode file status
	local found named at_most false others reason known=${KNOWN:-}
	shift 4
	KNOWN=
	for mode in leaky mended; do
		found=0 named=0 at_most=false false='[]' others='' reason=''
		load_no=$((load_no + 10)) watch_no=$load_no
		file=$ROWS/$script-$((++row_no)).json
		if [ -n "${RESUME:-}" ] && jq -e --arg key "$key" '.key == $key' "$file" >/dev/null 2>&1; then
			took=$(jq .cs "$file")
			continue
		fi
		rm -f "$file"
		status=0
		set +e
		(set -e && row "$@") 2> >(tee "$TMPDIR/said" >&2)
		status=$?
		set -e
		if [ $status -ne 0 ]; then
			reason=$(sed -n 's/^FAIL: //p' "$TMPDIR/said" | tail -n 1)
			reason=${reason:-ended with status $status}
			write_row
		fi
		took=$(jq .cs "$file")
		jq -r '"\(.program), \(.twin): " + if .reason == "" then "as expected" else .reason end' \
			"$file" >&2
		jq -e '.reason == ""' "$file" >/dev/null || red=$((red + 1))
	done
}

# The last line of each script.
proved() { [ "$red" -eq 0 ] || exit 1; }
