#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A duplicated descriptor is no second connection, and the first one's close is not its end.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

for mode in moved both; do
	load dup --mode "$mode"
	findings --for 1s --after 1s --all
	expect_nothing
	expect_process "$PID" live=8
	expect_connections "$PID" 8
done
watch --for 5s --all
load dup --mode moved
watched
expect_process "$PID" live=8 opened=8 closed=0
