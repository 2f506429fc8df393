#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# HTTP/3 with another's client and another's server: what is fetched is what is there, keys change
# on the way, garbage disturbs nobody, and a drain ends with a client still connected.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/tether.sh
. "${0%/*}/tether.sh"

needs gtlsclient gtlsserver openssl python3

GET=${LOSTSOCK%/*}/tether-get
cert=$TMPDIR/cert.pem key=$TMPDIR/key.pem
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
	-addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout "$key" -out "$cert" 2>/dev/null

said_h3() { grep -q '^tether-serve: h3 port ' "$serve_log"; }

serve --threads 2 --tls "$cert,$key" --h3 127.0.0.1:0
until_true 5 said_h3 || fail "no port for HTTP/3: $(cat "$serve_log")"
h3=$(sed -n 's/^tether-serve: h3 port //p' "$serve_log")
baseline=$(fds)

# their_get DIR ARGS... -- PATH...
their_get() {
	local into=$1 args=() paths=()
	shift
	while [ "$1" != -- ]; do args+=("$1") && shift; done
	shift
	for path; do paths+=("https://localhost$path"); done
	mkdir -p "$into"
	timeout 30 gtlsclient -q --exit-on-all-streams-close --download "$into" "${args[@]}" \
		127.0.0.1 "$h3" "${paths[@]}" >"$TMPDIR/client.log" 2>&1 9>&- ||
		fail "gtlsclient ${args[*]}: $(tail -5 "$TMPDIR/client.log")"
}

# same FILE OTHER
same() { cmp "$1" "$2" >&2 || fail "$1 is not $2"; }

# --- their client, our server ---
their_get "$TMPDIR/a" -- /index.html /noise /deep/file.txt
same "$TMPDIR/a/index.html" "$WWW/index.html"
same "$TMPDIR/a/noise" "$WWW/noise"
same "$TMPDIR/a/file.txt" "$WWW/deep/file.txt"

their_get "$TMPDIR/b" --key-update=5ms --max-data=65536 --max-stream-data-bidi-local=20000 -- /noise
same "$TMPDIR/b/noise" "$WWW/noise"

head -c 500000 "$WWW/noise" >"$TMPDIR/sent"
their_get "$TMPDIR/c" -m POST -d "$TMPDIR/sent" -- /echo
same "$TMPDIR/c/echo" "$TMPDIR/sent"

# A lossy client: a fifth of what it sends and of what it gets is thrown away.
their_get "$TMPDIR/d" --rx-loss=0.1 --tx-loss=0.1 -- /large
same "$TMPDIR/d/large" "$WWW/large"

# --- our client, our server and theirs ---
# fetched PORT NAME ARGS...
fetched() {
	timeout 30 "$GET" --h3 "${@:3}" "https://localhost:$1/$2" 9>&- 2>"$TMPDIR/get.log"
}
fetched "$h3" noise --ca "$cert" >"$TMPDIR/noise" || fail "tether-get: $(cat "$TMPDIR/get.log")"
same "$TMPDIR/noise" "$WWW/noise"
# Whom nobody vouches for is not spoken with.
if fetched "$h3" noise >/dev/null; then
	fail "tether-get took a certificate of nobody's"
fi
fetched "$h3" index.html --insecure -c 20 -n 5000 || fail "tether-get: $(cat "$TMPDIR/get.log")"
grep -q ' 5000 ok, 0 failed' "$TMPDIR/get.log" || fail "5000 requests: $(cat "$TMPDIR/get.log")"

theirs=$((20000 + RANDOM % 20000))
"$(command -v gtlsserver || echo /usr/sbin/gtlsserver)" -q -d "$WWW" 127.0.0.1 "$theirs" "$key" "$cert" \
	>"$TMPDIR/gtlsserver.log" 2>&1 9>&- &
server=$!
sleep 0.5
fetched "$theirs" noise --ca "$cert" >"$TMPDIR/noise" || fail "gtlsserver: $(cat "$TMPDIR/get.log")"
same "$TMPDIR/noise" "$WWW/noise"
fetched "$theirs" index.html --insecure -c 20 -n 2000 || fail "gtlsserver: $(cat "$TMPDIR/get.log")"
grep -q ' 2000 ok, 0 failed' "$TMPDIR/get.log" || fail "2000 requests: $(cat "$TMPDIR/get.log")"
kill "$server"
wait "$server" || :

# --- garbage, while somebody fetches ---
python3 - "$h3" <<'PY' &
import random, socket, sys
random.seed(7)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.1", int(sys.argv[1])))
for i in range(20000):
    kind = i % 4
    data = bytearray(random.randbytes(random.randrange(1, 1400)))
    if kind == 1:                       # looks like an Initial of today's version
        data = bytearray(b"\xc3\0\0\0\1\x08" + random.randbytes(8) + b"\x08" + random.randbytes(1185))
    elif kind == 2:                     # a version of nobody's
        data = bytearray(b"\xc3" + random.randbytes(4) + b"\x08" + random.randbytes(1195))
    elif kind == 3:                     # a short header of no connection
        data[0] = 0x40 | (data[0] & 0x3f)
    try:
        s.send(data)
    except OSError:
        pass
PY
noise=$!
fetched "$h3" noise --ca "$cert" >"$TMPDIR/noise" || fail "under garbage: $(cat "$TMPDIR/get.log")"
same "$TMPDIR/noise" "$WWW/noise"
wait "$noise"
fds_back 5

# --- a drain with a client that stays ---
# The lossy client may have gone without a word, and what it did not acknowledge is waited for.
kill -TERM "$serve_pid"
wait "$serve_pid" || fail "tether-serve: exit status $?: $(cat "$serve_log")"
serve --threads 2 --tls "$cert,$key" --h3 127.0.0.1:0
until_true 5 said_h3 || fail "no port for HTTP/3: $(cat "$serve_log")"
h3=$(sed -n 's/^tether-serve: h3 port //p' "$serve_log")
timeout 20 "$GET" --h3 --insecure --hold 15s -n 1 "https://127.0.0.1:$h3/" >"$TMPDIR/held" 2>&1 9>&- &
holder=$!
until_true 10 test -s "$TMPDIR/held" || fail "the client that is to stay has no answer"
status=0
kill -TERM "$serve_pid"
begin=$SECONDS
wait "$serve_pid" || status=$?
[ "$status" -eq 0 ] || fail "tether-serve: exit status $status: $(cat "$serve_log")"
[ $((SECONDS - begin)) -le 3 ] || fail "the drain took $((SECONDS - begin)) s"
[ "$(wc -l <"$serve_log")" -eq 2 ] || fail "tether-serve said: $(cat "$serve_log")"
kill "$holder" 2>/dev/null || :
wait "$holder" || :
