#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Sessions of libpq with a real PostgreSQL, which ends those that idle.
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"

bin=$(find /usr/lib/postgresql -name pg_ctl -printf '%h\n' 2>/dev/null | sort | tail -n 1)
[ -n "$bin" ] || skip "postgresql is not installed"
id postgres >/dev/null 2>&1 || skip "there is no user postgres"

db=$TMPDIR/db
mkdir "$db" && chown postgres "$db"
as_postgres() { setpriv --reuid postgres --regid postgres --init-groups env -C "$db" "$@"; }
as_postgres "$bin/initdb" -D "$db/data" -A trust --no-sync >"$TMPDIR/initdb" 2>&1 ||
	fail "initdb: $(tail -n 3 "$TMPDIR/initdb")"
as_postgres "$bin/postgres" -D "$db/data" -p 8080 -h 127.0.0.1 -k '' -F \
	-c idle_session_timeout=1s >"$TMPDIR/postgres" 2>&1 9>&- &
until_true 15 "$bin/pg_isready" -q -h 127.0.0.1 -p 8080 || fail "postgres: $(tail -n 3 "$TMPDIR/postgres")"
names load_orders "$PEERS/pq_session"
gates load_orders "$PEERS/pq_session"
