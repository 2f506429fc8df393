#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Processes that end with open connections leave none behind.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

watch --for 9s --all
for mode in exit kill; do
	load died-holding --leaky --mode "$mode" --seconds 1
	load_done
	gone+=("$PID")
done
watched
for pid in "${gone[@]}"; do
	expect_process "$pid" live=0
	expect_connections "$pid" 0
done
expect_none class=died-holding "pid=${gone[0]}"
expect_finding class=died-holding "pid=${gone[1]}" count=8
