#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Python's http.server, one connection at a time.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"

needs python3
act() {
	go_on
	other_end queue 8080 5
	also silent-peer "$PID" "the connection that keeps it"
	also never-used "$OTHER" "its client, which says nothing"
}
twins "http.server, single thread" not-accepted 1 - "$own/one_at_a_time.py"
proved
