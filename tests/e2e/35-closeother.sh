#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Opened by one thread, closed by another. Where a third is blocked in recv on it, close() is not
# the end of the connection.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

watch --for 8s --all
load closeother --mode idle
idle=$PID
load closeother --mode parked
watched
expect_process "$idle" opened=8 closed=5 live=3
expect_process "$PID" opened=8 closed=0
expect_connections "$PID" 8
