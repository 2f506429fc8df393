#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Java's HttpURLConnection: bodies that nobody reads.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"

needs nginx java jcmd
web 8080 1s
begin() {
	twin "${@:2}" "$1"
	java_map "$PID"
}
act() {
	go_on
	also unsent "$(ps -o pid= --ppid "$(cat "$TMPDIR/nginx.pid")" | tr -d ' ')" \
		"nginx, whose answers are not read"
}
twins "Java HttpURLConnection" unread 5 Orders.loadOrders "${java[@]//Session/Orders}" -cp "$PROOF" Orders
proved
