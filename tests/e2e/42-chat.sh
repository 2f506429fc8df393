#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A chat that fills up, steadily, but whose oldest guests go.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

needs python3
load chat.py --hold 40
findings --for 1s
expect_nothing
findings --for 12s --after 2s --after growth=4s
expect_nothing
