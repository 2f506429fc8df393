# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# tether.sh: what the scenarios of tether share, on top of lib.sh: a directory to serve, a server,
# and its descriptors, which are back at their baseline when its peers have gone.

SERVE=${LOSTSOCK%/*}/tether-serve
# shellcheck disable=SC2034,SC2154 # lib.sh sets here, the scenarios use this
HOSTILE=$here/../tether/hostile.py
WWW=$TMPDIR/www
serve_pid='' port='' baseline=''
serve_no=0 serve_log=''

[ -x "$SERVE" ] || fail "$SERVE is not there"
mkdir -p "$WWW/deep"
seq 200 | head -c 1024 >"$WWW/index.html"
head -c 8000000 /dev/zero >"$WWW/large"
head -c 10000000 /dev/urandom >"$WWW/noise"
echo deep >"$WWW/deep/file.txt"
echo secret >"$TMPDIR/secret"
ln -s ../secret "$WWW/way-out"

fds() { find "/proc/$serve_pid/fd" -mindepth 1 2>/dev/null | wc -l; }

said_port() { grep -q '^tether-serve: port ' "$serve_log" || ! kill -0 "$serve_pid" 2>/dev/null; }

# serve ARGS...: starts it on a free port. Sets serve_pid, port, baseline.
serve() {
	serve_log=$TMPDIR/serve.$((++serve_no))
	: >"$serve_log"
	"$SERVE" --listen 127.0.0.1:0 "$@" "$WWW" 2>"$serve_log" 9>&- &
	serve_pid=$!
	until_true 5 said_port || fail "tether-serve says no port"
	port=$(sed -n 's/^tether-serve: port //p' "$serve_log")
	[ -n "$port" ] || fail "tether-serve: $(cat "$serve_log")"
	baseline=$(fds)
}

at_baseline() { [ "$(fds)" -eq "$baseline" ]; }

# fds_back SECONDS
fds_back() {
	until_true "$1" at_baseline || {
		ls -l "/proc/$serve_pid/fd" >&2
		fail "tether-serve has $(fds) descriptors, and had $baseline before its peers came"
	}
}

# served SECONDS: ends it with SIGTERM; it must exit with 0 in time, and have said nothing more.
served() {
	local status=0 begin=$SECONDS
	kill -TERM "$serve_pid"
	wait "$serve_pid" || status=$?
	[ "$status" -eq 0 ] || fail "tether-serve: exit status $status: $(cat "$serve_log")"
	[ $((SECONDS - begin)) -le "$1" ] || fail "tether-serve took $((SECONDS - begin)) s to end"
	[ "$(wc -l <"$serve_log")" -eq 1 ] || fail "tether-serve said: $(cat "$serve_log")"
}
