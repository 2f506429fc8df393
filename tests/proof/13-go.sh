#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Go: a connection that is not closed on the way out, with symbols and without.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"

needs nginx
web 8080 1s
for program in session-go session-go-stripped; do
	twins "Go net.Dial${program#session-go}" close-wait 5 main.reserveStock "$PEERS/$program"
done
proved
