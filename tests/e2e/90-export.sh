#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The exporter: what Prometheus and a browser are answered, and that it is what top finds.
# shellcheck disable=SC2016,SC2119 # what until_true evaluates each time; exporter's own arguments
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/export.sh
. "${0%/*}/export.sh"

needs gzip python3
load close-wait --leaky
exporting --after 1s
leaky=$(cat "/proc/$PID/comm")
comes 'lostsock_findings{class="close-wait",kind="leak",certainty="certain"}' '=' "$COUNT"

# --- formats ---

gets 200 /metrics
[ "$(field content-type)" = 'text/plain; version=0.0.4; charset=utf-8' ] || fail "type: $(field content-type)"
! grep -q '# EOF' "$TMPDIR/body" || fail "an end of OpenMetrics in Prometheus' own format"
[ "$(sample 'lostsock_connections{proto="tcp",state="close_wait"}')" -ge "$COUNT" ] || fail "states"
[ "$(sample 'lostsock_connections{proto="udp",state="established"}')" = 0 ] || fail "no zero"
[ "$(sample 'lostsock_findings{class="unread",kind="stall",certainty="suspected"}')" = 0 ] || fail "no zero of a class"
[ "$(sample lostsock_leaked_connections)" -ge "$COUNT" ] || fail "leaked"
[ "$(sample lostsock_connection_age_seconds_count'{proto="tcp"}')" -ge "$COUNT" ] || fail "ages"
compare "$(sample 'lostsock_oldest_finding_seconds{class="close-wait"}')" '>=' 1 || fail "oldest"
grep -q "^lostsock_process_leaked_connections{comm=\"$leaky\",container=\"[^\"]*\"} $COUNT\$" "$TMPDIR/body" ||
	fail "not by name: $(grep process_leaked "$TMPDIR/body")"
grep -q '^lostsock_build_info{version="[0-9.]*",kernel="[^"]*"} 1$' "$TMPDIR/body" || fail "no build_info"
! grep -q 'pid=' "$TMPDIR/body" || fail "a pid that nobody has asked for"
cut -d' ' -f1 "$TMPDIR/body" | grep -v '^#' | sort | uniq -d >"$TMPDIR/twice"
[ ! -s "$TMPDIR/twice" ] || fail "twice: $(head "$TMPDIR/twice")"
grep -v '^#' "$TMPDIR/body" | grep -vE '^[a-z_]+(\{[^}]*\})? [0-9.e+]+$' >"$TMPDIR/odd" || :
[ ! -s "$TMPDIR/odd" ] || fail "no sample: $(head -3 "$TMPDIR/odd")"

# accepts FIELD OPENMETRICS|TEXT
accepts() {
	local want=text/plain
	gets 200 /metrics -H "Accept: $1"
	[ "$2" = TEXT ] || want=application/openmetrics-text
	[[ $(field content-type) == "$want;"* ]] || fail "Accept: $1 is answered with $(field content-type)"
}
accepts 'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1' OPENMETRICS
[ "$(tail -n 1 "$TMPDIR/body")" = '# EOF' ] || fail "OpenMetrics without an end"
grep -q '^# TYPE lostsock_connections_opened counter$' "$TMPDIR/body" || fail "a family with a suffix"
grep -q '^lostsock_connections_opened_total ' "$TMPDIR/body" || fail "a counter without a suffix"
grep -q '^# TYPE lostsock_connection_age_seconds gaugehistogram$' "$TMPDIR/body" || fail "no gaugehistogram"
accepts 'text/plain;version=0.0.4;q=0.9,application/openmetrics-text;q=0.5' TEXT
accepts 'application/openmetrics-text;q=0' TEXT
accepts 'application/json' TEXT

gets 200 /metrics -H 'Accept-Encoding: gzip'
[ "$(field content-encoding)" = gzip ] || fail "not compressed"
gzip -dc "$TMPDIR/body" | grep -q '^lostsock_findings' || fail "not gzip"
gets 200 /metrics -H 'Accept-Encoding: gzip;q=0, br'
[ -z "$(field content-encoding)" ] || fail "compressed though unwelcome"

gets 200 /metrics --head
[ ! -s "$TMPDIR/body" ] || [ "$(grep -c '^lostsock' "$TMPDIR/body")" -eq 0 ] || fail "HEAD has a body"
[ "$(field content-length)" -gt 1000 ] || fail "HEAD: no length"

# --- the others ---

gets 200 /healthz
[ "$(cat "$TMPDIR/body")" = ok ] || fail "/healthz"
gets 200 /readyz
gets 404 /nothing
gets 404 /metricsx
gets 200 '/metrics?x=y'
gets 405 /metrics -X POST -d ''
[ "$(field allow)" = 'GET, HEAD' ] || fail "no Allow"

# A page from elsewhere, whose name a browser on this machine has been told is 127.0.0.1, reads nothing.
for path in / /metrics /findings /healthz; do
	gets 403 $path -H 'Host: rebound.example:9977'
	gets 200 $path -H 'Host: localhost:9977'
done
grep -q 'use 127.0.0.1' <(get /findings -H 'Host: x.example'; cat "$TMPDIR/body") || fail "no word of what helps"

# What top finds at the same time, but for ages and for who looks.
essence() {
	jq -cS '[.findings[] | {class, kind, certain, count, pid, comm, fd, proto, role, local, remote,
		state, unread, unsent}] | sort' "$1"
}
gets 200 /findings
[ "$(field content-type)" = application/json ] || fail "findings: $(field content-type)"
cp "$TMPDIR/body" "$TMPDIR/findings"
findings --after 1s
[ "$(essence "$TMPDIR/findings")" = "$(essence "$JSON")" ] || fail "top and export differ:
$(diff <(essence "$TMPDIR/findings" | jq .) <(essence "$JSON" | jq .))"
[ "$(jq '.findings | length' "$TMPDIR/findings")" -ge "$COUNT" ] || fail "no findings"
[ "$(jq -cS keys "$TMPDIR/findings")" = "$(jq -cS keys "$JSON")" ] || fail "other members"

# --- the page: nothing from elsewhere, and nothing runs that it did not bring ---

gets 200 /
[ "$(field content-type)" = 'text/html; charset=utf-8' ] || fail "page: $(field content-type)"
policy=$(field content-security-policy)
nonce=$(grep -oE "nonce-[0-9a-f]{32}" <<<"$policy" | head -n 1 | cut -c7-)
[[ $policy == "default-src 'none'; "* && $policy != *unsafe* ]] || fail "policy: $policy"
grep -q "<script nonce=\"$nonce\">" "$TMPDIR/body" || fail "the script has not the policy's nonce"
! grep -qE '@(NONCE|METRICS)@|(src|href)="(https?:)?//' "$TMPDIR/body" || fail "the page"
gets 200 /
[ "$(field content-security-policy)" != "$policy" ] || fail "the same nonce twice"

# --- gone, and mended ---

unload
comes 'lostsock_findings{class="close-wait",kind="leak",certainty="certain"}' '=' 0
gets 200 /metrics
grep -q "^lostsock_process_connections_opened_total{comm=\"$leaky\"," "$TMPDIR/body" ||
	fail "what an ended process has opened is forgotten"
exported
detached

# --- each process by itself, and a path of one's own ---

load close-wait --leaky
exporting --after 1s --by-pid --web.telemetry-path /m --comm "$leaky"
until_true 45 eval 'gets 200 /m; grep -q "process_leaked_connections{comm=\"$leaky\",container=\"[^\"]*\",pid=\"$PID\"} $COUNT" "$TMPDIR/body"' ||
	fail "not by pid: $(grep process_leaked "$TMPDIR/body")"
gets 404 /metrics
opened="lostsock_process_connections_opened_total{comm=\"$leaky\",container=\"[^\"]*\",pid=\"\"}"
unload
until_true 45 eval 'gets 200 /m; ! grep -q "pid=\"$PID\"" "$TMPDIR/body"' || fail "the series of an ended process stay"
grep -q "^$opened" "$TMPDIR/body" || fail "its counts are not folded: $(grep opened_total "$TMPDIR/body")"
exported

# --- one name told apart: the others are one series, and it says so ---

load close-wait --leaky
load silent-peer --mended
LINES_SAID=2 exporting --after 1s --max-names 1
until_true 45 eval 'gets 200 /metrics; [ "$(sample lostsock_names_others)" -ge 1 ]' ||
	fail "nobody is summed up: $(grep lostsock_process "$TMPDIR/body")"
[ "$(grep -c '^lostsock_process_connections{' "$TMPDIR/body")" -eq 2 ] || fail "series: $(grep process_conn "$TMPDIR/body")"
grep -q "process_connections{comm=\"$leaky\"" "$TMPDIR/body" || fail "who leaks is not told apart"
grep -q 'max-names' "$export_log" || fail "it does not say so: $(cat "$export_log")"
LINES_SAID=2 exported

# --- a socket of UNIX, twice, as the first one leaves nothing behind ---

for _ in 1 2; do
	export_log=$TMPDIR/export.unix
	"$LOSTSOCK" export --netns self --web.listen-address "unix:$TMPDIR/sock" 2>"$export_log" 9>&- &
	export_pid=$!
	until_true 10 eval '[ -S "$TMPDIR/sock" ]' || fail "no socket: $(cat "$export_log")"
	base=http://localhost
	until_true 20 eval 'curl -sS --unix-socket "$TMPDIR/sock" "$base/readyz" 2>/dev/null | grep -qx ready' ||
		fail "not ready: $(cat "$export_log")"
	gets 200 /metrics --unix-socket "$TMPDIR/sock"
	gets 200 /metrics --unix-socket "$TMPDIR/sock" -H 'Host: any.example'
	[ "$(stat -c %a "$TMPDIR/sock")" = 660 ] || fail "the socket is for others too: $(stat -c %A "$TMPDIR/sock")"
	web_pid=$(pgrep -P "$export_pid")
	exported
	[ ! -e "$TMPDIR/sock" ] || fail "the socket is left"
done

# --- a socket that is left over is replaced; one that is in use, and what is none, are not ---

on_unix() {
	export_log=$TMPDIR/export.unix
	: >"$export_log"
	"$LOSTSOCK" export --netns self --web.listen-address "unix:$TMPDIR/sock" 2>"$export_log" 9>&- &
	export_pid=$!
	until_true 10 said serving || fail "it says nothing"
	kill -0 "$export_pid" || fail "no socket: $(cat "$export_log")"
	web_pid=$(pgrep -P "$export_pid")
}
on_unix
LINES_MAX=1 refuses 1 "cannot listen on unix:.*Address already in use" export --web.listen-address "unix:$TMPDIR/sock"
kill -KILL "$web_pid" "$export_pid"
wait "$export_pid" || :
[ -S "$TMPDIR/sock" ] || fail "nothing is left over: the test is wrong"
on_unix
until_true 20 eval 'curl -sS --unix-socket "$TMPDIR/sock" http://localhost/readyz 2>/dev/null | grep -qx ready' ||
	fail "not ready: $(cat "$export_log")"
exported
echo precious >"$TMPDIR/file"
LINES_MAX=1 refuses 1 "cannot listen on unix:.*Address already in use" export --web.listen-address "unix:$TMPDIR/file"
[ "$(cat "$TMPDIR/file")" = precious ] || fail "a file was replaced"

# --- a socket that systemd has opened ---

export_log=$TMPDIR/export.passed
python3 - "$LOSTSOCK" 2>"$export_log" 9>&- <<'END' &
import os, socket, sys
s = socket.create_server(("127.0.0.1", 9123))
if s.fileno() != 3:
    os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[1], ["lostsock", "export", "--netns", "self"])
END
export_pid=$! base=http://127.0.0.1:9123
until_true 20 is_ready || fail "not ready by systemd's socket: $(cat "$export_log")"
web_pid=$(pgrep -P "$export_pid")
gets 200 /metrics
exported

# ... which is systemd's to take away, too
python3 - "$LOSTSOCK" "$TMPDIR/passed" 2>"$export_log" 9>&- <<'END' &
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[2])
s.listen()
if s.fileno() != 3:
    os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[1], ["lostsock", "export", "--netns", "self", "--web.listen-address", "unix:" + sys.argv[2]])
END
export_pid=$!
until_true 20 eval 'curl -sS --unix-socket "$TMPDIR/passed" http://localhost/readyz 2>/dev/null | grep -qx ready' ||
	fail "not ready by systemd's socket: $(cat "$export_log")"
web_pid=$(pgrep -P "$export_pid")
exported
[ -S "$TMPDIR/passed" ] || fail "a socket that systemd has made was taken away"
