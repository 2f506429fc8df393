#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A process dies with live connections. One that exits with them has not crashed.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

watch --for 14s
for mode in abort kill segv; do
	load died-holding --leaky --mode "$mode" --seconds 1
	load_done
	expects died-holding
done
load died-holding --leaky --mode exit --seconds 1
load_done
expects nothing
load died-holding --mended --mode abort --seconds 1
load_done
expects nothing
watched
check_expected
