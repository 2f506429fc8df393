#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A pool that warms up, then levels off: neither while it grows nor after.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

load ramppool --seconds 6 --hold 30
FOR=5s healthy
load ramppool --seconds 4 --hold 30
findings --for 10s --after growth=3s
expect_nothing
