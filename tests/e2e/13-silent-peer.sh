#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A request without an answer. A socket timeout, a finite poll or a deadline of its own makes the
# client innocent though it waits as long.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

load silent-peer --leaky
expects silent-peer
load silent-peer --leaky --family 6 --count 3
expects silent-peer
for mode in rcvtimeo poll deadline; do
	load silent-peer --mended --mode "$mode"
	expects nothing
done
look --after 1s --after silent-peer=1s
