#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A server in Go that ends while it drains: with as many idle guests as it had, and two that it was about
# to let go.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"

needs python3
ulimit -c 0
export GOTRACEBACK=crash # else a panic ends like an exit that was meant
act() {
	go_on
	other_end drain 8080 5
	kill -TERM "$PID"
}
twins "Go, counter in two steps" died-holding 7 - "$PROOF/go_drain"
proved
