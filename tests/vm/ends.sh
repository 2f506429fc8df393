#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What only events tell: connections closed with bytes unread, and processes that die with connections.
# shellcheck source=tests/e2e/lib.sh
. /tests/e2e/lib.sh

watch --for 25s
load aborted --leaky --count 10 --rate 10
expects aborted "=$COUNT"
aborted=$PID
load died-holding --leaky --mode segv --seconds 2
expects died-holding
load died-holding --mended --mode abort --seconds 2
expects nothing
watched
check_expected
expect_process "$aborted" opened=10 closed=10 aborted=10
