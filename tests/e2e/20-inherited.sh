#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Connections that leaked into a child, over exec and over fork alone. A child that serves what its
# parent has accepted is no heir, nor is who got a descriptor by SCM_RIGHTS.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

watch --for 9s --after 1s --after inherited=1s
for mode in exec fork; do
	load inherited --leaky --mode "$mode"
	expects inherited "=$COUNT" "$(truth heir_pid)"
	load inherited --mended --mode "$mode"
	expects nothing
done
load forkserver
expects nothing
load scm
expects nothing
watched
check_expected
