#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tether-serve is told to end under load: no request that it has taken is cut, it ends once, with 0,
# within its grace; a second signal ends it at once.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/tether.sh
. "${0%/*}/tether.sh"

needs python3

# Clients that count: whole answers, and those of which only a part came.
load_clients() {
	python3 "$here/load/drainload.py" "$port" "$@" >"$TMPDIR/account" 9>&- &
	clients=$!
}

account() { jq -r ".$1" "$TMPDIR/account"; }

for how in keep-alive close slow; do
	serve --threads 2 --grace 5s
	load_clients --how "$how" --threads 8
	sleep 1
	served 5
	wait "$clients" || fail "drainload: $(cat "$TMPDIR/account")"
	say "$how: $(cat "$TMPDIR/account")"
	[ "$(account cut)" -eq 0 ] || fail "$how: $(account cut) answers were cut"
	[ "$(account whole)" -ge 8 ] || fail "$how: only $(account whole) answers"
done

# What does not end by itself is ended by the grace.
serve --grace 1s
exec {fd}<>"/dev/tcp/127.0.0.1/$port"
printf 'GET / HTTP/1.1\r\n' >&"$fd"
sleep 0.2
served 3
exec {fd}>&-

# A second signal does not wait for it.
serve --grace 60s
exec {fd}<>"/dev/tcp/127.0.0.1/$port"
printf 'GET / HTTP/1.1\r\n' >&"$fd"
sleep 0.2
kill -INT "$serve_pid"
sleep 0.5
kill -0 "$serve_pid" 2>/dev/null || fail "it did not wait for its grace"
kill -INT "$serve_pid"
begin=$SECONDS
wait "$serve_pid" && fail "status 0 though it was interrupted"
[ $((SECONDS - begin)) -le 2 ] || fail "the second signal took $((SECONDS - begin)) s"
