#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A server that is told to stop, and exits in good order with connections open, is only suspected; one that
# exits so by itself has lost them.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

needs python3
cat >"$TMPDIR/server.py" <<'END'
import os, signal, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
server, _ = listener.accept()
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
if sys.argv[1] == "asked":
    os.kill(os.getpid(), signal.SIGTERM)
os._exit(0)
END

gate() {
	local want=$1 status=0
	shift
	timeout 60 "$LOSTSOCK" run "$@" >"$TMPDIR/out" 2>"$TMPDIR/err" 9>&- || status=$?
	[ "$status" -eq "$want" ] || fail "run $*: exit status $status: $(cat "$TMPDIR/err")"
}

gate 0 /usr/bin/python3 "$TMPDIR/server.py" asked
[ "$(grep -c '^left-open: 1 connection by .*, suspected' "$TMPDIR/err")" -eq 2 ] ||
	fail "no suspicion: $(cat "$TMPDIR/err")"
grep -q 'it had been asked to end (signal 15)' "$TMPDIR/err" || fail "$(cat "$TMPDIR/err")"
gate 1 --fail-on left-open /usr/bin/python3 "$TMPDIR/server.py" asked
gate 1 /usr/bin/python3 "$TMPDIR/server.py" unasked
! grep -q suspected "$TMPDIR/err" || fail "suspected: $(cat "$TMPDIR/err")"
