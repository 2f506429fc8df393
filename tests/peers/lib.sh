# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# lib.sh: twins in many languages, one leaky, one mended, and the two ways to look at them. The words
# of tests/e2e/lib.sh hold as well.
#
#	web 8080 1s			# nginx, which closes idle connections after a second
#	postgres 8080 1s		# PostgreSQL, which ends sessions that idle for a second
#	names FUNCTION PROGRAM...	# attached to: the leaky twin's finding names FUNCTION
#	gates FUNCTION PROGRAM...	# under `run`: the leaky twin fails and is named, the mended passes
# shellcheck source=tests/e2e/lib.sh
. "${BASH_SOURCE[0]%/*}/../e2e/lib.sh"

# shellcheck disable=SC2034 # for the scenarios
twins=$here/../peers/twins
PEERS=${PEERS:-$here/../../build/peers}
SESSIONS=5
db=''
# shellcheck disable=SC2034,SC2054 # for the scenarios; the commas are java's
java=(java -XX:+PreserveFramePointer -Xcomp -XX:TieredStopAtLevel=1 "-XX:CompileCommand=quiet" "-XX:CompileCommand=dontinline,Session::*"
	-XX:CompileCommand=compileonly,Session::* -cp "$PEERS")

# web PORT SECONDS: an nginx that answers everything, /large with four million bytes, and keeps idle connections so long.
web() {
	cat >"$TMPDIR/nginx.conf" <<-END
		daemon off;
		user root;
		worker_processes 1;
		pid $TMPDIR/nginx.pid;
		error_log stderr;
		events { worker_connections 512; }
		http {
			access_log off;
			keepalive_timeout $2;
			client_body_temp_path $TMPDIR/body;
			proxy_temp_path $TMPDIR/proxy;
			fastcgi_temp_path $TMPDIR/fastcgi;
			uwsgi_temp_path $TMPDIR/uwsgi;
			scgi_temp_path $TMPDIR/scgi;
			server {
				listen 127.0.0.1:$1;
				location / { return 200 "ok"; }
				location /large { root $TMPDIR; }
			}
		}
	END
	truncate -s 4000000 "$TMPDIR/large"
	nginx -p "$TMPDIR" -c "$TMPDIR/nginx.conf" 9>&- &
	until_true 5 test -s "$TMPDIR/nginx.pid" || fail "nginx does not start"
}

# postgres PORT SECONDS: a PostgreSQL of its own, over TCP and a UNIX socket in $db.
postgres() {
	local bin
	bin=$(find /usr/lib/postgresql -name pg_ctl -printf '%h\n' 2>/dev/null | sort | tail -n 1)
	[ -n "$bin" ] || skip "postgresql is not installed"
	id postgres >/dev/null 2>&1 || skip "there is no user postgres"
	db=$TMPDIR/db
	mkdir "$db" && chown postgres "$db"
	as_postgres "$bin/initdb" -D "$db/data" -A trust --no-sync >"$TMPDIR/initdb" 2>&1 ||
		fail "initdb: $(tail -n 3 "$TMPDIR/initdb")"
	as_postgres "$bin/postgres" -D "$db/data" -p "$1" -h 127.0.0.1 -k "$db" -F \
		-c idle_session_timeout="$2" >"$TMPDIR/postgres" 2>&1 9>&- &
	until_true 15 "$bin/pg_isready" -q -h 127.0.0.1 -p "$1" ||
		fail "postgres: $(tail -n 3 "$TMPDIR/postgres")"
}

as_postgres() { setpriv --reuid postgres --regid postgres --init-groups env -C "$db" "$@"; }

# twin PROGRAM... leaky|mended: starts it waiting; sets PID.
twin() {
	mkfifo "$TMPDIR/go.$((++load_no))"
	load_out=$TMPDIR/twin.$load_no
	: >"$load_out"
	exec 8<>"$TMPDIR/go.$load_no"
	"$@" "$SESSIONS" "${PORT:-8080}" wait <&8 8>&- 9>&- >"$load_out" &
	LOAD_PID=$!
	until_true 30 has_line 1 || fail "$*: not ready after 30 s"
	PID=$(head -n 1 "$load_out")
	[ -n "$PID" ] || fail "$*: ended before it was ready"
}

# attach ARGS...: to the twin, in the background; returns once attached.
attach() {
	JSON=$TMPDIR/json.$((++watch_no))
	"$LOSTSOCK" attach "$PID" --json --interval 500ms "$@" >"$JSON" 2>"$JSON.err" 8>&- 9>&- &
	watch_pid=$!
	until_true 15 attached || fail "lostsock has attached nothing after 15 s"
}

# Lets the twin do its work.
go_on() {
	echo >&8
	until_true 60 has_line 2 || fail "the twin is not done after 60 s"
	[ "$(sed -n 2p "$load_out")" = opened ] || fail "the twin ended early"
}

twin_ends() {
	exec 8>&-
	kill "$LOAD_PID" 2>/dev/null || :
	wait "$LOAD_PID" || :
}

# The map of names of a java that runs.
java_map() { jcmd "$1" Compiler.perfmap >"$TMPDIR/jcmd" 2>&1 || fail "jcmd: $(cat "$TMPDIR/jcmd")"; }

# What the findings of the twin add up to, and those of them whose stack has FUNCTION in it.
accused() { jq "[.findings[] | select(.pid == $PID) | .count] | add // 0" "$JSON"; }
named() {
	jq --arg f "$1" "[.findings[] | select(.pid == $PID and any(.site.frames[]?; contains(\$f)))
		| .count] | add // 0" "$JSON"
}

# names FUNCTION PROGRAM...: the twins, attached to; BEFORE is run with the pid before that, if set.
names() {
	local function=$1 mode
	shift
	for mode in leaky mended; do
		twin "$@" "$mode"
		${BEFORE:+"$BEFORE"} ${BEFORE:+"$PID"}
		attach --for "${FOR:-5s}" --after 1s
		go_on
		watched
		twin_ends
		case $mode in
		leaky)
			[ "$(accused)" -eq $SESSIONS ] || wrong "$*: $SESSIONS expected, $(accused) accused"
			[ "$(named "$function")" -eq $SESSIONS ] || {
				jq -c '.findings[] | [.class, .pid, .site]' "$JSON" >&2
				wrong "$*: $function is not named"
			}
			;;
		mended) expect_nothing ;;
		esac
	done
}

# gates FUNCTION PROGRAM...: as a test suite, a good one and a bad one.
gates() {
	local function=$1 status=0
	shift
	"$LOSTSOCK" run --report "$TMPDIR/report" -- "$@" leaky $SESSIONS 8080 9>&- || status=$?
	[ $status -eq 1 ] || fail "$*: the leaky twin ends with $status:
$(cat "$TMPDIR/report")"
	grep -qF -- "$function" "$TMPDIR/report" || fail "$*: $function is not named:
$(cat "$TMPDIR/report")"
	status=0
	"$LOSTSOCK" run --report "$TMPDIR/report" -- "$@" mended $SESSIONS 8080 9>&- || status=$?
	[ $status -eq 0 ] || fail "$*: the mended twin ends with $status:
$(cat "$TMPDIR/report")"
}
