#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What programs tell of their streams is heard, each event once: of a library that is mapped already,
# of a program that starts later, of a fault that leaves streams half open; under load; of those that
# are watched alone; and with rows that a user adds.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/tether.sh
. "${0%/*}/tether.sh"
# shellcheck source=tests/e2e/tether-faults.sh
. "${0%/*}/tether-faults.sh"

needs gtlsclient openssl python3
cert=$TMPDIR/cert.pem key=$TMPDIR/key.pem
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
	-addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout "$key" -out "$cert" 2>/dev/null

record=$TMPDIR/rec said=$TMPDIR/said

# record ARGS...: in the background, until recorded; returns once it listens.
record() {
	: >"$said"
	"$LOSTSOCK" record --streams --interval 200ms "$@" "$record" 2>"$said" 9>&- &
	watch_pid=$!
	until_true 15 attached || fail "lostsock has attached nothing after 15 s"
}

recorded() {
	kill -INT "$watch_pid"
	wait "$watch_pid" || fail "lostsock record: $(cat "$said")"
}

# has PID FIELD=VALUE...: what the recording has of the streams of a process.
has() {
	local pid=$1 pair field op value got
	shift
	"$here/load/recorded.py" "$record" "$pid" >"$TMPDIR/has" || fail "the recording makes no sense"
	for pair; do
		split "$pair"
		got=$(jq ".$field" "$TMPDIR/has")
		compare "$got" "$op" "$value" || fail "process $pid: $pair expected: $(cat "$TMPDIR/has")"
	done
}

said_h3() { grep -q '^tether-serve: h3 port ' "$serve_log"; }

serve_h3() {
	serve --tls "$cert,$key" --h3 127.0.0.1:0 "$@"
	until_true 5 said_h3 || fail "no port for HTTP/3: $(cat "$serve_log")"
	h3=$(sed -n 's/^tether-serve: h3 port //p' "$serve_log")
}

# --- both ends of HTTP/3: the server is there, the client comes ---
library release
serve_h3 --threads 2
record
get -c 3 -n 60 --h3 --insecure "https://127.0.0.1:$h3/index.html"
ok 60
get_ends
sleep 0.5
recorded
for pid in "$serve_pid" "$get_pid"; do
	has "$pid" open=60 free=60 read_closed=60 write_closed=60 live=0 half=0 unknown=0 lost=0
done
# The socket's cookie, which the kernel's own records name as well, and both roles.
jq -e '.conns | length > 0 and all(.cookie > 0 and .role == 1 and .proto == 3)' "$TMPDIR/has" \
	>/dev/null || fail "the client's connections: $(jq -c .conns "$TMPDIR/has")"
has "$serve_pid" conn_count\>=1
jq -e '.conns | length > 0 and all(.role == 2)' "$TMPDIR/has" >/dev/null ||
	fail "the server's connections: $(jq -c .conns "$TMPDIR/has")"
kill "$serve_pid" && wait "$serve_pid"

# --- half-close: as many half open as the library says that it has left so ---
library faulty
commit half-close
serve_h3
record
truncate -s 4G "$TMPDIR/big" # it takes longer than this does
gtlsclient -q -m POST -d "$TMPDIR/big" 127.0.0.1 "$h3" https://localhost/index.html \
	>"$TMPDIR/client.log" 2>&1 9>&- &
client=$!
logged() { [ -s "$LOG" ]; }
until_true 15 logged || fail "no faults: $(cat "$LOG" "$TMPDIR/client.log")"
sleep 1
recorded
has "$serve_pid" half=1 live=1 unknown=0
kill "$client" "$serve_pid"
wait "$client" "$serve_pid" 2>/dev/null || :
library release

# --- a program of its own; the one beside it is not watched, and is not heard ---
load streams --count 5000 --keep 40
other=$PID
load streams --count 20000 --keep 30
record -p "$PID"
load_done
[ "$(truth watched)" = true ] || fail "nobody listens to the program: $(cat "$said")"
recorded
has "$PID" open=20000 free=19970 live=30 half=30 lost=0
has "$other" open=0 free=0

# --- rows of a user's own ---
cat >"$TMPDIR/rows" <<-'END'
	# the second argument, and what it is not
	sender  libc.so*  send     open  conn=arg1 id=arg3   if=arg3!=0
	sender  libc.so*  shutdown write-closed conn=arg1:u32 id=1 how=arg2 # comment
	nobody  libc.so*  no_such_function open conn=1 id=1
END
load growth --leaky --count 5
record --stream-probe "$TMPDIR/rows" -p "$PID" --verbose
recorded
grep -q 'has no no_such_function' "$said" || fail "nothing is said of what is missing: $(cat "$said")"
grep -Eq '2 of 2 probes in .*libc\.so' "$said" || fail "the rows are not attached: $(cat "$said")"

printf 'a b c open conn=arg1\n\nlib file function opened id=1\n' >"$TMPDIR/rows"
refuses 2 'rows:3: .opened. is no event' top --once --stream-probe "$TMPDIR/rows"
printf 'lib file function open conn=*(arg9)\n' >"$TMPDIR/rows"
refuses 2 'rows:1: .*arg9.* is no place' attach --stream-probe "$TMPDIR/rows" $$
refuses 2 'no-such-file: No such file' run --stream-probe "$TMPDIR/no-such-file" -- true
