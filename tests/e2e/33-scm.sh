#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Passed to another process by SCM_RIGHTS and closed by the opener: the receiver holds them.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

watch --for 5s --after 1s --all
load scm
watched
expect_nothing
receiver=$(truth receiver_pid)
expect_connections "$PID" 8 "[.holders[] | .pid? // .] | unique == [$receiver]"
expect_process "$PID" opened=8 closed=0
expect_process "$receiver" live=8
