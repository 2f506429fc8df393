#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Clients in Python: aiohttp, urllib3, http.client.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"

needs nginx python3
web 8080 1s
worker() { ps -o pid= --ppid "$(cat "$TMPDIR/nginx.pid")" | tr -d ' '; }
act() {
	go_on
	also unsent "$(worker)" "nginx, whose answers are not read"
}
twins "aiohttp, body not read" unread 5 _PyEval_EvalFrameDefault "$own/aiohttp_reports.py"
act() { go_on; }
twins "urllib3, never released" close-wait 5 _PyEval_EvalFrameDefault "$own/urllib3_stream.py"
other_end silent 8081
PORT=8081
twins "http.client, no timeout" silent-peer 5 recv "$own/http_wait.py"
proved
