#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tether-serve and the clients of the world: curl, wrk, h2load; plain and over TLS.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/tether.sh
. "${0%/*}/tether.sh"

needs curl wrk h2load openssl

get() { curl -sS --max-time 20 "$@"; }

# want CODE ARGS...: the status of a request.
want() {
	local code
	code=$(get -o "$TMPDIR/body" -w '%{http_code}' "${@:2}") || fail "curl ${*:2}"
	[ "$code" = "$1" ] || fail "curl ${*:2}: $code, $1 expected"
}

same() { cmp -s "$1" "$2" || fail "$1 and $2 differ"; }

files() {
	local etag
	want 200 "$url/"
	same "$TMPDIR/body" "$WWW/index.html"
	want 200 "$url/deep/file.txt?x=/../"
	want 200 "$url/noise"
	same "$TMPDIR/body" "$WWW/noise"
	want 200 -I "$url/noise"
	grep -qi '^content-length: 10000000' "$TMPDIR/body" || fail "HEAD without a length"
	etag=$(get -I "$url/noise" | sed -n 's/^[Ee][Tt]ag: \(.*\)\r$/\1/p')
	want 304 -H "If-None-Match: $etag" "$url/noise"
	want 200 -H 'If-None-Match: "other"' "$url/noise"
	want 404 "$url/nothing"
	want 405 -X DELETE "$url/index.html"
	# No listing of a directory, and no way out of it.
	want 404 "$url/deep/"
	want 404 "$url/way-out"
	want 404 --path-as-is "$url/../secret"
	want 404 --path-as-is "$url/deep/../../secret"
	want 404 --path-as-is "$url/%2e%2e/secret"
}

bodies() {
	want 200 -d hello "$url/echo"
	[ "$(cat "$TMPDIR/body")" = hello ] || fail "/echo says $(cat "$TMPDIR/body")"
	want 200 -T "$WWW/noise" "$url/echo"
	same "$TMPDIR/body" "$WWW/noise"
	want 200 -T - -H 'Expect:' "$url/echo" <"$WWW/noise"
	same "$TMPDIR/body" "$WWW/noise"
	want 200 -H 'Expect: 100-continue' --data-binary "@$WWW/noise" "$url/echo"
	same "$TMPDIR/body" "$WWW/noise"
	want 417 -H 'Expect: something' -d hello "$url/echo"
	get -v -H 'Expect: 100-continue' -d hello "$url/echo" >"$TMPDIR/body" 2>&1
	grep -q '100 Continue' "$TMPDIR/body" || fail "no 100 Continue"
	# A final answer to Expect is a no.
	want 405 -H 'Expect: 100-continue' --data-binary "@$WWW/noise" "$url/index.html"
}

connections() {
	local n
	n=$(get -w '%{num_connects}\n' -o /dev/null "$url/" -o /dev/null "$url/deep/file.txt" \
		-o /dev/null "$url/" | awk '{ n += $1 } END { print n }')
	[ "$n" -eq 1 ] || fail "three requests took $n connections"
	want 200 -0 "$url/"
	want 200 -0 -T "$WWW/noise" "$url/echo"
	same "$TMPDIR/body" "$WWW/noise"
	want 200 -0 -H 'Connection: keep-alive' "$url/"
}

serve --threads 2
url=http://127.0.0.1:$port
files
bodies
connections
want 200 --http2 "$url/" # an upgrade that is not taken up

wrk -t1 -c20 -d1s "$url/" >"$TMPDIR/wrk"
! grep -E 'Socket errors|Non-2xx' "$TMPDIR/wrk" >&2 || fail "wrk has met errors"
h2load --h1 -n2000 -c10 -m1 "$url/" >"$TMPDIR/h2load"
grep -q '2000 succeeded, 0 failed, 0 errored' "$TMPDIR/h2load" || fail "$(cat "$TMPDIR/h2load")"
h2load --h1 -n200 -c10 -d "$WWW/index.html" "$url/echo" >"$TMPDIR/h2load"
grep -q '200 succeeded, 0 failed, 0 errored' "$TMPDIR/h2load" || fail "$(cat "$TMPDIR/h2load")"
fds_back 5
served 5

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$TMPDIR/key.pem" \
	-out "$TMPDIR/cert.pem" 2>/dev/null
serve --tls "$TMPDIR/cert.pem,$TMPDIR/key.pem"
url=https://127.0.0.1:$port
export CURL_CA_BUNDLE=$TMPDIR/cert.pem
files
bodies
connections
want 200 --tls-max 1.2 "$url/noise"
same "$TMPDIR/body" "$WWW/noise"
! get "http://127.0.0.1:$port/" 2>/dev/null || fail "it speaks plainly where TLS is asked for"
wrk -t1 -c10 -d1s "$url/" >"$TMPDIR/wrk"
! grep -E 'Socket errors|Non-2xx' "$TMPDIR/wrk" >&2 || fail "wrk has met errors"
fds_back 5
served 5

# --- what it says of bad input ---

# says STATUS PATTERN ARGS...
says() {
	local status=0
	timeout 5 "$SERVE" "${@:3}" >"$TMPDIR/out" 2>"$TMPDIR/err" || status=$?
	[ "$status" -eq "$1" ] || fail "tether-serve ${*:3}: exit status $status, $1 expected"
	grep -qE -- "$2" "$TMPDIR/err" || fail "tether-serve ${*:3}: no /$2/: $(cat "$TMPDIR/err")"
	[ "$(wc -l <"$TMPDIR/err")" -eq 1 ] || fail "tether-serve ${*:3}: more than a line"
}

says 2 'no option --idel=3s; --idle\?' --idel=3s "$WWW"
says 2 '"3" is not a time such as' --idle 3 "$WWW"
says 2 'not a time' --grace 0.5s "$WWW"
says 2 'out of range' --grace 0s "$WWW"
says 2 'not a size' --body-limit 3x "$WWW"
says 2 'wants a value' --idle
says 2 'which directory'
says 2 'one directory' "$WWW" "$WWW"
says 2 'not ADDRESS:PORT' --listen here "$WWW"
says 1 'gone: No such file' "$WWW/gone"
says 1 'index.html: Not a directory' "$WWW/index.html"
says 1 'gone.pem: No such file' --tls "$TMPDIR/gone.pem,$TMPDIR/key.pem" "$WWW"
says 1 'no certificate and its key' --tls "$TMPDIR/key.pem,$TMPDIR/cert.pem" "$WWW"
serve --threads 2 # which share the port with each other, and with nobody else
says 1 'cannot listen on 127.0.0.1:[0-9]+: Address already in use' --listen "127.0.0.1:$port" "$WWW"
says 1 'Address already in use' --threads 3 --listen "127.0.0.1:$port" "$WWW"
served 5
"$SERVE" --help | grep -q -- --body-deadline || fail "no --help"
