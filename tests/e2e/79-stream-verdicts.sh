#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What is made of what tether tells: nothing of a healthy server and client under load, drained in
# good order; as many streams half open as a fault has left so; a drain that is told to end twice, or never.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/tether.sh
. "${0%/*}/tether.sh"
# shellcheck source=tests/e2e/tether-faults.sh
. "${0%/*}/tether-faults.sh"

needs gtlsclient openssl python3
ulimit -c 0
cert=$TMPDIR/cert.pem key=$TMPDIR/key.pem
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
	-addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout "$key" -out "$cert" 2>/dev/null

# attach PID ARGS...: in the background, until told; returns once it listens.
attach() {
	"$LOSTSOCK" attach "$@" --interval 200ms --json >"$JSON" 2>"$JSON.err" 9>&- &
	watch_pid=$!
	until_true 15 attached || fail "lostsock has attached nothing after 15 s"
}

told() {
	kill -INT "$watch_pid" 2>/dev/null || :
	wait "$watch_pid" || fail "lostsock attach: $(cat "$JSON.err")"
	check_json 0
}

# streams PID FILTER: of what it told.
streams() {
	jq -e --argjson pid "$1" ".processes[] | select(.pid == \$pid) | .streams | $2" "$JSON" >/dev/null ||
		fail "$2 expected: $(jq -c '.processes[] | [.pid, .streams]' "$JSON")"
}

said_h3() { grep -q '^tether-serve: h3 port ' "$serve_log"; }

serve_h3() {
	serve --tls "$cert,$key" --h3 127.0.0.1:0 "$@"
	until_true 5 said_h3 || fail "no port for HTTP/3: $(cat "$serve_log")"
	h3=$(sed -n 's/^tether-serve: h3 port //p' "$serve_log")
}

# --- healthy: both ends, with a threshold of a second; and a drain ---
library release
serve_h3 --threads 2
attach "$serve_pid" --after 1s
get -c 8 -n 4000 --h3 --insecure "https://127.0.0.1:$h3/index.html"
ok 4000
get -c 2 -n 100 --insecure "https://127.0.0.1:$port/index.html"
sleep 3
get_ends
kill -TERM "$serve_pid"
wait "$serve_pid" || fail "tether-serve: exit status $?: $(cat "$serve_log")"
told
jq -e '.findings | map(select(.class | test("stream|miscount"))) == []' "$JSON" >/dev/null ||
	fail "accused: $(jq -c '.findings[] | [.class, .count, .certain, .evidence]' "$JSON")"
# Its first thousand streams come while their one stack is unwound for the first time, and fill the
# room for copies; no other record may be lost.
jq -e '.lost | .total == .stack' "$JSON" >/dev/null || say "records were lost: $(jq -c .lost "$JSON")"
streams "$serve_pid" '.opened > 3000 and .nonsense == 0 and .live == 0'

# --- half-close: as many as the library says, and the line that took them in ---
library faulty
commit half-close
serve_h3
attach "$serve_pid" --after 2s
truncate -s 8G "$TMPDIR/big" # an upload that lasts
gtlsclient -q -m POST -d "$TMPDIR/big" 127.0.0.1 "$h3" https://localhost/index.html \
	>"$TMPDIR/client.log" 2>&1 9>&- &
client=$!
logged() { [ -s "$LOG" ]; }
until_true 15 logged || fail "no faults: $(cat "$LOG" "$TMPDIR/client.log")"
sleep 5
told
left=$(jq -r --argjson pid "$serve_pid" '.processes[] | select(.pid == $pid) | .streams.half_open' "$JSON")
[ "$left" -ge 1 ] || fail "none is half open: $(jq -c .processes "$JSON") $(cat "$LOG")"
jq -e --argjson n "$left" '[.findings[] | select(.class == "stream-half-open")] |
	(map(.count) | add) == $n and all(.stream.opened_by == "peer" and .stream.read == "open" and
	.stream.write == "ended" and .local != null and (.site.frames | length) > 0)' "$JSON" >/dev/null ||
	fail "$left half open: $(jq -c '.findings[] | [.class, .count, .local, .stream, .site]' "$JSON")"
jq -e --argjson pid "$serve_pid" --argjson n "$left" '.processes[] | select(.pid == $pid) |
	.leaked_streams == $n and .leaked >= $n' "$JSON" >/dev/null ||
	fail "$left streams are not counted as leaked: $(jq -c '.processes[]' "$JSON")"
kill "$client" "$serve_pid" 2>/dev/null || :
wait "$client" "$serve_pid" 2>/dev/null || :

# --- drain-race: told twice, and then a panic ---
commit drain-race
serve --body-deadline 30s --grace 20s
attach "$serve_pid"
load_drain
sleep 1
told
jq -e '[.findings[] | select(.class == "miscount")] | length == 1 and .[0].certain and
	(.[0].evidence | test("too often"))' "$JSON" >/dev/null ||
	fail "no miscount: $(jq -c '.findings[] | [.class, .certain, .evidence]' "$JSON") \
$(jq -c '.processes[].streams' "$JSON")"
drain_ends

# --- drain-never: the last has gone, and nobody is told ---
commit drain-never
serve --grace 20s
attach "$serve_pid" --after miscount=2s
get -c 2 -n 20 "http://127.0.0.1:$port/index.html"
ok 20
get_ends
kill -TERM "$serve_pid"
until_true 15 logged || fail "no faults: $(cat "$LOG")"
sleep 4
kill -0 "$serve_pid" || fail "it ended, though nobody was told: $(cat "$serve_log")"
told
kill -KILL "$serve_pid"
wait "$serve_pid" || :
jq -e '[.findings[] | select(.class == "miscount")] | length == 1 and .[0].certain and
	.[0].count == 1 and (.[0].evidence | test("nobody was told that it has drained"))' "$JSON" >/dev/null ||
	fail "no miscount: $(jq -c '.findings[] | [.class, .certain, .evidence]' "$JSON") \
$(jq -c '.processes[].streams' "$JSON")"
