# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# lib.sh: what the scenarios are written in. A scenario sources it first and runs in a network
# namespace of its own, started by run.sh. The shape of most of them:
#
#	load close-wait --leaky		# start a workload, wait for its ground truth
#	expects close-wait		# that many findings of this class, on that process
#	load close-wait --mended
#	expects nothing
#	look --after 1s			# run lostsock once; any finding not expected is a failure
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${LOSTSOCK:=$here/../../build/lostsock}" "${LOAD:=$here/../../build/load}"
: "${TMPDIR:?run it through tests/e2e/run.sh}"

JSON=$TMPDIR/json	# what lostsock said last
TRUTH='' PID='' PEER='' COUNT='' LOAD_PID=''
expected=()	# "class pid op count"
allowed=()	# "class pid"
load_no=0 load_out='' watch_pid='' watch_no=0

# Workloads have this pipe as their stdin, and end when it does: with this shell.
mkfifo "$TMPDIR/rope"
exec 9<>"$TMPDIR/rope"

say() { printf '%s\n' "$*" >&2; }

fail() {
	say "FAIL: $*"
	exit 1
}

# skip WHAT: ends the scenario, counted and named.
skip() {
	say "skip: $*"
	exit 77
}

needs() {
	local command
	for command; do
		command -v "$command" >/dev/null || skip "$command is not installed"
	done
}

# until_true SECONDS COMMAND...: false if it does not come true in time.
until_true() {
	local end=$((SECONDS + $1 + 1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

lostsock() { "$LOSTSOCK" "$@"; }

# --- workloads ---

has_line() { [ "$(wc -l <"$load_out")" -ge "$1" ] || ! kill -0 "$LOAD_PID" 2>/dev/null; }

truth() { jq -r ".$1" <<<"$TRUTH"; }

# load NAME ARGS...: starts a workload and waits for its ready line. Sets PID, PEER, COUNT from it,
# TRUTH to the whole line, LOAD_PID to the process that was started.
load() {
	local program=$LOAD/$1
	[[ $1 != *.py ]] || program=$here/load/$1
	load_out=$TMPDIR/load.$((++load_no))
	: >"$load_out"
	"$program" "${@:2}" <"$TMPDIR/rope" 9>&- >"$load_out" &
	LOAD_PID=$!
	until_true 15 has_line 1 || fail "$*: not ready after 15 s"
	TRUTH=$(head -n 1 "$load_out")
	[ -n "$TRUTH" ] || fail "$*: ended before it was ready"
	# shellcheck disable=SC2034 # PEER is for the scenarios
	read -r PID PEER COUNT < <(jq -r '"\(.pid) \(.peer_pid) \(.count)"' <<<"$TRUTH")
}

# Waits for the second line of the last workload, its account at the end, and puts it into TRUTH.
load_done() {
	until_true 30 has_line 2 || fail "the workload is not done after 30 s"
	TRUTH=$(sed -n 2p "$load_out")
	[ -n "$TRUTH" ] || fail "the workload ended early"
}

unload() {
	kill "$LOAD_PID" 2>/dev/null || :
	wait "$LOAD_PID" || :
}

# --- looking ---

check_json() {
	[ "$1" -eq 0 ] || fail "lostsock: exit status $1: $(cat "$JSON.err")"
	jq -e '.schema == 1 and (.findings | type == "array")' "$JSON" >/dev/null ||
		fail "not the JSON that was asked for: $(head -c 400 "$JSON")"
}

# findings ARGS...: looks at the sockets of this namespace, 3 s unless --for is given.
findings() {
	local status=0
	[[ " $* " == *" --for "* ]] || set -- --for 3s "$@"
	lostsock top --once --json --netns self --interval 500ms "$@" >"$JSON" 2>"$JSON.err" 9>&- ||
		status=$?
	check_json $status
}

links() { find "/proc/$watch_pid/fd" -lname '*bpf*link*' 2>/dev/null | wc -l; }

# attached: the number of links of the watcher has stopped to rise.
attached() {
	local before
	before=$(links)
	kill -0 "$watch_pid" 2>/dev/null || fail "lostsock ended: $(cat "$JSON.err")"
	sleep 0.5
	[ "$before" -gt 0 ] && [ "$before" -eq "$(links)" ]
}

# watch ARGS...: as findings, in the background; returns once lostsock has attached.
watch() {
	JSON=$TMPDIR/json.$((++watch_no))
	# Not the function: $! is to be the program itself.
	"$LOSTSOCK" top --once --json --netns self --interval 500ms "$@" >"$JSON" 2>"$JSON.err" 9>&- &
	watch_pid=$!
	until_true 15 attached || fail "lostsock has attached nothing after 15 s"
}

watched() {
	local status=0
	wait "$watch_pid" || status=$?
	check_json $status
}

# --- asserting ---

show() {
	say "--- findings (50 at most):"
	jq -c '.findings[:50][] | {class, certain, count, pid, comm, fd, role, state, age_s, idle_s,
		local, remote, unread, unsent, opener} | with_entries(select(.value != null))' "$JSON" >&2
	say "--- processes:"
	jq -c '.processes[]' "$JSON" >&2
	say "--- lost: $(jq -c .lost "$JSON")"
	[ ! -s "$JSON.err" ] || say "--- stderr: $(head -n 5 "$JSON.err")"
}

wrong() {
	show
	fail "$*"
}

# matching FIELD=VALUE...: the findings that have all of them, as a JSON array.
matching() {
	local f='.' pair
	for pair; do
		f="$f | map(select((.${pair%%=*} | tostring) == \"${pair#*=}\"))"
	done
	jq -c ".findings | $f" "$JSON"
}

# compare NUMBER OP NUMBER, OP as in C.
compare() { jq -en "($1) ${2/#=/==} ($3)" >/dev/null; }

# split "live>=8" into field, op, value.
split() {
	[[ $1 =~ ^([a-z_]+)(>=|<=|=|>|<)(.+)$ ]] || fail "not a condition: $1"
	field=${BASH_REMATCH[1]} op=${BASH_REMATCH[2]} value=${BASH_REMATCH[3]}
}

# expect_finding FIELD=VALUE... count=N (or count>=N, ...): what their counts add up to.
expect_finding() {
	local pair pairs=() field op value sum want_op='>=' want=1
	for pair; do
		split "$pair"
		if [ "$field" = count ]; then
			want_op=$op want=$value
		else
			pairs+=("$pair")
		fi
	done
	sum=$(matching "${pairs[@]}" | jq 'map(.count) | add // 0')
	compare "$sum" "$want_op" "$want" || wrong "${pairs[*]}: count $want_op $want expected, got $sum"
}

# expect_none FIELD=VALUE...: no finding that has them; expect_nothing: no finding at all.
expect_none() { [ "$(matching "$@")" = '[]' ] || wrong "found, and not expected: $*"; }

expect_nothing() { jq -e '.findings == []' "$JSON" >/dev/null || wrong "no finding expected"; }

# expect_process PID live=8 closed>=2 ...
expect_process() {
	local pid=$1 pair field op value got
	shift
	for pair; do
		split "$pair"
		got=$(jq "[.processes[] | select(.pid == $pid)] | .[0].$field // 0" "$JSON")
		compare "$got" "$op" "$value" || wrong "process $pid: $pair expected, got $got"
	done
}

# expect_connections PID N [CONDITION]: with --all, the connections that are charged to PID, or that
# it has opened, and for which the jq condition holds.
expect_connections() {
	local n
	n=$(jq "[.connections[] | select((.pid == $1 or .opener.pid == $1) and .role != \"listen\")
		| select(${3:-true})] | length" "$JSON")
	[ "$n" -eq "$2" ] || {
		jq -c '.connections[]' "$JSON" >&2
		wrong "process $1: $2 connections${3:+ with $3} expected, got $n"
	}
}

# expects CLASS [count OP] [pid]: what the next look must find of the last workload, by default its
# own count on its own pid. "expects nothing" documents that there is nothing.
expects() {
	[ "$1" = nothing ] || expected+=("$1 ${3:-$PID} ${2:-=$COUNT}")
}

# allows CLASS PID: may be found as well, rightly.
allows() { allowed+=("$1 $2"); }

# Every expectation holds, and nothing else was found, on no process at all.
check_expected() {
	local line class pid count known=''
	for line in "${expected[@]}" "${allowed[@]}"; do
		read -r class pid count <<<"$line"
		known+="$class $pid,"
		[ -z "$count" ] || expect_finding "class=$class" "pid=$pid" "count$count"
	done
	line=$(jq -c --arg known ",$known" '[.findings[] | "\(.class) \(.pid)" as $it
		| select($known | contains(",\($it),") | not) | $it] | unique' "$JSON")
	[ "$line" = '[]' ] || wrong "found what nobody expects: $line"
}

look() {
	findings "$@"
	check_expected
}

# healthy: nothing is found, neither at the default thresholds nor at 2 s.
healthy() {
	findings --for 1s
	expect_nothing
	findings --for "${FOR:-4s}" --after 2s
	expect_nothing
}

# --- what lostsock says of bad input ---

# refuses STATUS PATTERN ARGS...: exits so (1, or "[12]"), and says a line or two on stderr, one of
# which matches.
refuses() {
	local want=$1 pattern=$2 status=0
	shift 2
	timeout 10 "$LOSTSOCK" "$@" >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null || status=$?
	# shellcheck disable=SC2053 # a pattern
	[[ $status == $want ]] || fail "lostsock $*: exit status $want expected, got $status:
$(cat "$TMPDIR/err")"
	grep -qEi -- "$pattern" "$TMPDIR/err" || fail "lostsock $*: no word of /$pattern/:
$(cat "$TMPDIR/err")"
	[ "$(wc -l <"$TMPDIR/err")" -le "${LINES_MAX:-2}" ] || fail "lostsock $*: too many words:
$(cat "$TMPDIR/err")"
}
