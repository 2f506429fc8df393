#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Redis: pools of redis-py by TCP and by UNIX socket, and hiredis with a server that has no timeout, as by
# default.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"

needs redis-server python3
redis() {
	redis-server --bind 127.0.0.1 --port "$1" --save '' --dir "$TMPDIR" --unixsocket "$TMPDIR/redis.$1" \
		--timeout "$2" >"$TMPDIR/redis.log" 2>&1 9>&- &
	until_true 10 test -S "$TMPDIR/redis.$1" || fail "redis-server: $(tail -n 2 "$TMPDIR/redis.log")"
}
redis 8080 1
redis 8081 0
default=$!
twins "redis-py pool, TCP" close-wait 5 _PyEval_EvalFrameDefault "$own/redis_pool.py" tcp
twins "redis-py pool, UNIX" close-wait 5 _PyEval_EvalFrameDefault "$own/redis_pool.py" "$TMPDIR/redis.8080"
PORT=8081 LIMIT=60
act() {
	go_on
	also growth "$default" "the server that they are left in"
}
twins "hiredis, server without timeout" growth ">=10" load_cart "$PROOF/redis_cart"
proved
