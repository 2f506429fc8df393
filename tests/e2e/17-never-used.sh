#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Connected, and not a byte either way; whoever accepted it may be told as well.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

for family in 4 6 unix; do
	load never-used --leaky --family "$family"
	expects never-used
	allows never-used "$PEER"
	load never-used --mended --family "$family"
	expects nothing
done
look --for 4s --after 1s
