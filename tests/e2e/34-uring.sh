#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Accepted over io_uring: ordinary descriptors, and direct ones that no descriptor table shows.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

watch --for 8s --after 1s --all
load uring --mode fd
ordinary=$PID
load uring --mode direct
watched
expect_nothing
expect_connections "$ordinary" 8
expect_process "$ordinary" live=8 opened=8
expect_connections "$PID" 8
expect_process "$PID" opened=8 closed=0
