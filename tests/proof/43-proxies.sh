#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# haproxy and nginx before a server that does not answer: whose clients have left, and no timeout ends it.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"

needs python3 nginx haproxy
other_end silent 8081

# begin MODE PROGRAM: PID is the one that holds the connections.
begin() { "begin_$2" "$1"; }
act() {
	other_end leave 8080 5
	also silent-peer "$PID" "the side to the server that does not answer"
}
finish() {
	kill "$LOAD_PID"
	wait "$LOAD_PID" || :
}

begin_haproxy() {
	local limit='timeout connect 5s'
	[ "$1" = leaky ] || limit+=$'\n\t\t\ttimeout client 1s\n\t\t\ttimeout server 1s'
	cat >"$TMPDIR/haproxy.cfg" <<-END
		defaults
			mode http
			$limit
		listen front
			bind 127.0.0.1:8080
			server back 127.0.0.1:8081
	END
	haproxy -db -q -f "$TMPDIR/haproxy.cfg" 9>&- &
	PID=$! LOAD_PID=$!
}
twins "haproxy without timeouts" close-wait 5 - haproxy

begin_nginx() {
	local limit="proxy_read_timeout 1s;"
	[ "$1" = mended ] || limit="proxy_read_timeout 1d; proxy_ignore_client_abort on;"
	cat >"$TMPDIR/nginx.conf" <<-END
		daemon off;
		master_process off;
		pid $TMPDIR/nginx.pid;
		error_log stderr crit;
		events { worker_connections 512; }
		http {
			access_log off;
			client_body_temp_path $TMPDIR/body;
			proxy_temp_path $TMPDIR/proxy;
			fastcgi_temp_path $TMPDIR/fastcgi;
			uwsgi_temp_path $TMPDIR/uwsgi;
			scgi_temp_path $TMPDIR/scgi;
			server {
				listen 127.0.0.1:8080;
				location / { proxy_pass http://127.0.0.1:8081; $limit }
			}
		}
	END
	nginx -p "$TMPDIR" -c "$TMPDIR/nginx.conf" 9>&- &
	PID=$! LOAD_PID=$!
}
twins "nginx, proxy_read_timeout 1d" close-wait 5 - nginx
proved
