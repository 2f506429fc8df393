#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Keep-alive connections to nginx, which idle.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

needs nginx
cat >"$TMPDIR/nginx.conf" <<-END
	daemon off;
	user root;
	worker_processes 1;
	pid $TMPDIR/nginx.pid;
	error_log stderr;
	events { worker_connections 128; }
	http {
		access_log off;
		keepalive_timeout 300s;
		client_body_temp_path $TMPDIR/body;
		proxy_temp_path $TMPDIR/proxy;
		fastcgi_temp_path $TMPDIR/fastcgi;
		uwsgi_temp_path $TMPDIR/uwsgi;
		scgi_temp_path $TMPDIR/scgi;
		server {
			listen 127.0.0.1:8080;
			location / { return 200 "ok"; }
		}
	}
END
nginx -p "$TMPDIR" -c "$TMPDIR/nginx.conf" 9>&- &
until_true 5 test -s "$TMPDIR/nginx.pid" || fail "nginx does not start"
load idlepool --count 30 --port 8080
healthy
