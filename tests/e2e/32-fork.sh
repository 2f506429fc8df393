#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A child holds its parent's connections too: one connection each, two holders.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

load fork
child=$(truth child_pid)
findings --for 2s --after 1s --all
expect_nothing
expect_connections "$PID" 8 "[.holders[] | .pid? // .] | contains([$PID, $child])"
