#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Go, with its symbols and stripped of them: what is left is .gopclntab.
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"

needs nginx
web 8080 1s
for program in session-go session-go-stripped; do
	names main.reserveStock "$PEERS/$program"
	gates main.reserveStock "$PEERS/$program"
done
