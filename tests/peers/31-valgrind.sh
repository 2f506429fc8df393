#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tether-serve and tether-get as they are built, under valgrind: no invalid access, and nothing lost.
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"

needs valgrind curl
bin=${LOSTSOCK%/*}
www=$TMPDIR/www
mkdir "$www"
echo hello >"$www/index.html"
# shellcheck disable=SC2054 # the commas are valgrind's
grind=(valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect
	--errors-for-leak-kinds=definite,indirect)

"${grind[@]}" "$bin/tether-serve" --listen 127.0.0.1:8080 "$www" 9>&- >"$TMPDIR/served" 2>&1 &
server=$!
until_true 30 curl -s -o /dev/null http://127.0.0.1:8080/ || fail "tether-serve: $(cat "$TMPDIR/served")"
head -c 300000 /dev/urandom >"$TMPDIR/sent"
curl -s -H 'Expect: 100-continue' --data-binary "@$TMPDIR/sent" -o "$TMPDIR/echo" \
	http://127.0.0.1:8080/echo || fail "curl: $?"
cmp "$TMPDIR/sent" "$TMPDIR/echo" || fail "the echo is another"
curl -s -o /dev/null http://127.0.0.1:8080/none http://127.0.0.1:8080/../x || fail "curl: $?"
printf 'GET / HTTP/1.1\r\nHost : x\r\n\r\n' >/dev/tcp/127.0.0.1/8080
timeout 60 "${grind[@]}" "$bin/tether-get" -c 5 -n 200 http://127.0.0.1:8080/ \
	>"$TMPDIR/got" 2>&1 9>&- || fail "tether-get ended with $?: $(tail -n 20 "$TMPDIR/got")"
timeout 60 "${grind[@]}" "$bin/tether-get" -c 5 -n 50 http://127.0.0.1:1/ >"$TMPDIR/got" 2>&1 9>&- &&
	fail "nobody listens there"
grep -q '==[0-9]*==' "$TMPDIR/got" && fail "refused: $(tail -n 20 "$TMPDIR/got")"
kill "$server"
wait "$server" || fail "tether-serve ended with $?: $(tail -n 20 "$TMPDIR/served")"
