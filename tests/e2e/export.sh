# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# export.sh: what the scenarios of the exporter share, on top of lib.sh: one that runs, its two
# processes, and what it says.

needs curl
export_no=0 export_log='' export_pid='' web_pid='' base='' CURL=(curl -sS --max-time 10)

said() { grep -q "$1" "$export_log" || ! kill -0 "$export_pid" 2>/dev/null; }

is_ready() {
	kill -0 "$export_pid" 2>/dev/null || fail "the exporter has ended: $(cat "$export_log")"
	"${CURL[@]}" -o "$TMPDIR/ready" "$base/readyz" 2>/dev/null && grep -qx ready "$TMPDIR/ready"
}

# exporter ARGS...: starts one on a free port, on this namespace, and waits until it listens. Sets
# export_pid (the collector), web_pid, base, export_log.
exporter() {
	export_log=$TMPDIR/export.$((++export_no))
	: >"$export_log"
	"$LOSTSOCK" export --netns self --interval 500ms --web.listen-address 127.0.0.1:0 "$@" \
		2>"$export_log" 9>&- &
	export_pid=$!
	until_true 10 said 'serving' || fail "the exporter says nothing"
	base=$(sed -nE 's/^lostsock export: serving (https?:.*)\/[a-z]+$/\1/p' "$export_log")
	kill -0 "$export_pid" 2>/dev/null || fail "the exporter has ended: $(cat "$export_log")"
	web_pid=$(pgrep -P "$export_pid") || fail "there is no second process"
}

# exporting ARGS...: ... and until it is ready.
exporting() {
	exporter "$@"
	until_true 20 is_ready || fail "not ready after 20 s: $(cat "$TMPDIR/ready" "$export_log")"
}

gone() { ! kill -0 "$1" 2>/dev/null; }

# exported: ends it as a user would. It says nothing more, and leaves nobody.
exported() {
	local status=0
	kill -TERM "$export_pid"
	wait "$export_pid" || status=$?
	[ $status -eq 0 ] || fail "exit status $status: $(cat "$export_log")"
	gone "$web_pid" || fail "its second process is left"
	[ "$(wc -l <"$export_log")" -eq "${LINES_SAID:-1}" ] || fail "it said: $(cat "$export_log")"
}

# get PATH CURL-ARGS...: the body; the head goes to $TMPDIR/head, the status to $status.
get() {
	status=$("${CURL[@]}" -D "$TMPDIR/head" -o "$TMPDIR/body" -w '%{http_code}' "$base$1" "${@:2}") ||
		fail "curl $1: exit status $?"
	tr -d '\r' <"$TMPDIR/head" >"$TMPDIR/head.lf"
}

# gets STATUS PATH CURL-ARGS...
gets() {
	get "${@:2}"
	[ "$status" = "$1" ] || fail "$2: status $1 expected, got $status: $(head -c 300 "$TMPDIR/body")"
}

# field NAME: of the last head.
field() { sed -n "s/^$1: //Ip" "$TMPDIR/head.lf"; }

# sample 'NAME{LABELS}': its value in the last body, nothing if it is not there.
sample() { awk -v name="$1" 'index($0, name " ") == 1 { print $NF }' "$TMPDIR/body"; }

# has_sample NAME OP VALUE: asks until it is so.
has_sample() {
	local value
	gets 200 /metrics
	value=$(sample "$1")
	[ -n "$value" ] && compare "$value" "$2" "$3"
}

# A look that takes long is taken less often: on a busy machine they are seconds apart.
comes() { until_true "${SECONDS_MAX:-45}" has_sample "$@" || fail "$*: $(sample "$1") at last"; }

# Nothing of the collector is attached any more.
detached() {
	local left
	left=$(find /proc/[0-9]*/fd -lname '*bpf*' 2>/dev/null | cut -d/ -f3 | sort -u |
		while read -r pid; do
			[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = lostsock ] && echo "$pid"
		done | grep -x "$export_pid") || return 0
	fail "still attached: $left"
}
