#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What was open before lostsock came is there at once, with ages from the kernel's own clocks.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

load idlepool --count 12
pool=$PID pool_peer=$PEER
load close-wait --leaky
expects close-wait
sleep 3
look --for 1s --after 2s --all
expect_process "$pool" live=12
expect_process "$pool_peer" live=12
expect_process "$PID" live=8
expect_connections "$pool" 12 '.at_least == true'
