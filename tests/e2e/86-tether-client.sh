#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The programs of docs/TETHER.md compile without a warning, against the headers and the library, and do
# what they say: its client fetches from its server. tether-get does too, and from nginx.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/tether.sh
. "${0%/*}/tether.sh"

needs cc curl nginx openssl

# shellcheck disable=SC2154 # lib.sh sets here
root=$here/../.. build=${LOSTSOCK%/*} get=${LOSTSOCK%/*}/tether-get

# program N: the text of the Nth program.
program() {
	awk -v n="$1" '/^```c$/ { i++; on = i == n; next } /^```$/ { on = 0 } on' "$root/docs/TETHER.md"
}

compile() {
	program "$1" >"$TMPDIR/$2.c"
	[ "$(wc -l <"$TMPDIR/$2.c")" -le "$3" ] || fail "$2 has $(wc -l <"$TMPDIR/$2.c") lines"
	cc -Wall -Wextra -Wno-unused-parameter -Werror -I"$root/include" "$TMPDIR/$2.c" -o "$TMPDIR/$2" \
		-L"$build" -ltether -Wl,-rpath,"$(realpath "$build")" >&2 || fail "$2 does not compile"
}

listens() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# says PATTERN ARGS...: tether-get exits with 0, and its report has that.
says() {
	local pattern=$1
	shift
	timeout 30 "$get" "$@" >/dev/null 2>"$TMPDIR/report" || fail "tether-get $*: $(cat "$TMPDIR/report")"
	grep -qE "$pattern" "$TMPDIR/report" || fail "tether-get $*: no $pattern: $(cat "$TMPDIR/report")"
}

compile 1 server 40
compile 2 client 28
"$TMPDIR/server" 9>&- >"$TMPDIR/said" &
server=$!
until_true 5 listens 8080 || fail "the server does not listen"
[ "$("$TMPDIR/client")" = hello ] || fail "the client does not say hello"
[ "$(curl -s http://127.0.0.1:8080/)" = hello ] || fail "curl is not told hello"
[ "$("$get" http://127.0.0.1:8080/ 2>/dev/null)" = hello ] || fail "tether-get does not say hello"
says '^requests +2000 ok, 0 failed' -c 20 -n 2000 http://127.0.0.1:8080/a http://localhost:8080/b
# Nothing is left to wait for: neither the grace nor the deadlines of those who have gone.
begin=$SECONDS
kill -TERM $server
wait $server || fail "the server: exit status $?"
[ $((SECONDS - begin)) -le 3 ] || fail "the server took $((SECONDS - begin)) s to end"
grep -q drained "$TMPDIR/said" || fail "the server was not drained"
! "$TMPDIR/client" || fail "the client finds a server that has gone"

# nginx as the upstream: kept connections, one that it closes after each, TLS, what is not there.
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "$TMPDIR/key" \
	-addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -out "$TMPDIR/cert" 2>/dev/null
mkdir -p "$TMPDIR/nginx"
cat >"$TMPDIR/nginx.conf" <<END
daemon off; pid $TMPDIR/nginx/pid; error_log $TMPDIR/nginx/error; worker_processes 1; user root;
events { worker_connections 256; }
http {
	access_log off; root $WWW; client_body_temp_path $TMPDIR/nginx/b; proxy_temp_path $TMPDIR/nginx/p;
	fastcgi_temp_path $TMPDIR/nginx/f; uwsgi_temp_path $TMPDIR/nginx/u; scgi_temp_path $TMPDIR/nginx/s;
	server { listen 127.0.0.1:8081; }
	server { listen 127.0.0.1:8082; keepalive_timeout 0; }
	server { listen 127.0.0.1:8083; keepalive_requests 3; }
	server { listen 127.0.0.1:8443 ssl; ssl_certificate $TMPDIR/cert; ssl_certificate_key $TMPDIR/key; }
}
END
nginx -c "$TMPDIR/nginx.conf" 9>&- 2>"$TMPDIR/nginx.log" &
nginx=$!
until_true 5 listens 8443 || fail "nginx does not listen: $(cat "$TMPDIR/nginx.log")"
for options in '' --threads; do
	for port in 8081 8082 8083; do
		# shellcheck disable=SC2086 # none or one
		says '^requests +600 ok, 0 failed' $options -c 8 -n 600 http://127.0.0.1:$port/index.html
	done
	# shellcheck disable=SC2086
	says 'bytes +80000000$' $options -c 4 -n 10 http://127.0.0.1:8081/large
	for url in https://localhost:8443/index.html https://127.0.0.1:8443/index.html; do
		# shellcheck disable=SC2086
		says 'bytes +69200$' $options --ca "$TMPDIR/cert" -c 4 -n 100 $url
	done
done
says '2xx 5, 3xx 0, 4xx 5, 5xx 0' -n 10 http://127.0.0.1:8081/ http://127.0.0.1:8081/none
says '^requests +1 ok' --insecure https://127.0.0.1:8443/
"$get" http://127.0.0.1:8081/noise 2>/dev/null | cmp - "$WWW/noise" || fail "noise came otherwise"
# What fails is told, and is the exit status.
! "$get" https://localhost:8443/ 2>"$TMPDIR/report" || fail "an unknown authority is trusted"
grep -q '^error .*Protocol error' "$TMPDIR/report" || fail "no error: $(cat "$TMPDIR/report")"
! "$get" http://127.0.0.1:1/ 2>"$TMPDIR/report" || fail "nobody there, and no failure"
grep -q '^error .*Connection refused' "$TMPDIR/report" || fail "no error: $(cat "$TMPDIR/report")"
status=0
"$get" 2>/dev/null || status=$?
[ $status -eq 2 ] || fail "exit status 2 expected for usage, got $status"
kill $nginx
wait $nginx || :
