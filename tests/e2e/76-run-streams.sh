#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run: the streams of a program that is over within some tens of milliseconds are heard, from the
# first one on and each time: its own probes, and those of a library that it needs. What it leaves
# answered and half open fails the command; what waits for an answer, or is ended by a signal, does not.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/tether.sh
. "${0%/*}/tether.sh"

needs openssl
cert=$TMPDIR/cert.pem key=$TMPDIR/key.pem
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
	-addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout "$key" -out "$cert" 2>/dev/null

# heard FILTER COMMAND...: what was told of the command's streams.
heard() {
	local filter=$1
	shift
	timeout 60 "$LOSTSOCK" run --json --report "$JSON" -- "$@" >"$TMPDIR/out" 2>&1 </dev/null 9>&- ||
		fail "run $*: $(cat "$TMPDIR/out")"
	jq -e "[.processes[].streams | select(.)] | length == 1 and (.[0] | $filter)" "$JSON" >/dev/null ||
		fail "$filter expected: $(jq -c '.processes[] | [.comm, .streams]' "$JSON")"
}

for _ in 1 2 3 4 5; do
	heard '.opened == 200 and .freed == 180 and .live == 20 and .nonsense == 0 and .unseen == 0' \
		"$LOAD/streams" --mode alone --count 200 --keep 20 --hold 0.02
done
# By a name that PATH has.
PATH=$LOAD:$PATH heard '.opened == 100' streams --mode alone --count 100 --hold 0.02

# leaves STATUS FILTER COMMAND...: what run makes of it.
leaves() {
	local status=0 wanted=$1 filter=$2
	shift 2
	timeout 60 "$LOSTSOCK" run --json --report "$JSON" -- "$@" >"$TMPDIR/out" 2>&1 </dev/null 9>&- || status=$?
	[ "$status" = "$wanted" ] || fail "run $*: exit status $status: $(cat "$TMPDIR/out")"
	jq -e "[.findings[] | select(.class == \"stream-half-open\")] | $filter" "$JSON" >/dev/null ||
		fail "run $*: $filter expected: $(jq -c '.findings[] | [.class, .count, .certain, .evidence]' "$JSON")"
}
half='length == 1 and .[0].count == 20 and (.[0].evidence | test("reading still open when it ended"))'
leaves 1 "$half and .[0].certain" "$LOAD/streams" --mode answers --count 200 --keep 20 --hold 0.02
leaves 0 'length == 1 and .[0].count == 3 and (.[0].certain | not)' "$LOAD/streams" --mode answers --count 200 --keep 3 --hold 0.02
leaves 0 'length == 0' "$LOAD/streams" --mode alone --count 200 --keep 20 --hold 0.02
# killed STATUS SIGNAL FILTER: ended by a signal, which its own handler makes a good end of.
killed() {
	leaves "$1" "$3" sh -c "'$LOAD/streams' --mode heard-answers --count 200 --keep 20 --hold 30 >'$TMPDIR/told' &
		until grep -q done '$TMPDIR/told'; do sleep 0.1; done; kill -$2 \$!; wait \$!"
}
killed 0 TERM "$half and (.[0].certain | not)"
killed 137 KILL 'length == 0'

said_h3() { grep -q '^tether-serve: h3 port ' "$serve_log"; }
serve --tls "$cert,$key" --h3 127.0.0.1:0
until_true 5 said_h3 || fail "no port for HTTP/3: $(cat "$serve_log")"
h3=$(sed -n 's/^tether-serve: h3 port //p' "$serve_log")
for _ in 1 2 3 4 5; do
	heard '.opened == 20 and .freed == 20 and .nonsense == 0 and .unseen == 0' \
		"${LOSTSOCK%/*}/tether-get" --h3 --insecure -n 20 "https://127.0.0.1:$h3/index.html"
done
kill "$serve_pid" && wait "$serve_pid"
