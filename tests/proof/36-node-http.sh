#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Node's http: answers that are neither read nor destroyed. It connects in the next tick, when the
# caller is no longer on the stack.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"

needs nginx node
web 8080 1s
act() {
	go_on
	also unsent "$(ps -o pid= --ppid "$(cat "$TMPDIR/nginx.pid")" | tr -d ' ')" \
		"nginx, whose answers are not read"
}
twins "Node http, body not read" unread 5 internalConnect \
	env -C "$TMPDIR" node --perf-basic-prof --interpreted-frames-native-stack "$own/http_unread.js"
proved
